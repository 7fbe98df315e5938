import assert from "node:assert/strict";
import { test } from "node:test";
import type pg from "pg";
import { sha256 } from "../../src/core/transfer/manifest.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import type { Transfer } from "../../src/core/transfer/transfer.ts";
import type { AttemptRecords } from "../../src/core/transfer/attempt-records.ts";
import type { ConsentId } from "../../src/core/ids.ts";
import type { Standings } from "../../src/core/consent/standings.ts";
import { createAttemptRecords } from "../../src/postgres/attempt-records.ts";
import { openPool, openPreparedPool } from "../../src/postgres/pool.ts";
import { createStandings } from "../../src/postgres/standings.ts";
import { startEngine, type Engine } from "../support/engine.ts";
import { fakeAccount, fakeAdapter } from "../support/fake-participants.ts";
import { addAlike, readsOf, waysWithoutKey } from "../support/table-reads.ts";

/**
 * What is asked for one transfer or one token reads what is of that one. Its statement was planned while there was nearly nothing, by the connection that
 * keeps the plan, and nobody has counted what came since (decision 0045).
 */
const DATASET = "energy.bills";
const MANY = 3000;
/** Whose rows are read only where their version is not known. */
const LARGE = ["account_links", "consents", "participants", "trust_marks"];

interface World extends AsyncDisposable {
  engine: Engine;
  pool: pg.Pool;
  /** One connection, which stays: so do its plans. */
  prepared: pg.Pool;
}

async function startWorld(): Promise<World> {
  const owned = new AsyncDisposableStack();
  const engine = owned.use(await startEngine(fakeAdapter(fakeAccount(), fakeAccount()), [DATASET]));
  const pool = owned.adopt(openPool(engine.url, 2), (open) => open.end());
  const prepared = owned.adopt(openPreparedPool(engine.url, 1), (open) => open.end());
  prepared.options.idleTimeoutMillis = 0;
  return { engine, pool, prepared, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

const connectionOf = async (pool: pg.Pool): Promise<number> => (await pool.query("select pg_backend_pid() as id")).rows[0].id;

/** The plans of these, as they were made in a database that was as good as empty, and as they are made again when somebody has counted that. */
async function assertKeyed({ engine, pool }: World, act: (prepared: pg.Pool) => Promise<void>, names: string[]): Promise<void> {
  for (const analyze of ["select", "analyze"]) {
    await pool.query(analyze);
    await using owned = new AsyncDisposableStack();
    const fresh = owned.adopt(openPreparedPool(engine.url, 1), (open) => open.end());
    await act(fresh);
    assert.deepEqual(await waysWithoutKey(fresh), Object.fromEntries(names.map((name) => [name, []])));
  }
}

async function assertFewRead({ prepared }: World, table: string, act: () => Promise<void>): Promise<void> {
  const connection = await connectionOf(prepared);
  const { [table]: before } = await readsOf(prepared, table);
  await act();
  const { [table]: after } = await readsOf(prepared, table);
  assert.equal(await connectionOf(prepared), connection);
  const read = after!.rows - before!.rows;
  assert.ok(read < 50, `${read} ${table}`);
}

test("a lease, a look at the right and a step", async () => {
  await using world = await startWorld();
  const { engine, pool, prepared } = world;
  const queued = async (): Promise<Transfer> =>
    requestTransfer(engine.ports, { consentId: (await engine.consent([DATASET])).id, personId: engine.personId });
  const partsOf = ({ id, epoch }: Transfer, records: AttemptRecords): (() => Promise<void>)[] => [
    async () => assert.ok(await records.begin({ transferId: id, epoch }, { leaseSeconds: 30, at: new Date() })),
    async () => assert.ok((await records.look(id, new Date())).ground),
    async () => {
      const written = { state: "delivering" as const, events: [{ kind: "delivering" as const, actor: "relais" as const }] };
      assert.ok(await records.step({ id, epoch: epoch + 1 }, written, new Date()));
    },
  ];
  const all = async (own: pg.Pool): Promise<void> => {
    for (const act of partsOf(await queued(), createAttemptRecords(own))) await act();
  };
  await assertKeyed(
    world,
    all,
    [...LARGE, "begin", "look", "step"].map((name) => `attempts_${name}`),
  );
  await all(prepared);
  const records = createAttemptRecords(prepared);
  await addAlike(pool, "transfers", MANY);
  await addAlike(pool, "consents", MANY, { status_index: null });
  for (const table of ["transfers", "consents"]) for (const act of partsOf(await queued(), records)) await assertFewRead(world, table, act);
});

test("a source's question about a token, and what is asked of a standing", async () => {
  await using world = await startWorld();
  const { engine, pool, prepared } = world;
  const { entityId } = engine.source;
  const expiresAt = new Date(Date.now() + 3_600_000);
  let questions = 0;
  const token = async (): Promise<{ token: string; id: ConsentId }> => {
    const [{ id }, given] = [await engine.consent([DATASET]), `token ${(questions += 1)}`];
    const payload = { clientId: "https://relais.test/worker", aud: entityId, jkt: "thumbprint", exp: expiresAt.getTime() / 1000 };
    await pool.query("insert into oauth_records (model, id, payload, expires_at) values ('AccessToken', $1, $2, $3)", [
      sha256(given),
      { ...payload, rar: [{ consent: id }] },
      expiresAt,
    ]);
    return { token: given, id };
  };
  const partsOf = (asked: Awaited<ReturnType<typeof token>>, standings: Standings): (() => Promise<void>)[] => [
    async () => assert.ok(await standings.findParticipant(entityId)),
    async () => assert.ok(await standings.find(asked.id, new Date())),
    async () => assert.ok(await standings.findConsent(asked.id)),
    async () => {
      const once = { id: `question ${(questions += 1)}`, expiresAt };
      const whose = { asker: standings.recall(entityId)!, clientId: "https://relais.test/worker" };
      const facts = await standings.askOnce({ ...whose, token: asked.token, once, now: new Date() });
      assert.deepEqual([facts?.isFirst, facts?.standing?.consent.id], [true, asked.id]);
    },
  ];
  const all = async (own: pg.Pool): Promise<void> => {
    for (const act of partsOf(await token(), createStandings(own))) await act();
  };
  const names = [...LARGE, "consent", "participant", "standing", "token_question"];
  await assertKeyed(
    world,
    all,
    names.map((name) => `standings_${name}`),
  );
  await all(prepared);
  const standings = createStandings(prepared);
  await addAlike(pool, "oauth_records", MANY);
  await addAlike(pool, "consents", MANY, { status_index: null });
  for (const table of ["oauth_records", "consents"])
    for (const act of partsOf(await token(), standings)) await assertFewRead(world, table, act);
});
