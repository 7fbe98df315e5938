import { Router, urlencoded, type Request, type Response } from "express";
import type { Reader, Store } from "../core/ports.ts";
import { isAccredited, type Participant, type TrustMark } from "../core/register/participant.ts";
import { answerErrors, FederationError } from "./federation-error.ts";
import { cachedChains, resolveResponse, type Chains, type ResolvePorts } from "./resolve.ts";
import { STATUS_LIST_PATH, statusListToken } from "./status-list.ts";
import { ENDPOINTS, entityConfiguration, historicalKeys, MEDIA_TYPES, subordinateStatement } from "./statements.ts";

export interface FederationPorts extends ResolvePorts {
  store: Store;
  /** The payload, where one of our federation keys signed this; throws otherwise. */
  verify: (jwt: string, type: string) => Promise<Record<string, unknown>>;
}

type Ports = FederationPorts & { chains: Chains };
type Handler = (ports: Ports, req: Request, res: Response) => Promise<void>;

/** Relais as trust anchor and trust mark issuer (OpenID Federation 1.0 §8). */
export function createFederation(ports: FederationPorts): Router {
  const router = Router();
  const form = urlencoded({ extended: false, limit: "32kb" });
  const all = { ...ports, chains: cachedChains(ports) };
  const on = (handler: Handler) => (req: Request, res: Response) => handler(all, req, res);
  router.get("/.well-known/openid-federation", on(getConfiguration));
  router.get(ENDPOINTS.fetch, on(getStatement));
  router.get(ENDPOINTS.list, on(getList));
  router.get(ENDPOINTS.resolve, on(getResolved));
  router.get(STATUS_LIST_PATH, on(getStatusList));
  router.get(ENDPOINTS.trustMark, on(getTrustMark));
  router.post(ENDPOINTS.trustMarkStatus, form, on(postTrustMarkStatus));
  router.get(ENDPOINTS.trustMarkList, on(getTrustMarkList));
  router.get(ENDPOINTS.historicalKeys, on(getHistoricalKeys));
  router.use(["/.well-known/openid-federation", "/federation"], answerErrors);
  return router;
}

async function getConfiguration(ports: FederationPorts, _req: Request, res: Response): Promise<void> {
  answer(res, "statement", await entityConfiguration(ports));
}

async function getStatement(ports: FederationPorts, req: Request, res: Response): Promise<void> {
  const sub = parameter(req, "sub");
  if (sub === ports.issuer)
    throw new FederationError("invalid_request", "sub is this entity itself; its configuration is at /.well-known/openid-federation");
  const participant = await ports.store.read((r) => r.participants.findByEntityId(sub));
  if (participant === null || !isSubordinate(participant))
    throw new FederationError("not_found", "no subordinate has this entity identifier");
  answer(res, "statement", await subordinateStatement(ports, participant));
}

const LIST_FILTERS = ["entity_type", "trust_marked", "trust_mark_type", "intermediate"];

async function getList(ports: FederationPorts, req: Request, res: Response): Promise<void> {
  const strange = Object.keys(req.query).find((name) => !LIST_FILTERS.includes(name));
  if (strange !== undefined) throw new FederationError("unsupported_parameter", `the parameter ${strange.slice(0, 40)} is not supported`);
  const types = [req.query["entity_type"] ?? []].flat();
  const markType = optional(req, "trust_mark_type");
  const marked = optional(req, "trust_marked") === "true" || markType !== undefined;
  const found = await bearersAndOthers(ports);
  const kept = found.filter(
    ({ participant, mark }) =>
      (types.length === 0 || types.some((type) => typeof type === "string" && entityTypes(participant).includes(type))) &&
      (!marked || mark !== null) &&
      (markType === undefined || mark?.type === markType),
  );
  // No subordinate of ours has subordinates of its own.
  res.json(optional(req, "intermediate") === "true" ? [] : kept.map(({ participant }) => participant.entityId));
}

interface Listed {
  participant: Participant;
  /** Null where none is in force. */
  mark: TrustMark | null;
}

function bearersAndOthers({ store, clock }: FederationPorts): Promise<Listed[]> {
  return store.read(async (r) => {
    const subordinates = (await r.participants.list()).filter(isSubordinate);
    const marks = await r.participants.findMarks(subordinates.map(({ id }) => id));
    const now = clock.now();
    return subordinates.map((participant) => {
      const mark = marks.get(participant.id) ?? null;
      return { participant, mark: isAccredited(participant, mark, now) ? mark : null };
    });
  });
}

async function markInForce(r: Reader, participant: Participant, now: Date): Promise<TrustMark | null> {
  const mark = await r.participants.findMark(participant.id);
  return isAccredited(participant, mark, now) ? mark : null;
}

/** Only entities with federation keys can be part of a chain; those that are suspended or revoked are left out at once. */
function isSubordinate(participant: Participant): boolean {
  return participant.keys.length > 0 && participant.status !== "suspended" && participant.status !== "revoked";
}

function entityTypes({ roles, client }: Participant): string[] {
  const own = roles.filter((role) => role !== "service").map((role) => `self_data_${role}`);
  return ["federation_entity", ...own, ...(client === null ? [] : ["oauth_client"])];
}

