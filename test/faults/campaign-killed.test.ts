import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type pg from "pg";
import { startCampaign } from "../../src/core/transfer/start-campaign.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { startEngine, type Engine } from "../support/engine.ts";
import { fakeAccount, fakeAdapter } from "../support/fake-participants.ts";
import { until } from "../support/fault-relais.ts";
import { seedCrowd } from "../support/many-consents.ts";
import { freePort } from "../support/ports.ts";
import { type Program, startNode } from "../support/processes.ts";

const MAIN = new URL("../../src/main.ts", import.meta.url).pathname;
const PEOPLE = 6500;

let engine: Engine;
let pool: pg.Pool;
let folder: string;
let port: number;
const owned = new AsyncDisposableStack();

before(async () => {
  engine = owned.use(await startEngine(fakeAdapter(fakeAccount(), fakeAccount()), ["bench"]));
  pool = owned.adopt(openPool(engine.url, 3), (open) => open.end());
  folder = owned.adopt(await mkdtemp(join(tmpdir(), "relais-campaign-")), (made) => rm(made, { recursive: true, force: true }));
  port = await freePort();
});
after(() => owned.disposeAsync());

/** The sweeper alone, as a process of its own. */
async function startSweeper(): Promise<Program> {
  const env = {
    PATH: process.env["PATH"],
    HOME: folder,
    RELAIS_DATA_DIR: join(folder, "data"),
    RELAIS_PUBLIC_URL: `http://127.0.0.1:${port}`,
    RELAIS_PORT: String(port),
    DATABASE_URL: engine.url,
    RELAIS_ALLOW_LOOPBACK: "on",
    RELAIS_SIGNIN_ISSUER: "http://127.0.0.1:9",
    RELAIS_SIGNIN_CLIENT_ID: "relais",
    RELAIS_ROLES: "sweeper",
    RELAIS_SWEEP_SECONDS: "1",
  };
  return owned.use(startNode([MAIN], { cwd: folder, env }));
}

const accepted = async (): Promise<number> =>
  (await pool.query<{ n: number }>("select count(*)::int as n from relais.transfers")).rows[0]?.n ?? 0;

test("a sweeper killed in the middle of a campaign, twice: the next one goes on, and each permission has one transfer with one first line", async () => {
  await seedCrowd(engine, pool, { count: PEOPLE, recurrence: null, decidedAt: new Date(Date.now() - 1000) });
  await pool.query("analyze");
  const caller = { kind: "operator", name: "Operator" } as const;
  const { id } = await engine.store.write((w) => startCampaign(w, { caller, selection: { source: engine.source.id }, now: new Date() }));
  for (const reached of [1, 2001]) {
    const sweeper = await startSweeper();
    await until("some of the campaign", async () => (await accepted()) >= reached);
    await sweeper.kill("SIGKILL");
    assert.ok((await accepted()) < PEOPLE, "killed in the middle");
  }
  await startSweeper();
  const done = await until("the end of the campaign", async () => {
    const campaign = await engine.store.read((r) => r.campaigns.get(id));
    return campaign.endedAt === null ? null : campaign;
  });
  assert.deepEqual([done.state, done.total, done.accepted, done.refused], ["accepted", PEOPLE, PEOPLE, {}]);
  const { rows } = await pool.query(
    `select count(*)::int as transfers, count(distinct consent_id)::int as consents,
       (select count(*)::int from relais.transfer_events where kind = 'requested' and sequence = 1) as lines from relais.transfers`,
  );
  assert.deepEqual(rows, [{ transfers: PEOPLE, consents: PEOPLE, lines: PEOPLE }]);
});
