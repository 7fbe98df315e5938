import { z } from "zod";
import { isDataSetId } from "../core/catalogue/data-set.ts";
import { CAMPAIGN_STATES } from "../core/transfer/campaign.ts";

const time = z.iso.datetime().meta({ description: "RFC 3339 time in UTC" });
const participant = z.string().max(64);

/** A body is at most 64 KiB. */
const MOST_CONSENTS = 2000;

export const NewCampaign = z
  .union([
    z.strictObject({
      consents: z
        .array(z.string().regex(/^cst_[0-9A-Za-z]{22}$/, "is not the id of a consent"))
        .min(1)
        .max(MOST_CONSENTS)
        .meta({ description: "These; what is none of yours is counted as `not_found`" }),
    }),
    z.strictObject({
      source: participant.optional().meta({ description: "From this participant (prt_…)" }),
      destination: participant.optional().meta({ description: "To this participant (prt_…)" }),
      dataset: z.string().refine(isDataSetId, "is not the id of a data set").optional().meta({ description: "That let this data set go" }),
    }),
  ])
  .meta({ id: "NewCampaign", description: "Some of your consents by their ids, or all that are in force and have this in common" });

export const CampaignsQuery = z.strictObject({
  cursor: z.string().max(64).optional(),
  limit: z.coerce.number().int().min(1).max(100).optional(),
});

export const Campaign = z
  .object({
    id: z.string(),
    state: z.enum(CAMPAIGN_STATES).meta({
      description: "`accepted`: every delivery that is allowed is on its way; each of them is a transfer of its own",
    }),
    requested_at: time,
    ended_at: time.nullable(),
    total: z.int().nullable().meta({ description: "How many consents it is for; null until they were looked up" }),
    accepted: z.int().meta({ description: "Deliveries that were accepted" }),
    refused: z
      .array(
        z.object({ reason: z.string().meta({ description: "The `code` that a single request would have been answered" }), count: z.int() }),
      )
      .meta({ description: "`conflict`: one is under way, or was made within half a period, or the single one was made" }),
    remaining: z.int().nullable().meta({ description: "Still to be accepted or refused; null until they were looked up" }),
  })
  .meta({ id: "Campaign" });

export const Campaigns = z.object({ campaigns: z.array(Campaign), next: z.string().nullable() }).meta({ id: "Campaigns" });
