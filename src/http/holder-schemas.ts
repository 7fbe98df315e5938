import { z } from "zod";
import { CERTIFICATES, type Certificate } from "../core/policy/certificates.ts";
import { ACCESS_STATES, REVIEW_DECISIONS } from "../core/policy/conditions.ts";
import { POLICY_REASONS } from "../core/policy/policy.ts";

const time = z.iso.datetime().meta({ description: "RFC 3339 time in UTC" });
const day = z.iso.date();
const words = z.strictObject({ fr: z.string().min(1).max(4000), en: z.string().min(1).max(4000) });
const publicReason = words.meta({ description: "Public, in both languages" });
const changed = { changed_at: time, log_index: z.int().meta({ description: "Its place in the public log" }) };
const certificate = z.enum(Object.keys(CERTIFICATES) as [Certificate, ...Certificate[]]);

export const PathDataset = z.object({ id: z.string().max(64), dataset: z.string().max(200).meta({ description: "A data set, or `*`" }) });
export const PathPlatform = z.object({ id: z.string().max(64), platform: z.string().max(64) });
export const PathExclusion = PathPlatform.extend({ dataset: z.string().max(200).meta({ description: "A data set, or `*`" }) });
export const IfMatch = z.object({
  "if-match": z.string().max(100).optional().meta({
    description:
      "The `ETag` of what the change was decided on: where it changed since, 412 (`stale`). Without it, or `*`: whatever is there",
  }),
});
export const DryRun = z.strictObject({
  dry_run: z
    .enum(["true", "false"])
    .optional()
    .meta({ description: "`true`: says what the change would do now, and does nothing. It is refused as the change itself would be" }),
});

export const NewConditions = z
  .strictObject({
    minimum_level: z.union([z.literal(0), z.literal(1), z.literal(2)]).default(1),
    regions: z.array(z.string().max(10)).max(300).default([]).meta({ description: "ISO 3166 countries, `EU` or `EEA`; empty: everywhere" }),
    certificates: z.array(certificate).max(50).default([]),
    reason: publicReason.nullable().default(null).meta({ description: "Needed for everything that is more than the register asks for" }),
  })
  .meta({ id: "NewConditions" });
export const NewExclusion = z.strictObject({ reason: publicReason }).meta({ id: "NewExclusion" });
const move = {
  state: z.enum(ACCESS_STATES),
  reason: publicReason.nullable().default(null).meta({ description: "Needed unless it is `open`" }),
  test_accounts: z
    .array(z.string().min(1).max(200))
    .max(1000)
    .default([])
    .meta({ description: "For `test`: the holder's names of the accounts. Only hashes are kept" }),
};
export const NewAccess = z.strictObject(move).meta({ id: "NewAccess" });

const Affected = z.object({
  platform: z.string(),
  name: z.string(),
  datasets: z.array(z.string()),
  reasons: z.array(z.enum(POLICY_REASONS)),
});
export const Effect = z
  .object({
    dry_run: z.boolean(),
    paused: z.int().meta({ description: "Transfers under way that the change pauses" }),
    resumed: z.int().meta({ description: "Transfers that waited, and go on" }),
    version: z.string().meta({ description: "What stands now, as `ETag` says it: the next change may name it" }),
    shut_out: z.array(Affected).optional().meta({ description: "Dry run: accredited platforms that would get less, in these data sets" }),
    let_in: z.array(Affected).optional().meta({ description: "Dry run: accredited platforms that would get more" }),
  })
  .meta({ id: "Effect" });

const Shown = z.object({ certificate, issuer: z.string(), valid_until: day });
const Exclusion = z.object({ dataset: z.string(), reason: words, ...changed });
const row = {
  platform: z.string(),
  name: z.string(),
  standing: z.enum(["registered", "accredited", "suspended", "revoked", "expired"]),
  level: z.int().nullable().meta({ description: "Of its newest mark; null where it never had one" }),
  country: z.string(),
  state: z.enum(ACCESS_STATES),
  reason: words.nullable(),
  test_accounts: z.int().meta({ description: "How many were named" }),
  exclusions: z.array(Exclusion),
  certificates: z.array(Shown),
  refused: z
    .array(z.object({ dataset: z.string(), reasons: z.array(z.enum(POLICY_REASONS)) }))
    .meta({ description: "What does not go there now, and why; for a person whose account is none of the test accounts" }),
};
export const MatrixRow = z.object(row).meta({ id: "MatrixRow" });
export const MatrixQuery = z.strictObject({
  name: z.string().min(1).max(100).optional(),
  limit: z.coerce.number().int().min(1).max(200).optional(),
  cursor: z.string().max(600).optional(),
});
export const Matrix = z
  .object({
    holder: z.string(),
    version: z.string(),
    datasets: z.array(z.string()),
    platforms: z.array(MatrixRow),
    next: z.string().nullable(),
  })
  .meta({ id: "Matrix" });

