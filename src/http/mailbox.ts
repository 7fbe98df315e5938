import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Request, Response } from "express";
import type { z } from "zod";
import { RelaisError } from "../core/errors.ts";
import { asId } from "../core/ids.ts";
import { acknowledgeDelivery, expectReceipt } from "../core/mailbox/acknowledge-delivery.ts";
import {
  fetchManifest,
  fetchPackage,
  listDeliveries,
  listPackages,
  readDelivery,
  type DeliveryView,
} from "../core/mailbox/fetch-packages.ts";
import { PACKAGE_TYPE } from "../core/mailbox/package-format.ts";
import { mustBeParticipant } from "../core/register/register-caller.ts";
import { MANIFEST_TYPE } from "../core/transfer/manifest.ts";
import * as schemas from "./mailbox-schemas.ts";
import { parse } from "./parse.ts";
import { registerCallerOf } from "./register-caller.ts";
import type { RoutePorts } from "./route-ports.ts";
import { takingTurns } from "./turns.ts";

/** No receipt is longer: it names every item, at about 200 bytes each. */
export const RECEIPT_BYTES = 64 * 1024 * 1024;
const PAGE = 100;
const inTurn = takingTurns();

async function deskOf(ports: RoutePorts, req: Request) {
  const { participantId: platformId } = mustBeParticipant(await registerCallerOf(ports, req));
  if (ports.desk !== undefined) return { ...ports, ...ports.desk, platformId };
  throw new RelaisError("unavailable", "This Relais keeps no mailbox. The operator must give it a folder (RELAIS_MAILBOX_DIR).");
}

type Desk = Awaited<ReturnType<typeof deskOf>>;

const askedOf = ({ platformId }: Desk, req: Request) => ({ platformId, transferId: asId("transfer", req.params["transfer"]) });

/** What waits for the caller, and how what waited lately ended. */
export async function getMailbox(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const desk = await deskOf(ports, req);
  const { cursor, limit = PAGE, state } = parse(schemas.DeliveriesQuery, req.query, "query");
  const after = cursor === undefined ? null : asId("transfer", cursor);
  const found = await listDeliveries(desk, desk.platformId, { after, limit, state });
  const next = found.length === limit ? (found.at(-1)?.transferId ?? null) : null;
  if (next !== null) linkTo(res, req, { limit, cursor: next, ...(state === undefined ? {} : { state }) });
  res.json({ deliveries: found.map(describe), next } satisfies z.infer<typeof schemas.DeliveryList>);
}

export async function getDelivery(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const desk = await deskOf(ports, req);
  res.json(describe(await readDelivery(desk, askedOf(desk, req))));
}

export async function getPackages(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const desk = await deskOf(ports, req);
  const { cursor, limit = PAGE } = parse(schemas.PackagesQuery, req.query, "query");
  const after = cursor === undefined ? null : asId("package", cursor);
  const found = await listPackages(desk, askedOf(desk, req), { after, limit });
  const next = found.length === limit ? (found.at(-1)?.id ?? null) : null;
  if (next !== null) linkTo(res, req, { limit, cursor: next });
  const packages = found.map(({ id, dataset, key, mediaType, bytes, fetchedAt }) => ({
    id,
    dataset,
    key,
    media_type: mediaType,
    bytes,
    fetched_at: fetchedAt?.toISOString() ?? null,
  }));
  res.json({ packages, next } satisfies z.infer<typeof schemas.PackageList>);
}

export async function getManifest(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const desk = await deskOf(ports, req);
  res.type(`application/${MANIFEST_TYPE}`).send(await fetchManifest(desk, askedOf(desk, req)));
}

/** Whole, or from where it broke off (RFC 9110 §14): one range, which the name of the package as entity tag holds for. */
export async function getPackage(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const desk = await deskOf(ports, req);
  const { found, read } = await fetchPackage(desk, { ...askedOf(desk, req), id: asId("package", req.params["package"]) });
  const tag = `"${found.id}"`;
  res.set({ "Content-Type": PACKAGE_TYPE, "Accept-Ranges": "bytes", ETag: tag });
  const range = rangeOf(req, { tag, bytes: found.bytes });
  if (range === "unsatisfiable") return void res.status(416).set("Content-Range", `bytes */${found.bytes}`).end();
  const { start, end } = range ?? { start: 0, end: found.bytes - 1 };
  if (range !== null) res.status(206).set("Content-Range", `bytes ${start}-${end}/${found.bytes}`);
  res.set("Content-Length", String(end - start + 1));
  if (req.method === "HEAD") return void res.end();
  const bytes = await read({ start, end });
  // What goes wrong from here on cuts the connection: the answer has begun, and its length tells that it is not whole.
  await pipeline(Readable.from(bytes, { objectMode: false }), res).catch(() => res.destroy());
}

/** Null for the whole: no range, several of them, or one of another version. */
function rangeOf(req: Request, { tag, bytes }: { tag: string; bytes: number }): { start: number; end: number } | "unsatisfiable" | null {
  const condition = req.get("if-range");
  if (req.get("range") === undefined || (condition !== undefined && condition !== tag)) return null;
  const ranges = req.range(bytes, { combine: true });
  if (ranges === -1) return "unsatisfiable";
  const [one, ...more] = ranges === undefined || ranges === -2 || ranges.type !== "bytes" ? [] : ranges;
  return one === undefined || more.length > 0 ? null : { start: one.start, end: one.end };
}

/** Nothing of it is read before it is known that the delivery is the caller's and how long its receipt may be; one at a time for each platform. */
export async function putReceipt(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const desk = await deskOf(ports, req);
  const asked = askedOf(desk, req);
  const most = Math.min(await expectReceipt(desk, asked), RECEIPT_BYTES);
  if (Number(req.get("content-length") ?? 0) > most) throw tooLong(most);
  await inTurn(desk.platformId, () => takeReceipt(desk, { req, res, asked, most }));
}

interface Taken {
  req: Request;
  res: Response;
  asked: ReturnType<typeof askedOf>;
  most: number;
}

async function takeReceipt(desk: Desk, { req, res, asked, most }: Taken): Promise<void> {
  const jws = (await textOf(req, most)).trim();
  if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(jws))
    throw new RelaisError("invalid", "The body is no signed receipt (a compact JWS). Send it as it was signed.");
  res.status(202).json(describe(await acknowledgeDelivery(desk, { ...asked, jws })));
}

async function textOf(req: Request, most: number): Promise<string> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of req as AsyncIterable<Buffer>) {
    length += piece.length;
    if (length > most) throw tooLong(most);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("latin1");
}

function tooLong(most: number): RelaisError {
  return new RelaisError("too_large", `A receipt for this delivery is at most ${most} bytes long. Sign one that names its items alone.`, {
    actor: "client",
  });
}

function linkTo(res: Response, req: Request, query: { limit: number; cursor: string; state?: string }): void {
  const search = new URLSearchParams({ ...query, limit: String(query.limit) });
  res.set("Link", `<${req.path}?${search}>; rel="next"`);
}

function describe(view: DeliveryView): z.infer<typeof schemas.Delivery> {
  return {
    transfer: view.transferId,
    consent: view.consentId,
    source: view.source,
    subject: view.subject,
    state: view.state,
    packages: view.packages,
    bytes: view.bytes,
    offered_at: (view.offeredAt ?? view.createdAt).toISOString(),
    expires_at: (view.expiresAt ?? view.createdAt).toISOString(),
  };
}