/** §8.3: what can be relied on about an entity, in one signed answer. */
async function getResolved(ports: Ports, req: Request, res: Response): Promise<void> {
  const sub = parameter(req, "sub");
  const anchors = [req.query["trust_anchor"] ?? []].flat();
  if (anchors.length === 0) throw new FederationError("invalid_request", "the parameter trust_anchor is needed");
  if (!anchors.includes(ports.issuer))
    throw new FederationError("invalid_trust_anchor", "this resolver answers for its own trust anchor alone");
  const types = [req.query["entity_type"] ?? []].flat().filter((type): type is string => typeof type === "string");
  const found = await ports.store.read(async (r) => {
    const participant = await r.participants.findByEntityId(sub);
    return participant && { participant, mark: await r.participants.findMark(participant.id) };
  });
  if (found === null || !isSubordinate(found.participant))
    throw new FederationError("invalid_subject", "no subordinate has this entity identifier");
  answer(res, "resolved", await resolveResponse(ports, ports.chains, { ...found, types }));
}

async function getStatusList(ports: Ports, _req: Request, res: Response): Promise<void> {
  res.setHeader("vary", "Accept");
  answer(res, "statusList", await statusListToken(ports), "public, max-age=5");
}

async function getTrustMark(ports: FederationPorts, req: Request, res: Response): Promise<void> {
  const { type, sub } = { type: parameter(req, "trust_mark_type"), sub: parameter(req, "sub") };
  const mark = await ports.store.read(async (r) => {
    const participant = await r.participants.findByEntityId(sub);
    return participant && markInForce(r, participant, ports.clock.now());
  });
  if (mark?.type !== type) throw new FederationError("not_found", "this entity bears no such trust mark");
  answer(res, "trustMark", mark.jwt);
}

async function getTrustMarkList(ports: FederationPorts, req: Request, res: Response): Promise<void> {
  const { type, sub } = { type: parameter(req, "trust_mark_type"), sub: optional(req, "sub") };
  const listed = await bearersAndOthers(ports);
  res.json(
    listed
      .filter(({ participant, mark }) => mark?.type === type && (sub === undefined || participant.entityId === sub))
      .map(({ participant }) => participant.entityId),
  );
}

async function postTrustMarkStatus(ports: FederationPorts, req: Request, res: Response): Promise<void> {
  const jwt = (req.body as Record<string, unknown> | undefined)?.["trust_mark"];
  if (typeof jwt !== "string" || jwt === "") throw new FederationError("invalid_request", "the form needs trust_mark");
  const status = await statusOf(ports, jwt);
  const iat = Math.floor(ports.clock.now().getTime() / 1000);
  answer(res, "trustMarkStatus", await ports.sign("trust-mark-status-response+jwt", { iss: ports.issuer, iat, trust_mark: jwt, status }));
}

/** A mark that names us as its issuer and is not signed by us: somebody forged it. */
function isForged({ issuer, peek }: FederationPorts, jwt: string): boolean {
  try {
    const { iss, trust_mark_type: type } = peek(jwt);
    return iss === issuer && String(type).startsWith(`${issuer}/charter/`);
  } catch {
    return false;
  }
}

/** §8.4.2, with `suspended` told apart from `revoked`. A mark that a newer one replaced is revoked. */
async function statusOf(ports: FederationPorts, jwt: string): Promise<"active" | "expired" | "suspended" | "revoked" | "invalid"> {
  const claims = await ports.verify(jwt, "trust-mark+jwt").catch(() => null);
  if (claims === null && isForged(ports, jwt)) return "invalid";
  if (!String(claims?.["trust_mark_type"]).startsWith(`${ports.issuer}/charter/`) || claims === null)
    throw new FederationError("not_found", "this trust mark was not issued here");
  const now = ports.clock.now();
  return ports.store.read(async (r) => {
    const participant = await r.participants.findByEntityId(String(claims["sub"]));
    if (participant === null) throw new FederationError("not_found", "this trust mark was not issued here");
    if (Number(claims["exp"]) * 1000 <= now.getTime()) return "expired";
    const mark = await r.participants.findMark(participant.id);
    if (mark?.jwt === jwt && isAccredited(participant, mark, now)) return "active";
    return mark?.jwt === jwt && participant.status === "suspended" ? "suspended" : "revoked";
  });
}

async function getHistoricalKeys(ports: FederationPorts, _req: Request, res: Response): Promise<void> {
  answer(res, "historicalKeys", await historicalKeys(ports));
}

function answer(res: Response, kind: keyof typeof MEDIA_TYPES, jwt: string, caching = "no-cache"): void {
  // `send` would add a character set, which a JWT media type does not have.
  res.status(200).setHeader("content-type", MEDIA_TYPES[kind]).setHeader("cache-control", caching).end(jwt);
}

function parameter(req: Request, name: string): string {
  const value = optional(req, name);
  if (value === undefined) throw new FederationError("invalid_request", `the parameter ${name} is needed`);
  return value;
}

function optional(req: Request, name: string): string | undefined {
  const value = req.query[name];
  if (value !== undefined && (typeof value !== "string" || value === ""))
    throw new FederationError("invalid_request", `the parameter ${name} must be given once`);
  return value;
}
