import { z } from "zod";
import { FORMS } from "../core/conversion/conversions.ts";
import { CONSENT_STATES } from "../core/consent/consent.ts";

const time = z.iso.datetime().meta({ description: "RFC 3339 time in UTC" });

export const Consent = z
  .object({
    id: z.string(),
    state: z
      .enum(CONSENT_STATES)
      .meta({ description: "As it is now. `withdrawn` by the person, `revoked` by somebody else, `refused` never given" }),
    reason: z
      .object({
        by: z.string().meta({ description: "person, holder, platform, operator, client, relais" }),
        because: z.enum(["standing", "terms"]).nullable().meta({ description: "Of a participant; null where it was the person or time" }),
      })
      .nullable()
      .meta({ description: "Why it is over; null while it is not" }),
    subject: z
      .string()
      .meta({ description: "The caller's own name of the person, the same as in its tokens and events; nobody else has it" }),
    you: z.array(z.enum(["requester", "source", "destination"])),
    source: z.url(),
    destination: z.url(),
    action: z.string(),
    datasets: z.array(z.string()).meta({ description: "What the person allowed; empty before a yes" }),
    forms: z.array(z.enum(FORMS)).meta({
      description: "In which the person wants a copy beside each original (docs/self-data-transfer.md, original and common form)",
    }),
    asked: z.array(z.string()).nullable().meta({ description: "What was asked for; for the requester" }),
    purpose: z.string(),
    recurrence: z.string().nullable(),
    expires: z.iso.date(),
    asked_at: time,
    answer_by: time.nullable().meta({ description: "While it waits: the last moment at which the person can answer" }),
    decided_at: time.nullable(),
    ended_at: time.nullable(),
    supersedes: z.string().nullable().meta({ description: "The consent that this one changes or renews" }),
    notice_hash: z.string().meta({ description: "SHA-256 of the notice that the person read" }),
  })
  .meta({ id: "Consent", description: "Nothing in it is personal" });

export const ConsentList = z.object({ consents: z.array(Consent), next: z.string().nullable() }).meta({ id: "ConsentList" });

export const ConsentsQuery = z.strictObject({
  cursor: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(200).optional(),
});
