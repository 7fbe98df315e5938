import { createHash } from "node:crypto";
import express, { Router, type Request, type Response } from "express";
import { RelaisError } from "../../core/errors.ts";
import { COMPACT_BYTES } from "../../core/transfer/compact-form.ts";
import { contentDigest, MANIFEST_TYPE, readContentDigest, RECEIPT_TYPE, sha256 } from "../../core/transfer/manifest.ts";
import { cursorOf, placeOf } from "../export/cursor.ts";
import { announcedIn, assertItemName } from "./announcement.ts";
import { takeCompact } from "./compact.ts";
import type { Intake } from "./intake.ts";
import type { SignatureGuard } from "./signatures.ts";

/** Of an announcement, and of all that travels in compact form. */
const ANNOUNCEMENT_BYTES = COMPACT_BYTES;
/** A manifest names every item of a transfer: about 200 bytes each. */
const MANIFEST_BYTES = "256mb";
const LOOK_ITEMS = 5000;

export interface DestinationSide {
  /** The address of this side, without a slash at its end. */
  inbox: string;
  guard: SignatureGuard;
  intake: Intake;
}

type Handler = (side: DestinationSide, request: Request, response: Response) => Promise<void> | void;

/** The destination side of the Self Data transfer protocol. The signature is checked before a body is read. */
export function inboxRoutes(side: DestinationSide): Router {
  const router = Router();
  const raw = (limit: string | number) => express.raw({ type: () => true, limit, inflate: false });
  const on = (handler: Handler) => (request: Request, response: Response) => handler(side, request, response);
  router.use(async (request, _response, next) => {
    await side.guard(request);
    next();
  });
  router.post("/transfers", raw(ANNOUNCEMENT_BYTES), on(announce));
  router.put("/transfers/:transfer/items/:dataset/:key", on(putItem));
  router.get("/transfers/:transfer", on(look));
  router.post("/transfers/:transfer/complete", raw(MANIFEST_BYTES), on(complete));
  router.delete("/transfers/:transfer", on(stop));
  return router;
}

/** The whole body, where it is the one that its digest names (RFC 9530). */
function wholeBody(request: Request): Buffer {
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  if (readContentDigest(request.get("content-digest")) === sha256(body)) return body;
  throw new RelaisError("digest_mismatch", "The body is not the one that its Content-Digest names. Send it again.", { actor: "client" });
}

async function announce(side: DestinationSide, request: Request, response: Response): Promise<void> {
  const body = wholeBody(request);
  if (request.is("multipart/related") !== false) {
    const receipt = await takeCompact(side.intake, request.get("content-type") ?? "", body);
    return void response.type(`application/${RECEIPT_TYPE}`).send(receipt);
  }
  const announced = announcedIn(parsed(body.toString()));
  if (request.get("idempotency-key") !== `"${announced.transfer}"`)
    throw new RelaisError("invalid", "The Idempotency-Key of an announcement is the transfer, in quotes.");
  const isNew = side.intake.announce(announced);
  const location = `${side.inbox}/transfers/${encodeURIComponent(announced.transfer)}`;
  response.set("location", location);
  if (isNew) return void response.status(201).json({ transfer: announced.transfer, state: "open" });
  response
    .status(409)
    .type("application/problem+json")
    .send(JSON.stringify({ type: "about:blank", title: "This transfer is known already.", status: 409, code: "conflict" }));
}

function parsed(text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text)) as Record<string, unknown>;
  } catch (cause) {
    throw new RelaisError("invalid", "The body is not JSON.", { cause });
  }
}

async function putItem(side: DestinationSide, request: Request, response: Response): Promise<void> {
  const { transfer, dataset, key } = request.params as Record<"transfer" | "dataset" | "key", string>;
  assertItemName(dataset, key);
  const expected = `"${transfer}/${createHash("sha256").update(`${dataset}/${key}`).digest("base64url")}"`;
  if (request.get("idempotency-key") !== expected) throw new RelaisError("invalid", "The Idempotency-Key is not the one of this item.");
  const digest = readContentDigest(request.get("content-digest"));
  const bytes = Number(request.get("content-length") ?? NaN);
  const mediaType = request.get("content-type");
  if (digest === null || !Number.isSafeInteger(bytes) || mediaType === undefined)
    throw new RelaisError("invalid", "An item needs its Content-Type, Content-Length and SHA-256 Content-Digest.");
  const isNew = await side.intake.put({ transfer, dataset, key, mediaType, bytes, sha256: digest }, request);
  response.status(isNew ? 201 : 204).end();
}

function look(side: DestinationSide, request: Request, response: Response): void {
  const { cursor } = request.query;
  const after = typeof cursor === "string" ? nameAt(cursor) : null;
  const { state, items } = side.intake.look(String(request.params["transfer"]), { limit: LOOK_ITEMS + 1, after });
  const page = items.slice(0, LOOK_ITEMS);
  const last = items.length > LOOK_ITEMS ? page.at(-1) : undefined;
  response.json({
    transfer: request.params["transfer"],
    state,
    items: page.map(({ dataset, key, bytes, sha256: digest }) => ({ dataset, key, bytes, digest: contentDigest(digest) })),
    next: last === undefined ? null : cursorOf(`${last.dataset}/${last.key}`),
  });
}

function nameAt(cursor: string): { dataset: string; key: string } {
  const [dataset = "", ...key] = placeOf(cursor).split("/");
  return { dataset, key: key.join("/") };
}

async function complete(side: DestinationSide, request: Request, response: Response): Promise<void> {
  const jws = wholeBody(request).toString();
  if (request.is(`application/${MANIFEST_TYPE}`) === false)
    throw new RelaisError("unsupported", `A transfer is completed with application/${MANIFEST_TYPE}.`);
  const receipt = await side.intake.complete(String(request.params["transfer"]), jws);
  response.type(`application/${RECEIPT_TYPE}`).send(receipt);
}

function stop(side: DestinationSide, request: Request, response: Response): void {
  side.intake.stop(String(request.params["transfer"]));
  response.status(204).end();
}
