import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type pg from "pg";
import { sha256 } from "../../src/core/transfer/manifest.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import type { Transfer } from "../../src/core/transfer/transfer.ts";
import { createAttemptRecords } from "../../src/postgres/attempt-records.ts";
import { openPool, openPreparedPool } from "../../src/postgres/pool.ts";
import { createStandings } from "../../src/postgres/standings.ts";
import { startEngine, type Engine } from "../support/engine.ts";
import { fakeAccount, fakeAdapter } from "../support/fake-participants.ts";
import { addAlike, readsOf, readsWithoutKey } from "../support/table-reads.ts";

/**
 * What is asked for one transfer or one token reads what is of that one. Its statement was planned while there was nearly nothing, by the connection that
 * keeps the plan, and nobody has counted what came since (decision 0045).
 */
const DATASET = "energy.bills";
const MANY = 3000;
const owned = new AsyncDisposableStack();
let engine: Engine;
let pool: pg.Pool;
/** The one connection of the statements that are looked at. */
let prepared: pg.Pool;

before(async () => {
  engine = owned.use(await startEngine(fakeAdapter(fakeAccount(), fakeAccount()), [DATASET]));
  pool = owned.adopt(openPool(engine.url, 2), (open) => open.end());
  prepared = owned.adopt(openPreparedPool(engine.url, 1), (open) => open.end());
});
after(() => owned.disposeAsync());

async function rowsRead(table: string, act: () => Promise<void>): Promise<number> {
  const { [table]: before } = await readsOf(prepared, table);
  await act();
  const { [table]: after } = await readsOf(prepared, table);
  return after!.rows - before!.rows;
}

/** Planned while tables were as good as empty, and again when somebody has counted that. */
async function assertKeyed(): Promise<void> {
  assert.deepEqual(await readsWithoutKey(prepared), []);
  await pool.query("analyze");
  assert.deepEqual(await readsWithoutKey(prepared), []);
}

test("a lease, a look at the right and a step", async () => {
  const records = createAttemptRecords(prepared);
  const queued = async (): Promise<Transfer> =>
    requestTransfer(engine.ports, { consentId: (await engine.consent([DATASET])).id, personId: engine.personId });
  const parts = ({ id, epoch }: Transfer): Record<string, () => Promise<void>> => ({
    lease: async () => assert.ok(await records.begin({ transferId: id, epoch }, { leaseSeconds: 30, at: new Date() })),
    look: async () => assert.ok((await records.look(id, new Date())).ground),
    step: async () => {
      const written = { state: "delivering" as const, events: [{ kind: "delivering" as const, actor: "relais" as const }] };
      assert.ok(await records.step({ id, epoch: epoch + 1 }, written, new Date()));
    },
  });
  for (const act of Object.values(parts(await queued()))) await act();
  await assertKeyed();
  await addAlike(pool, "transfers", MANY);
  await addAlike(pool, "consents", MANY, { status_index: null });
  for (const table of ["transfers", "consents"])
    for (const [name, act] of Object.entries(parts(await queued()))) {
      const read = await rowsRead(table, act);
      assert.ok(read < 50, `${name}: ${read} ${table}`);
    }
});

test("a source's question about a token", async () => {
  const { id } = await engine.consent([DATASET]);
  const [standings, { entityId }] = [createStandings(prepared), engine.source];
  await standings.findParticipant(entityId);
  const expiresAt = new Date(Date.now() + 3_600_000);
  await pool.query("insert into oauth_records (model, id, payload, expires_at) values ('AccessToken', $1, $2, $3)", [
    sha256("the token"),
    { clientId: "https://relais.test/worker", aud: entityId, jkt: "thumbprint", exp: expiresAt.getTime() / 1000, rar: [{ consent: id }] },
    expiresAt,
  ]);
  let questions = 0;
  const ask = async (): Promise<void> => {
    const once = { id: `question ${(questions += 1)}`, expiresAt };
    const asked = { asker: standings.recall(entityId)!, clientId: "https://relais.test/worker", token: "the token", once };
    const facts = await standings.askOnce({ ...asked, now: new Date() });
    assert.deepEqual([facts?.isFirst, facts?.standing?.consent.id], [true, id]);
  };
  await ask();
  await assertKeyed();
  await addAlike(pool, "oauth_records", MANY);
  await addAlike(pool, "consents", MANY, { status_index: null });
  for (const table of ["oauth_records", "consents"]) {
    const read = await rowsRead(table, ask);
    assert.ok(read < 50, `${read} ${table}`);
  }
});
