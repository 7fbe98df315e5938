import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import type pg from "pg";
import { withdrawConsent } from "../../src/core/consent/withdraw-consent.ts";
import type { ConsentId } from "../../src/core/ids.ts";
import type { Store } from "../../src/core/ports.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { acceptDue } from "../../src/core/transfer/accept-due.ts";
import { sweepTransfers } from "../../src/core/transfer/sweep-transfers.ts";
import { openDatabase, openPool } from "../../src/postgres/pool.ts";
import { createStore } from "../../src/postgres/store.ts";
import { readsOf } from "../support/table-reads.ts";
import { suspend } from "../support/charter.ts";
import { startEngine, type Engine } from "../support/engine.ts";
import { fakeAccount, fakeAdapter } from "../support/fake-participants.ts";
import { seedCrowd } from "../support/many-consents.ts";

/** Recurring permissions become transfers by themselves: once for each period, spread over time, and only where the right is there. */

const DAY = 86_400_000;
const DATASET = "bench";

let engine: Engine;
let pool: pg.Pool;
let now: Date;

before(async () => {
  engine = await startEngine(fakeAdapter(fakeAccount(), fakeAccount()), [DATASET]);
  pool = openPool(engine.url, 6);
});
after(async () => {
  await pool?.end();
  await engine?.[Symbol.asyncDispose]();
});
beforeEach(async () => {
  now = new Date();
  await pool.query("delete from relais.transfers; delete from relais.rhythms");
  await pool.query("update relais.trust_marks set expires_at = now() + interval '900 days'");
});

/** As if it were so late by the clock of the database. */
const inTime = (store: Store): Store => ({
  ...store,
  write: (work) =>
    store.write((w) => work({ ...w, dispatch: { ...w.dispatch, present: async () => ({ ...(await w.dispatch.present()), now }) } })),
});
const ports = () => ({ ...engine.ports, store: inTime(engine.store), clock: { ...engine.ports.clock, now: () => now } });
const later = (days: number) => void (now = new Date(now.getTime() + days * DAY));
const rows = async <T extends object>(text: string, values: unknown[] = []): Promise<T[]> => (await pool.query<T>(text, values)).rows;
const periods = async (): Promise<(number | null)[]> =>
  (await rows<{ period: number | null }>("select period from relais.transfers order by created_at, period")).map(({ period }) => period);
/** As if each of them had arrived then. */
const deliverAll = () =>
  pool.query(
    "alter table relais.transfers disable trigger user; update relais.transfers set state = 'verified', ended_at = created_at where ended_at is null; alter table relais.transfers enable trigger user",
  );
let crowds = 0;
const crowd = (count: number, recurrence: string, decidedAt = now) =>
  seedCrowd(engine, pool, { count, recurrence, decidedAt, name: `crowd${crowds++}.` });

test("nothing is due before the first period is over; then each delivers once, with its first line and the priority of what comes by itself", async () => {
  await crowd(300, "P1M");
  assert.equal(await acceptDue(ports()), 0, "the first delivery is asked for by the person or the platform");
  later(20);
  assert.equal(await acceptDue(ports()), 0);
  later(13);
  assert.equal(await acceptDue(ports()), 300);
  assert.equal(await acceptDue(ports()), 0);
  const found = await rows("select distinct state, priority, period, datasets, epoch, attempts from relais.transfers");
  assert.deepEqual(found, [{ state: "queued", priority: 10, period: 1, datasets: [DATASET], epoch: 0, attempts: 0 }]);
  const events = await rows<{ n: number; details: { datasets: number } }>(
    "select count(*)::int as n, kind, actor, sequence, details from relais.transfer_events group by 2, 3, 4, 5",
  );
  assert.deepEqual(
    events.map(({ details: { datasets }, ...event }) => ({ ...event, datasets })),
    [{ n: 300, kind: "requested", actor: "relais", sequence: 1, datasets: 1 }],
  );
  engine.rings.length = 0;
  await pool.query("update relais.transfers set due_at = now()");
  // A participant that has not answered yet gets a quarter of the slots.
  await engine.store.write((w) => w.dispatch.seen({ id: "worker", slots: 2000 }));
  await sweepTransfers(ports());
  assert.equal(engine.rings.length, 300, "the sweep rings for them");
});

test("a batch looks its rows up, however small a part of all they are: no table is read as a whole", async () => {
  await crowd(3000, "P1M");
  await pool.query("vacuum analyze");
  later(65);
  const wholeReads = async (): Promise<[string, number][]> =>
    Object.entries(await readsOf(pool, "account_links", "consents", "rhythms", "transfers")).map(([name, { scans }]) => [name, scans]);
  const before = await wholeReads();
  assert.equal(await acceptDue({ ...ports(), store: inTime(createStore(openDatabase(pool))) }), 3000);
  assert.deepEqual(await wholeReads(), before);
});

