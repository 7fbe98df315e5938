import { z } from "zod";

const time = z.iso.datetime().meta({ description: "RFC 3339 time in UTC" });
const text = (description: string) => z.string().meta({ description });

export const Delivery = z
  .object({
    transfer: z.string(),
    consent: z.string(),
    source: z.url(),
    subject: text("Your own name of the person"),
    state: z.enum(["waiting", "paused", "acknowledged", "expired", "stopped"]).meta({
      description:
        "`waiting`: fetch it. `paused`: look again later. `acknowledged`: your receipt came. `expired`: not fetched in time. `stopped`: by the person, or with the permission. The last three are deleted here",
    }),
    packages: z.int().min(0).meta({ description: "How many are still here" }),
    bytes: z.int().min(0).meta({ description: "Of their sealed form" }),
    offered_at: time,
    expires_at: time,
  })
  .meta({ id: "Delivery", description: "One transfer that waits in the mailbox" });

export const DeliveryList = z.object({ deliveries: z.array(Delivery), next: z.string().nullable() }).meta({ id: "DeliveryList" });

export const PackageList = z
  .object({
    packages: z.array(
      z.object({
        id: z.string(),
        dataset: z.string(),
        key: z.string(),
        media_type: text("As the manifest names it: `application/self-data-package` where the holder sealed it"),
        bytes: z.int().min(0).meta({ description: "Of the sealed form" }),
        fetched_at: time.nullable(),
      }),
    ),
    next: z.string().nullable(),
  })
  .meta({ id: "PackageList" });

const page = { limit: z.coerce.number().int().min(1).max(1000).optional() };
export const DeliveriesQuery = z.strictObject({
  cursor: z.string().max(64).optional(),
  state: z.enum(["waiting"]).optional().meta({ description: "Those alone that are to be fetched" }),
  ...page,
});
export const PackagesQuery = z.strictObject({ cursor: z.string().max(64).optional(), ...page });
export const PathTransfer = z.object({ transfer: z.string().max(64) });
export const PathPackage = z.object({ transfer: z.string().max(64), package: z.string().max(64) });
export const Document = z.string().meta({ description: "A compact JWS" });
export const Bytes = z.string().meta({ description: "The sealed bytes (docs/mailbox.md)", format: "binary" });
