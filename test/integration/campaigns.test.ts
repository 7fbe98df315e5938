import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import type pg from "pg";
import { withdrawConsent } from "../../src/core/consent/withdraw-consent.ts";
import type { ConsentId } from "../../src/core/ids.ts";
import type { RegisterCaller } from "../../src/core/register/register-caller.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import type { CampaignId, Selection } from "../../src/core/transfer/campaign.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { runCampaigns } from "../../src/core/transfer/run-campaigns.ts";
import { cancelCampaign, listCampaigns, readCampaign, startCampaign } from "../../src/core/transfer/start-campaign.ts";
import { openDatabase, openPool } from "../../src/postgres/pool.ts";
import { createStore } from "../../src/postgres/store.ts";
import { startEngine, type Engine } from "../support/engine.ts";
import { fakeAccount, fakeAdapter } from "../support/fake-participants.ts";
import { seedCrowd } from "../support/many-consents.ts";
import { accreditedParticipant } from "../support/register-fixtures.ts";

/** Deliveries under many permissions at once: own ones alone, judged like each single one, accepted in batches, resumable. */

const DATASET = "bench";
const OPERATOR: RegisterCaller = { kind: "operator", name: "Operator" };

let engine: Engine;
let pool: pg.Pool;
let stranger: RegisterCaller;

