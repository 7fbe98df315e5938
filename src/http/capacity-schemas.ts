import { z } from "zod";

const time = z.iso.datetime().meta({ description: "RFC 3339 time in UTC" });
const count = z.int().min(1).max(1_000_000).nullable();
const clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, "expected HH:MM");
const by = z.enum(["participant", "operator"]);

const hours = z
  .strictObject({
    time_zone: z.string().max(64).meta({ description: "IANA name, such as `Europe/Paris`" }),
    from: clock,
    to: clock.meta({ description: "Before `from`: over midnight; the same: the whole day" }),
    days: z
      .array(z.int().min(1).max(7))
      .min(1)
      .max(7)
      .default([1, 2, 3, 4, 5, 6, 7])
      .meta({ description: "ISO days of the week on which a span begins: 1 is Monday" }),
  })
  .meta({ id: "Hours" });

const limits = {
  per_second: count.default(null).meta({ description: "Transfers that begin in one second" }),
  per_hour: count.default(null).meta({ description: "Transfers that begin in one hour" }),
  concurrent: count.default(null).meta({ description: "Transfers that run at the same time" }),
  hours: hours.nullable().default(null).meta({ description: "When transfers may begin" }),
};

/** Null: no limit of its own. */
export const NewCapacity = z.strictObject(limits).meta({ id: "NewCapacity" });
export const NewPause = z
  .strictObject({ reason: z.string().min(1).max(500).meta({ description: "For the participant and the operator; never public" }) })
  .meta({ id: "NewPause" });
export const Capacity = z
  .object({
    participant: z.string(),
    ...limits,
    set_by: by.nullable().meta({ description: "Whose word it is; null where nobody said anything" }),
    changed_at: time.nullable(),
    pauses: z.array(z.object({ dataset: z.string().meta({ description: "A data set, or `*`" }), by, reason: z.string(), since: time })),
  })
  .meta({ id: "Capacity" });
