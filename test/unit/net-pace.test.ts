import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Participant } from "../../src/core/register/participant.ts";
import { networkFor, type Outbound } from "../../src/net/network.ts";

/** Peers that are there, and move next to nothing. */
const WINDOW = 300;
const CHUNK = 64 * 1024;
let server: Server;
let network: Outbound;
let url = "";
const signal = new AbortController().signal;

before(async () => {
  server = createServer((request, response) => void answer(request, response)).listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  network = networkFor({ allowLoopback: true, timeouts: { headers: 5000, idle: WINDOW } });
});
after(async () => {
  await network[Symbol.asyncDispose]();
  server.close();
  server.closeAllConnections();
});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.url === "/trickles" || request.url === "/trickles-on") {
    for (response.writeHead(200, request.url === "/trickles" ? { "content-length": "1000" } : {}); !response.destroyed; await sleep(20))
      response.write("x");
  } else if (request.url === "/slow") {
    for (let sent = 0; sent < 8; sent++, await sleep(100)) response.write(Buffer.alloc(CHUNK));
    response.end();
  } else if (request.url === "/takes-nothing") request.pause();
  else request.resume().once("end", () => response.writeHead(201).end());
}

const participant = () => ({ entityId: url, endpoints: {}, roles: ["platform"] }) as unknown as Participant;
const ask = (method: "GET" | "PUT", path: string, body?: AsyncGenerator<Uint8Array>) =>
  network.fetchFor(participant(), signal)({ method, url: url + path, ...(body && { body }) });

async function* many(count: number, pause: number): AsyncGenerator<Uint8Array> {
  for (let sent = 0; sent < count; sent++, await sleep(pause)) yield Buffer.alloc(CHUNK);
}

const TOO_SLOW = { code: "peer_unavailable", actor: "platform", details: { failure: "too_slow" } };

test("an answer that trickles is given up, though every byte comes in time, whether it says how long it is or not", async () => {
  for (const path of ["/trickles", "/trickles-on"]) await assert.rejects(async () => (await ask("GET", path)).text(), TOO_SLOW);
});

test("one that is slow and moves is read to its end, and the time in which nobody reads is not counted", async () => {
  const answer = await ask("GET", "/slow");
  let bytes = 0;
  for await (const chunk of answer.body) {
    bytes += chunk.byteLength;
    await sleep(WINDOW / 4);
  }
  assert.equal(bytes, 8 * CHUNK);
});

test("a body that nobody takes is given up, while it is being sent", async () => {
  await assert.rejects(ask("PUT", "/takes-nothing", many(400, 0)), TOO_SLOW);
});

test("a body whose source pauses is not the destination's failure", async () => {
  const answer = await ask("PUT", "/takes", many(3, WINDOW * 2));
  assert.equal(answer.status, 201);
  await answer.drop();
});
