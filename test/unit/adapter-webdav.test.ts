import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, beforeEach, test } from "node:test";
import { webdav } from "../../adapters/webdav/index.ts";
import { RelaisError } from "../../src/core/errors.ts";
import { newId } from "../../src/core/ids.ts";
import type { Draft, Opening } from "../../src/core/transfer/adapter.ts";
import { networkFor, type Outbound } from "../../src/net/network.ts";
import { openingFor } from "../support/adapter-opening.ts";

/** What the server answers, by method; a test changes what it is about. */
let answers: Record<string, { status: number; body?: string; headers?: Record<string, string> }> = {};
const asked: string[] = [];
let server: Server;
let network: Outbound;
let opening: Opening;

before(async () => {
  server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    request.resume().on("end", () => {
      const { status, body, headers } = answers[request.method ?? ""] ?? { status: 404 };
      response.writeHead(status, headers).end(body);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  network = networkFor({ allowLoopback: true });
  opening = await openingFor(network, {
    adapter: "webdav",
    url,
    endpoints: { root: `${url}/dav/` },
    account: "alice/",
    credentials: { kind: "basic", user: "a", password: "b" },
  });
});
after(async () => {
  await network[Symbol.asyncDispose]();
  server.close();
});
beforeEach(() => {
  answers = {
    PROPFIND: { status: 207, body: listing("<d:prop/>") },
    MKCOL: { status: 201 },
    PUT: { status: 201 },
    MOVE: { status: 201 },
    DELETE: { status: 204 },
  };
  asked.length = 0;
});

function listing(prop: string, ...hrefs: string[]): string {
  const responses = ["/dav/alice/", ...hrefs].map(
    (href) => `<d:response><d:href>${href}</d:href><d:propstat>${prop}<d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>`,
  );
  return `<d:multistatus xmlns:d="DAV:">${responses.join("")}</d:multistatus>`;
}

const draft: Draft = {
  manifest: {
    transfer: newId("transfer"),
    consent: newId("consent"),
    source: "https://holder.example",
    destination: "https://platform.example",
    subject: "s",
  },
  datasets: [{ dataset: "energy", items: 1, bytes: 1000 }],
  expiresAt: new Date(),
};
const item = { dataset: "energy", key: "k", mediaType: "text/plain", bytes: 1, sha256: null };

async function failureOf(work: Promise<unknown>): Promise<RelaisError> {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof RelaisError, String(error));
  return error;
}

const STATUSES: [status: number, code: string][] = [
  [401, "unauthenticated"],
  [403, "peer_refused"],
  [409, "unsupported"],
  [413, "too_large"],
  [423, "peer_unavailable"],
  [429, "rate_limited"],
  [500, "peer_unavailable"],
  [503, "peer_unavailable"],
  [507, "too_large"],
  [301, "peer_protocol"],
];
for (const [status, code] of STATUSES) {
  test(`PUT answered ${status} is ${code}, and nothing is moved to its name`, async () => {
    await using destination = await webdav.openDestination(opening, draft.manifest);
    await destination.announce(draft);
    answers["PUT"] = { status, headers: { "retry-after": "9" } };
    const failure = await failureOf(destination.put(item, Buffer.from("x")));
    assert.equal(failure.code, code);
    assert.ok(!asked.some((line) => line.startsWith("MOVE")));
  });
}

test("credentials that never opened the folder are refused, not ended", async () => {
  answers["PROPFIND"] = { status: 401 };
  assert.equal((await failureOf((await webdav.openSource(opening)).inventory())).code, "peer_refused");
});

test("a transfer that does not fit is refused before the first byte", async () => {
  answers["PROPFIND"] = { status: 207, body: listing("<d:prop><d:quota-available-bytes>999</d:quota-available-bytes></d:prop>") };
  await using destination = await webdav.openDestination(opening, draft.manifest);
  const failure = await failureOf(destination.announce(draft));
  assert.deepEqual([failure.code, failure.details["fits"]], ["too_large", 999]);
});

test("a quota that is unknown or without end refuses nothing", async () => {
  for (const quota of ["-3", "-1", "", "many"]) {
    answers["PROPFIND"] = { status: 207, body: listing(`<d:prop><d:quota-available-bytes>${quota}</d:quota-available-bytes></d:prop>`) };
    await (await webdav.openDestination(opening, draft.manifest)).announce(draft);
  }
});

test("a listing is taken for the folder's own children alone", async () => {
  const hrefs = [
    "/dav/alice/mine.txt",
    "http://proxy.internal/dav/alice/other-host.txt",
    "/dav/bob/secret.txt",
    "/dav/alice/../bob/up.txt",
    "/dav/alice/a/deep.txt",
    "/dav/alice/%2e%2e/x",
    "/dav/alice/a%2Fb",
    "/dav/alice/bad%ZZ",
    "http://[",
    "",
  ];
  answers["PROPFIND"] = { status: 207, body: listing("<d:prop><d:getcontentlength>1</d:getcontentlength></d:prop>", ...hrefs) };
  const { items } = await (await webdav.openSource(opening)).list("files", null);
  assert.deepEqual(
    items.map(({ key }) => key),
    ["a%2Fb", "bad%ZZ", "mine.txt"],
  );
});

test("a page that is not WebDAV's is peer_protocol", async () => {
  answers["PROPFIND"] = { status: 207, body: "<html><br>Sign in</html>" };
  assert.equal((await failureOf((await webdav.openSource(opening)).inventory())).code, "peer_protocol");
});
