import { z } from "zod";
import { REMINDERS, type ReminderKind } from "../core/register/reminder.ts";

const time = z.iso.datetime().meta({ description: "RFC 3339 time in UTC" });
const words = z.strictObject({ fr: z.string().min(1).max(4000), en: z.string().min(1).max(4000) });
const answer = z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]);

export const NewParticipant = z
  .strictObject({
    entity_id: z
      .url()
      .max(300)
      .meta({ description: "Where the entity publishes its configuration (OpenID Federation 1.0 §3), without a slash at its end" }),
  })
  .meta({ id: "NewParticipant" });

export const Joined = z
  .object({ id: z.string(), entity_id: z.url(), status: z.string(), organisation: z.string().nullable() })
  .meta({ id: "Joined" });

const Requirement = z
  .object({
    criterion: z.string(),
    section: z.string(),
    title: words,
    outcome: z.enum(["met", "not_met", "not_shown"]),
    because: words,
    waits_for: z.enum(["participant", "checks", "accreditors"]),
    due_at: time.nullable(),
  })
  .meta({ id: "Requirement" });

const Reminder = z
  .object({
    kind: z.enum(Object.keys(REMINDERS) as [ReminderKind, ...ReminderKind[]]),
    application: z.string(),
    criterion: z.string().nullable(),
    occasion_at: time.meta({ description: "When something ends or is due; since when something waits" }),
    created_at: time,
  })
  .meta({ id: "Reminder" });

export const Application = z
  .object({
    id: z.string(),
    participant: z.string(),
    organisation: z.string(),
    charter: z.string(),
    charter_digest: z.string(),
    level: z.int(),
    state: z.string(),
    round: z.int(),
    answers: z.record(z.string(), answer),
    changed_answers: z.array(z.string()).meta({ description: "Answers that differ from the last submission" }),
    signed: z.boolean().meta({ description: "The charter was signed, in the text of this version" }),
    created_at: time,
    submitted_at: time.nullable(),
    changed_at: time,
    until: time.nullable(),
    requirements: z.object({
      currently_due: z.array(Requirement),
      eventually_due: z.array(Requirement),
      past_due: z.array(Requirement),
      deadline: time.nullable(),
      reminders: z.array(Reminder).meta({ description: "What the participant was reminded of and still holds, newest first" }),
    }),
    evidence: z.array(
      z.object({
        id: z.string(),
        kind: z.string(),
        file_name: z.string(),
        media_type: z.string(),
        bytes: z.int(),
        sha256: z.string(),
        date: z.string(),
        issuer: z.string(),
        certificate: z.string().nullable(),
        valid_until: z.string().nullable(),
        added_at: time,
      }),
    ),
  })
  .meta({ id: "Application" });

export const ApplicationList = z
  .object({
    applications: z.array(
      z.object({
        id: z.string(),
        participant: z.string(),
        name: z.string(),
        state: z.string(),
        level: z.int(),
        round: z.int(),
        changed_at: time,
        days: z.int(),
        reminded: z.boolean().meta({ description: "It waits longer for accreditors than it should" }),
      }),
    ),
  })
  .meta({ id: "ApplicationList" });

export const NewApplication = z.strictObject({ level: z.union([z.literal(1), z.literal(2)]) }).meta({ id: "NewApplication" });
export const Answers = z
  .strictObject({
    answers: z.record(z.string(), answer.nullable()).meta({ description: "By the names of the charter's questions; null takes one back" }),
  })
  .meta({ id: "Answers" });
export const NewSignature = z
  .strictObject({
    digest: z.string().meta({ description: "Digest of the charter that was read" }),
    signer: z.string().min(1).max(100).meta({ description: "In which role, not by whom: managing director" }),
  })
  .meta({ id: "NewSignature" });
export const NewMessage = z.strictObject({ text: z.string().min(1).max(4000) }).meta({ id: "NewMessage" });
export const MessageList = z
  .object({ messages: z.array(z.object({ author: z.enum(["participant", "accreditor"]), name: z.string(), text: z.string(), at: time })) })
  .meta({ id: "MessageList" });
export const NewReview = z
  .strictObject({
    round: z.int().min(1),
    verdict: z.enum(["accredit", "refuse", "request_changes"]),
    without_conflict: z.boolean().meta({ description: "The declared absence of a conflict of interest" }),
    met: z.array(z.string().max(100)).max(200),
    reasons: words,
    remedy: words
      .nullable()
      .default(null)
      .meta({ description: "What the applicant can do; published with a refusal or a request for changes" }),
  })
  .meta({ id: "NewReview" });

export const Decision = z
  .object({
    id: z.string(),
    participant: z.string(),
    application: z.string().nullable(),
    kind: z.string(),
    level: z.int().nullable(),
    charter: z.string(),
    charter_digest: z.string(),
    reasons: words,
    remedy: words.nullable(),
    appeal: words.nullable(),
    decided_by: z.array(z.object({ name: z.string(), role: z.string() })),
    effects: z.object({ paused: z.int(), resumed: z.int(), cascaded: z.int() }),
    decided_at: time,
    log_index: z.int().meta({ description: "Its place in the public log" }),
  })
  .meta({ id: "Decision" });
export const DecisionList = z.object({ decisions: z.array(Decision) }).meta({ id: "DecisionList" });
export const Outcome = z
  .object({ decision: Decision.nullable().meta({ description: "Null where a second accreditor has to confirm" }) })
  .meta({ id: "Outcome" });

