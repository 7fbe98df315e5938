import type { ProbeResult } from "../conformance/probe.ts";
import type { ParticipantId, PersonId } from "../ids.ts";
import type {
  Answer,
  Application,
  ApplicationId,
  ApplicationState,
  CharterSignature,
  CriterionResult,
  Decision,
  DecisionId,
  DecisionKind,
  Evidence,
  EvidenceId,
  Membership,
  Message,
  Organisation,
  OrganisationId,
  OrganisationProposal,
  ProbeRunId,
  ProbeRunRow,
  Proposal,
  Review,
  WaitingProposal,
} from "./application.ts";

/** What the register knows of applications and decisions. `findX` may be null; `getX` throws `not_found`. */
export interface AccreditationsReader {
  getApplication(id: ApplicationId): Promise<Application>;
  /** Newest first. */
  applicationsOf(participantId: ParticipantId): Promise<Application[]>;
  /** The one that may still lead to a decision, or null. */
  findOpen(participantId: ParticipantId): Promise<Application | null>;
  /** The one whose accreditation stands or is suspended, or null. */
  findGiven(participantId: ParticipantId): Promise<Application | null>;
  /** In these states, the longest waiting first. */
  queue(states: readonly ApplicationState[], limit: number): Promise<Application[]>;
  results(id: ApplicationId, round: number): Promise<CriterionResult[]>;
  evidenceOf(id: ApplicationId): Promise<Evidence[]>;
  getEvidence(id: EvidenceId): Promise<Evidence & { content: Uint8Array }>;
  reviews(id: ApplicationId, round: number): Promise<Review[]>;
  messages(id: ApplicationId): Promise<Message[]>;
  proposals(participantId: ParticipantId): Promise<Proposal[]>;
  organisationProposals(id: OrganisationId): Promise<OrganisationProposal[]>;
  /** What waits for a second accreditor, the longest waiting first. */
  waitingProposals(limit: number): Promise<WaitingProposal[]>;
  signatures(participantId: ParticipantId): Promise<CharterSignature[]>;
  getDecision(id: DecisionId): Promise<Decision>;
  /** Newest first; of one participant, or of all. */
  decisions(filter: { participantId?: ParticipantId; limit: number }): Promise<Decision[]>;
  /** The newest of these kinds about this participant, however many others came since; null where there is none. */
  lastDecision(participantId: ParticipantId, kinds: readonly DecisionKind[]): Promise<Decision | null>;
  getOrganisation(id: OrganisationId): Promise<Organisation>;
  /** Organisations that came since then. */
  joinedSince(at: Date): Promise<number>;
  findOrganisationOf(participantId: ParticipantId): Promise<Organisation | null>;
  /** Always in the same order. */
  participantsOf(id: OrganisationId): Promise<ParticipantId[]>;
  memberships(personId: PersonId): Promise<Membership[]>;
  /** Whether who signs in as this acts for this participant. */
  actsFor(person: { issuer: string; subject: string }, participantId: ParticipantId): Promise<boolean>;
  /** The newest result of each probe of this participant, and the run that it came from. */
  probes(participantId: ParticipantId): Promise<(ProbeResult & { runId: ProbeRunId })[]>;
  getRun(id: ProbeRunId): Promise<ProbeRunRow>;
  /** Runs that ended and that nobody drew conclusions from yet. */
  runsToConclude(asked: { limit: number; except: readonly ProbeRunId[] }): Promise<ProbeRunRow[]>;
  findRun(participantId: ParticipantId): Promise<ProbeRunRow | null>;
  /** Accredited participants whose last run ended before this time and that have none waiting. */
  dueForProbes(before: Date, limit: number): Promise<ParticipantId[]>;
  /** Applications whose accreditation ends before this time. */
  endingBefore(at: Date, limit: number): Promise<Application[]>;
  /** Participants that count as accredited and bear no mark in force any more, without an application whose end would say so. */
  endedWithoutApplication(now: Date, limit: number): Promise<ParticipantId[]>;
  /** Accreditations with a criterion that stayed unmet beyond its time. */
  pastDue(now: Date, limit: number): Promise<ApplicationId[]>;
  /** How many live transfers and active permissions a suspension would stop. */
  reach(participantId: ParticipantId): Promise<{ transfers: number; permissions: number }>;
  findChallenge(participantId: ParticipantId): Promise<string | null>;
  /** Newest first. */
  authorityViews(limit: number): Promise<{ viewer: string; what: string; at: Date }[]>;
}