const lines = z.array(z.string().max(2000)).max(100).default([]);
export const NewHolderReview = z
  .strictObject({
    platform: z.string().max(64),
    date: day.meta({ description: "On which the committee met" }),
    questions: lines,
    decision: z.enum(REVIEW_DECISIONS),
    conditions: lines,
    by: z.string().min(1).max(200).meta({ description: "The committee or office, not a person" }),
  })
  .meta({ id: "NewHolderReview" });
export const HolderReview = z
  .object({
    id: z.string(),
    holder: z.string(),
    platform: z.string(),
    date: day,
    questions: z.array(z.string()),
    decision: z.enum(REVIEW_DECISIONS),
    conditions: z.array(z.string()),
    by: z.string(),
    recorded_at: time,
  })
  .meta({ id: "HolderReview" });
export const HolderReviews = z.object({ reviews: z.array(HolderReview) }).meta({ id: "HolderReviews" });
export const ReviewsQuery = z.strictObject({ platform: z.string().max(64).optional() });

export const PlatformSummary = z
  .object({
    ...row,
    charter: z.string().nullable().meta({ description: "The version that its accreditation is under" }),
    criteria: z.array(z.object({ criterion: z.string(), outcome: z.enum(["met", "not_met", "not_shown"]) })),
    evidence: z
      .array(z.object({ kind: z.string(), issuer: z.string(), date: day, valid_until: day.nullable() }))
      .meta({ description: "What two accreditors read and accepted; never the files" }),
    meetings: z.array(z.lazy(() => Meeting)),
    version: z.string(),
  })
  .meta({ id: "PlatformSummary" });

export const Meeting = z
  .object({
    id: z.string(),
    holder: z.string(),
    holder_name: z.string(),
    platform: z.string(),
    platform_name: z.string(),
    message: z.string(),
    asked_at: time,
    answered_at: time.nullable(),
    state: z.enum(ACCESS_STATES).nullable(),
    reason: words.nullable(),
  })
  .meta({ id: "Meeting" });
export const Meetings = z.object({ meetings: z.array(Meeting) }).meta({ id: "Meetings" });
export const NewMeeting = z.strictObject({ holder: z.string().max(64), message: z.string().min(1).max(2000) }).meta({ id: "NewMeeting" });
export const MeetingAnswer = z.strictObject(move).meta({ id: "MeetingAnswer" });

export const RestrictionsQuery = z.strictObject({
  platform: z.string().max(64).optional(),
  holder: z.string().max(64).optional(),
  limit: z.coerce.number().int().min(1).max(200).optional(),
  before: z.coerce.number().int().min(0).optional().meta({ description: "A place in the log, as `next` gave it" }),
});
export const Restrictions = z
  .object({
    restrictions: z.array(
      z.object({
        holder: z.string(),
        holder_name: z.string(),
        platform: z.string(),
        platform_name: z.string(),
        kind: z.enum(["excluded", "closed", "in_discussion", "test"]),
        dataset: z.string(),
        reason: words,
        ...changed,
      }),
    ),
    next: z.int().nullable(),
  })
  .meta({ id: "Restrictions" });

export const CertificateQuery = z.strictObject({
  certificate,
  name: z.string().max(300).meta({ description: "What the file is called" }),
  issuer: z.string().min(1).max(200),
  date: day.meta({ description: "Of the certificate itself" }),
  valid_until: day.meta({ description: "Its last day" }),
});
export const CertificateClaim = z
  .object({
    id: z.string(),
    platform: z.string(),
    platform_name: z.string(),
    certificate,
    issuer: z.string(),
    date: day,
    valid_until: day,
    file_name: z.string(),
    media_type: z.string(),
    bytes: z.int(),
    sha256: z.string(),
    state: z.enum(["handed_in", "accepted", "refused", "taken_back"]),
    handed_in_at: time,
    decided_at: time.nullable(),
    readings: z.int().meta({ description: "How many accreditors read it" }),
    reasons: words.nullable(),
  })
  .meta({ id: "CertificateClaim" });
export const CertificateClaims = z.object({ certificates: z.array(CertificateClaim) }).meta({ id: "CertificateClaims" });
export const NewReading = z
  .strictObject({
    verdict: z.enum(["accept", "refuse"]),
    without_conflict: z.boolean().meta({ description: "The declared absence of a conflict of interest" }),
    reasons: words,
  })
  .meta({ id: "NewReading" });

export const Me = z
  .object({
    kind: z.enum(["participant", "accreditor", "authority", "operator"]),
    name: z.string(),
    participant: z.string().nullable(),
    roles: z.array(z.string()),
  })
  .meta({ id: "Me", description: "Whom the token stands for" });
