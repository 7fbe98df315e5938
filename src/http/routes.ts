import type { Request, Response } from "express";
import type { z } from "zod";
import type { RoutePorts } from "./route-ports.ts";
import {
  deleteEvidence,
  getApplication,
  getEvidence,
  listApplications,
  listMessages,
  patchAnswers,
  postApplication,
  postEvidence,
  postMessage,
  postReview,
  postSignature,
  postStep,
} from "./applications.ts";
import type { Attempt } from "./attempts.ts";
import { Campaign, Campaigns, CampaignsQuery, NewCampaign } from "./campaign-schemas.ts";
import { deleteCampaign, getCampaign, getCampaigns, postCampaign } from "./campaigns.ts";
import { deletePause, getCapacity, putCapacity, putPause } from "./capacity.ts";
import * as capacities from "./capacity-schemas.ts";
import { getCharter, getCharterDiff, getCriterion, listCharters } from "./charters.ts";
import { deleteCertificate, getCertificate, getCertificateFile, listCertificates, postCertificate, postReading } from "./certificates.ts";
import { getConsent, listConsents } from "./consents.ts";
import { Consent, ConsentList, ConsentsQuery } from "./consent-schemas.ts";
import { getConditions } from "./conditions.ts";
import { deleteConditions, deleteExclusion, putAccess, putConditions, putExclusion } from "./holder.ts";
import * as holders from "./holder-schemas.ts";
import { getDelivery, getMailbox, getManifest, getPackage, getPackages, putReceipt } from "./mailbox.ts";
import * as mailbox from "./mailbox-schemas.ts";
import { getMatrix, getMatrixRow, getReviews, postHolderReview } from "./matrix.ts";
import { listMeetings, postMeeting, postMeetingAnswer } from "./meetings.ts";
import { getMe, listRestrictions } from "./restrictions.ts";
import * as cases from "./case-schemas.ts";
import {
  getChallenge,
  getChecks,
  getDecision,
  getPreview,
  listDecisions,
  postChecks,
  postDeparture,
  postInvitation,
  postOrganisationStanding,
  postParticipant,
  postStanding,
} from "./decisions.ts";
import { listNotices, postPoll, postRetry } from "./events.ts";
import { getLive, getReady } from "./health.ts";
import { getKeys, postKeys } from "./keys.ts";
import { getNoticeText, NoticeText, PathText } from "./notice-texts.ts";
import { exportParticipants, getParticipant, listParticipants } from "./participants.ts";
import {
  AnyFile,
  Conditions,
  Health,
  IdempotencyKey,
  NewTransfer,
  ParticipantDetails,
  ParticipantList,
  ParticipantsFilter,
  ParticipantsQuery,
  PathCriterion,
  PathId,
  PathStep,
  PathVersion,
  PathVersions,
  Transfer,
  TrustList,
} from "./schemas.ts";
import { getProfile, Profile } from "./profiles.ts";
import { getTrustList, TRUST_LIST_TYPE, type SentList } from "./trust-list.ts";
import { getTransfer, postTransfer } from "./transfers.ts";
import { postVerification, Verdict } from "./verifications.ts";
import { PACKAGE_TYPE } from "../core/mailbox/package-format.ts";
import { MANIFEST_TYPE } from "../core/transfer/manifest.ts";

/** What the system gives, and what the API keeps between two requests. */
export type HandlerPorts = RoutePorts & { sentList: SentList; joining: Attempt };

export interface Route {
  method: "get" | "post" | "put" | "patch" | "delete";
  path: string;
  /** `anyone`, a platform that shows a consent token, or somebody with a token of the register; each bound to a key. */
  may: "anyone" | "consent token" | "register token";
  handler: (ports: HandlerPorts, req: Request, res: Response) => Promise<void>;
  summary: string;
  status: 200 | 201 | 202 | 204;
  answers: z.ZodType;
  /** Media types of the answer that are no JSON, whose schema is a text. `instead`: there is no JSON. */
  text?: { types: string[]; instead?: true };
  params?: z.ZodObject;
  headers?: z.ZodObject;
  query?: z.ZodObject;
  /** `file`: the body is a file, at most 10 MiB. `document`: a text as it is, at most 256 KiB. `receipt`: the handler reads it, at most 64 MiB. */
  body?: z.ZodType | "file" | "document" | "receipt";
}

