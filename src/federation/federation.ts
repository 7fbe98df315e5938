import { Router, urlencoded, type Request, type Response } from "express";
import { CONSENT_LISTS_PATH } from "../core/consent/consent-status.ts";
import type { MarkPorts } from "../core/federation/mark-standing.ts";
import type { Store } from "../core/ports.ts";
import { answerErrors, FederationError } from "./federation-error.ts";
import { markStatus } from "./mark-status.ts";
import { all, one, optional } from "./parameters.ts";
import { cachedChains, resolveResponse, type Chains, type ResolvePorts } from "./resolve.ts";
import { MARK_LIST_PATH, statusLists, type StatusList } from "./status-list.ts";
import { ENDPOINTS, entityConfiguration, historicalKeys, MEDIA_TYPES, subordinateStatement } from "./statements.ts";

export interface FederationPorts extends ResolvePorts, MarkPorts {
  store: Store;
}

type Ports = FederationPorts & { chains: Chains; lists: ReturnType<typeof statusLists> };
type Handler = (ports: Ports, req: Request, res: Response) => Promise<void>;

/** Relais as trust anchor, trust mark issuer and resolver (OpenID Federation 1.0 §8). */
export function createFederation(given: FederationPorts): Router {
  const router = Router();
  const form = urlencoded({ extended: false, limit: "32kb" });
  const ports = { ...given, chains: cachedChains(given), lists: statusLists(given) };
  const on = (handler: Handler) => (req: Request, res: Response) => handler(ports, req, res);
  router.get("/.well-known/openid-federation", on(getConfiguration));
  router.get(ENDPOINTS.fetch, on(getStatement));
  router.get(ENDPOINTS.list, on(getList));
  router.get(ENDPOINTS.resolve, on(getResolved));
  router.get(MARK_LIST_PATH, on(getMarkList));
  router.get(`${CONSENT_LISTS_PATH}/:list`, on(getConsentList));
  router.get(ENDPOINTS.trustMark, on(getTrustMark));
  router.post(ENDPOINTS.trustMarkStatus, form, on(postTrustMarkStatus));
  router.get(ENDPOINTS.trustMarkList, on(getTrustMarkList));
  router.get(ENDPOINTS.historicalKeys, on(getHistoricalKeys));
  router.use(["/.well-known/openid-federation", "/federation"], answerErrors);
  return router;
}

async function getConfiguration(ports: Ports, _req: Request, res: Response): Promise<void> {
  answer(res, "statement", await entityConfiguration(ports));
}

async function getStatement(ports: Ports, req: Request, res: Response): Promise<void> {
  const sub = one(req, "sub");
  if (sub === ports.issuer)
    throw new FederationError("invalid_request", "sub is this entity itself; its configuration is at /.well-known/openid-federation");
  const found = await findSubordinate(ports, sub);
  if (found === null) throw new FederationError("not_found", "no subordinate has this entity identifier");
  answer(res, "statement", await subordinateStatement(ports, found.participant));
}

function findSubordinate({ store, clock }: Ports, entityId: string) {
  return store.read((r) => r.subordinates.find(entityId, clock.now()));
}

const LIST_FILTERS = ["entity_type", "trust_marked", "trust_mark_type", "intermediate"];

async function getList({ store, clock }: Ports, req: Request, res: Response): Promise<void> {
  const strange = Object.keys(req.query).find((name) => !LIST_FILTERS.includes(name));
  if (strange !== undefined) throw new FederationError("unsupported_parameter", `the parameter ${strange.slice(0, 40)} is not supported`);
  const filter = {
    entityTypes: all(req, "entity_type"),
    marked: optional(req, "trust_marked") === "true",
    markType: optional(req, "trust_mark_type"),
  };
  // No subordinate of ours has subordinates of its own.
  const none = optional(req, "intermediate") === "true";
  res.json(none ? [] : await store.read((r) => r.subordinates.entityIds(filter, clock.now())));
}

/** §8.3: what can be relied on about an entity, in one signed answer. */
async function getResolved(ports: Ports, req: Request, res: Response): Promise<void> {
  const sub = one(req, "sub");
  const anchors = all(req, "trust_anchor");
  if (anchors.length === 0) throw new FederationError("invalid_request", "the parameter trust_anchor is needed");
  if (!anchors.includes(ports.issuer))
    throw new FederationError("invalid_trust_anchor", "this resolver answers for its own trust anchor alone");
  const found = await findSubordinate(ports, sub);
  if (found === null) throw new FederationError("invalid_subject", "no subordinate has this entity identifier");
  answer(res, "resolved", await resolveResponse(ports, ports.chains, { ...found, types: all(req, "entity_type") }));
}

async function getTrustMark(ports: Ports, req: Request, res: Response): Promise<void> {
  const { type, sub } = { type: one(req, "trust_mark_type"), sub: one(req, "sub") };
  const mark = (await findSubordinate(ports, sub))?.marks.find((borne) => borne.type === type);
  if (mark === undefined) throw new FederationError("not_found", "this entity bears no such trust mark");
  answer(res, "trustMark", mark.jwt);
}

async function getTrustMarkList({ store, clock }: Ports, req: Request, res: Response): Promise<void> {
  const filter = { entityTypes: [], marked: true, markType: one(req, "trust_mark_type"), sub: optional(req, "sub") };
  res.json(await store.read((r) => r.subordinates.entityIds(filter, clock.now())));
}

async function postTrustMarkStatus(ports: Ports, req: Request, res: Response): Promise<void> {
  const jwt = (req.body as Record<string, unknown> | undefined)?.["trust_mark"];
  if (typeof jwt !== "string" || jwt === "") throw new FederationError("invalid_request", "the form needs trust_mark");
  const status = await markStatus(ports, jwt);
  const iat = Math.floor(ports.clock.now().getTime() / 1000);
  answer(res, "trustMarkStatus", await ports.sign("trust-mark-status-response+jwt", { iss: ports.issuer, iat, trust_mark: jwt, status }));
}

async function getHistoricalKeys(ports: Ports, _req: Request, res: Response): Promise<void> {
  answer(res, "historicalKeys", await historicalKeys(ports));
}

function getMarkList({ lists }: Ports, req: Request, res: Response): Promise<void> {
  return sendList(lists.marks, req, res);
}

async function getConsentList({ lists }: Ports, req: Request, res: Response): Promise<void> {
  const number = String(req.params["list"]);
  if (!/^(0|[1-9]\d{0,3})$/.test(number)) return void res.status(404).end();
  await sendList(lists.consents(Number(number)), req, res);
}

/** Draft-20 §8: 304 where the reader has this very list; no list of the past. */
async function sendList(list: StatusList, req: Request, res: Response): Promise<void> {
  if (req.query["time"] !== undefined) return void res.status(501).end();
  const found = await list();
  if (found === null) return void res.status(404).end();
  res.setHeader("vary", "Accept").setHeader("etag", found.etag);
  if (req.headers["if-none-match"] === found.etag) return void res.status(304).setHeader("cache-control", LIST_CACHING).end();
  answer(res, "statusList", found.jwt, LIST_CACHING);
}

const LIST_CACHING = "public, max-age=5";

function answer(res: Response, kind: keyof typeof MEDIA_TYPES, jwt: string, caching = "no-cache"): void {
  // `send` would add a character set, which a JWT media type does not have.
  res.status(200).setHeader("content-type", MEDIA_TYPES[kind]).setHeader("cache-control", caching).end(jwt);
}
