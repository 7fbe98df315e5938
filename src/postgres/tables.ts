import type { ColumnType, Generated } from "kysely";
import type { Words } from "../core/catalogue/data-set.ts";
import type { ProbeResult } from "../core/conformance/probe.ts";
import type { Journey } from "../core/consent/journey.ts";
import type { Party } from "../core/consent/parties.ts";
import type { JointContract } from "../core/person/joint-contract.ts";
import type { Consent, EndReason } from "../core/consent/consent.ts";
import type { ProblemReport } from "../core/consent/problem-report.ts";
import type { ConsentChange } from "../core/consent/record-change.ts";
import type { NoticeText } from "../core/consent/notice-text.ts";
import type { CertificateClaim, Reading } from "../core/certificates/claim.ts";
import type { Notice } from "../core/events/outbox.ts";
import type { StatedCapacity } from "../core/dispatch/capacity.ts";
import type { Pause } from "../core/dispatch/gate.ts";
import type { Health } from "../core/dispatch/health.ts";
import type { ConsentId, ParticipantId, PersonId, TransferId } from "../core/ids.ts";
import type { Access, Condition, Exclusion, HolderReview, ShownCertificate } from "../core/policy/conditions.ts";
import type { Meeting } from "../core/policy/meetings.ts";
import type { Delivery, Package } from "../core/mailbox/mailbox.ts";
import type { SignedCheckpoint } from "../core/ledger/ledger.ts";
import type { PersonAccess } from "../core/person/account.ts";
import type { Assurance } from "../core/person/assurance.ts";
import type { BrowserFamily } from "../core/person/browser-family.ts";
import type { Passkey } from "../core/person/passkey.ts";
import type { AccountLink, Person, Session } from "../core/person/person.ts";
import type { Mail, MailEnd, MailLink } from "../core/person/mail.ts";
import type { MailAddress } from "../core/person/mail-address.ts";
import type { Announcement, PersonNotice } from "../core/person/person-notice.ts";
import type { StoredDocument } from "../core/transfer/transfer-records.ts";
import type {
  Application,
  ApplicationId,
  CharterSignature,
  CriterionResult,
  Decision,
  Evidence,
  Membership,
  Message,
  Organisation,
  OrganisationId,
  ProbeRunId,
  ProbeRunRow,
  OrganisationProposal,
  Proposal,
  Review,
} from "../core/register/application.ts";
import type { EntityRecord, KeyConfirmation } from "../core/register/entity-record.ts";
import type { LoggedCharter } from "../core/register/logbook.ts";
import type { ParticipationRow } from "../core/register/participation.ts";
import type { Participant, PublicJwk, TrustMark } from "../core/register/participant.ts";
import type { Reminder } from "../core/register/reminder.ts";
import type { Switch } from "../core/switch/switch.ts";
import type { Campaign, CampaignId } from "../core/transfer/campaign.ts";
import type { ToldDeletion } from "../core/transfer/manifest.ts";
import type { GivenAnswer, KeyedRequest } from "../core/transfer/given-answer.ts";
import type { Transfer, TransferEvent, TransferItem } from "../core/transfer/transfer.ts";

/** `pg` reads jsonb as values and writes it from text. */
type Json<T> = ColumnType<T, string, string>;
type NullableJson<T> = ColumnType<T | null, string | null, string | null>;
type WithJson<T, K extends keyof T> = Omit<T, K> & { [P in K]: Json<T[P]> };

