import type { ConsentId, Id, ParticipantId } from "../ids.ts";
import type { Consent } from "./consent.ts";

/** What can be wrong with a permission, in the order in which it is offered. */
export const PROBLEM_KINDS = ["not_mine", "still_sent", "too_much", "wrong_data", "other_use", "no_answer", "other"] as const;
export type ProblemKind = (typeof PROBLEM_KINDS)[number];

/** Who is asked to mend it. The operator reads each report, whoever it is for. */
export const ADDRESSEES = ["source", "destination", "operator"] as const;
export type Addressee = (typeof ADDRESSEES)[number];

export const LONGEST_MESSAGE = 1000;

export interface ProblemReport {
  id: Id<"problem">;
  consentId: ConsentId;
  kind: ProblemKind;
  addressee: Addressee;
  /** In the person's own words; empty where they chose to say nothing more. */
  message: string;
  createdAt: Date;
  answer: string | null;
  answeredAt: Date | null;
  /** Name of the participant or office that answered. */
  answeredBy: string | null;
}

export interface ReportedProblem {
  report: ProblemReport;
  consent: Consent;
}

export interface ProblemsReader {
  get(id: ProblemReport["id"]): Promise<ProblemReport>;
  /** Newest first. */
  of(consentId: ConsentId): Promise<ProblemReport[]>;
  /** Those that wait first, then the newest. `participantId`: only those that are for it. */
  list(filter: { participantId?: ParticipantId; limit: number }): Promise<ReportedProblem[]>;
  /** How many wait for an answer of this participant; null: of anybody. */
  waiting(participantId: ParticipantId | null): Promise<number>;
}

export interface ProblemsWriter {
  add(report: ProblemReport): Promise<void>;
  /** False where it was answered before. */
  answer(id: ProblemReport["id"], given: { answer: string; answeredAt: Date; answeredBy: string }): Promise<boolean>;
}
