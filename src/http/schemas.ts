import { z } from "zod";
import { isDataSetId, KINDS } from "../core/catalogue/data-set.ts";
import type { ErrorCode } from "../core/errors.ts";
import { ACCESS_STATES } from "../core/policy/conditions.ts";
import { ROLES, STATUSES } from "../core/register/participant.ts";
import { PARTICIPATION, type ParticipationLevel } from "../core/register/participation.ts";
import { KEY_HOURS } from "../core/transfer/given-answer.ts";
import { STATES } from "../core/transfer/transfer.ts";
import { STATUS } from "./problems.ts";

const time = z.iso.datetime().meta({ description: "RFC 3339 time in UTC" });
const words = z.object({ fr: z.string(), en: z.string() });

export const Problem = z
  .object({
    type: z.url().meta({ description: "A page that explains the problem, in English; `/fr/…` has it in French" }),
    title: z.string(),
    status: z.int(),
    detail: z.string().meta({ description: "What is wrong here, and what to do next" }),
    code: z.enum(Object.keys(STATUS) as [ErrorCode, ...ErrorCode[]]),
    actor: z.string().meta({ description: "Who can mend it: person, holder, platform, operator, client, relais" }),
    retryable: z.boolean(),
    support_id: z.string().meta({ description: "Quote it to the operator" }),
    pointers: z.array(z.string()).optional().meta({ description: "JSON pointers to what is wrong in the request (RFC 6901)" }),
  })
  .meta({ id: "Problem", description: "RFC 9457" });

export const Participant = z
  .object({
    id: z.string(),
    entity_id: z.url(),
    name: z.string(),
    roles: z.array(z.enum(ROLES)),
    status: z.enum(STATUSES).meta({ description: "As it is now" }),
    country: z.string(),
    adapter: z.enum(["self-data", "solid", "webdav", "mailbox"]),
    datasets: z.array(
      z.object({ id: z.string(), kind: z.string(), title: words, description: words, example: words, update_frequency: z.string() }),
    ),
    trust_mark: z.object({ jwt: z.string(), level: z.int(), expires_at: time }).nullable(),
    access_tokens: z
      .object({ format: z.enum(["opaque", "jwt"]), withdrawal_lag_seconds: z.int() })
      .nullable()
      .meta({
        description:
          "How a holder checks consent tokens, and for how long at most a withdrawal may go unnoticed there; null for whoever holds nothing",
      }),
  })
  .meta({ id: "Participant" });

const level = z.enum(Object.keys(PARTICIPATION) as [ParticipationLevel, ...ParticipationLevel[]]);

const Participation = z
  .object({
    level,
    since: time,
    history: z.array(z.object({ level, since: time })).meta({ description: "Oldest first" }),
    next: z.object({ level, needs: z.array(z.string()) }).nullable(),
  })
  .meta({ id: "Participation", description: "How far its organisation takes part in giving data back. It gives no right." });

export const ParticipantDetails = Participant.extend({ participation: Participation.nullable() }).meta({ id: "ParticipantDetails" });

export const ParticipantsFilter = z.strictObject({
  entity_id: z.url().max(500).optional().meta({ description: "The entity identifier, in full" }),
  role: z.enum(ROLES).optional(),
  name: z
    .string()
    .regex(/^\P{Cc}{1,100}$/u, "a name is 1 to 100 characters")
    .optional()
    .meta({ description: "Part of the name; accents and capitals do not matter" }),
  level: z
    .enum(["0", "1", "2"])
    .transform((text) => Number(text) as 0 | 1 | 2)
    .optional()
    .meta({ description: "Level of the accreditation in force; 0 is the sandbox, where one is registered and not more" }),
  standing: z.enum(STATUSES).optional().meta({ description: "As it is now: an accreditation whose time is over is `expired`" }),
  dataset: z
    .string()
    .refine(isDataSetId, "not the name of a data set, such as energy.bills")
    .optional()
    .meta({ description: "Gives it back" }),
  kind: z.enum(KINDS).optional().meta({ description: "Gives data of this kind back" }),
  country: z
    .string()
    .regex(/^[A-Z]{2}$/, "an ISO 3166 code is two capital letters")
    .optional()
    .meta({ description: "ISO 3166 country where it keeps the data" }),
});

