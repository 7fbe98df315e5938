import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { RelaisError } from "../../src/core/errors.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { networkFor, type Outbound } from "../../src/net/network.ts";

const ANSWERS: Record<string, (request: IncomingMessage, response: ServerResponse) => unknown> = {
  "/echo": (request, response) => request.pipe(response),
  "/moved": (_request, response) => response.writeHead(302, { location: "http://127.0.0.1:1/" }).end(),
  "/silent": () => undefined,
  "/stalls": (_request, response) => response.write("begin"),
  "/broken": (_request, response) => {
    response.writeHead(200, { "content-length": "10" }).write("half");
    setTimeout(() => response.destroy(), 20);
  },
  "/zipped": (_request, response) => response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync("x")),
  "/latin": (_request, response) => response.end(Buffer.from([0xe9, 0x20])),
  "/large": (_request, response) => response.end(Buffer.alloc(2 * 1024 * 1024, "a")),
  "/metadata": (_request, response) => response.end(Buffer.alloc(65 * 1024, "a")),
};

let server: Server;
let url = "";
let network: Outbound;
const signal = new AbortController().signal;

before(async () => {
  server = createServer((request, response) => ANSWERS[request.url ?? ""]?.(request, response)).listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  network = networkFor({ allowLoopback: true, timeouts: { headers: 300, idle: 300 } });
});
after(async () => {
  await network[Symbol.asyncDispose]();
  server.close();
  server.closeAllConnections();
});

const holder = (): Participant => ({ entityId: url, endpoints: { export: `${url}/export` }, roles: ["holder"] }) as unknown as Participant;
const fetching = (path: string, abort = signal) => network.fetchFor(holder(), abort)({ method: "GET", url: `${url}${path}` });
const text = async (path: string) => (await fetching(path)).text();

async function failureOf(work: Promise<unknown>): Promise<RelaisError> {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof RelaisError, String(error));
  return error;
}

test("a redirect comes back as it is", async () => {
  const answer = await fetching("/moved");
  assert.equal(answer.status, 302);
  await answer.drop();
});

const FAILURES: [path: string, code: string][] = [
  ["/silent", "peer_unavailable"],
  ["/stalls", "peer_unavailable"],
  ["/broken", "peer_unavailable"],
  ["/zipped", "peer_protocol"],
  ["/latin", "peer_protocol"],
  ["/large", "peer_protocol"],
];
for (const [path, code] of FAILURES) {
  test(`${path} is ${code}, and names the holder`, async () => {
    const error = await failureOf(text(path));
    assert.equal(error.code, code);
    assert.equal(error.actor, "holder");
  });
}

const ADDRESSES: [what: string, address: () => string][] = [
  ["another origin", () => "http://127.0.0.1:1/"],
  ["another scheme", () => "ftp://127.0.0.1/"],
  ["a user name", () => url.replace("http://", "http://user:secret@")],
  ["no URL", () => "//"],
];
for (const [what, address] of ADDRESSES) {
  test(`${what} is forbidden`, async () => {
    assert.equal((await failureOf(network.fetchFor(holder(), signal)({ method: "GET", url: address() }))).code, "forbidden");
  });
}

test("http is forbidden where loopback is", async () => {
  await using strict = networkFor({ allowLoopback: false });
  assert.equal((await failureOf(strict.fetchFor(holder(), signal)({ method: "GET", url }))).code, "forbidden");
});

test("metadata ends at 64 KiB", async () => {
  const answer = await network.fetchOrigin(url, signal)({ method: "GET", url: `${url}/metadata` });
  assert.equal((await failureOf(answer.text())).code, "peer_protocol");
});

test("an abort ends a request, with its own reason", async () => {
  const abort = new AbortController();
  const waiting = failureOf(fetching("/silent", abort.signal));
  abort.abort(new RelaisError("consent_ended", "Withdrawn."));
  assert.equal((await waiting).code, "consent_ended");
  assert.equal((await failureOf(fetching("/echo", abort.signal))).code, "consent_ended");
});

test("an abort without a reason of ours is stopped; a deadline is peer_unavailable", async () => {
  assert.equal((await failureOf(fetching("/echo", AbortSignal.abort()))).code, "stopped");
  assert.equal((await failureOf(fetching("/silent", AbortSignal.timeout(20)))).code, "peer_unavailable");
});

test("a body streams, and its failure is handed back", async () => {
  const body = async function* (fails: boolean): AsyncGenerator<Uint8Array> {
    yield Buffer.from("one ");
    if (fails) throw new RelaisError("peer_refused", "The source ended.");
    yield Buffer.from("two");
  };
  const put = (fails: boolean) => network.fetchFor(holder(), signal)({ method: "PUT", url: `${url}/echo`, body: body(fails) });
  assert.equal(await (await put(false)).text(), "one two");
  assert.equal((await failureOf(put(true).then((answer) => answer.text()))).code, "peer_refused");
});

test("a body of another length than announced is digest_mismatch", async () => {
  const body = (async function* () {
    yield Buffer.from("long");
  })();
  const put = network.fetchFor(holder(), signal)({ method: "PUT", url: `${url}/echo`, headers: { "content-length": "2" }, body });
  assert.equal((await failureOf(put.then((answer) => answer.text()))).code, "digest_mismatch");
});
