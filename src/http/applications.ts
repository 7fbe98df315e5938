import type { Request, Response } from "express";
import type { z } from "zod";
import { RelaisError } from "../core/errors.ts";
import { asId } from "../core/ids.ts";
import { addEvidence, readEvidence, removeEvidence } from "../core/register/add-evidence.ts";
import { answerQuestions } from "../core/register/answer-questions.ts";
import type { ApplicationId, Decision, Message } from "../core/register/application.ts";
import { sendMessage } from "../core/register/messages.ts";
import { openApplication } from "../core/register/open-application.ts";
import { readCase, type CaseFile } from "../core/register/read-case.ts";
import { mayRead, type RegisterCaller } from "../core/register/register-caller.ts";
import type { Requirement } from "../core/register/requirements.ts";
import { reviewApplication } from "../core/register/review-application.ts";
import { signCharter } from "../core/register/sign-charter.ts";
import { reopenApplication, submitApplication, withdrawApplication } from "../core/register/submit-application.ts";
import * as schemas from "./case-schemas.ts";
import { parse } from "./parse.ts";
import { registerCallerOf } from "./register-caller.ts";
import type { RoutePorts } from "./route-ports.ts";

const idOf = (req: Request): ApplicationId => asId("application", req.params["id"]);

async function sendCase(ports: RoutePorts, caller: RegisterCaller, id: ApplicationId, res: Response, status = 200): Promise<void> {
  const file = await ports.store.read((r) => readCase(r, ports.charters, caller, id, ports.clock.now()));
  res.status(status).json(caseOf(file));
}

export async function postApplication(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const caller = await registerCallerOf(ports, req);
  const { level } = parse(schemas.NewApplication, req.body, "body");
  const { id } = await openApplication(ports, caller, level);
  res.set("Location", `/v1/applications/${id}`);
  await sendCase(ports, caller, id, res, 201);
}

const QUEUE_STATES = ["submitted", "checking", "in_review", "changes_requested", "draft", "reopened"] as const;
const QUEUE_LENGTH = 200;

/** Accreditors and the authority see what waits, the longest first; a participant its own, newest first. */
export async function listApplications(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const caller = await registerCallerOf(ports, req);
  const now = ports.clock.now();
  const applications = await ports.store.read(async (r) => {
    if (caller.kind === "operator")
      throw new RelaisError("forbidden", "The operator runs the register and does not read applications.", { actor: "operator" });
    const found =
      caller.kind === "participant"
        ? await r.accreditations.applicationsOf(caller.participantId)
        : await r.accreditations.queue(QUEUE_STATES, QUEUE_LENGTH);
    return Promise.all(found.map(async (one) => ({ one, name: (await r.participants.get(one.participantId)).name })));
  });
  res.json({
    applications: applications.map(({ one, name }) => ({
      id: one.id,
      participant: one.participantId,
      name,
      state: one.state,
      level: one.level,
      round: one.round,
      changed_at: one.changedAt.toISOString(),
      days: Math.floor((now.getTime() - one.changedAt.getTime()) / 86_400_000),
    })),
  } satisfies z.infer<typeof schemas.ApplicationList>);
}

export async function getApplication(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  await sendCase(ports, await registerCallerOf(ports, req), idOf(req), res);
}

export async function patchAnswers(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const caller = await registerCallerOf(ports, req);
  const { answers } = parse(schemas.Answers, req.body, "body");
  await answerQuestions(ports, caller, idOf(req), answers);
  await sendCase(ports, caller, idOf(req), res);
}

export async function postSignature(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const caller = await registerCallerOf(ports, req);
  await signCharter(ports, caller, idOf(req), parse(schemas.NewSignature, req.body, "body"));
  await sendCase(ports, caller, idOf(req), res);
}

const STEPS = { submit: submitApplication, withdraw: withdrawApplication, reopen: reopenApplication };

export async function postStep(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const caller = await registerCallerOf(ports, req);
  const step = String(req.params["step"]);
  if (!Object.hasOwn(STEPS, step)) throw new RelaisError("not_found", `An application can be asked to ${Object.keys(STEPS).join(", ")}.`);
  await STEPS[step as keyof typeof STEPS](ports, caller, idOf(req));
  await sendCase(ports, caller, idOf(req), res);
}

/** The file is the body; what is said of it is in the query, because a file has no room for it. */
export async function postEvidence(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const caller = await registerCallerOf(ports, req);
  const { kind, name, date, issuer, certificate, valid_until } = parse(schemas.EvidenceQuery, req.query, "query");
  const sha256 = /^sha-256=:([A-Za-z0-9+/]{43}=):$/.exec(req.get("content-digest") ?? "")?.[1] ?? null;
  const content = req.body as Buffer;
  await addEvidence(ports, caller, idOf(req), {
    kind,
    fileName: name,
    date,
    issuer,
    certificate: certificate ?? null,
    validUntil: valid_until ?? null,
    sha256: sha256 && Buffer.from(sha256, "base64").toString("base64url"),
    content,
  });
  await sendCase(ports, caller, idOf(req), res, 201);
}