test("what was given at one moment is due over a quarter of its period, a day at most, and at the same share each time", async () => {
  await crowd(400, "P1D");
  await crowd(400, "P1M");
  for (const [every, seconds] of [
    ["1 day", 6 * 3600],
    ["1 mon", 24 * 3600],
  ] as const) {
    const [spread] = await rows<{ first: number; last: number; distinct: number; hours: number }>(
      `select extract(epoch from min(anchor) - $2)::float8 as first, extract(epoch from max(anchor) - $2)::float8 as last, count(distinct due_at)::int as distinct,
         count(distinct floor(extract(epoch from anchor - $2) * 24 / $3))::int as hours
       from relais.rhythms where every = $1::interval`,
      [every, now, seconds],
    );
    assert.ok(spread && spread.first >= 0 && spread.last <= seconds, JSON.stringify(spread));
    assert.equal(spread.distinct, 400);
    assert.equal(spread.hours, 24, "in each twenty-fourth of the time some");
  }
  const due = async () =>
    rows<{ consent_id: string; due_at: Date }>("select consent_id, due_at from relais.rhythms where every = '1 day' order by 1");
  const before = await due();
  later(1.3);
  assert.equal(await acceptDue(ports()), 400);
  const next = await due();
  assert.deepEqual(
    next.map(({ due_at }) => due_at.getTime()),
    before.map(({ due_at }) => due_at.getTime() + DAY),
  );
});

test("two sweepers, and two more: each period of each consent once", async () => {
  await crowd(4500, "P1W");
  later(8.5);
  const [other, third] = [await openSecond(), await openSecond()];
  const counts = await Promise.all([acceptDue(ports()), acceptDue(other.ports), acceptDue(ports()), acceptDue(third.ports)]);
  await Promise.all([other.close(), third.close()]);
  assert.equal(
    counts.reduce((sum, count) => sum + count, 0),
    4500,
  );
  const [found] = await rows("select count(*)::int as n, count(distinct consent_id)::int as consents from relais.transfers");
  assert.deepEqual(found, { n: 4500, consents: 4500 });
});

test("a period is served once by a rule of the database, whatever the program thinks", async () => {
  const [id] = await crowd(1, "P1D");
  later(1.3);
  assert.equal(await acceptDue(ports()), 1);
  await deliverAll();
  await pool.query("update relais.transfers set created_at = created_at - interval '3 days'");
  await pool.query("update relais.rhythms set period = 1, due_at = anchor + every");
  assert.equal(await acceptDue(ports()), 0, "somebody set it back: the period is served all the same");
  const again = pool.query(
    `insert into relais.transfers (id, consent_id, person_id, source_id, destination_id, datasets, state, epoch, attempts, due_at, expires_at, created_at, period)
     select 'trf_again', consent_id, person_id, source_id, destination_id, datasets, 'queued', 0, 0, now(), now(), now(), 1 from relais.transfers where consent_id = $1`,
    [id],
  );
  await assert.rejects(again, { code: "23505", constraint: "transfers_period" });
});

test("after a standstill each is caught up once, not once for each period, and goes on in its rhythm", async () => {
  await crowd(50, "P1D");
  later(9.5);
  assert.equal(await acceptDue(ports()), 50);
  assert.deepEqual(new Set(await periods()), new Set([9]));
  assert.equal(await acceptDue(ports()), 0);
  await deliverAll();
  later(1);
  assert.equal(await acceptDue(ports()), 50);
  assert.deepEqual(new Set(await periods()), new Set([9, 10]));
});

test("months are of the calendar: the 31st comes back after February", async () => {
  now = new Date("2027-01-31T10:00:00Z");
  await crowd(1, "P1M");
  const dues: string[] = [];
  for (let month = 0; month < 4; month++) {
    const [row] = await rows<{ due_at: Date }>("select due_at from relais.rhythms");
    now = row!.due_at;
    dues.push(now.toISOString().slice(0, 7));
    assert.equal(await acceptDue(ports()), 1);
    await deliverAll();
  }
  assert.deepEqual(dues.map((due) => due.slice(5)).slice(0, 2), ["02", "03"]);
  const [anchor] = await rows<{ day: number; due: number }>(
    "select extract(day from anchor)::int as day, extract(day from anchor + 2 * every)::int as due from relais.rhythms",
  );
  assert.equal(anchor?.due, anchor?.day, "counted from the anchor, not from February");
});

