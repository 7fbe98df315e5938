import { pipeline } from "node:stream/promises";
import { Router, type Request, type RequestHandler, type Response } from "express";
import { RelaisError } from "../../core/errors.ts";
import type { DatasetCount } from "../../core/transfer/adapter.ts";
import { contentDigest } from "../../core/transfer/manifest.ts";
import type { Consented } from "../../sdk/require-consent.ts";
import { consentOf, type ConsentGuard } from "./consented.ts";
import { EVERYTHING } from "./faults.ts";
import type { Library, ListedItem } from "./library.ts";

const DEFAULT_LIMIT = 200;
const MOST_ITEMS = 1000;

export interface SourceSide {
  library: Library;
  guard: ConsentGuard;
  /** What people corrected here: the only thing that a consent to propose opens. */
  corrections?: Library;
  /** The account of an access token of our own issuer with scope `self_data.inventory`; null for any other. */
  ownAccount?: (token: string) => Promise<string | null>;
}

type Handler = (side: SourceSide, request: Request, response: Response) => Promise<void>;

/** The source side of the Self Data transfer protocol. */
export function exportRoutes(side: SourceSide): Router {
  const router = Router();
  const on = (handler: Handler) => (request: Request, response: Response) => handler(side, request, response);
  const named = side.guard({ dataset: ({ dataset }) => String(dataset), action: actionsOf(side.corrections) });
  router.get("/datasets", inventoryGuard(side), on(getInventory));
  router.head("/datasets/:dataset", named, on(headDataset));
  router.get("/datasets/:dataset", named, on(getPage));
  router.get("/datasets/:dataset/items/:key", named, on(getItem));
  if (side.library.erase) router.delete("/account-data", side.guard({ action: "erase" }), on(eraseAccount));
  return router;
}

/** An owner sees all that the account holds; Relais, what the person allowed it to see. */
function inventoryGuard({ guard, ownAccount, corrections }: SourceSide): RequestHandler {
  const consented = guard({ action: actionsOf(corrections) });
  return async (request, response, next) => {
    const token = /^Bearer (\S+)$/i.exec(request.get("authorization") ?? "")?.[1];
    if (token === undefined || ownAccount === undefined) return consented(request, response, next);
    const account = await ownAccount(token);
    if (account === null)
      throw new RelaisError(
        "unauthenticated",
        "The access token is not one that tells what an account holds. Sign in again with the scope self_data.inventory.",
      );
    response.locals["consent"] = { account, datasets: EVERYTHING, actions: new Set(), isOwner: true };
    next();
  };
}

async function getInventory(side: SourceSide, _request: Request, response: Response): Promise<void> {
  const { account, datasets, actions, isOwner = false } = consentOf(response.locals) as Consented & { isOwner?: boolean };
  const counts = await libraryOf(side, { actions }).counts(account);
  // Who else is on the contract is told to Relais alone, when the person signs in; never with their data.
  const contract = isOwner ? (side.library.contract?.(account) ?? null) : null;
  response.set("cache-control", "no-store").json({
    datasets: counts.filter(({ dataset }) => datasets.has(dataset)),
    ...(contract === null ? {} : { contract }),
  });
}

/** Reading takes a consent to copy, or, where people correct things here, one to propose what they corrected. */
const actionsOf = (corrections: Library | undefined): string[] => (corrections ? ["copy", "propose"] : ["copy"]);

/** Under a consent to propose nothing is read but what the person corrected. */
function libraryOf({ library, corrections }: SourceSide, { actions }: Pick<Consented, "actions">): Library {
  return corrections !== undefined && actions.has("propose") ? corrections : library;
}

async function headDataset(side: SourceSide, request: Request, response: Response): Promise<void> {
  const consented = consentOf(response.locals);
  const counts = await libraryOf(side, consented).counts(consented.account);
  const count = counts.find((candidate: DatasetCount) => candidate.dataset === request.params["dataset"]) ?? notFound("data set");
  response.set({ "self-data-items": String(count.items), "self-data-bytes": String(count.bytes), "cache-control": "no-store" }).end();
}

