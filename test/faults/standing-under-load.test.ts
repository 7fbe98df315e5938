import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { verifyTrustMark } from "../../src/sdk/trust-marks.ts";
import { until, type LedgerEntry } from "../support/fault-relais.ts";
import {
  accountsOf,
  movements,
  running,
  startStandingWorld,
  stillness,
  type StandingWorld,
  type Stream,
  type Witnessed,
} from "../support/standing-world.ts";

/**
 * A standing that changes while many transfers run. Participants are the witnesses: each wrote down when every request began, and nothing that
 * Relais says of itself counts for when it fell silent.
 */
const ITEMS = 8;
/** No participant gets more than three quarters of them (docs/dispatch.md). */
const AT_ONCE = 16;
const IN_THE_MIDDLE = 6;
const FELT_MILLISECONDS = 1000;
let standing: StandingWorld;

before(async () => {
  standing = await startStandingWorld({ items: ITEMS, atOnce: AT_ONCE });
});
after(() => standing?.[Symbol.asyncDispose]());

async function streamTo(name: string, count: number, source = standing.energy): Promise<Stream> {
  const accounts = accountsOf(name.toLowerCase(), count);
  return standing.stream(source, await standing.platform(name, accounts), accounts);
}

async function inTheMiddle(stream: Stream): Promise<number> {
  return until(`${IN_THE_MIDDLE} transfers to ${stream.destination.participant.name} at once`, async () => {
    const { size } = await running(stream.destination);
    return size >= IN_THE_MIDDLE ? size : null;
  });
}

const startedAfter = (ledger: LedgerEntry[], time: number) => movements(ledger).filter(({ begunAt }) => Date.parse(begunAt) > time);

/** The farewell to the destination of a transfer that will not go on is no movement of data. */
async function assertSilent(witness: Witnessed, decidedAt: number): Promise<void> {
  const late = startedAfter(await witness.ledger(), decidedAt + FELT_MILLISECONDS).filter(({ method }) => method !== "DELETE");
  assert.deepEqual(late, [], `${witness.participant.name} heard nothing later than a second after the decision`);
}

async function assertAllVerifiedOnce({ destination, transfers }: Stream): Promise<void> {
  for (const { id } of transfers) {
    const { state, reason } = await standing.world.ended(id);
    const story = await standing.world.store.read((r) => r.transfers.events(id));
    assert.deepEqual([state, reason], ["verified", null], JSON.stringify(story.map(({ kind, details }) => [kind, details])));
  }
  const stored = new Map<string, number>();
  for (const { event, transfer, dataset, key } of await destination.ledger())
    if (event === "stored") stored.set(`${transfer}/${dataset}/${key}`, (stored.get(`${transfer}/${dataset}/${key}`) ?? 0) + 1);
  assert.equal(stored.size, transfers.length * ITEMS, "every item is there");
  assert.deepEqual(
    [...stored].filter(([, times]) => times !== 1),
    [],
    "each was stored once",
  );
}

/** What an outsider's software reads of a mark: asked about by itself, and in the list of all. */
async function standingsOf({ mark: { jwt } }: Witnessed): Promise<string[]> {
  const anchor = { entityId: standing.world.url };
  return Promise.all((["status", "list"] as const).map(async (live) => (await verifyTrustMark(jwt, { anchor, live })).standing));
}

test("a platform is suspended while 200 transfers to it wait or run: silence within a second, others go on, and it resumes without duplicates", async () => {
  const stream = await streamTo("Quai", 200);
  // Between ends that nothing happens to: these have their turns too.
  const others = await streamTo("Rive", 20, standing.telecom);
  await inTheMiddle(stream);
  const isActive = await standing.token(stream);
  assert.equal(await isActive(), true);
  assert.deepEqual(await standingsOf(stream.destination), ["active", "active"]);
  const decidedAt = await standing.decide("suspend", stream.destination.participant);
  assert.equal(await isActive(), false, "the source is told at once that the token is not active");
  assert.deepEqual(await standingsOf(stream.destination), ["suspended", "suspended"]);
  await stillness();
  await assertSilent(stream.destination, decidedAt);
  await assertSilent(standing.energy, decidedAt);
  const states = await standing.states(stream);
  assert.ok((states.get("paused") ?? 0) > 50, JSON.stringify([...states]));
  assert.deepEqual(
    [...states.keys()].filter((state) => !["paused", "verified", "received"].includes(state)),
    [],
  );
  const meanwhile = await streamTo("Ponton", 20, standing.telecom);
  await assertAllVerifiedOnce(meanwhile);
  assert.ok(startedAfter(await meanwhile.destination.ledger(), decidedAt + FELT_MILLISECONDS).length > 0, "others went on meanwhile");
  assert.deepEqual(await standing.states(stream), states, "and it waits on");
  const resumedAt = await standing.decide("reinstate", stream.destination.participant);
  await assertAllVerifiedOnce(stream);
  assert.ok(startedAfter(await stream.destination.ledger(), resumedAt).length > 0);
  await assertAllVerifiedOnce(others);
});

test("a holder is suspended as a source: nothing more is read from it or sent for it, and it resumes without duplicates", async () => {
  const stream = await streamTo("Berge", 40, standing.telecom);
  await inTheMiddle(stream);
  const isActive = await standing.token(stream);
  assert.equal(await isActive(), true);
  const decidedAt = await standing.decide("suspend", standing.telecom.participant);
  assert.equal(await isActive(), false);
  await stillness();
  await assertSilent(standing.telecom, decidedAt);
  await assertSilent(stream.destination, decidedAt);
  assert.ok(((await standing.states(stream)).get("paused") ?? 0) > 10);
  await standing.decide("reinstate", standing.telecom.participant);
  await assertAllVerifiedOnce(stream);
});

test("a platform is revoked: the same silence, every transfer is cancelled and every permission ended", async () => {
  const stream = await streamTo("Digue", 40);
  await inTheMiddle(stream);
  const decidedAt = await standing.decide("revoke", stream.destination.participant);
  assert.deepEqual(await standingsOf(stream.destination), ["revoked", "revoked"]);
  await stillness();
  await assertSilent(stream.destination, decidedAt);
  const states = await standing.states(stream);
  assert.ok((states.get("cancelled") ?? 0) > 10, JSON.stringify([...states]));
  assert.equal((states.get("cancelled") ?? 0) + (states.get("verified") ?? 0), stream.transfers.length);
  const consents = await standing.world.store.read((r) => Promise.all(stream.transfers.map(({ consentId }) => r.consents.get(consentId))));
  assert.deepEqual([...new Set(consents.map(({ state }) => state))], ["revoked"]);
});

test("an accreditation ends by the sweep: the same silence, and the transfers wait", async () => {
  const stream = await streamTo("Grève", 120);
  await inTheMiddle(stream);
  const decidedAt = await standing.expire(stream.destination.participant);
  await stillness();
  await assertSilent(stream.destination, decidedAt);
  const states = await standing.states(stream);
  assert.ok((states.get("paused") ?? 0) > 10, JSON.stringify([...states]));
});
