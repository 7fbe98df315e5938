import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { Router, type Request, type RequestHandler, type Response } from "express";
import { RelaisError } from "../core/errors.ts";
import { formatKey, type NoteSigner } from "../core/ledger/note.ts";
import { proveEntry } from "../core/ledger/prove-entry.ts";
import { signCheckpoint } from "../core/ledger/sign-checkpoint.ts";
import { encodeBundle, parseTilePath, TILE_HEIGHT, TILE_WIDTH, type Tile } from "../core/ledger/tiles.ts";
import type { Store } from "../core/ports.ts";

export interface LogPorts {
  store: Store;
  key: NoteSigner;
}

type Handler = (ports: LogPorts, req: Request, res: Response) => Promise<void>;

const FRESH = "public, max-age=2";
const FOR_EVER = "public, max-age=31536000, immutable";
const TILES = "/log/tile/";

/** Small answers grow by compression, and hashes do not shrink. */
const WORTH_COMPRESSING = 1024;
const compress = promisify(gzip);

/** The public log for outsiders (C2SP tlog-tiles): files that can be cached, and proofs for those who do not want to compute them. */
// oxfmt-ignore
const ROUTES: [path: string, handler: Handler][] = [
  ["/log/key",          getKey],
  ["/log/checkpoint",   getCheckpoint],
  [`${TILES}*path`,     getTile],
  ["/log/entry/:index", getEntry],
  ["/log/proof/:index", getProof],
];

export function createLog(ports: LogPorts): Router {
  const router = Router();
  for (const [path, handler] of ROUTES) router.route(path).get(on(ports, handler)).all(refuseMethod);
  return router;
}

function on(ports: LogPorts, handler: Handler): RequestHandler {
  return (req, res) => handler(ports, req, res);
}

const refuseMethod: RequestHandler = (_req, res) => {
  res.set("Allow", "GET, HEAD");
  throw new RelaisError("method_not_allowed", "The log is read with GET. Nobody writes it from outside.");
};

async function getKey({ key }: LogPorts, _req: Request, res: Response): Promise<void> {
  text(res, "public, max-age=300", `${formatKey(key)}\n`);
}

async function getCheckpoint(ports: LogPorts, _req: Request, res: Response): Promise<void> {
  const { note } = await signCheckpoint(ports);
  text(res, FRESH, note);
}

async function getTile({ store }: LogPorts, req: Request, res: Response): Promise<void> {
  const tile = parseTilePath(req.path.slice(TILES.length));
  if (tile === null)
    throw new RelaisError(
      "invalid",
      "This is not the address of a tile. It looks like /log/tile/0/x001/067, or /log/tile/entries/000.p/17.",
    );
  const parts = await store.read(({ ledger }) => {
    const range = { from: tile.index * TILE_WIDTH, to: tile.index * TILE_WIDTH + tile.width };
    return tile.level === "entries" ? ledger.entries(range) : ledger.hashes(tile.level * TILE_HEIGHT, range);
  });
  if (parts.length < tile.width)
    throw new RelaisError("not_found", "The log does not reach this far yet. Its checkpoint says how many entries it has.");
  await sendTile(req, res, tile, parts);
}

async function sendTile(req: Request, res: Response, tile: Tile, parts: Buffer[]): Promise<void> {
  res.set("Cache-Control", FOR_EVER).type("application/octet-stream");
  if (tile.level !== "entries") return void res.send(Buffer.concat(parts));
  const bundle = encodeBundle(parts);
  res.vary("Accept-Encoding");
  if (bundle.length < WORTH_COMPRESSING || req.acceptsEncodings("gzip") === false) return void res.send(bundle);
  res.set("Content-Encoding", "gzip").send(await compress(bundle));
}

/** The very bytes that are hashed: they are JSON, so people can read them. */
async function getEntry({ store }: LogPorts, req: Request, res: Response): Promise<void> {
  const index = indexOf(req);
  const [entry] = await store.read(({ ledger }) => ledger.entries({ from: index, to: index + 1 }));
  if (entry === undefined)
    throw new RelaisError("not_found", `The log has no entry ${index} yet. Its checkpoint says how many entries it has.`);
  res.set("Cache-Control", FOR_EVER).set("Link", `</log/proof/${index}>; rel="related"`).type("json").send(entry);
}

async function getProof(ports: LogPorts, req: Request, res: Response): Promise<void> {
  const index = indexOf(req);
  const proof = await proveEntry(ports, index);
  res.attachment(`entry-${index}.tlog-proof`);
  text(res, FRESH, proof);
}

function indexOf(req: Request): number {
  const text = String(req.params["index"]);
  const index = Number(text);
  if (!/^(0|[1-9]\d*)$/.test(text) || !Number.isSafeInteger(index))
    throw new RelaisError("invalid", "Entries of the log are numbered 0, 1, 2, … Give the number of one.");
  return index;
}

function text(res: Response, cache: string, body: string): void {
  res.set("Cache-Control", cache).type("text/plain").send(body);
}