async function getPage(side: SourceSide, request: Request, response: Response): Promise<void> {
  const consented = consentOf(response.locals);
  const dataset = String(request.params["dataset"]);
  const { cursor, since, limit, position } = request.query;
  const asked = {
    account: consented.account,
    dataset,
    cursor: typeof cursor === "string" ? cursor : null,
    limit: limitOf(limit),
  };
  const library = libraryOf(side, consented);
  // Asked first: what changes while this page is made is listed again the next time.
  const stands = (await library.position?.(consented.account, dataset)) ?? null;
  const page =
    typeof position === "string"
      ? await library.changes?.({ ...asked, position })
      : ((await library.page({ ...asked, since: sinceOf(since) })) ?? notFound("data set"));
  response.set("cache-control", "no-store");
  if (!page) return answerUnknownPosition(response);
  const { next, items, ...more } = page;
  const isFirst = asked.cursor === null && position === undefined && since === undefined;
  const count = isFirst ? await totalsOf(library, asked) : {};
  response.json({ dataset, next, ...count, ...(stands === null ? {} : { position: stands }), items: items.map(listed), ...more });
}

/** On the first page of a whole list, so that nobody has to ask for it beside. */
async function totalsOf(library: Library, { account, dataset }: { account: string; dataset: string }): Promise<object> {
  const count = (await library.counts(account)).find((one) => one.dataset === dataset);
  return count === undefined ? {} : { count: { items: count.items, bytes: count.bytes } };
}

function answerUnknownPosition(response: Response): void {
  const problem = {
    type: "about:blank",
    title: "This position is not known here any more. Read the list from its beginning.",
    status: 410,
  };
  response
    .status(410)
    .type("application/problem+json")
    .send(JSON.stringify({ ...problem, code: "position_unknown" }));
}

function sinceOf(value: unknown): Date | null {
  if (value === undefined) return null;
  const time = typeof value === "string" && /^\d{4}-\d\d-\d\d/.test(value) ? Date.parse(value) : NaN;
  if (Number.isNaN(time)) throw new RelaisError("invalid", "`since` is not a date or time (RFC 3339).");
  return new Date(time);
}

function limitOf(value: unknown): number {
  if (value === undefined) return DEFAULT_LIMIT;
  if (typeof value !== "string" || !/^[1-9]\d{0,5}$/.test(value)) throw new RelaisError("invalid", "`limit` is not a count of 1 or more.");
  return Math.min(Number(value), MOST_ITEMS);
}

function listed(item: ListedItem): object {
  const { key, mediaType, bytes, sha256, modified } = item;
  return {
    key,
    media_type: mediaType,
    bytes,
    digest: contentDigest(sha256),
    modified,
    ...(Object.hasOwn(item, "content") ? { content: item.content } : {}),
  };
}

async function getItem(side: SourceSide, request: Request, response: Response): Promise<void> {
  const { dataset, key } = request.params;
  const consented = consentOf(response.locals);
  const item = (await libraryOf(side, consented).read(consented.account, String(dataset), String(key))) ?? notFound("item");
  response.set({
    "content-type": item.mediaType,
    "content-length": String(item.bytes),
    "content-digest": contentDigest(item.sha256),
    "cache-control": "no-store",
  });
  if (request.method === "HEAD") return void response.end();
  await pipeline(item.body, response).catch(cutShort);
}

/** The reader went away, or its connection broke: nobody is left to tell. */
function cutShort(error: unknown): void {
  const code = (error as { code?: unknown } | null)?.code;
  if (code !== "ERR_STREAM_PREMATURE_CLOSE" && code !== "ECONNRESET") throw error;
}

async function eraseAccount({ library }: SourceSide, _request: Request, response: Response): Promise<void> {
  const { account, datasets } = consentOf(response.locals);
  await library.erase?.(account, [...datasets]);
  response.status(204).end();
}

function notFound(what: string): never {
  throw new RelaisError("not_found", `This account has no such ${what} here.`);
}