/** Rows are the core's objects: columns are their members in snake case. */
export interface Tables {
  participants: Omit<WithJson<Participant, "endpoints" | "keys" | "datasets" | "about" | "client">, "federationKeys"> & {
    federationKeys: ColumnType<PublicJwk[], string | undefined, string>;
  };
  entityConfigurations: Omit<EntityRecord, "candidate" | "strangeKeys"> & {
    candidate: NullableJson<EntityRecord["candidate"]>;
    strangeKeys: NullableJson<PublicJwk[]>;
  };
  keyConfirmations: KeyConfirmation;
  trustMarks: TrustMark;
  people: Person & { displayName: Generated<string | null>; closingAt: Generated<Date | null>; previousSignInAt: Generated<Date | null> };
  sessions: Session;
  accountOpenings: { mark: string | null; at: Date };
  passkeys: Passkey;
  recoveryCodes: { codeHash: string; personId: PersonId; createdAt: Date; usedAt: Date | null };
  personAccesses: PersonAccess;
  accountLinks: Omit<WithJson<AccountLink, "inventory">, "assurance" | "contract"> & {
    assurance: Generated<Assurance>;
    contract: NullableJson<JointContract>;
    removedAt: Generated<Date | null>;
  };
  consentParties: Party;
  journeys: Journey;
  consents: Omit<WithJson<Consent, "notice">, "acts" | "endedBecause" | "statusIndex" | "grantDigest"> & {
    grantDigest: ColumnType<string | null, undefined, string>;
    acts: NullableJson<Consent["acts"]>;
    endedBecause: ColumnType<EndReason | null, string | null | undefined, string | null>;
    statusIndex: Generated<number>;
  };
  consentChanges: Omit<ConsentChange, "sequence" | "because"> & { sequence: Generated<number>; because: NullableJson<EndReason> };
  problemReports: ProblemReport;
  noticeTexts: Omit<WithJson<NoticeText, "sections">, "logIndex">;
  loggedTexts: Pick<NoticeText, "version" | "language" | "logIndex">;
  switches: Switch;
  transfers: Transfer & { priority: Generated<number>; failures: Generated<number>; moved: Generated<number> };
  rhythms: { consentId: ConsentId; dueAt: Date };
  campaigns: WithJson<Campaign, "selection" | "refused">;
  campaignConsents: { campaignId: CampaignId; consentId: ConsentId; terms: string };
  givenAnswers: KeyedRequest & GivenAnswer & { expiresAt: Date };
  transferKeys: { caller: string; key: string; fingerprint: string; transferId: TransferId; createdAt: Generated<Date> };
  transferEvents: WithJson<TransferEvent, "details">;
  transferExpected: { transferId: TransferId; dataset: string; items: number; bytes: number };
  transferItems: TransferItem & { transferId: TransferId };
  transferDocuments: StoredDocument;
  transferDeletions: ToldDeletion & { transferId: TransferId };
  deliveryPositions: { consentId: ConsentId; dataset: string };
  organisations: Organisation;
  organisationParticipants: { participantId: ParticipantId; organisationId: OrganisationId };
  applications: Omit<WithJson<Application, "answers">, "submittedAnswers"> & { submittedAnswers: NullableJson<Application["answers"]> };
  probeRuns: ProbeRunRow;
  probeResults: WithJson<ProbeResult, "title" | "detail"> & { runId: ProbeRunId };
  criterionResults: WithJson<CriterionResult, "because"> & { applicationId: ApplicationId; round: number };
  evidence: Evidence & { content: Buffer; removedAt: Date | null };
  reviews: Omit<WithJson<Review, "reasons">, "remedy"> & { remedy: NullableJson<Words> };
  proposals: Omit<WithJson<Proposal, "reasons">, "remedy"> & { remedy: NullableJson<Words> };
  organisationProposals: Omit<WithJson<OrganisationProposal, "reasons">, "remedy"> & { remedy: NullableJson<Words> };
  decisions: Omit<WithJson<Decision, "reasons" | "deciders" | "effects">, "remedy" | "appeal"> & {
    remedy: NullableJson<Words>;
    appeal: NullableJson<Words>;
  };
  charterSignatures: CharterSignature;
  applicationMessages: Message & { sequence: Generated<number> };
  memberships: Membership;
  invitations: { tokenHash: string; participantId: ParticipantId; expiresAt: Date; usedAt: Date | null };
  challenges: { participantId: ParticipantId; value: string; askedAt: Date };
  authorityViews: { viewer: string; what: string; at: Date };
  logEntries: { index: number; leaf: Buffer };
  logHashes: { level: number; index: number; hash: Buffer };
  logCheckpoints: SignedCheckpoint;
  notices: Omit<
    WithJson<Notice, "details">,
    "attempts" | "acknowledgedAt" | "givenUpAt" | "lastFailure" | "consentId" | "subject" | "lane" | "sequence"
  > & {
    consentId: Generated<ConsentId | null>;
    subject: Generated<string | null>;
    lane: Generated<number>;
    sequence: Generated<number>;
    attempts: Generated<number>;
    acknowledgedAt: Generated<Date | null>;
    givenUpAt: Generated<Date | null>;
    lastFailure: Generated<string | null>;
  };
  holderConditions: Omit<Condition, "reason"> & { reason: NullableJson<Words> };
  platformExclusions: WithJson<Exclusion, "reason">;
  platformAccess: Omit<Access, "reason"> & { reason: NullableJson<Words> };
  holderReviews: HolderReview;
  platformCertificates: ShownCertificate;
  meetings: Omit<Meeting, "reason"> & { reason: NullableJson<Words> };
  certificateClaims: CertificateClaim & { content: Buffer };
  certificateReadings: WithJson<Reading, "reasons">;
  reminders: Reminder;
  announcements: Announcement & { toldAt: Date | null; settledAt: Date | null };
  personNotices: PersonNotice;
  personBrowsers: { personId: PersonId; browser: BrowserFamily; since: Date };
  mailAddresses: MailAddress;
  mailAttempts: { mark: string; at: Date };
  mails: {
    [K in keyof Mail]: K extends "id" | "createdAt" | "attempts" ? Generated<Mail[K]> : Mail[K];
  } & {
    lane: Generated<number>;
    dueAt: Generated<Date>;
    endedAt: Generated<Date | null>;
    outcome: Generated<MailEnd | null>;
    lastFailure: Generated<string | null>;
  };
  mailLinks: MailLink;
  loggedCharters: LoggedCharter;
  loggedKeys: { kid: string; event: "introduced" | "revoked"; ring: string; loggedAt: Date };
  participations: ParticipationRow;
  participantCapacities: Omit<StatedCapacity, "hours"> & { hours: NullableJson<StatedCapacity["hours"]> };
  dispatchPauses: Pause;
  participantHealth: Health;
  workers: { id: string; slots: number; seenAt: Date };
  mailboxDeliveries: Omit<Delivery, "packages" | "bytes"> & { packages: Generated<number>; bytes: Generated<number> };
  mailboxPackages: Package;
}
