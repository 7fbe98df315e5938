import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { newId } from "../../src/core/ids.ts";
import type { OrganisationId } from "../../src/core/register/application.ts";
import { levelOf, PARTICIPATION, readParticipation } from "../../src/core/register/participation.ts";
import { sweepParticipation } from "../../src/core/register/sweep-participation.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { startEngine, type Engine } from "../support/engine.ts";
import { fakeAccount, fakeAdapter } from "../support/fake-participants.ts";

const DATASET = "energy.bills";
let engine: Engine;
let pool: ReturnType<typeof openPool>;
let organisation: OrganisationId;
let now = new Date();
const clock = { now: () => now, sleep: async () => undefined };

before(async () => {
  engine = await startEngine(fakeAdapter(fakeAccount(), fakeAccount()), [DATASET]);
  pool = openPool(engine.url, 4);
  organisation = newId("organisation");
  await engine.store.write(async (w) => {
    await w.cases.addOrganisation({ id: organisation, name: "Energy", country: "FR", status: "active", createdAt: now });
    await w.cases.attach(engine.source.id, organisation);
  });
});
after(async () => {
  await pool.end();
  await engine[Symbol.asyncDispose]();
});

async function look() {
  now = new Date(now.getTime() + 1000);
  await Promise.all([1, 2, 3].map(() => sweepParticipation({ store: engine.store, clock })));
  return engine.store.read((r) => readParticipation(r, organisation, now));
}

test("the table: each level needs what the ones before it need, and nothing that is not shown counts", () => {
  const facts = { joined: true, charter_signed: false, data_described: false, data_given_back: true } as const;
  assert.equal(levelOf(facts), "explorer");
  assert.equal(levelOf({ ...facts, charter_signed: true }), "explorer");
  assert.equal(levelOf({ ...facts, charter_signed: true, data_described: true }), "pioneer");
  assert.equal(levelOf({ joined: true, charter_signed: true, data_described: true, data_given_back: false }), "engaged");
  const levels = Object.values(PARTICIPATION) as readonly (readonly string[])[];
  for (const [index, needs] of levels.entries()) for (const need of levels[index - 1] ?? []) assert.ok(needs.includes(need));
});

test("it follows what the register knows, keeps its history with dates, and writes each step once", async () => {
  const joined = await look();
  assert.deepEqual([joined?.level, joined?.next], ["explorer", { level: "engaged", needs: ["charter_signed"] }]);
  await engine.store.write((w) =>
    w.cases.addSignature({ participantId: engine.source.id, charterVersion: "1", charterDigest: "d", signer: "director", signedAt: now }),
  );
  const engaged = await look();
  assert.deepEqual([engaged?.level, engaged?.next?.needs], ["engaged", ["data_given_back"]]);
  const consent = await engine.consent([DATASET]);
  const { id } = await requestTransfer(engine.ports, { consentId: consent.id, personId: engine.personId });
  assert.equal((await look())?.level, "engaged", "asked for is not given back");
  await pool.query("alter table relais.transfers disable trigger transfers_move");
  await pool.query("update relais.transfers set state = 'verified', ended_at = $2 where id = $1", [id, now]);
  await pool.query("alter table relais.transfers enable trigger transfers_move");
  await pool.query(`update relais.participants set about = about || '{"synthetic":true}' where id = $1`, [engine.source.id]);
  assert.equal((await look())?.level, "engaged", "invented people are nobody");
  await pool.query("update relais.participants set about = about - 'synthetic' where id = $1", [engine.source.id]);
  const pioneer = await look();
  assert.deepEqual([pioneer?.level, pioneer?.next], ["pioneer", null]);
  now = new Date(now.getTime() + 400 * 86_400_000);
  const lapsed = await look();
  assert.deepEqual(
    lapsed?.history.map(({ level }) => level),
    ["explorer", "engaged", "pioneer", "engaged"],
  );
  assert.deepEqual(lapsed?.since, lapsed?.history.at(-1)?.since);
});