export const ParticipantsQuery = ParticipantsFilter.extend({
  limit: z.coerce.number().int().min(1).max(200).optional().meta({ description: "At most 200, which is also the default" }),
  cursor: z.string().max(1000).optional().meta({ description: "As `next` gave it" }),
});

export const ParticipantList = z
  .object({
    participants: z.array(Participant),
    total: z.int().nullable().meta({ description: "How many the filter lets through; said on the first page, null behind a cursor" }),
    next: z.string().nullable(),
  })
  .meta({ id: "ParticipantList" });

export const TrustList = z.string().meta({
  id: "TrustList",
  description:
    "A compact JWS by a key of the federation, `typ` self-data-trust-list+jwt: iss, iat, exp, next_update, and entities with sub, name, roles, level, exp, charter_version and the jti of the mark (docs/register.md)",
});

const changed = { changed_at: time, log_index: z.int().meta({ description: "Its place in the public log" }) };
const scope = z
  .string()
  .meta({ description: "A data set of the holder, or `*` for all; what is said of one stands instead of what is said of all" });

export const Conditions = z
  .object({
    holder: z.string(),
    conditions: z.array(
      z.object({
        dataset: scope,
        minimum_level: z.int(),
        regions: z.array(z.string()).meta({ description: "ISO 3166 countries of hosting, `EU` or `EEA`; empty: everywhere" }),
        certificates: z.array(z.string()),
        reason: words.nullable(),
        ...changed,
      }),
    ),
    exclusions: z.array(z.object({ platform: z.string(), dataset: scope, reason: words, ...changed })),
    access: z
      .array(z.object({ platform: z.string(), state: z.enum(ACCESS_STATES), reason: words.nullable(), ...changed }))
      .meta({ description: "Without an entry an accredited platform is `open`" }),
  })
  .meta({ id: "Conditions" });

export const NewTransfer = z
  .strictObject({
    consent: z.string().meta({ description: "The consent that the token carries (cst_…)" }),
    full: z
      .boolean()
      .optional()
      .meta({ description: "Under a recurring consent: bring everything again, and not only what is new since the last delivery" }),
  })
  .meta({ id: "NewTransfer" });

export const Transfer = z
  .object({
    id: z.string(),
    consent: z.string(),
    state: z.enum(STATES),
    reason: z.string().nullable(),
    actor: z.string().nullable(),
    created_at: time,
    ended_at: time.nullable(),
    datasets: z.array(
      z.object({ dataset: z.string(), consented: z.int(), sent: z.int(), stored: z.int(), verified: z.int(), omitted: z.int() }),
    ),
  })
  .meta({ id: "Transfer" });

export const Health = z.object({ status: z.enum(["ok", "failing"]) }).meta({ id: "Health" });

export const AnyFile = z.string().meta({ id: "AnyFile", description: "Bytes, as a download" });
export const PathVersion = z.object({ version: z.string().max(20) });
export const PathCriterion = z.object({ version: z.string().max(20), criterion: z.string().max(60) });
export const PathVersions = z.object({ from: z.string().max(20), to: z.string().max(20) });
export const PathStep = z.object({ id: z.string().max(64), step: z.enum(["submit", "withdraw", "reopen"]) });
export const PathId = z.object({ id: z.string().max(64) });
export const IdempotencyKey = z.object({
  "idempotency-key": z
    .string()
    .regex(/^"[\x20-\x21\x23-\x5b\x5d-\x7e]{1,128}"$/, "send a quoted string of 1 to 128 characters, a new one for each new request")
    .meta({
      description: `A quoted string, new for each new request: \`"8e03978e-…"\` (draft-ietf-httpapi-idempotency-key-header-07). It stands for its answer for ${KEY_HOURS} hours: the same request gets the same answer again; 409 while the first one runs, 422 for another request with this key, 400 without a key`,
    }),
});
