import type { Words } from "../catalogue/data-set.ts";
import type { Id, ParticipantId, PersonId } from "../ids.ts";
import type { Certificate } from "../policy/certificates.ts";
import type { Outcome } from "./charter.ts";

export type OrganisationId = Id<"organisation">;
export type ApplicationId = Id<"application">;
export type DecisionId = Id<"decision">;
export type EvidenceId = Id<"evidence">;
export type ProbeRunId = Id<"probeRun">;

/** Who answers for one or more participants. Its standing cascades to all of them (two levels, S-212). */
export interface Organisation {
  id: OrganisationId;
  name: string;
  /** ISO 3166 country of its seat. */
  country: string;
  status: "active" | "suspended" | "revoked";
  createdAt: Date;
}

export type ApplicationState =
  | "draft"
  | "submitted"
  | "checking"
  | "in_review"
  | "changes_requested"
  | "accredited"
  | "suspended"
  | "reinstated"
  | "revoked"
  | "refused"
  | "expired"
  | "withdrawn"
  | "reopened";

/** Where an application may go; the same table is in the database, which refuses everything else. */
// oxfmt-ignore
export const APPLICATION_MOVES = {
  draft:             ["submitted", "withdrawn"],
  submitted:         ["checking", "withdrawn"],
  checking:          ["accredited", "in_review", "changes_requested", "withdrawn"],
  in_review:         ["accredited", "changes_requested", "refused", "withdrawn"],
  changes_requested: ["submitted", "refused", "withdrawn"],
  accredited:        ["suspended", "revoked", "expired", "withdrawn"],
  suspended:         ["reinstated", "revoked", "expired", "withdrawn"],
  reinstated:        ["suspended", "revoked", "expired", "withdrawn"],
  refused:           ["reopened"],
  revoked:           ["reopened"],
  expired:           ["reopened"],
  withdrawn:         ["reopened"],
  reopened:          ["submitted", "withdrawn"],
} as const satisfies Record<ApplicationState, readonly ApplicationState[]>;

/** The applicant may change answers and evidence in these. */
export const EDITABLE: readonly ApplicationState[] = ["draft", "changes_requested", "reopened"];
/** The accreditation that this application gave is, or may again be, in force. */
export const GIVEN: readonly ApplicationState[] = ["accredited", "suspended", "reinstated"];

export type Answer = string | number | boolean | string[];

export interface Application {
  id: ApplicationId;
  participantId: ParticipantId;
  organisationId: OrganisationId;
  charterVersion: string;
  level: 1 | 2;
  state: ApplicationState;
  answers: Record<string, Answer>;
  /** Answers as they were at the last submission: what changed since is shown to the accreditor. */
  submittedAnswers: Record<string, Answer> | null;
  /** Grows with each submission: reviews and checks belong to one round. */
  round: number;
  createdAt: Date;
  submittedAt: Date | null;
  /** When the state changed last: the age in the accreditor's queue. */
  changedAt: Date;
  /** Until when the accreditation that it gave stands. */
  until: Date | null;
}

/** One automatic result for one criterion in one round. */
export interface CriterionResult {
  criterion: string;
  outcome: Outcome;
  /** Why, in plain words. */
  because: Words;
  checkedAt: Date;
  /** Until when it may stay unmet before it costs the accreditation; null where it does not. */
  dueAt: Date | null;
}

export interface Evidence {
  id: EvidenceId;
  applicationId: ApplicationId;
  kind: string;
  /** As the applicant called the file; shown as text only, never used as a path. */
  fileName: string;
  mediaType: string;
  bytes: number;
  sha256: string;
  /** The date and issuer of the document itself, as the applicant states them. */
  date: string;
  issuer: string;
  /** Which of the register's certificates it is, and its last day (full-date); both null for every other document. */
  certificate: Certificate | null;
  validUntil: string | null;
  addedAt: Date;
}

export type DecisionKind =
  | "accredit"
  | "renew"
  | "request_changes"
  | "refuse"
  | "suspend"
  | "reinstate"
  | "revoke"
  | "expire"
  | "withdraw"
  | "reopen";

/** Who decided: automatic checks, the participant itself, or accreditors by name of office. */
export interface Decider {
  /** `relais`, `participant`, or the staff member's name. */
  name: string;
  role: "automatic" | "participant" | "accreditor";
}

/** What was decided and why; published, logged, never changed. */
export interface Decision {
  id: DecisionId;
  applicationId: ApplicationId | null;
  participantId: ParticipantId;
  kind: DecisionKind;
  level: 0 | 1 | 2 | null;
  charterVersion: string;
  charterDigest: string;
  reasons: Words;
  remedy: Words | null;
  appeal: Words | null;
  deciders: Decider[];
  /** What it stopped or let go on, counted in the same transaction. */
  effects: { paused: number; resumed: number; cascaded: number };
  decidedAt: Date;
  /** Its place in the public log. */
  logIndex: number;
}

/** What one accreditor found in one round. */
export interface Review {
  applicationId: ApplicationId;
  round: number;
  reviewer: string;
  verdict: "accredit" | "refuse" | "request_changes";
  /** The declared absence of a conflict of interest. Without it a review does not count. */
  withoutConflict: boolean;
  /** Criteria that this reviewer found met. */
  met: string[];
  reasons: Words;
  /** What the applicant can do about it; null where the usual words are enough. */
  remedy: Words | null;
  at: Date;
}

export interface Message {
  applicationId: ApplicationId;
  author: "participant" | "accreditor";
  name: string;
  text: string;
  at: Date;
}

/** A sanction, or its end, that one accreditor asks for and another one must confirm. */
export interface Proposal {
  participantId: ParticipantId;
  kind: "suspend" | "reinstate" | "revoke" | "reopen";
  proposer: string;
  reasons: Words;
  remedy: Words | null;
  at: Date;
}

/** The same about an organisation. */
export interface OrganisationProposal extends Omit<Proposal, "participantId" | "kind"> {
  organisationId: OrganisationId;
  kind: "suspend" | "reinstate" | "revoke";
}

/** A step that one accreditor asked for and that waits for another one, about a participant or an organisation. */
export type WaitingProposal = Pick<Proposal, "kind" | "proposer" | "at"> & { name: string } & (
    | { participantId: ParticipantId; organisationId: null }
    | { participantId: null; organisationId: OrganisationId }
  );

/** Who signed which text of the charter for a participant. */
export interface CharterSignature {
  participantId: ParticipantId;
  charterVersion: string;
  charterDigest: string;
  signer: string;
  signedAt: Date;
}

/** One look at a participant from outside. */
export interface ProbeRunRow {
  id: ProbeRunId;
  participantId: ParticipantId;
  applicationId: ApplicationId | null;
  round: number | null;
  askedAt: Date;
  leaseUntil: Date | null;
  tries: number;
  endedAt: Date | null;
  concludedAt: Date | null;
  /** Where it looked, by the digest of addresses and roles; null before it ended, and for looks that were not told. */
  candidate: string | null;
}

/** Someone who acts for a participant on pages. */
export interface Membership {
  personId: PersonId;
  participantId: ParticipantId;
  addedAt: Date;
}
