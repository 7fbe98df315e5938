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
import { getCharter, getCharterDiff, listCharters } from "./charters.ts";
import { getConditions } from "./conditions.ts";
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
import { getParticipant, listParticipants } from "./participants.ts";
import {
  AnyFile,
  Conditions,
  Health,
  IdempotencyKey,
  NewTransfer,
  ParticipantDetails,
  ParticipantList,
  ParticipantsQuery,
  PathId,
  PathStep,
  PathVersion,
  PathVersions,
  Transfer,
} from "./schemas.ts";
import { getTransfer, postTransfer } from "./transfers.ts";

export interface Route {
  method: "get" | "post" | "patch" | "delete";
  path: string;
  /** `anyone`, a platform that shows a consent token, or somebody with a token of the register; each bound to a key. */
  may: "anyone" | "consent token" | "register token";
  handler: (ports: RoutePorts, req: Request, res: Response) => Promise<void>;
  summary: string;
  status: 200 | 201 | 202 | 204;
  answers: z.ZodType;
  params?: z.ZodObject;
  headers?: z.ZodObject;
  query?: z.ZodObject;
  /** `file`: the body is a file, at most 10 MiB. */
  body?: z.ZodType | "file";
}

/** The API. Its OpenAPI document is generated from this table. */
// oxfmt-ignore
export const ROUTES: Route[] = [
  { method: "get", path: "/v1/participants", may: "anyone", handler: listParticipants, summary: "The public register, in pages", status: 200, answers: ParticipantList, query: ParticipantsQuery },
  { method: "get", path: "/v1/participants/:id", may: "anyone", handler: getParticipant, summary: "One participant", status: 200, answers: ParticipantDetails, params: PathId },
  { method: "get", path: "/v1/participants/:id/conditions", may: "anyone", handler: getConditions, summary: "What a holder asks of platforms, and which it restricts", status: 200, answers: Conditions, params: PathId },
  { method: "post", path: "/v1/transfers", may: "consent token", handler: postTransfer, summary: "Ask for a delivery", status: 202, answers: Transfer, headers: IdempotencyKey, body: NewTransfer },
  { method: "get", path: "/v1/transfers/:id", may: "consent token", handler: getTransfer, summary: "State and counts of a transfer", status: 200, answers: Transfer, params: PathId },
  { method: "post", path: "/v1/participants", may: "anyone", handler: postParticipant, summary: "Join the register, in the sandbox at once", status: 201, answers: cases.Joined, body: cases.NewParticipant },
  { method: "get", path: "/v1/participants/:id/decisions", may: "anyone", handler: listDecisions, summary: "Decisions about a participant, newest first", status: 200, answers: cases.DecisionList, params: PathId },
  { method: "get", path: "/v1/participants/:id/checks", may: "register token", handler: getChecks, summary: "Newest result of each check", status: 200, answers: cases.Checks, params: PathId },
  { method: "post", path: "/v1/participants/:id/checks", may: "register token", handler: postChecks, summary: "Run the checks now", status: 202, answers: cases.Checks, params: PathId },
  { method: "get", path: "/v1/participants/:id/challenge", may: "register token", handler: getChallenge, summary: "What to publish to show control of the name", status: 200, answers: cases.Challenge, params: PathId },
  { method: "post", path: "/v1/participants/:id/invitations", may: "register token", handler: postInvitation, summary: "Let a person act for the participant on pages", status: 201, answers: cases.Invitation, params: PathId },
  { method: "get", path: "/v1/participants/:id/standing/preview", may: "register token", handler: getPreview, summary: "What a suspension would stop", status: 200, answers: cases.Preview, params: PathId },
  { method: "post", path: "/v1/participants/:id/standing", may: "register token", handler: postStanding, summary: "Suspend, reinstate, revoke, or uphold an appeal", status: 200, answers: cases.Outcome, params: PathId, body: cases.NewStanding },
  { method: "post", path: "/v1/participants/:id/departure", may: "register token", handler: postDeparture, summary: "Give the accreditation back", status: 200, answers: cases.Outcome, params: PathId, body: cases.NewDeparture },
  { method: "post", path: "/v1/organisations/:id/standing", may: "register token", handler: postOrganisationStanding, summary: "Suspend or reinstate an organisation with its participants", status: 200, answers: cases.OrganisationStanding, params: PathId, body: cases.NewOrganisationStanding },
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
  { method: "get", path: "/v1/charters/:from/changes/:to", may: "anyone", handler: getCharterDiff, summary: "What changed between two versions", status: 200, answers: cases.CharterChanges, params: PathVersions },
  { method: "get", path: "/v1/decisions", may: "anyone", handler: listDecisions, summary: "Decisions, newest first", status: 200, answers: cases.DecisionList },
  { method: "get", path: "/v1/decisions/:id", may: "anyone", handler: getDecision, summary: "One decision", status: 200, answers: cases.Decision, params: PathId },
  { method: "get", path: "/health/live", may: "anyone", handler: getLive, summary: "This process answers", status: 200, answers: Health },
  { method: "get", path: "/health/ready", may: "anyone", handler: getReady, summary: "It can do its work", status: 200, answers: Health },
];
