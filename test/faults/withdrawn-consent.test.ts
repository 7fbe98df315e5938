import assert from "node:assert/strict";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { withdrawConsent } from "../../src/core/consent/withdraw-consent.ts";
import { cancelTransfer } from "../../src/core/transfer/cancel-transfer.ts";
import { excludePlatform, liftExclusion } from "../../src/core/policy/exclude-platform.ts";
import type { Consent } from "../../src/core/consent/consent.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import type { Transfer } from "../../src/core/transfer/transfer.ts";
import { suspend } from "../support/charter.ts";
import { askAboutToken } from "../support/ask-about-token.ts";
import { policy } from "../support/policy.ts";
import { freePort } from "../support/ports.ts";
import { realClock } from "../support/real-clock.ts";
import { DAILY, startFaultWorld, until, type FaultWorld, type SeededPerson } from "../support/fault-relais.ts";

const ITEMS = 6000;
const MIB = 1024 * 1024;
/** An item that is under way when the right ends has this long to break off at Ancre. */
const BREAK_OFF = 1000;
/** Items on the way when the stop came: stored by Ancre, perhaps, and their answers never read. */
const AT_ONCE = 8;
/** Questions about a token that are under way at any moment. */
const UNDER_LOAD = 8;
let world: FaultWorld;
let metricsPort = 0;

before(async () => {
  metricsPort = await freePort();
  world = await startFaultWorld({
    settings: { RELAIS_METRICS_PORT: String(metricsPort) },
    customers: { many: { [DAILY]: { numbered: ITEMS } }, big: { "energy.bills": { large: [300 * MIB] } } },
    accounts: ["one", "two", "three", "four", "big-space"],
  });
  await world.start("web,worker,sweeper");
});
after(() => world?.[Symbol.asyncDispose]());

interface Started {
  person: SeededPerson;
  consent: Consent;
  transfer: Transfer;
}

async function startInTheMiddle(account: string): Promise<Started> {
  const person = await world.person({ sourceAccount: "many", destinationAccount: account });
  const consent = await person.consent([DAILY]);
  const transfer = await person.transfer(consent);
  await until("some items", () => world.witness.items(account).length > 100);
  return { person, consent, transfer };
}

/** Ancre's ledger has the time when a request ended, so this is stricter than the promise about when one starts. */
async function assertSilence(account: string, stoppedAt: number): Promise<void> {
  await sleep(2500);
  const requests = (await world.witness.ledger()).filter((entry) => entry.event === "request" && entry.path?.startsWith("/inbox/"));
  const late = requests.filter((entry) => Date.parse(entry.time) > stoppedAt + BREAK_OFF && entry.method !== "DELETE");
  assert.deepEqual(late, []);
  const held = world.witness.items(account).length;
  assert.ok(held > 0 && held < ITEMS, `${held} of ${ITEMS} items arrived`);
}

const lastLine = async ({ transfer }: Started) =>
  (await world.store.read((r) => r.transfers.events(transfer.id))).findLast((event) => event.kind === "stopped" || event.kind === "paused");

/** What the holder itself asks about the token that reads from it, many times at once, as it would for many requests. */
async function askUnderLoad(consent: Consent): Promise<{ answers: { begunAt: number; active: boolean }[]; end(): Promise<void> }> {
  const isActive = await askAboutToken(world, { participant: world.energy, keys: join(world.dir, "sandbox", "energy", "keys") }, consent);
  const answers: Awaited<ReturnType<typeof askUnderLoad>>["answers"] = [];
  let isOver = false;
  const lanes = Array.from({ length: UNDER_LOAD }, async () => {
    while (!isOver) {
      const begunAt = Date.now();
      // No answer is no yes.
      answers.push({ begunAt, active: await isActive().catch(() => false) });
    }
  });
  await until("an active token under load", async () => answers.length >= UNDER_LOAD && answers.some(({ active }) => active));
  return { answers, end: async () => void ((isOver = true), await Promise.all(lanes)) };
}

/** What a participant of the sandbox heard of this consent, in its order. */
async function toldOf({ entityId }: Participant, { id }: Consent): Promise<string[]> {
  const told = (await (await fetch(`${entityId}/events`)).json()) as { event: string; consent: string | null }[];
  return told.filter(({ consent }) => consent === id).map(({ event }) => event);
}

