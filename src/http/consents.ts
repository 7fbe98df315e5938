import type { Request, Response } from "express";
import type { z } from "zod";
import { answerBy, stateAt } from "../core/consent/consent.ts";
import { consentOf, listConsentsOf, type SharedConsent } from "../core/consent/consents-of-participant.ts";
import { asId, type ParticipantId } from "../core/ids.ts";
import { mustBeParticipant } from "../core/register/register-caller.ts";
import { ConsentsQuery, type Consent, type ConsentList } from "./consent-schemas.ts";
import { parse } from "./parse.ts";
import { registerCallerOf } from "./register-caller.ts";
import type { RoutePorts } from "./route-ports.ts";

const PAGE = 100;

async function callerIn(ports: RoutePorts, req: Request): Promise<{ participantId: ParticipantId; entityId: string }> {
  return mustBeParticipant(await registerCallerOf(ports, req));
}

/** What the caller asked for, and what was given between it and others, newest first. */
export async function listConsents(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const { participantId, entityId } = await callerIn(ports, req);
  const { cursor, limit = PAGE } = parse(ConsentsQuery, req.query, "query");
  const { consents, next } = await listConsentsOf(ports, { participantId, cursor, limit });
  if (next !== null) res.set("Link", `</v1/consents?${new URLSearchParams({ limit: String(limit), cursor: next })}>; rel="next"`);
  res.json({ consents: consents.map((one) => describe(ports, one, entityId)), next } satisfies z.infer<typeof ConsentList>);
}

export async function getConsent(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const { participantId, entityId } = await callerIn(ports, req);
  const id = asId("consent", req.params["id"]);
  res.json(describe(ports, await consentOf(ports.standings, participantId, id), entityId));
}

function describe(
  { clock, subjectFor }: RoutePorts,
  { consent, parts, source, destination }: SharedConsent,
  caller: string,
): z.infer<typeof Consent> {
  const { notice, createdAt, decidedAt, endedAt, endedBy, endedBecause } = consent;
  const state = stateAt(consent, clock.now());
  return {
    id: consent.id,
    state,
    reason: endedBy === null ? null : { by: endedBy, because: endedBecause?.kind ?? null },
    subject: subjectFor(caller, consent.personId),
    you: parts,
    source,
    destination,
    action: consent.action,
    datasets: consent.datasets,
    forms: consent.forms,
    asked: parts.includes("requester") ? notice.datasets.map(({ id }) => id) : null,
    purpose: notice.purpose.iri,
    recurrence: notice.recurrence,
    expires: notice.expires,
    asked_at: createdAt.toISOString(),
    answer_by: state === "requested" ? answerBy(consent).toISOString() : null,
    decided_at: decidedAt?.toISOString() ?? null,
    ended_at: endedAt?.toISOString() ?? null,
    supersedes: consent.supersedes,
    notice_hash: consent.noticeHash,
  };
}