/** The API. Its OpenAPI document is generated from this table. */
// oxfmt-ignore
export const ROUTES: Route[] = [
  { method: "get", path: "/v1/participants", may: "anyone", handler: listParticipants, summary: "The public register, in pages", status: 200, answers: ParticipantList, text: { types: ["text/csv"] }, query: ParticipantsQuery },
  { method: "get", path: "/v1/participants.csv", may: "anyone", handler: exportParticipants, summary: "The public register whole, as a table (RFC 4180)", status: 200, answers: AnyFile, text: { types: ["text/csv"], instead: true }, query: ParticipantsFilter },
  { method: "get", path: "/v1/trust-list", may: "anyone", handler: getTrustList, summary: "Everybody who is accredited, in one signed list", status: 200, answers: TrustList, text: { types: [TRUST_LIST_TYPE], instead: true } },
  { method: "get", path: "/v1/participants/:id", may: "anyone", handler: getParticipant, summary: "One participant", status: 200, answers: ParticipantDetails, params: PathId },
  { method: "get", path: "/v1/participants/:id/conditions", may: "anyone", handler: getConditions, summary: "What a holder asks of platforms, and which it restricts", status: 200, answers: Conditions, params: PathId },
  { method: "get", path: "/v1/participants/:id/profile", may: "anyone", handler: getProfile, summary: "What is public of a participant: standing, criteria and how they are met, answers, restrictions, figures", status: 200, answers: Profile, params: PathId },
  { method: "post", path: "/v1/verifications", may: "anyone", handler: postVerification, summary: "What a trust mark, manifest, receipt or proof file is worth; nothing of it is kept", status: 200, answers: Verdict, body: "document" },
  { method: "put", path: "/v1/participants/:id/conditions/:dataset", may: "register token", handler: putConditions, summary: "Ask platforms for more, for a data set or for all", status: 200, answers: holders.Effect, params: holders.PathDataset, headers: holders.IfMatch, query: holders.DryRun, body: holders.NewConditions },
  { method: "delete", path: "/v1/participants/:id/conditions/:dataset", may: "register token", handler: deleteConditions, summary: "Take such a condition back", status: 200, answers: holders.Effect, params: holders.PathDataset, headers: holders.IfMatch, query: holders.DryRun },
  { method: "put", path: "/v1/participants/:id/exclusions/:platform/:dataset", may: "register token", handler: putExclusion, summary: "Exclude a platform", status: 200, answers: holders.Effect, params: holders.PathExclusion, headers: holders.IfMatch, query: holders.DryRun, body: holders.NewExclusion },
  { method: "delete", path: "/v1/participants/:id/exclusions/:platform/:dataset", may: "register token", handler: deleteExclusion, summary: "Lift an exclusion", status: 200, answers: holders.Effect, params: holders.PathExclusion, headers: holders.IfMatch, query: holders.DryRun },
  { method: "put", path: "/v1/participants/:id/access/:platform", may: "register token", handler: putAccess, summary: "Move a platform in the holder's matrix", status: 200, answers: holders.Effect, params: holders.PathPlatform, headers: holders.IfMatch, query: holders.DryRun, body: holders.NewAccess },
  { method: "get", path: "/v1/participants/:id/matrix", may: "register token", handler: getMatrix, summary: "A holder against every platform: its word, and what it comes to now", status: 200, answers: holders.Matrix, params: PathId, query: holders.MatrixQuery },
  { method: "get", path: "/v1/participants/:id/matrix/:platform", may: "register token", handler: getMatrixRow, summary: "One platform, with what a holder may see of its evidence", status: 200, answers: holders.PlatformSummary, params: holders.PathPlatform },
  { method: "get", path: "/v1/participants/:id/reviews", may: "register token", handler: getReviews, summary: "What the holder's committee found", status: 200, answers: holders.HolderReviews, params: PathId, query: holders.ReviewsQuery },
  { method: "post", path: "/v1/participants/:id/reviews", may: "register token", handler: postHolderReview, summary: "Record what the holder's committee found", status: 201, answers: holders.HolderReview, params: PathId, body: holders.NewHolderReview },
  { method: "get", path: "/v1/participants/:id/capacity", may: "register token", handler: getCapacity, summary: "How many transfers a participant takes, when, and what is paused", status: 200, answers: capacities.Capacity, params: PathId },
  { method: "put", path: "/v1/participants/:id/capacity", may: "register token", handler: putCapacity, summary: "State how many transfers it takes, and when", status: 200, answers: capacities.Capacity, params: PathId, body: capacities.NewCapacity },
  { method: "put", path: "/v1/participants/:id/pauses/:dataset", may: "register token", handler: putPause, summary: "Pause transfers from and to a participant, of a data set or of all", status: 200, answers: capacities.Capacity, params: holders.PathDataset, body: capacities.NewPause },
  { method: "delete", path: "/v1/participants/:id/pauses/:dataset", may: "register token", handler: deletePause, summary: "Let them go on", status: 200, answers: capacities.Capacity, params: holders.PathDataset },
  { method: "get", path: "/v1/restrictions", may: "register token", handler: listRestrictions, summary: "Platforms that holders restrict, newest first", status: 200, answers: holders.Restrictions, query: holders.RestrictionsQuery },
  { method: "get", path: "/v1/meetings", may: "register token", handler: listMeetings, summary: "Requests to open, one's own", status: 200, answers: holders.Meetings },
  { method: "post", path: "/v1/meetings", may: "register token", handler: postMeeting, summary: "Ask a holder to open", status: 201, answers: holders.Meeting, body: holders.NewMeeting },
  { method: "post", path: "/v1/meetings/:id/answer", may: "register token", handler: postMeetingAnswer, summary: "Answer a platform that asks to be opened to", status: 200, answers: holders.Effect, params: PathId, headers: holders.IfMatch, query: holders.DryRun, body: holders.MeetingAnswer },
  { method: "get", path: "/v1/certificates", may: "register token", handler: listCertificates, summary: "Certificates, one's own, or what waits", status: 200, answers: holders.CertificateClaims },
  { method: "post", path: "/v1/certificates", may: "register token", handler: postCertificate, summary: "Hand in a certificate (PDF, PNG or JPEG)", status: 201, answers: holders.CertificateClaim, query: holders.CertificateQuery, body: "file" },
  { method: "get", path: "/v1/certificates/:id", may: "register token", handler: getCertificate, summary: "One certificate that was handed in", status: 200, answers: holders.CertificateClaim, params: PathId },
  { method: "get", path: "/v1/certificates/:id/file", may: "register token", handler: getCertificateFile, summary: "Its file, as a download", status: 200, answers: AnyFile, params: PathId },
  { method: "delete", path: "/v1/certificates/:id", may: "register token", handler: deleteCertificate, summary: "Take a certificate back before it is read", status: 204, answers: AnyFile, params: PathId },
  { method: "post", path: "/v1/certificates/:id/readings", may: "register token", handler: postReading, summary: "An accreditor's reading of a certificate", status: 200, answers: holders.CertificateClaim, params: PathId, body: holders.NewReading },
  { method: "get", path: "/v1/me", may: "register token", handler: getMe, summary: "Whom the token stands for", status: 200, answers: holders.Me },
  { method: "get", path: "/v1/consents", may: "register token", handler: listConsents, summary: "Consents that the caller asked for, sends under or receives under, newest first", status: 200, answers: ConsentList, query: ConsentsQuery },
  { method: "get", path: "/v1/consents/:id", may: "register token", handler: getConsent, summary: "State of one of them, with the reason", status: 200, answers: Consent, params: PathId },
  { method: "post", path: "/v1/transfers", may: "consent token", handler: postTransfer, summary: "Ask for a delivery", status: 202, answers: Transfer, headers: IdempotencyKey, body: NewTransfer },
  { method: "get", path: "/v1/transfers/:id", may: "consent token", handler: getTransfer, summary: "State and counts of a transfer", status: 200, answers: Transfer, params: PathId },
  { method: "post", path: "/v1/campaigns", may: "register token", handler: postCampaign, summary: "Ask for deliveries under many consents at once; they are accepted in the background", status: 202, answers: Campaign, headers: IdempotencyKey, body: NewCampaign },
  { method: "get", path: "/v1/campaigns", may: "register token", handler: getCampaigns, summary: "Your campaigns, newest first; everybody's for the operator and the authority", status: 200, answers: Campaigns, query: CampaignsQuery },
  { method: "get", path: "/v1/campaigns/:id", may: "register token", handler: getCampaign, summary: "How far a campaign is", status: 200, answers: Campaign, params: PathId },
  { method: "delete", path: "/v1/campaigns/:id", may: "register token", handler: deleteCampaign, summary: "Accept no more of a campaign; what was accepted goes on", status: 200, answers: Campaign, params: PathId },
  { method: "get", path: "/v1/mailbox", may: "register token", handler: getMailbox, summary: "What waits for a platform without an address", status: 200, answers: mailbox.DeliveryList, query: mailbox.DeliveriesQuery },
  { method: "get", path: "/v1/mailbox/:transfer", may: "register token", handler: getDelivery, summary: "One delivery, and how it ended", status: 200, answers: mailbox.Delivery, params: mailbox.PathTransfer },
  { method: "get", path: "/v1/mailbox/:transfer/packages", may: "register token", handler: getPackages, summary: "Its sealed packages", status: 200, answers: mailbox.PackageList, params: mailbox.PathTransfer, query: mailbox.PackagesQuery },
  { method: "get", path: "/v1/mailbox/:transfer/packages/:package", may: "register token", handler: getPackage, summary: "One sealed package, whole or from where it broke off (Range)", status: 200, answers: mailbox.Bytes, text: { types: [PACKAGE_TYPE], instead: true }, params: mailbox.PathPackage },
  { method: "get", path: "/v1/mailbox/:transfer/manifest", may: "register token", handler: getManifest, summary: "Its manifest, signed by Relais", status: 200, answers: mailbox.Document, text: { types: [`application/${MANIFEST_TYPE}`], instead: true }, params: mailbox.PathTransfer },
  { method: "put", path: "/v1/mailbox/:transfer/receipt", may: "register token", handler: putReceipt, summary: "Acknowledge it by the platform's signed receipt", status: 202, answers: mailbox.Delivery, params: mailbox.PathTransfer, body: "receipt" },
  { method: "post", path: "/v1/participants", may: "anyone", handler: postParticipant, summary: "Join the register, in the sandbox at once", status: 201, answers: cases.Joined, body: cases.NewParticipant },
  { method: "get", path: "/v1/participants/:id/decisions", may: "anyone", handler: listDecisions, summary: "Decisions about a participant, newest first", status: 200, answers: cases.DecisionList, params: PathId },
  { method: "get", path: "/v1/participants/:id/checks", may: "register token", handler: getChecks, summary: "Newest result of each check", status: 200, answers: cases.Checks, params: PathId },
  { method: "post", path: "/v1/participants/:id/checks", may: "register token", handler: postChecks, summary: "Run the checks now", status: 202, answers: cases.Checks, params: PathId },
  { method: "get", path: "/v1/participants/:id/keys", may: "register token", handler: getKeys, summary: "Keys that count, and keys that wait for accreditors", status: 200, answers: cases.Keys, params: PathId },
  { method: "post", path: "/v1/participants/:id/keys", may: "register token", handler: postKeys, summary: "Confirm what a participant signs with now", status: 200, answers: cases.Keys, params: PathId, body: cases.KeyConfirmation },
  { method: "get", path: "/v1/participants/:id/challenge", may: "register token", handler: getChallenge, summary: "What to publish to show control of the name", status: 200, answers: cases.Challenge, params: PathId },
  { method: "post", path: "/v1/participants/:id/invitations", may: "register token", handler: postInvitation, summary: "Let a person act for the participant on pages", status: 201, answers: cases.Invitation, params: PathId },
  { method: "get", path: "/v1/participants/:id/standing/preview", may: "register token", handler: getPreview, summary: "What a suspension would stop", status: 200, answers: cases.Preview, params: PathId },
  { method: "post", path: "/v1/participants/:id/standing", may: "register token", handler: postStanding, summary: "Suspend, reinstate, revoke, or uphold an appeal", status: 200, answers: cases.Outcome, params: PathId, body: cases.NewStanding },
  { method: "post", path: "/v1/participants/:id/departure", may: "register token", handler: postDeparture, summary: "Give the accreditation back", status: 200, answers: cases.Outcome, params: PathId, body: cases.NewDeparture },
  { method: "post", path: "/v1/organisations/:id/standing", may: "register token", handler: postOrganisationStanding, summary: "Suspend, reinstate or revoke an organisation with its participants", status: 200, answers: cases.OrganisationStanding, params: PathId, body: cases.NewOrganisationStanding },
  { method: "get", path: "/v1/applications", may: "register token", handler: listApplications, summary: "What waits, or one's own", status: 200, answers: cases.ApplicationList },
  { method: "post", path: "/v1/applications", may: "register token", handler: postApplication, summary: "Open an application", status: 201, answers: cases.Application, body: cases.NewApplication },
  { method: "get", path: "/v1/applications/:id", may: "register token", handler: getApplication, summary: "An application and what it still needs", status: 200, answers: cases.Application, params: PathId },
  { method: "patch", path: "/v1/applications/:id/answers", may: "register token", handler: patchAnswers, summary: "Answer questions of the charter", status: 200, answers: cases.Application, params: PathId, body: cases.Answers },
  { method: "post", path: "/v1/applications/:id/signature", may: "register token", handler: postSignature, summary: "Sign the charter", status: 200, answers: cases.Application, params: PathId, body: cases.NewSignature },
  { method: "post", path: "/v1/applications/:id/evidence", may: "register token", handler: postEvidence, summary: "Add a piece of evidence (PDF, PNG or JPEG)", status: 201, answers: cases.Application, params: PathId, query: cases.EvidenceQuery, body: "file" },
  { method: "get", path: "/v1/applications/:id/messages", may: "register token", handler: listMessages, summary: "Messages about an application", status: 200, answers: cases.MessageList, params: PathId },
  { method: "post", path: "/v1/applications/:id/messages", may: "register token", handler: postMessage, summary: "Write a message, or an appeal", status: 201, answers: cases.MessageList, params: PathId, body: cases.NewMessage },
  { method: "post", path: "/v1/applications/:id/reviews", may: "register token", handler: postReview, summary: "An accreditor's finding", status: 200, answers: cases.Outcome, params: PathId, body: cases.NewReview },
  { method: "post", path: "/v1/applications/:id/steps/:step", may: "register token", handler: postStep, summary: "Submit, withdraw or reopen", status: 200, answers: cases.Application, params: PathStep },
  { method: "post", path: "/v1/events/poll", may: "register token", handler: postPoll, summary: "Fetch and acknowledge events (RFC 8936)", status: 200, answers: cases.PollAnswer, body: cases.Poll },
  { method: "get", path: "/v1/participants/:id/notices", may: "register token", handler: listNotices, summary: "Who was told about a participant, and who acknowledged", status: 200, answers: cases.NoticeList, params: PathId },
  { method: "post", path: "/v1/notices/:id/retry", may: "register token", handler: postRetry, summary: "Send a notice again that was given up", status: 204, answers: AnyFile, params: PathId },
  { method: "get", path: "/v1/evidence/:id", may: "register token", handler: getEvidence, summary: "A piece of evidence, as a download", status: 200, answers: AnyFile, params: PathId },
  { method: "delete", path: "/v1/evidence/:id", may: "register token", handler: deleteEvidence, summary: "Take a piece of evidence back", status: 204, answers: AnyFile, params: PathId },
  { method: "get", path: "/v1/charters", may: "anyone", handler: listCharters, summary: "Versions of the charter, newest first", status: 200, answers: cases.CharterList },
  { method: "get", path: "/v1/charters/:version", may: "anyone", handler: getCharter, summary: "One version: criteria, questions, checks", status: 200, answers: cases.Charter, params: PathVersion },
  { method: "get", path: "/v1/charters/:version/criteria/:criterion", may: "anyone", handler: getCriterion, summary: "One criterion, and how many meet it", status: 200, answers: cases.Criterion, params: PathCriterion },
  { method: "get", path: "/v1/charters/:from/changes/:to", may: "anyone", handler: getCharterDiff, summary: "What changed between two versions", status: 200, answers: cases.CharterChanges, params: PathVersions },
  { method: "get", path: "/v1/notice-texts/:version/:language", may: "anyone", handler: getNoticeText, summary: "A wording that people read when they are asked", status: 200, answers: NoticeText, params: PathText },
  { method: "get", path: "/v1/decisions", may: "anyone", handler: listDecisions, summary: "Decisions, newest first", status: 200, answers: cases.DecisionList },
  { method: "get", path: "/v1/decisions/:id", may: "anyone", handler: getDecision, summary: "One decision", status: 200, answers: cases.Decision, params: PathId },
  { method: "get", path: "/health/live", may: "anyone", handler: getLive, summary: "This process answers", status: 200, answers: Health },
  { method: "get", path: "/health/ready", may: "anyone", handler: getReady, summary: "It can do its work", status: 200, answers: Health },
];
