import type { Request, Response } from "express";
import { asId, newId } from "../core/ids.ts";
import { changeOrganisation } from "../core/register/change-organisation.ts";
import { endStanding } from "../core/register/change-standing.ts";
import { challengeOf, inviteMember, joinRegister } from "../core/register/join-register.ts";
import { mayRead, mustActFor } from "../core/register/register-caller.ts";
import { changeStandingByAccreditor, previewSuspension } from "../core/register/review-application.ts";
import { decisionOf } from "./applications.ts";
import * as schemas from "./case-schemas.ts";
import type { Attempt } from "./attempts.ts";
import { parse } from "./parse.ts";
import { registerCallerOf } from "./register-caller.ts";
import type { RoutePorts } from "./route-ports.ts";

const participantIn = (req: Request) => asId("participant", req.params["id"]);

export async function postParticipant(ports: RoutePorts & { joining: Attempt }, req: Request, res: Response): Promise<void> {
  const { entity_id } = parse(schemas.NewParticipant, req.body, "body");
  ports.joining();
  const participant = await joinRegister(ports, { entityId: entity_id });
  const belongs = await ports.store.read((r) => r.accreditations.findOrganisationOf(participant.id));
  res
    .status(201)
    .set("Location", `/v1/participants/${participant.id}`)
    .json({ id: participant.id, entity_id: participant.entityId, status: participant.status, organisation: belongs?.id ?? null });
}

export async function postInvitation(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const { token, expiresAt } = await inviteMember(ports, await registerCallerOf(ports, req), participantIn(req));
  res.status(201).json({ url: `${ports.issuer}/fr/invitation?word=${token}`, expires_at: expiresAt.toISOString() });
}

export async function getChallenge(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const id = participantIn(req);
  const value = await challengeOf(ports, await registerCallerOf(ports, req), id);
  const { entityId } = await ports.store.read((r) => r.participants.get(id));
  res.json({ value, well_known: `${entityId}/.well-known/relais-challenge`, dns_name: `_relais-challenge.${new URL(entityId).hostname}` });
}

/** The newest result of each check, for the participant itself, accreditors and the authority. */
export async function getChecks(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const caller = await registerCallerOf(ports, req);
  mayRead(caller, participantIn(req));
  const { run, checks } = await ports.store.read(async (r) => ({
    run: await r.accreditations.findRun(participantIn(req)),
    checks: await r.accreditations.probes(participantIn(req)),
  }));
  res.json({
    asked_at: run?.askedAt.toISOString() ?? null,
    running: run !== null && run.concludedAt === null,
    checks: checks.map(({ probe, outcome, title, detail, reproduce, startedAt, milliseconds }) => ({
      probe,
      outcome,
      title,
      detail,
      reproduce,
      started_at: startedAt.toISOString(),
      milliseconds,
    })),
  });
}

/** Asks for the checks to be run now; where a run waits already, it is that one. */
export async function postChecks(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const caller = await registerCallerOf(ports, req);
  const participantId = participantIn(req);
  if (caller.kind !== "accreditor") mustActFor(caller, participantId);
  await ports.store.write(async (w) => {
    const application = (await w.accreditations.findOpen(participantId)) ?? (await w.accreditations.findGiven(participantId));
    await w.cases.addRun({
      id: newId("probeRun"),
      participantId,
      applicationId: application?.id ?? null,
      round: application?.round ?? null,
      askedAt: ports.clock.now(),
    });
  });
  res.status(202).json({ asked_at: ports.clock.now().toISOString(), running: true, checks: [] });
}

const MOST_DECISIONS = 200;

export async function listDecisions(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const participantId = req.params["id"] === undefined ? undefined : participantIn(req);
  const decisions = await ports.store.read((r) =>
    r.accreditations.decisions({ ...(participantId ? { participantId } : {}), limit: MOST_DECISIONS }),
  );
  res.json({ decisions: decisions.map(decisionOf) });
}

export async function getDecision(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  res.json(decisionOf(await ports.store.read((r) => r.accreditations.getDecision(asId("decision", req.params["id"])))));
}

export async function postStanding(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const caller = await registerCallerOf(ports, req);
  const asked = parse(schemas.NewStanding, req.body, "body");
  const { decision } = await changeStandingByAccreditor(ports, caller, { participantId: participantIn(req), ...asked });
  res.json({ decision: decision && decisionOf(decision) });
}

export async function getPreview(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  res.json(await previewSuspension(ports, await registerCallerOf(ports, req), participantIn(req)));
}

export async function postOrganisationStanding(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const caller = await registerCallerOf(ports, req);
  const asked = parse(schemas.NewOrganisationStanding, req.body, "body");
  const { organisation, decided, cascaded } = await changeOrganisation(ports, caller, {
    organisationId: asId("organisation", req.params["id"]),
    ...asked,
  });
  res.json({ id: organisation.id, status: organisation.status, decided, cascaded });
}

/** The participant gives its accreditation back. */
export async function postDeparture(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const caller = await registerCallerOf(ports, req);
  const participantId = participantIn(req);
  mustActFor(caller, participantId);
  const { reasons } = parse(schemas.NewDeparture, req.body, "body");
  const decision = await endStanding(ports, "withdraw", {
    participantId,
    reasons,
    deciders: [{ name: "participant", role: "participant" }],
  });
  res.json({ decision: decisionOf(decision) });
}