before(async () => {
  engine = await startEngine(fakeAdapter(fakeAccount(), fakeAccount()), [DATASET]);
  pool = openPool(engine.url, 6);
  stranger = callerOf(await accreditedParticipant(engine.store, { entityId: "https://stranger.test", roles: ["platform"] }));
});
after(async () => {
  await pool?.end();
  await engine?.[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await pool.query("delete from relais.transfers; delete from relais.campaigns; delete from relais.rhythms; delete from relais.consents");
});

function callerOf({ id, entityId, name }: Participant): RegisterCaller {
  return { kind: "participant", participantId: id, entityId, name };
}
const holder = () => callerOf(engine.source);
const start = (caller: RegisterCaller, selection: Selection) =>
  engine.store.write((w) => startCampaign(w, { caller, selection, now: new Date() }));
const read = (caller: RegisterCaller, id: Awaited<ReturnType<typeof start>>["id"]) => engine.store.read((r) => readCampaign(r, caller, id));
const transfersOf = async (): Promise<number> => (await pool.query("select from relais.transfers")).rowCount ?? 0;
let crowds = 0;
const crowd = async (count: number, recurrence: string | null = null) =>
  (await seedCrowd(engine, pool, {
    count,
    recurrence,
    decidedAt: new Date(Date.now() - 1000),
    name: `campaign${crowds++}.`,
  })) as ConsentId[];
const personOf = async (id: ConsentId) => (await engine.store.read((r) => r.consents.get(id))).personId;

test("a holder asks for everybody who allowed it: each gets one transfer of its own, counted, with the campaign in its first line", async () => {
  await crowd(4300);
  const campaign = await start(holder(), { destination: engine.destination.id });
  assert.deepEqual([campaign.state, campaign.total], ["asked", null]);
  assert.equal(await runCampaigns(engine.ports), 4300);
  const done = await read(holder(), campaign.id);
  assert.deepEqual([done.state, done.total, done.accepted, done.refused], ["accepted", 4300, 4300, {}]);
  const { rows } = await pool.query(
    "select count(*)::int as n, count(distinct consent_id)::int as consents, min(priority)::int as priority from relais.transfers",
  );
  assert.deepEqual(rows, [{ n: 4300, consents: 4300, priority: 10 }]);
  const { rows: events } = await pool.query("select distinct actor, details ->> 'campaign' as campaign from relais.transfer_events");
  assert.deepEqual(events, [{ actor: "holder", campaign: campaign.id }]);
  assert.equal(await runCampaigns(engine.ports), 0);
  assert.equal((await pool.query("select from relais.campaign_consents")).rowCount, 0, "nothing is kept of whom it was for");
});

test("each refusal has its reason, as a single request would have had; what is none of one's own does not exist", async () => {
  const [mine, live, stopped, delivered, ...rest] = (await crowd(8)) as [ConsentId, ConsentId, ConsentId, ConsentId, ...ConsentId[]];
  await requestTransfer(engine.ports, { consentId: delivered, personId: await personOf(delivered) });
  await pool.query(
    "alter table relais.transfers disable trigger user; update relais.transfers set state = 'verified', ended_at = now(); alter table relais.transfers enable trigger user",
  );
  await requestTransfer(engine.ports, { consentId: live, personId: await personOf(live) });
  await withdrawConsent(engine.ports, { consentId: stopped, personId: await personOf(stopped) });
  const unknown = "cst_0000000000000000000000" as ConsentId;
  const named = { consents: [mine, live, stopped, delivered, ...rest, unknown, mine] };
  const campaign = await start(holder(), named);
  assert.equal(await runCampaigns(engine.ports), 5);
  const done = await read(holder(), campaign.id);
  assert.deepEqual([done.total, done.accepted, done.refused], [9, 5, { conflict: 2, consent_ended: 1, not_found: 1 }]);

  const foreign = await start(stranger, named);
  assert.equal(await runCampaigns(engine.ports), 0);
  const nothing = await read(stranger, foreign.id);
  assert.deepEqual([nothing.total, nothing.refused], [9, { not_found: 9 }], "the same as for ids that do not exist");
});

test("by what they have in common: only what is in force and one's own is counted at all", async () => {
  const [stopped] = (await crowd(3)) as [ConsentId];
  await engine.ask([DATASET]);
  await withdrawConsent(engine.ports, { consentId: stopped, personId: await personOf(stopped) });
  const own = await start(holder(), {});
  const none = await start(holder(), { dataset: "other" });
  const foreign = await start(stranger, { source: engine.source.id });
  await runCampaigns(engine.ports);
  assert.deepEqual([(await read(holder(), own.id)).total, (await read(holder(), own.id)).accepted], [2, 2]);
  assert.deepEqual([(await read(holder(), none.id)).total, (await read(holder(), none.id)).state], [0, "accepted"]);
  assert.deepEqual([(await read(stranger, foreign.id)).total, (await read(stranger, foreign.id)).refused], [0, {}]);
});

test("who may ask and look: participants for themselves, the operator for an end that it names, nobody else", async () => {
  const campaign = await start(OPERATOR, { source: engine.source.id });
  await assert.rejects(start(OPERATOR, {}), { code: "invalid" });
  for (const kind of ["accreditor", "authority"] as const)
    await assert.rejects(start({ kind, name: kind }, { source: engine.source.id }), { code: "forbidden" });
  await assert.rejects(read(holder(), campaign.id), { code: "not_found" });
  assert.equal((await read({ kind: "authority", name: "CNIL" }, campaign.id)).id, campaign.id);
  const cancel = (caller: RegisterCaller) => engine.store.write((w) => cancelCampaign(w, caller, { id: campaign.id, now: new Date() }));
  await assert.rejects(cancel({ kind: "authority", name: "CNIL" }), { code: "forbidden" });
  await assert.rejects(cancel(stranger), { code: "not_found" });
  assert.equal((await cancel(OPERATOR)).state, "cancelled");
  assert.equal((await cancel(OPERATOR)).state, "cancelled", "again is nothing");
  const over = await start(OPERATOR, { source: engine.source.id });
  await runCampaigns(engine.ports);
  const late = engine.store.write((w) => cancelCampaign(w, OPERATOR, { id: over.id, now: new Date() }));
  await assert.rejects(late, { code: "conflict" });
  for (let open = 0; open < 5; open++) await start(stranger, {});
  await assert.rejects(start(stranger, {}), { code: "rate_limited" });
});

test("listed newest first, page by page: a participant sees its own, the operator and the authority everybody's", async () => {
  const own = [await start(holder(), {}), await start(holder(), {}), await start(holder(), {})].map(({ id }) => id);
  const other = await start(stranger, {});
  const list = (caller: RegisterCaller, before: CampaignId | null = null, limit = 2) =>
    engine.store.read((r) => listCampaigns(r, caller, { before, limit }));
  const seen = new Set<CampaignId>();
  const first = await list(holder());
  for (const { id } of [...first.campaigns, ...(await list(holder(), first.next)).campaigns]) seen.add(id);
  assert.deepEqual([...seen].toSorted(), own.toSorted());
  assert.equal((await list(holder(), first.next)).next, null);
  assert.deepEqual((await list({ kind: "authority", name: "CNIL" }, null, 10)).campaigns.length, 4);
  await assert.rejects(list(holder(), other.id), { code: "not_found" });
  await assert.rejects(list({ kind: "accreditor", name: "A" }), { code: "forbidden" });
});

test("whoever lost its accreditation asks for nothing, and what it asked for before is refused", async () => {
  await crowd(3);
  const campaign = await start(holder(), {});
  await pool.query("update relais.trust_marks set revoked_at = now() where participant_id = $1", [engine.source.id]);
  await assert.rejects(start(holder(), {}), { code: "not_accredited" });
  assert.equal(await runCampaigns(engine.ports), 0);
  assert.deepEqual((await read(holder(), campaign.id)).refused, { not_accredited: 3 });
  await pool.query("update relais.trust_marks set revoked_at = null where participant_id = $1", [engine.source.id]);
});

test("cancelled in the middle: what was accepted stays, the rest never comes", async () => {
  await crowd(4100);
  const campaign = await start(holder(), {});
  const stop = new AbortController();
  const ports = { ...engine.ports, store: { ...engine.store, write: stopAfter(2, stop) } };
  const accepted = await runCampaigns(ports, stop.signal);
  assert.ok(accepted > 0 && accepted < 4100, String(accepted));
  await engine.store.write((w) => cancelCampaign(w, holder(), { id: campaign.id, now: new Date() }));
  assert.equal(await runCampaigns(engine.ports), 0);
  const done = await read(holder(), campaign.id);
  assert.deepEqual([done.state, done.accepted, await transfersOf()], ["cancelled", accepted, accepted]);
});

test("a batch that breaks off leaves nothing, and is taken up by whoever comes next; two sweepers and two campaigns never double", async () => {
  await crowd(4100);
  const campaign = await start(holder(), {});
  const broken = { ...engine.ports, store: { ...engine.store, write: breakAfter(2) } };
  await assert.rejects(runCampaigns(broken), { code: "internal" });
  assert.equal(await transfersOf(), 2000);
  assert.equal((await read(holder(), campaign.id)).accepted, 2000);
  const twin = await start(callerOf(engine.destination), {});
  const second = openPool(engine.url, 3);
  const other = { ...engine.ports, store: createStore(openDatabase(second)) };
  await Promise.all([runCampaigns(engine.ports), runCampaigns(other), runCampaigns(engine.ports)]);
  await runCampaigns(engine.ports);
  await second.end();
  const [one, two] = [await read(holder(), campaign.id), await read(callerOf(engine.destination), twin.id)];
  assert.deepEqual([one.state, two.state], ["accepted", "accepted"]);
  assert.equal(one.accepted + two.accepted, 4100);
  assert.equal(two.accepted + (two.refused.conflict ?? 0), 4100);
  assert.equal(await transfersOf(), 4100);
});

test("a batch is no larger than it is to be, even if the database believes that there is next to nothing", async () => {
  await crowd(4100);
  // What it knows of a table after all of its rows were deleted: it joins by asking the inner side again for each row of the outer one.
  await pool.query("update pg_class set relpages = 1, reltuples = 0 where oid = 'relais.campaign_consents'::regclass");
  const campaign = await start(holder(), {});
  await assert.rejects(runCampaigns({ ...engine.ports, store: { ...engine.store, write: breakAfter(2) } }), { code: "internal" });
  assert.equal((await read(holder(), campaign.id)).accepted, 2000);
});

test("no more often than people were told: a period that was served is not served again by a campaign", async () => {
  await crowd(5, "P1M");
  await start(holder(), {});
  assert.equal(await runCampaigns(engine.ports), 5);
  await pool.query(
    "alter table relais.transfers disable trigger user; update relais.transfers set state = 'verified', ended_at = now(); alter table relais.transfers enable trigger user",
  );
  const again = await start(holder(), {});
  assert.equal(await runCampaigns(engine.ports), 0);
  assert.deepEqual((await read(holder(), again.id)).refused, { conflict: 5 });
});

test("a period in which something arrived is served, however long ago in it; the next one is not", async () => {
  const ids = await crowd(4, "P1M");
  const deliveredAgo = async (days: number) => {
    await pool.query("delete from relais.transfers");
    await start(holder(), {});
    await runCampaigns(engine.ports);
    await pool.query(
      `alter table relais.transfers disable trigger user; update relais.transfers set state = 'verified', ended_at = now(), created_at = now() - interval '${days} days';
       alter table relais.transfers enable trigger user`,
    );
    await start(holder(), {});
    return runCampaigns(engine.ports);
  };
  // The second period of each began 28 days ago.
  await pool.query("update relais.rhythms set anchor = now() - interval '28 days' - interval '1 month' where consent_id = any ($1)", [ids]);
  assert.equal(await deliveredAgo(20), 0);
  assert.equal(await deliveredAgo(29), 4);
});

test("shorter than a day is no single delivery: a campaign asks for it as a single request does", async () => {
  await crowd(3, "PT1H");
  await start(holder(), {});
  await runCampaigns(engine.ports);
  const arrived = (minutes: number) =>
    pool.query(
      `alter table relais.transfers disable trigger user; update relais.transfers set state = 'verified', ended_at = now(), created_at = now() - interval '${minutes} minutes';
       alter table relais.transfers enable trigger user`,
    );
  await arrived(20);
  await start(holder(), {});
  assert.equal(await runCampaigns(engine.ports), 0);
  await arrived(40);
  await start(holder(), {});
  assert.equal(await runCampaigns(engine.ports), 3);
});

test("a campaign that fails keeps no other from going on, and is carried on in the next round", async () => {
  await crowd(3);
  const [first, second] = [await start(holder(), { source: engine.source.id }), await start(callerOf(engine.destination), {})];
  const write: Engine["store"]["write"] = (work) =>
    engine.store.write((w) => {
      const take: typeof w.campaigns.take = async (id, ...rest) => {
        if (id === first.id) throw new Error("out of order");
        return w.campaigns.take(id, ...rest);
      };
      return work({ ...w, campaigns: { ...w.campaigns, take } });
    });
  await assert.rejects(runCampaigns({ ...engine.ports, store: { ...engine.store, write } }), { cause: new Error("out of order") });
  assert.deepEqual([(await read(holder(), first.id)).accepted, (await read(OPERATOR, second.id)).accepted], [0, 3]);
  await runCampaigns(engine.ports);
  assert.deepEqual((await read(holder(), first.id)).refused, { conflict: 3 });
});

test("whom it was for is forgotten once they were looked up, or it was cancelled before", async () => {
  const ids = await crowd(3);
  const [one, other] = [await start(holder(), { consents: ids }), await start(holder(), { consents: ids })];
  await engine.store.write((w) => cancelCampaign(w, holder(), { id: other.id, now: new Date() }));
  await runCampaigns(engine.ports);
  assert.equal((await read(holder(), one.id)).accepted, 3);
  const { rows } = await pool.query("select distinct selection from relais.campaigns");
  assert.deepEqual(rows, [{ selection: { consents: [] } }]);
});

/** Counts writes: 1 gathers, each later one is a batch. */
function stopAfter(writes: number, stop: AbortController): Engine["store"]["write"] {
  let count = 0;
  return async (work) => {
    const result = await engine.store.write(work);
    if (++count === writes) stop.abort();
    return result;
  };
}

/** The write after these does all of its work, and is not committed. */
function breakAfter(writes: number): Engine["store"]["write"] {
  let count = 0;
  return (work) => {
    if (count++ < writes) return engine.store.write(work);
    return engine.store.write(async (w) => {
      await work(w);
      throw new Error("broke off");
    });
  };
}
