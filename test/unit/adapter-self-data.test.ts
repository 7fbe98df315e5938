import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { selfData } from "../../adapters/self-data/index.ts";
import { RelaisError } from "../../src/core/errors.ts";
import { newId } from "../../src/core/ids.ts";
import type { Draft, Opening, Source } from "../../src/core/transfer/adapter.ts";
import { contentDigest, sha256 } from "../../src/core/transfer/manifest.ts";
import { networkFor, type Outbound } from "../../src/net/network.ts";
import { openingFor } from "../support/adapter-opening.ts";

/** A peer that answers what a test says: what neither reference program can be made to do. */
let server: Server;
let reply: RequestListener;
let network: Outbound;
let opening: Opening;
let source: Source;

before(async () => {
  server = createServer((request, response) => reply(request, response)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  network = networkFor({ allowLoopback: true });
  const endpoints = { export: `${url}/export/`, inbox: `${url}/inbox` };
  opening = await openingFor(network, { adapter: "self-data", url, endpoints, account: "sub", credentials: { kind: "none" } });
  source = await selfData.openSource(opening);
});
after(async () => {
  await network[Symbol.asyncDispose]();
  server.close();
  server.closeAllConnections();
});

function answer(status: number, body: unknown, headers: Record<string, string> = {}): void {
  reply = (_request, response) =>
    response
      .writeHead(status, { "content-type": "application/json", ...headers })
      .end(typeof body === "string" ? body : JSON.stringify(body));
}

async function failureOf(work: Promise<unknown>): Promise<RelaisError> {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof RelaisError, String(error));
  return error;
}

const ITEM = { key: "k", media_type: "application/json", bytes: 7, digest: contentDigest(sha256('{"a":1}')), content: { a: 1 } };
const page = (change: object = {}, item: object = {}) => ({ dataset: "energy", next: null, items: [{ ...ITEM, ...item }], ...change });
const deep = (levels: number): string =>
  `{"dataset":"energy","next":null,"items":[{"key":"k","media_type":"application/json","bytes":1,"digest":"${ITEM.digest}","content":${"[".repeat(levels)}${"]".repeat(levels)}}]}`;

const PAGES: [what: string, body: unknown, code: string][] = [
  ["not JSON", "<html>", "peer_protocol"],
  ["a list", [], "peer_protocol"],
  ["another data set", page({ dataset: "other" }), "peer_protocol"],
  ["no items", { dataset: "energy", next: null }, "peer_protocol"],
  ["the same page as next", page({ next: "c1" }), "peer_protocol"],
  ["an empty cursor", page({ next: "" }), "peer_protocol"],
  ["a cursor that is no text", page({ next: 3 }), "peer_protocol"],
  ["no cursor at all", page({ next: undefined }), "peer_protocol"],
  ["a negative length", page({}, { bytes: -1 }), "peer_protocol"],
  ["a length beyond counting", page({}, { bytes: 2 ** 60 }), "peer_protocol"],
  ["no digest", page({}, { digest: undefined }), "peer_protocol"],
  ["another digest algorithm", page({}, { digest: "md5=:AAAA:" }), "peer_protocol"],
  ["a media type with a line break", page({}, { media_type: "text/plain\r\nx: y" }), "peer_protocol"],
  ["two items under one key", page({ items: [ITEM, ITEM] }), "peer_protocol"],
  ["a key that is no text", page({}, { key: 1 }), "peer_protocol"],
  ["too many items", page({ items: Array.from({ length: 1001 }, (_, key) => ({ ...ITEM, key: String(key) })) }), "peer_protocol"],
  ["content that is not its digest", page({}, { content: { a: 2 } }), "digest_mismatch"],
  ["content of another length", page({}, { bytes: 8 }), "digest_mismatch"],
  ["content a hundred deep", deep(100), "peer_protocol"],
  ["content a hundred thousand deep", deep(100_000), "peer_protocol"],
];
for (const [what, body, code] of PAGES) {
  test(`a page with ${what} is ${code}`, async () => {
    answer(200, body);
    assert.equal((await failureOf(source.list("energy", "c1"))).code, code);
  });
}

test("a page in order is taken, and its content is canonical", async () => {
  answer(200, page({ next: "c2" }));
  const taken = await source.list("energy", "c1");
  assert.equal(taken.next, "c2");
  assert.equal(Buffer.from(taken.items[0]?.content ?? []).toString(), '{"a":1}');
});

const UNSAFE = ["../up", "/etc/passwd", "a\u202etxt.exe", "nul\u0000", "a\\b", "x".repeat(201), "", "__proto__/..", "\ud800", "e\u0301"];
for (const key of UNSAFE) {
  test(`the key ${JSON.stringify(key.slice(0, 20))} is told as an omission`, async () => {
    answer(200, page({}, { key }));
    const { items, omissions } = await source.list("energy", null);
    assert.equal(items.length, 0);
    assert.equal(omissions.length, 1);
    assert.equal(omissions[0]?.reason, "unsafe_name");
    assert.ok(Buffer.byteLength(omissions[0]?.key ?? "") <= 200);
    // oxlint-disable-next-line no-control-regex
    assert.doesNotMatch(omissions[0]?.key ?? "", /[\u0000-\u001f\u202a-\u202e]/);
  });
}

