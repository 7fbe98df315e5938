import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { watchedNetwork } from "../../src/core/dispatch/watched-network.ts";
import type { HealthNote } from "../../src/core/dispatch/health.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { networkFor, type Outbound } from "../../src/net/network.ts";

/** A holder that sends a large item, and cuts the connection when told to: as a server does whose answer is not read for as long as it waits. */
const CHUNK = Buffer.alloc(64 * 1024);
let server: Server;
let network: Outbound;
let cut: () => void = () => undefined;

before(async () => {
  network = networkFor({ allowLoopback: true });
  server = createServer((_request, response) => {
    response.writeHead(200, { "content-length": String(CHUNK.length * 1000) });
    response.write(CHUNK);
    cut = () => response.socket?.resetAndDestroy();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
});
after(async () => {
  await network[Symbol.asyncDispose]();
  server.closeAllConnections();
  server.close();
});

for (const [what, seconds, kinds] of [
  ["while we read", 0, ["answered", "failure"]],
  ["after a slow destination left it unread: no failure of the holder", 20, ["answered"]],
] as const)
  test(`a holder's server cuts the connection ${what}`, async () => {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const notes: HealthNote[] = [];
    let late = 0;
    const watched = watchedNetwork(network, { note: (note) => notes.push(note), now: () => new Date(Date.now() + late) });
    const holder = {
      id: "prt_0000000000000000000000",
      entityId: url,
      endpoints: { export: url },
      roles: ["holder"],
    } as unknown as Participant;
    const answer = await watched.fetchFor(holder, new AbortController().signal)({ method: "GET", url: `${url}/item` });
    await assert.rejects(
      async () => {
        for await (const _ of answer.body) {
          late += seconds * 1000;
          cut();
        }
      },
      { code: "peer_unavailable" },
    );
    assert.deepEqual(
      notes.map(({ kind }) => kind),
      kinds,
    );
  });
