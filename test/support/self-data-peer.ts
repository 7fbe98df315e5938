import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { canonicalJson } from "../../src/core/canonical-json.ts";
import { contentDigest, readContentDigest, sha256, type Manifest } from "../../src/core/transfer/manifest.ts";

interface Held {
  dataset: string;
  key: string;
  mediaType: string;
  content: Buffer;
}

/** A platform that speaks the wire protocol in memory: both sides, without trust. For the adapter, not for anything else. */
export interface SelfDataPeer extends AsyncDisposable {
  url: string;
  held: Map<string, Held>;
  /** Answers every request of the source side once with `use_dpop_nonce` before it serves. */
  nonce: string | null;
  /** Where set, answers instead of the peer. */
  override: ((request: IncomingMessage, response: ServerResponse) => boolean) | null;
}

export async function startSelfDataPeer(): Promise<SelfDataPeer> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const peer: SelfDataPeer = { url, held: new Map(), nonce: null, override: null, [Symbol.asyncDispose]: () => close(server) };
  const transfers = new Map<string, string | null>();
  server.on("request", (request, response) => {
    if (peer.override?.(request, response)) return;
    serve(peer, transfers, request, response).catch(() => response.destroy());
  });
  return peer;
}

async function close(server: Server): Promise<void> {
  server.close();
  server.closeAllConnections();
  await once(server, "close");
}

async function serve(
  peer: SelfDataPeer,
  transfers: Map<string, string | null>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? "/", peer.url);
  const [side, ...path] = url.pathname.split("/").filter(Boolean).map(decodeURIComponent);
  if (side === "export") return serveSource(peer, path, url, request, response);
  const body = await bodyOf(request);
  const digest = readContentDigest(request.headers["content-digest"] as string | undefined);
  if (body.length > 0 && digest !== sha256(body)) return problem(response, 412, "digest_mismatch");
  serveDestination({ peer, transfers, path, request, response, body });
}

function serveSource(peer: SelfDataPeer, path: string[], url: URL, request: IncomingMessage, response: ServerResponse): void {
  if (peer.nonce !== null && request.headers["x-nonce"] !== peer.nonce) {
    response.writeHead(401, { "www-authenticate": 'DPoP error="use_dpop_nonce"', "dpop-nonce": peer.nonce }).end();
    return;
  }
  const all = [...peer.held.values()].toSorted((a, b) => (a.key < b.key ? -1 : 1));
  const [first, dataset, , key] = path;
  if (request.method === "DELETE" && first === "account-data") {
    peer.held.clear();
    return void response.writeHead(204).end();
  }
  const names = [...new Set(all.map((item) => item.dataset))];
  if (dataset === undefined)
    return json(response, 200, {
      datasets: names.map((name) => ({ dataset: name, ...count(all.filter((item) => item.dataset === name)) })),
    });
  const items = all.filter((item) => item.dataset === dataset);
  if (items.length === 0) return problem(response, 404, "not_found");
  if (key === undefined) return json(response, 200, page(items, dataset, url));
  const item = items.find((candidate) => candidate.key === key);
  if (!item) return problem(response, 404, "not_found");
  response.writeHead(200, { "content-type": item.mediaType, "content-digest": contentDigest(sha256(item.content)) }).end(item.content);
}

const count = (items: Held[]): { items: number; bytes: number } => ({
  items: items.length,
  bytes: items.reduce((sum, item) => sum + item.content.length, 0),
});

function page(items: Held[], dataset: string, url: URL): object {
  const start = Number(url.searchParams.get("cursor") ?? 0);
  const end = start + 3;
  return {
    dataset,
    next: end < items.length ? String(end) : null,
    items: items.slice(start, end).map((item) => ({
      key: item.key,
      media_type: item.mediaType,
      bytes: item.content.length,
      digest: contentDigest(sha256(item.content)),
      ...inline(item),
    })),
  };
}

function inline(item: Held): { content?: unknown } {
  if (item.mediaType !== "application/json" || item.content.length === 0) return {};
  const content: unknown = JSON.parse(item.content.toString());
  return canonicalJson(content) === item.content.toString() ? { content } : {};
}

interface Call {
  peer: SelfDataPeer;
  transfers: Map<string, string | null>;
  path: string[];
  request: IncomingMessage;
  response: ServerResponse;
  body: Buffer;
}

function serveDestination({ peer, transfers, path, request, response, body }: Call): void {
  const [, transfer, step, dataset, key] = path;
  if (request.headers["signature"] === undefined) return problem(response, 401, "unauthenticated");
  if (transfer === undefined) {
    const id = (JSON.parse(body.toString()) as { transfer: string }).transfer;
    const known = transfers.has(id);
    transfers.set(id, transfers.get(id) ?? null);
    return void response.writeHead(known ? 409 : 201, { location: `/inbox/transfers/${id}` }).end();
  }
  if (step === "items") {
    const had = peer.held.get(`${dataset}/${key}`);
    peer.held.set(`${dataset}/${key}`, {
      dataset: dataset ?? "",
      key: key ?? "",
      mediaType: request.headers["content-type"] ?? "",
      content: body,
    });
    return void response.writeHead(had?.content.equals(body) ? 204 : 201).end();
  }
  if (step === "complete") return complete(peer, body.toString(), response);
  if (request.method === "DELETE") return void response.writeHead(204).end();
  const items = [...peer.held.values()].map((item) => ({
    dataset: item.dataset,
    key: item.key,
    bytes: item.content.length,
    digest: contentDigest(sha256(item.content)),
  }));
  json(response, 200, { transfer, state: "open", items, next: null });
}

/** The receipt's signature is not the adapter's to check: it is only the right form here. */
function complete(peer: SelfDataPeer, jws: string, response: ServerResponse): void {
  const manifest = JSON.parse(Buffer.from(jws.split(".")[1] ?? "", "base64url").toString()) as Manifest;
  const items = manifest.items.flatMap(({ dataset, key }) => {
    const held = peer.held.get(`${dataset}/${key}`);
    return held ? [{ dataset, key, bytes: held.content.length, "sha-256": sha256(held.content) }] : [];
  });
  const payload = Buffer.from(JSON.stringify({ manifest: sha256(jws), items })).toString("base64url");
  response
    .writeHead(200, { "content-type": "application/self-data-receipt+jwt" })
    .end(`e30.${payload}.${createHash("sha256").update(payload).digest("base64url")}`);
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function json(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}

function problem(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { "content-type": "application/problem+json" }).end(JSON.stringify({ code }));
}