const STATUSES: [status: number, code: string, retryAfter: number | null][] = [
  [400, "peer_refused", null],
  [401, "unauthenticated", null],
  [403, "peer_refused", null],
  [404, "not_found", null],
  [429, "rate_limited", 7],
  [500, "peer_unavailable", 7],
  [503, "peer_unavailable", 7],
  [302, "peer_protocol", null],
];
for (const [status, code, wait] of STATUSES) {
  test(`${status} is ${code}`, async () => {
    answer(status, {}, wait === null ? {} : { "retry-after": String(wait) });
    const failure = await failureOf(source.inventory());
    assert.deepEqual([failure.code, failure.retryAfter], [code, wait]);
  });
}

test("Retry-After as a date is seconds from now", async () => {
  answer(503, {}, { "retry-after": new Date(Date.now() + 30_000).toUTCString() });
  const { retryAfter } = await failureOf(source.inventory());
  assert.ok(retryAfter !== null && retryAfter >= 28 && retryAfter <= 31);
});

test("403 with its code is consent_missing", async () => {
  answer(403, { code: "consent_missing" });
  assert.equal((await failureOf(source.list("energy", null))).code, "consent_missing");
});

test("a nonce that is asked for is answered, and kept until another one is asked for", async () => {
  for (const nonce of ["n1", "n2"]) {
    const seen: unknown[] = [];
    reply = ({ headers }, response) => {
      seen.push(headers["x-nonce"]);
      if (headers["x-nonce"] === nonce) response.writeHead(200, { "content-type": "application/json" }).end('{"datasets":[]}');
      else response.writeHead(401, { "www-authenticate": 'DPoP error="use_dpop_nonce"', "dpop-nonce": nonce }).end();
    };
    assert.deepEqual(await source.inventory(), []);
    assert.deepEqual(await source.inventory(), []);
    assert.deepEqual(seen.slice(1), [nonce, nonce]);
  }
});

test("an invalid token is renewed once", async () => {
  const renewals: boolean[] = [];
  const renewing = await selfData.openSource({
    ...opening,
    consentHeaders: async ({ renew }) => {
      renewals.push(renew ?? false);
      return { authorization: "DPoP token" };
    },
  });
  answer(401, {}, { "www-authenticate": 'DPoP error="invalid_token"' });
  assert.equal((await failureOf(renewing.inventory())).code, "unauthenticated");
  assert.deepEqual(renewals, [false, true]);
});

const draft: Draft = {
  manifest: {
    transfer: newId("transfer"),
    consent: newId("consent"),
    source: "https://holder.example",
    destination: "https://platform.example",
    subject: "s",
  },
  datasets: [],
  expiresAt: new Date(),
};

async function announceTo(status: number, body: unknown, headers: Record<string, string>): Promise<RelaisError> {
  answer(status, body, headers);
  return failureOf((await selfData.openDestination(opening, draft.manifest)).announce(draft));
}

test("an announcement that does not fit says what does", async () => {
  const failure = await announceTo(413, { code: "too_large", fits: { bytes: 42 } }, {});
  assert.deepEqual([failure.code, failure.details["fits"]], ["too_large", 42]);
});

test("a Location at another origin is never asked", async () => {
  assert.equal((await announceTo(409, {}, { location: "http://127.0.0.1:1/x" })).code, "forbidden");
  assert.equal((await announceTo(201, {}, {})).code, "peer_protocol");
  assert.equal((await announceTo(201, {}, { location: "/inbox/transfers/1?token=x" })).code, "peer_protocol");
});

test("a known transfer tells what it holds, page by page", async () => {
  const pages: Record<string, object> = {
    "/inbox/transfers/1": { next: "2", items: [{ dataset: "energy", key: "a/b", bytes: 1, digest: contentDigest(sha256("x")) }] },
    "/inbox/transfers/1?cursor=2": { next: null, items: [{ dataset: "energy", key: "c", bytes: 1, digest: contentDigest(sha256("y")) }] },
  };
  reply = ({ method, url }, response) => {
    if (method === "POST") response.writeHead(409, { location: "/inbox/transfers/1" }).end();
    else
      response
        .writeHead(200, { "content-type": "application/json" })
        .end(JSON.stringify({ transfer: draft.manifest.transfer, state: "open", ...pages[url ?? ""] }));
  };
  await using destination = await selfData.openDestination(opening, draft.manifest);
  assert.deepEqual(
    [...(await destination.announce(draft))],
    [
      ["energy/a/b", sha256("x")],
      ["energy/c", sha256("y")],
    ],
  );
});