/** Never shown inside a page of ours: always a download, of no type that a browser would run. */
export async function getEvidence(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const evidence = await readEvidence(ports, await registerCallerOf(ports, req), asId("evidence", req.params["id"]));
  sendEvidence(res, evidence);
}

export function sendEvidence(
  res: Response,
  { id, mediaType, content, sha256 }: { id: string; mediaType: string; content: Uint8Array; sha256: string },
): void {
  const ending = { "application/pdf": "pdf", "image/png": "png", "image/jpeg": "jpg" }[mediaType] ?? "bin";
  res
    .set({
      "Content-Type": "application/octet-stream",
      "Content-Disposition": `attachment; filename="${id}.${ending}"`,
      "Content-Digest": `sha-256=:${Buffer.from(sha256, "base64url").toString("base64")}:`,
      "X-Content-Type-Options": "nosniff",
      "Content-Security-Policy": "default-src 'none'; sandbox",
      "Cache-Control": "no-store",
    })
    .end(content);
}

export async function deleteEvidence(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  await removeEvidence(ports, await registerCallerOf(ports, req), asId("evidence", req.params["id"]));
  res.status(204).end();
}

export async function listMessages(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const caller = await registerCallerOf(ports, req);
  const messages = await ports.store.read(async (r) => {
    mayRead(caller, (await r.accreditations.getApplication(idOf(req))).participantId);
    return r.accreditations.messages(idOf(req));
  });
  res.json({ messages: messages.map(messageOf) });
}

export async function postMessage(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const caller = await registerCallerOf(ports, req);
  const { text } = parse(schemas.NewMessage, req.body, "body");
  res.status(201).json({ messages: [messageOf(await sendMessage(ports, caller, idOf(req), text))] });
}

export async function postReview(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const caller = await registerCallerOf(ports, req);
  const { without_conflict, ...review } = parse(schemas.NewReview, req.body, "body");
  const { decision } = await reviewApplication(ports, caller, { applicationId: idOf(req), withoutConflict: without_conflict, ...review });
  res.json({ decision: decision && decisionOf(decision) });
}

function caseOf({ application, charter, requirements, evidence, signed, changedAnswers }: CaseFile): z.infer<typeof schemas.Application> {
  const { currentlyDue, eventuallyDue, pastDue, deadline } = requirements;
  return {
    id: application.id,
    participant: application.participantId,
    organisation: application.organisationId,
    charter: application.charterVersion,
    charter_digest: charter.digest,
    level: application.level,
    state: application.state,
    round: application.round,
    answers: application.answers,
    changed_answers: changedAnswers,
    signed,
    created_at: application.createdAt.toISOString(),
    submitted_at: application.submittedAt?.toISOString() ?? null,
    changed_at: application.changedAt.toISOString(),
    until: application.until?.toISOString() ?? null,
    requirements: {
      currently_due: currentlyDue.map(requirementOf),
      eventually_due: eventuallyDue.map(requirementOf),
      past_due: pastDue.map(requirementOf),
      deadline: deadline?.toISOString() ?? null,
    },
    evidence: evidence.map(({ id, kind, fileName, mediaType, bytes, sha256, date, issuer, certificate, validUntil, addedAt }) => ({
      id,
      kind,
      file_name: fileName,
      media_type: mediaType,
      bytes,
      sha256,
      date,
      issuer,
      certificate,
      valid_until: validUntil,
      added_at: addedAt.toISOString(),
    })),
  };
}

function requirementOf({ waitsFor, dueAt, ...requirement }: Requirement) {
  return { ...requirement, waits_for: waitsFor, due_at: dueAt?.toISOString() ?? null };
}

function messageOf({ author, name, text, at }: Message) {
  return { author, name, text, at: at.toISOString() };
}

export function decisionOf(decision: Decision): z.infer<typeof schemas.Decision> {
  return {
    id: decision.id,
    participant: decision.participantId,
    application: decision.applicationId,
    kind: decision.kind,
    level: decision.level,
    charter: decision.charterVersion,
    charter_digest: decision.charterDigest,
    reasons: decision.reasons,
    remedy: decision.remedy,
    appeal: decision.appeal,
    decided_by: decision.deciders,
    effects: decision.effects,
    decided_at: decision.decidedAt.toISOString(),
    log_index: decision.logIndex,
  };
}
