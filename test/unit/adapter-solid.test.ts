import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, beforeEach, test } from "node:test";
import { solid } from "../../adapters/solid/index.ts";
import { RelaisError } from "../../src/core/errors.ts";
import { newId } from "../../src/core/ids.ts";
import type { Opening } from "../../src/core/transfer/adapter.ts";
import { networkFor, type Outbound } from "../../src/net/network.ts";
import { openingFor } from "../support/adapter-opening.ts";
import { realClock } from "../support/real-clock.ts";

/** A pod's server reduced to its tokens: what the Community Solid Server cannot be made to do in seconds. */
interface Behaviour {
  issuer: string;
  lifetime: number;
  tokens: number;
  /** Tokens up to this one are refused. */
  spent: number;
  tokenNonce: string | null;
  wacAllow: string | null;
}

let behaviour: Behaviour;
let server: Server;
let network: Outbound;
let opening: Opening;
let url = "";
let now = new Date();

before(async () => {
  server = createServer((request, response) => {
    const [status, headers, body] = answerOf(request);
    request.resume().on("end", () => response.writeHead(status, headers).end(request.method === "HEAD" ? undefined : body));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  network = networkFor({ allowLoopback: true });
  const credentials = { kind: "dpop-client", issuer: url, clientId: "id é", clientSecret: "a:b" } as const;
  const account = { adapter: "solid", url, endpoints: { root: url }, account: `${url}camille`, credentials } as const;
  opening = { ...(await openingFor(network, account)), clock: { ...realClock, now: () => now } };
});
after(async () => {
  await network[Symbol.asyncDispose]();
  server.close();
});
beforeEach(() => {
  behaviour = { issuer: url, lifetime: 600, tokens: 0, spent: 0, tokenNonce: null, wacAllow: null };
  now = new Date();
});

function answerOf(request: IncomingMessage): [number, Record<string, string>, string] {
  if (request.url === "/.well-known/openid-configuration")
    return [200, {}, JSON.stringify({ issuer: behaviour.issuer, token_endpoint: `${url}token` })];
  if (request.url === "/token") return tokenAnswer(request);
  const number = Number(/^DPoP t(\d+)$/.exec(request.headers.authorization ?? "")?.[1] ?? 0);
  if (number <= behaviour.spent) return [401, { "www-authenticate": 'DPoP error="invalid_token"' }, ""];
  if (request.method === "PUT") return [201, {}, ""];
  return request.method === "HEAD" ? [200, behaviour.wacAllow === null ? {} : { "wac-allow": behaviour.wacAllow }, ""] : [404, {}, ""];
}

function tokenAnswer(request: IncomingMessage): [number, Record<string, string>, string] {
  assert.equal(request.headers.authorization, `Basic ${btoa("id%20%C3%A9:a%3Ab")}`);
  const proof = JSON.parse(Buffer.from(String(request.headers["dpop"]).split(".")[1] ?? "", "base64url").toString()) as { nonce?: string };
  if (behaviour.tokenNonce !== null && proof.nonce !== behaviour.tokenNonce)
    return [400, { "dpop-nonce": behaviour.tokenNonce }, '{"error":"use_dpop_nonce"}'];
  behaviour.tokens += 1;
  return [200, {}, JSON.stringify({ access_token: `t${behaviour.tokens}`, token_type: "DPoP", expires_in: behaviour.lifetime })];
}

const draft = {
  transfer: newId("transfer"),
  consent: newId("consent"),
  source: "https://holder.example",
  destination: "https://pod.example",
  subject: "s",
};
const announcement = { manifest: draft, datasets: [], expiresAt: new Date() };
const item = { dataset: "energy", key: "k", mediaType: "text/plain", bytes: 1, sha256: null };

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "done",
    (error: unknown) => (error instanceof RelaisError ? error.code : String(error)),
  );
}

test("one token serves an opening until 60 s before its end", async () => {
  const source = await solid.openSource(opening);
  await Promise.all([source.inventory(), source.inventory()]);
  now = new Date(now.getTime() + 539_000);
  await source.inventory();
  assert.equal(behaviour.tokens, 1);
  now = new Date(now.getTime() + 2000);
  await source.inventory();
  assert.equal(behaviour.tokens, 2);
});

test("a refused token is replaced once", async () => {
  const source = await solid.openSource(opening);
  behaviour.spent = 1;
  assert.deepEqual(await source.inventory(), []);
  assert.equal(behaviour.tokens, 2);
});

test("tokens that never open the pod are peer_refused; that open it no more, unauthenticated", async () => {
  const destination = await solid.openDestination(opening, draft);
  behaviour.spent = 2;
  assert.equal(await codeOf(destination.announce(announcement)), "peer_refused");
  assert.equal(await codeOf(destination.announce(announcement)), "done");
  behaviour.spent = 99;
  assert.equal(await codeOf(destination.put(item, Buffer.from("x"))), "unauthenticated");
});

test("an item that streams is not sent twice: the attempt is", async () => {
  const destination = await solid.openDestination(opening, draft);
  await destination.announce(announcement);
  behaviour.spent = 1;
  const body = (async function* () {
    yield Buffer.from("x");
  })();
  assert.equal(await codeOf(destination.put(item, body)), "peer_unavailable");
  assert.equal(await codeOf(destination.put(item, Buffer.from("x"))), "done");
});

test("a nonce of the token endpoint is answered", async () => {
  behaviour.tokenNonce = "n";
  assert.deepEqual(await (await solid.openSource(opening)).inventory(), []);
});

test("a document of another issuer is refused", async () => {
  behaviour.issuer = "https://evil.example/";
  assert.equal(await codeOf((await solid.openSource(opening)).inventory()), "peer_protocol");
});

test("a pod that the credentials may only read is somebody else's", async () => {
  behaviour.wacAllow = 'user="read",public="read"';
  assert.equal(await codeOf((await solid.openSource(opening)).inventory()), "peer_refused");
  behaviour.wacAllow = 'user="read write append control",public="read"';
  assert.equal(await codeOf((await solid.openSource(opening)).inventory()), "done");
});

const NAMES = ["a.acl", ".acl", "b/.meta", "c.ACL/d", "e.acr"];
for (const key of NAMES) {
  test(`${key} is never written`, async () => {
    const destination = await solid.openDestination(opening, draft);
    assert.equal(await codeOf(destination.put({ ...item, key }, Buffer.from("x"))), "unsupported");
    assert.equal(behaviour.tokens, 0);
  });
}

const ACCOUNTS = ["https://elsewhere.example/pod/", "not an address", "", "?x"];
for (const account of ACCOUNTS) {
  test(`${JSON.stringify(account)} is no pod of this platform`, async () => {
    assert.equal(await codeOf(solid.openSource({ ...opening, account })), "invalid");
  });
}
test("the address of a pod has no query", async () =>
  assert.equal(await codeOf(solid.openSource({ ...opening, account: `${url}p?x=1` })), "invalid"));