test(`withdrawn in the middle, with ${UNDER_LOAD} questions about its token under way: the destination hears nothing later than a second after, no question that begins then is answered yes, both ends are told, and the timeline says who`, async () => {
  const started = await startInTheMiddle("one");
  const load = await askUnderLoad(started.consent);
  await withdrawConsent({ store: world.store, clock: realClock }, { consentId: started.consent.id, personId: started.person.id });
  const withdrawnAt = Date.now();
  await assertSilence("one", withdrawnAt);
  await load.end();
  assert.deepEqual(
    load.answers.filter(({ begunAt, active }) => active && begunAt > withdrawnAt),
    [],
  );
  for (const end of [world.energy, world.ancre])
    await until(`${end.name} told`, async () => (await toldOf(end, started.consent)).join() === "consent-granted,consent-stopped");
  await until("every acknowledgement", async () => {
    const told = await world.store.read((r) => r.outbox.ofConsent(started.consent.id));
    return told.length === 4 && told.every(({ acknowledgedAt }) => acknowledgedAt !== null);
  });
  const receipts = (await world.store.read((r) => r.changes.of(started.consent.id))).map(({ state, receipt }) => [state, receipt !== null]);
  assert.deepEqual(receipts, [
    ["requested", false],
    ["active", true],
    ["withdrawn", true],
  ]);
  const { state, reason, actor } = await world.store.read((r) => r.transfers.get(started.transfer.id));
  assert.deepEqual([state, reason, actor], ["cancelled", "consent_ended", "person"]);
  const [progress] = await world.store.read((r) => r.transfers.progress(started.transfer.id));
  const held = world.witness.items("one").length;
  assert.ok(progress && progress.sent <= held && progress.sent >= held - AT_ONCE, `${progress?.sent} told, ${held} held`);
  const line = await lastLine(started);
  assert.deepEqual([line?.kind, line?.actor, line?.details], ["stopped", "person", { reason: "consent_ended" }]);
  const told = (await world.witness.ledger()).filter(
    (entry) => entry.method === "DELETE" && entry.path === `/inbox/transfers/${started.transfer.id}`,
  );
  assert.deepEqual(
    told.map(({ status }) => status),
    [204],
    "the destination was told",
  );
});

test("cancelled in the middle by the person: the same silence, and the permission stands", async () => {
  const started = await startInTheMiddle("two");
  await cancelTransfer({ store: world.store, clock: realClock }, { transferId: started.transfer.id, personId: started.person.id });
  await assertSilence("two", Date.now());
  assert.equal((await world.store.read((r) => r.consents.get(started.consent.id))).state, "active");
  assert.equal((await lastLine(started))?.actor, "person");
});

test("withdrawn inside one large item: the body breaks off, and nothing of it is stored", async () => {
  const person = await world.person({ sourceAccount: "big", destinationAccount: "big-space" });
  const consent = await person.consent(["energy.bills"]);
  const transfer = await person.transfer(consent);
  await until("the first bytes at Ancre", arriving);
  await withdrawConsent({ store: world.store, clock: realClock }, { consentId: consent.id, personId: person.id });
  const stoppedAt = Date.now();
  await sleep(2500);
  const puts = (await world.witness.ledger()).filter(
    (entry) => entry.event === "request" && entry.method === "PUT" && entry.path?.includes(transfer.id),
  );
  assert.equal(puts.length, 1);
  assert.ok(
    puts.every((entry) => Date.parse(entry.time) < stoppedAt + BREAK_OFF && entry.status === 0),
    JSON.stringify(puts),
  );
  assert.deepEqual(world.witness.items("big-space"), []);
});

/** Whether an item is being received now: Ancre writes it to a draft first. */
async function arriving(): Promise<boolean> {
  const drafts = join(world.dir, "sandbox", "ancre", "drafts");
  const sizes = await Promise.all(
    (await readdir(drafts)).map(async (name) => (await stat(join(drafts, name)).catch(() => ({ size: 0 }))).size),
  );
  return sizes.some((size) => size > MIB);
}

test("excluded by the holder in the middle: nothing more goes there, the transfer waits, and goes on to the end once it is lifted", async () => {
  const started = await startInTheMiddle("four");
  const ports = { store: world.store, clock: realClock, policy, queue: { ring: async () => undefined } };
  const on = { caller: world.energy.id, holderId: world.energy.id };
  const excluded = { platformId: world.ancre.id, dataset: DAILY, reason: { fr: "Un doute.", en: "A doubt." } };
  await excludePlatform(ports, on, excluded);
  await assertSilence("four", Date.now());
  const { state, reason } = await world.store.read((r) => r.transfers.get(started.transfer.id));
  assert.deepEqual([state, reason], ["paused", "condition_unmet"]);
  await liftExclusion(ports, on, excluded);
  assert.equal((await world.ended(started.transfer.id)).state, "verified");
});

test("a destination suspended in the middle: nothing more goes there, and the transfer waits", async () => {
  const started = await startInTheMiddle("three");
  await suspend(world.store, world.ancre.id);
  await assertSilence("three", Date.now());
  const { state, reason } = await world.store.read((r) => r.transfers.get(started.transfer.id));
  assert.deepEqual([state, reason], ["paused", "not_accredited"]);
});

test("how long withdrawals took to stop what ran is measured by the worker, each once", async () => {
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  const timed = Number(/^relais_withdrawal_stop_seconds_count (\d+)$/m.exec(text)?.[1] ?? 0);
  const cancelled = Number(/^relais_attempts_total\{result="cancelled"\} (\d+)$/m.exec(text)?.[1] ?? 0);
  assert.ok(timed > 0 && timed <= cancelled, text);
});
