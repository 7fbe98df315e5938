import type { Request, Response } from "express";
import type { z } from "zod";
import { RelaisError } from "../core/errors.ts";
import { asId, type ParticipantId } from "../core/ids.ts";
import { versionOf, type ConditionPorts, type Effect, type OnBehalf } from "../core/policy/change-conditions.ts";
import { excludePlatform, liftExclusion } from "../core/policy/exclude-platform.ts";
import { moveInMatrix } from "../core/policy/move-in-matrix.ts";
import { previewChange, type Affected } from "../core/policy/preview-change.ts";
import { setConditions, unsetConditions } from "../core/policy/set-conditions.ts";
import * as schemas from "./holder-schemas.ts";
import { parse } from "./parse.ts";
import { registerCallerOf } from "./register-caller.ts";
import type { RoutePorts } from "./route-ports.ts";

const platformIn = (req: Request): ParticipantId => asId("participant", req.params["platform"]);
const datasetIn = (req: Request): string => String(req.params["dataset"]);

export async function putConditions(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const who = await holderOf(ports, req);
  const { minimum_level: minimumLevel, ...asked } = parse(schemas.NewConditions, req.body, "body");
  await change(ports, req, res, who, (on) => setConditions(on, who, { dataset: datasetIn(req), minimumLevel, ...asked }));
}

export async function deleteConditions(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const who = await holderOf(ports, req);
  await change(ports, req, res, who, (on) => unsetConditions(on, who, { dataset: datasetIn(req) }));
}

export async function putExclusion(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const who = await holderOf(ports, req);
  const { reason } = parse(schemas.NewExclusion, req.body, "body");
  await change(ports, req, res, who, (on) => excludePlatform(on, who, { platformId: platformIn(req), dataset: datasetIn(req), reason }));
}

export async function deleteExclusion(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const who = await holderOf(ports, req);
  await change(ports, req, res, who, (on) => liftExclusion(on, who, { platformId: platformIn(req), dataset: datasetIn(req) }));
}

export async function putAccess(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const who = await holderOf(ports, req);
  const { test_accounts: testAccounts, ...move } = parse(schemas.NewAccess, req.body, "body");
  await change(ports, req, res, who, (on) => moveInMatrix(on, who, { platformId: platformIn(req), testAccounts, ...move }));
}

/** Whoever the token stands for, on behalf of the holder in the address; the core says whether it may. */
async function holderOf(ports: RoutePorts, req: Request): Promise<OnBehalf> {
  const caller = await registerCallerOf(ports, req);
  if (caller.kind !== "participant") throw new RelaisError("forbidden", "Only the holder itself sets its conditions.", { actor: "holder" });
  return { caller: caller.participantId, holderId: asId("participant", req.params["id"]), version: versionIn(req) };
}

/** RFC 9110 §13.1.1: one strong entity tag, or `*`. */
export function versionIn(req: Request): string | undefined {
  const given = req.get("if-match")?.trim();
  if (given === undefined || given === "*") return undefined;
  const tag = /^"([^"]*)"$/.exec(given)?.[1];
  if (tag === undefined)
    throw new RelaisError("invalid", 'If-Match takes one ETag as it was given, in quotes: "…".', { pointers: ["/if-match"] });
  return tag;
}

/** Makes the change, or says what it would do: the same code, and the same refusals. */
export async function change(
  ports: RoutePorts,
  req: Request,
  res: Response,
  who: OnBehalf,
  work: (ports: ConditionPorts) => Promise<Effect>,
): Promise<void> {
  const { dry_run } = parse(schemas.DryRun, req.query, "query");
  const isDry = dry_run === "true";
  const done = isDry ? await previewOf(ports, who, work) : await work(ports);
  const version = versionOf(await ports.store.read((r) => r.conditions.of(who.holderId)));
  const body: z.infer<typeof schemas.Effect> = { dry_run: isDry, ...done, version };
  res.set("ETag", `"${version}"`).json(body);
}

async function previewOf(ports: RoutePorts, who: OnBehalf, work: (ports: ConditionPorts) => Promise<Effect>) {
  const { shutOut, letIn, ...effect } = await previewChange(ports, who, work);
  return { ...effect, shut_out: shutOut.map(affectedOf), let_in: letIn.map(affectedOf) };
}

function affectedOf({ platformId, ...affected }: Affected) {
  return { platform: platformId, ...affected };
}