export interface AccreditationsWriter {
  addOrganisation(organisation: Organisation): Promise<void>;
  /** The row, locked until the transaction ends: nobody decides about a participant of it meanwhile. */
  lockOrganisation(id: OrganisationId): Promise<Organisation>;
  renameOrganisation(id: OrganisationId, named: Pick<Organisation, "name" | "country">): Promise<void>;
  putOrganisationProposal(proposal: OrganisationProposal): Promise<void>;
  dropOrganisationProposals(id: OrganisationId): Promise<void>;
  setOrganisationStatus(id: OrganisationId, status: Organisation["status"]): Promise<void>;
  /** A participant belongs to one organisation: a second one is `conflict`. */
  attach(participantId: ParticipantId, organisationId: OrganisationId): Promise<void>;
  /** @throws RelaisError `conflict` where one is open. */
  addApplication(application: Application): Promise<void>;
  /** The row, locked until the transaction ends: decisions about it come one after the other. */
  lockApplication(id: ApplicationId): Promise<Application>;
  /** Moves from one of `from`; false where it was in another state. @throws `conflict` for a move that is not in the table. */
  moveApplication(
    id: ApplicationId,
    from: readonly ApplicationState[],
    to: ApplicationState,
    change: Partial<Pick<Application, "submittedAnswers" | "round" | "submittedAt" | "until" | "charterVersion">> & { changedAt: Date },
  ): Promise<boolean>;
  setAnswers(id: ApplicationId, answers: Record<string, Answer>): Promise<void>;
  /** Replaces the results of this round. */
  putResults(id: ApplicationId, round: number, results: CriterionResult[]): Promise<void>;
  addEvidence(evidence: Evidence, content: Uint8Array): Promise<void>;
  removeEvidence(id: EvidenceId, at: Date): Promise<void>;
  /** The same files under another application, each with an id of its own. */
  copyEvidence(copies: { of: EvidenceId; id: EvidenceId; applicationId: ApplicationId }[]): Promise<void>;
  /** Accreditations and marks under this version that would stand longer end then. Returns how many accreditations. */
  endWithCharter(version: string, at: Date): Promise<number>;
  /** One per reviewer and round; a second one is `conflict`. */
  addReview(review: Review): Promise<void>;
  addMessage(message: Message): Promise<void>;
  putProposal(proposal: Proposal): Promise<void>;
  dropProposals(participantId: ParticipantId): Promise<void>;
  /** False where it was signed before: the first signature stays. */
  addSignature(signature: CharterSignature): Promise<boolean>;
  addDecision(decision: Decision): Promise<void>;
  addMembership(membership: Membership): Promise<void>;
  addInvitation(invitation: { tokenHash: string; participantId: ParticipantId; expiresAt: Date }): Promise<void>;
  /** The participant for exactly one caller, until it expires; null afterwards. */
  useInvitation(tokenHash: string, now: Date): Promise<ParticipantId | null>;
  putChallenge(challenge: { participantId: ParticipantId; value: string; askedAt: Date }): Promise<void>;
  /** False where a run of this participant waits already. */
  addRun(run: Pick<ProbeRunRow, "id" | "participantId" | "applicationId" | "round" | "askedAt">): Promise<boolean>;
  /** The longest waiting run, for one caller at a time. Its lease is measured by the database's clock. */
  claimRun(leaseSeconds: number): Promise<ProbeRunRow | null>;
  /** False where the run ended meanwhile. */
  endRun(id: ProbeRunId, at: Date, results: ProbeResult[], candidate?: string | null): Promise<boolean>;
  /** True for exactly one caller. */
  concludeRun(id: ProbeRunId, at: Date): Promise<boolean>;
  addAuthorityView(view: { viewer: string; what: string; at: Date }): Promise<void>;
}
