import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import type { HealthNote } from "../../src/core/dispatch/health.ts";
import { createHealthRecorder } from "../../src/core/dispatch/record-health.ts";
import { watchedNetwork } from "../../src/core/dispatch/watched-network.ts";
import { RelaisError } from "../../src/core/errors.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import type { Fetch } from "../../src/core/transfer/adapter.ts";
import { networkFor, type Outbound } from "../../src/net/network.ts";
import { startDispatchWorld, type DispatchWorld } from "../support/dispatch-world.ts";
import { until } from "../support/fault-relais.ts";
import { realClock } from "../support/real-clock.ts";

/** What the way out tells of a participant, by real servers that behave and misbehave; and how soon all processes know it. */
let world: DispatchWorld;
let network: Outbound;
let participant: Participant;
let behave: RequestListener;
const server = createServer((request, response) => behave(request, response));
const body = "x".repeat(1000);
const answer =
  (status: number, headers: Record<string, string> = {}): RequestListener =>
  (_request, response) =>
    void response.writeHead(status, headers).end(body);
const hang: RequestListener = () => undefined;
const cut: RequestListener = (_request, response) => {
  response.writeHead(200, { "content-length": "100000" });
  response.write(body, () => response.destroy());
};

before(async () => {
  world = await startDispatchWorld();
  network = networkFor({ allowLoopback: true, timeouts: { headers: 300, idle: 300 } });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const id = await world.participant("platform");
  participant = { ...(await world.store.read((r) => r.participants.get(id))), entityId: url, endpoints: { inbox: `${url}/inbox` } };
});
after(async () => {
  server.closeAllConnections();
  server.close();
  await network[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

const url = () => `${participant.entityId}/inbox`;
const read = async (fetch: Fetch) => (await fetch({ method: "GET", url: url() })).text();

/** One opening, in which each of these is asked for once. */
async function notesOf(behaviours: RequestListener[]): Promise<string[]> {
  const notes: HealthNote[] = [];
  const opening = new AbortController();
  const fetch = watchedNetwork(network, { note: (note) => void notes.push(note), now: () => new Date() }).fetchFor(
    participant,
    opening.signal,
  );
  for (const one of behaviours) {
    behave = one;
    await read(fetch).catch(() => undefined);
  }
  opening.abort(new RelaisError("lease_lost", "The attempt has ended."));
  assert.ok(notes.every(({ participantId }) => participantId === participant.id));
  return notes.map((note) => (note.kind === "rest" ? `rest ${note.seconds}` : note.kind));
}

// oxfmt-ignore
const TOLD: [what: string, behaviours: RequestListener[], notes: string[]][] = [
  ["an answer, and the end", [answer(200)], ["answered", "success"]],
  ["a refusal is an answer", [answer(403)], ["answered", "success"]],
  ["no answer at all", [hang], ["failure"]],
  ["an answer that breaks off", [cut], ["answered", "failure"]],
  ["an error of its own", [answer(500)], ["failure"]],
  ["what it cannot do, or has no room for, says nothing of it", [answer(501), answer(507)], ["answered", "answered", "success"]],
  ["several failures of one opening are one", [answer(500), hang, answer(502)], ["failure"]],
  ["an answer after a failure is no success", [answer(500), answer(200)], ["failure", "answered"]],
  ["a request to wait", [answer(429, { "retry-after": "7" })], ["rest 7", "answered", "success"]],
  ["out of order for a while", [answer(503, { "retry-after": "7" })], ["rest 7", "failure"]],
  ["a request to wait that says nothing usable", [answer(429, { "retry-after": "-7" })], ["answered", "success"]],
  ["a wait with an answer that asks for none", [answer(200, { "retry-after": "7" })], ["answered", "success"]],
];
for (const [what, behaviours, notes] of TOLD)
  test(`${what}: ${notes.join(", ")}`, async () => assert.deepEqual(await notesOf(behaviours), notes));

test("a stop of ours is no failure of theirs", async () => {
  const notes: HealthNote[] = [];
  const opening = new AbortController();
  behave = hang;
  const asking = read(
    watchedNetwork(network, { note: (note) => void notes.push(note), now: () => new Date() }).fetchFor(participant, opening.signal),
  );
  opening.abort(new RelaisError("consent_ended", "The person stopped."));
  await assert.rejects(asking, { code: "consent_ended" });
  assert.deepEqual(notes, []);
});

test("what the worker of one process sees, the dispatcher of another one acts on: closed, open, one try, closed", async () => {
  const holder = await world.participant("holder");
  await world.answers(holder);
  await world.slots(40);
  await world.queue({ from: holder, to: participant.id, count: 30 });
  const recorder = createHealthRecorder({ store: world.store, clock: realClock }, { onError: (error) => assert.fail(String(error)) });
  const watched = watchedNetwork(network, { note: recorder.note, now: () => new Date() });
  const attempt = async (behaviour: RequestListener) => {
    const opening = new AbortController();
    behave = behaviour;
    await read(watched.fetchFor(participant, opening.signal)).catch(() => undefined);
    opening.abort(new RelaisError("lease_lost", "The attempt has ended."));
    await recorder.settled();
  };
  for (let time = 0; time < 5; time++) await attempt(hang);
  assert.deepEqual(await world.dispatch({}, world.other), []);
  await world.pool.query("update participant_health set opened_until = now()");
  assert.equal((await world.dispatch({}, world.other)).length, 1);
  await attempt(answer(200));
  await until("the breaker closes", async () => (await world.dispatch({}, world.other)).length > 1);
});