test("nothing is accepted while one is under way, nor right after somebody asked for one; the next period counts again", async () => {
  const [live, fresh] = (await crowd(2, "P1D")) as [ConsentId, ConsentId];
  const personOf = async (id: ConsentId) => (await engine.store.read((r) => r.consents.get(id))).personId;
  later(1.3);
  await requestTransfer(ports(), { consentId: fresh, personId: await personOf(fresh) });
  await deliverAll();
  await requestTransfer(ports(), { consentId: live, personId: await personOf(live) });
  assert.equal(await acceptDue(ports()), 0);
  assert.deepEqual(await periods(), [null, null]);
  await deliverAll();
  later(1);
  assert.equal(await acceptDue(ports()), 2);
});

test("only where the right is there: ended consents never; without a standing it waits, and comes back with it", async () => {
  const [gone] = (await crowd(20, "P1D")) as [ConsentId];
  const { personId } = await engine.store.read((r) => r.consents.get(gone));
  await withdrawConsent(ports(), { consentId: gone, personId });
  assert.deepEqual(await rows("select from relais.rhythms where consent_id = $1", [gone]), []);
  later(1.3);
  await pool.query("update relais.trust_marks set expires_at = $1 where participant_id = $2", [
    new Date(now.getTime() - 1),
    engine.destination.id,
  ]);
  assert.equal(await acceptDue(ports()), 0);
  assert.equal(await acceptDue(ports()), 0, "looked at again later, not at once");
  await pool.query("update relais.trust_marks set expires_at = now() + interval '900 days'");
  later(1.5 / 24);
  assert.equal(await acceptDue(ports()), 19);
  assert.equal((await rows("select from relais.transfers where consent_id = $1", [gone])).length, 0);
});

test("where one consent cannot be judged, the others are accepted, and it is looked at again", async () => {
  const [odd] = (await crowd(1, "P1D")) as [ConsentId];
  await pool.query(
    "update relais.account_links set assurance = 'high' where id = (select source_link_id from relais.consents where id = $1)",
    [odd],
  );
  await crowd(4, "P1D");
  later(1.3);
  const { policy } = engine.ports;
  const store = inTime(engine.store);
  const write: Store["write"] = (work) =>
    store.write((w) => {
      const get: typeof w.consents.get = async (id) => {
        if (id === odd) throw new Error("out of order");
        return w.consents.get(id);
      };
      return work({ ...w, consents: { ...w.consents, get } });
    });
  await assert.rejects(acceptDue({ store: { ...store, write }, policy }), /out of order/);
  assert.equal((await rows("select from relais.transfers where consent_id <> $1", [odd])).length, 4);
  later(2 / 24);
  assert.equal(await acceptDue(ports()), 1);
});

test("a sweeper whose clock is wrong serves no period before its time", async () => {
  await crowd(5, "P1M");
  const before = await rows("select consent_id, period, due_at from relais.rhythms order by 1");
  const ahead = { ...engine.ports, clock: { ...engine.ports.clock, now: () => new Date(Date.now() + 400 * DAY) } };
  const behind = { ...engine.ports, clock: { ...engine.ports.clock, now: () => new Date(0) } };
  assert.equal(await acceptDue(ahead), 0);
  assert.deepEqual(await rows("select consent_id, period, due_at from relais.rhythms order by 1"), before);
  await pool.query("update relais.rhythms set due_at = now() - interval '1 second'");
  assert.equal(await acceptDue(behind), 5);
});

test("a permission that is asked for once has no rhythm, and neither has a duration that is none", async () => {
  await crowd(1, "P0D");
  await crowd(1, "every now and then");
  await engine.consent([DATASET]);
  assert.deepEqual(await rows("select from relais.rhythms"), []);
});

test("the person sees when the next one comes", async () => {
  const [id] = (await crowd(1, "P1W")) as [ConsentId];
  const due = await engine.store.read((r) => r.rhythms.nextDue(id));
  assert.ok(due !== null && due.getTime() >= now.getTime() + 7 * DAY && due.getTime() <= now.getTime() + 8 * DAY);
});

test("a suspended platform gets nothing accepted", async () => {
  await crowd(5, "P1D");
  later(1.3);
  await suspend(engine.store, engine.destination.id);
  assert.equal(await acceptDue(ports()), 0);
});

async function openSecond() {
  const second = openPool(engine.url, 3);
  return { ports: { ...ports(), store: inTime(createStore(openDatabase(second))) }, close: () => second.end() };
}