export const NewStanding = z
  .strictObject({ kind: z.enum(["suspend", "reinstate", "revoke", "reopen"]), reasons: words, remedy: words.nullable().default(null) })
  .meta({ id: "NewStanding" });
export const NewOrganisationStanding = z
  .strictObject({ kind: z.enum(["suspend", "reinstate", "revoke"]), reasons: words, remedy: words.nullable().default(null) })
  .meta({ id: "NewOrganisationStanding" });
export const OrganisationStanding = z
  .object({
    id: z.string(),
    status: z.string(),
    decided: z.boolean().meta({ description: "False where a second accreditor has to confirm" }),
    cascaded: z.int().meta({ description: "Participants whose standing went with it" }),
  })
  .meta({ id: "OrganisationStanding" });
export const Preview = z
  .object({
    transfers: z.int().meta({ description: "Would pause at once" }),
    permissions: z.int().meta({ description: "People's permissions that would rest" }),
  })
  .meta({ id: "Preview" });

const ShownKey = z.object({ kid: z.string().nullable(), thumbprint: z.string().meta({ description: "RFC 7638" }) });
export const Keys = z
  .object({
    known: z.array(ShownKey).meta({ description: "Keys of its statements that count" }),
    published: z.array(ShownKey).nullable().meta({ description: "What it signs with now, where nobody confirmed it" }),
    waiting: z.record(z.string(), z.url()).nullable().meta({ description: "Where it wants to be spoken to, until a look has passed" }),
    confirmed_by: z.string().nullable().meta({ description: "Who confirmed once; a second accreditor puts it in force" }),
  })
  .meta({ id: "Keys" });
export const KeyConfirmation = z
  .strictObject({
    keys: z
      .array(z.string().regex(/^[\w-]{43}$/, "expected a thumbprint (RFC 7638)"))
      .min(1)
      .max(20),
  })
  .meta({ id: "KeyConfirmation", description: "All keys that the participant publishes, by their thumbprints, and no others" });

export const Checks = z
  .object({
    asked_at: time.nullable(),
    running: z.boolean(),
    checks: z.array(
      z.object({
        probe: z.string(),
        outcome: z.enum(["passed", "failed", "not_run"]),
        title: words,
        detail: words,
        reproduce: z.string(),
        started_at: time,
        milliseconds: z.int(),
      }),
    ),
  })
  .meta({ id: "Checks" });

export const Invitation = z.object({ url: z.url(), expires_at: time }).meta({ id: "Invitation" });
export const Challenge = z
  .object({ value: z.string(), well_known: z.url(), dns_name: z.string() })
  .meta({ id: "Challenge", description: "Publish the value at the address, or as a TXT record of the name" });
export const NewDeparture = z.strictObject({ reasons: words }).meta({ id: "NewDeparture" });
export const EvidenceQuery = z.strictObject({
  kind: z.string().max(100).meta({ description: "Which evidence of the charter it is" }),
  name: z.string().max(300).meta({ description: "What the file is called" }),
  date: z.iso.date().meta({ description: "Date of the document itself" }),
  issuer: z.string().min(1).max(200).meta({ description: "Who issued the document" }),
  certificate: z.string().max(50).optional().meta({ description: "Which of the register's certificates it is, where it is one" }),
  valid_until: z.iso.date().optional().meta({ description: "The last day of that certificate" }),
});

export const CharterList = z
  .object({
    charters: z.array(
      z.object({
        version: z.string(),
        current: z.boolean(),
        title: words,
        label: words,
        from: z.iso.date(),
        until: z.iso.date().nullable(),
        valid_until: z.iso.date().nullable(),
        digest: z.string(),
        criteria: z.int(),
      }),
    ),
  })
  .meta({ id: "CharterList" });
export const Charter = z
  .object({
    version: z.string(),
    digest: z.string(),
    title: words,
    label: words,
    text: words,
    criteria: z.array(z.looseObject({ id: z.string() })),
  })
  .meta({ id: "Charter", description: "The whole version; a criterion has the members of the files under policies/charter" });
export const Criterion = z
  .looseObject({
    id: z.string(),
    met_by: z
      .object({ asked: z.int(), met: z.int() })
      .meta({ description: "Of so many accredited participants that it is asked of, so many meet it" }),
  })
  .meta({ id: "Criterion", description: "The members of its file under policies/charter" });
export const CharterChanges = z
  .object({
    from: z.string(),
    to: z.string(),
    added: z.array(z.string()),
    removed: z.array(z.string()),
    changed: z.array(z.object({ criterion: z.string(), members: z.array(z.string()) })),
  })
  .meta({ id: "CharterChanges" });

export const Poll = z
  .strictObject({
    maxEvents: z.int().min(0).optional(),
    returnImmediately: z.boolean().optional().meta({ description: "Always as if true: this endpoint does not wait" }),
    ack: z.array(z.string().max(64)).max(1000).default([]),
    setErrs: z.record(z.string(), z.strictObject({ err: z.string(), description: z.string().optional() })).default({}),
  })
  .meta({ id: "Poll" });
export const PollAnswer = z.object({ sets: z.record(z.string(), z.string()), moreAvailable: z.boolean() }).meta({ id: "PollAnswer" });
export const NoticeList = z
  .object({
    notices: z.array(
      z.object({
        id: z.string(),
        recipient: z.string(),
        name: z.string(),
        type: z.string(),
        created_at: time,
        acknowledged_at: time.nullable(),
        given_up_at: time.nullable(),
        attempts: z.int(),
        last_failure: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: "NoticeList" });
