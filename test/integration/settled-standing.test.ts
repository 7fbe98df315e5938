import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import type pg from "pg";
import type { Ring } from "../../src/core/transfer/transfer-records.ts";
import { reinstateParticipant, endStanding } from "../../src/core/register/change-standing.ts";
import { settleStandings } from "../../src/core/register/settle-standing.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { PLAIN, REASONS } from "../support/charter.ts";
import { startEngine, type Engine } from "../support/engine.ts";
import { fakeAccount, fakeAdapter } from "../support/fake-participants.ts";
import { testKey } from "../support/register-fixtures.ts";

/** More than a decision reaches by itself. */
const MANY = 2300;
const RUNNING = 5;

let engine: Engine;
let pool: pg.Pool;
let rings: Ring[];
let sign: (type: string, payload: object) => Promise<string>;

before(async () => {
  engine = await startEngine(fakeAdapter(fakeAccount(), fakeAccount()), ["bench"]);
  pool = openPool(engine.url, 3);
  sign = (await testKey()).sign;
});
after(async () => {
  await pool.end();
  await engine[Symbol.asyncDispose]();
});

beforeEach(async () => {
  rings = [];
  await pool.query("delete from relais.transfer_events; delete from relais.transfers");
  await pool.query("update relais.announcements set settled_at = now() where settled_at is null");
  const consent = await engine.consent(["bench"]);
  // The last ones by their ids run: the order of ids is not the order in which they are stopped.
  await pool.query(
    `insert into relais.transfers (id, consent_id, person_id, source_id, destination_id, datasets, state, epoch, attempts, due_at, expires_at, created_at, lease_until)
     select 'trf_m' || lpad(n::text, 6, '0'), $1, $2, $3, $4, array['bench'], case when n > $5::int - $6::int then 'delivering' else 'queued' end,
       0, 0, now(), now() + interval '1 day', now(), case when n > $5::int - $6::int then now() + interval '1 minute' end from generate_series(1, $5::int) n`,
    [consent.id, engine.personId, engine.source.id, engine.destination.id, MANY, RUNNING],
  );
});

const ports = () => ({
  ...engine.ports,
  charters: PLAIN,
  statements: { signDocument: sign },
  queue: { ring: async (more: Ring[]) => void rings.push(...more) },
});
const change = () => ({ participantId: engine.destination.id, deciders: [], reasons: REASONS });
const counts = async (): Promise<Record<string, number>> =>
  Object.fromEntries(
    (
      await pool.query<{ state: string; n: number }>("select state, count(*)::int as n from relais.transfers group by state order by state")
    ).rows.map(({ state, n }) => [state, n]),
  );
const held = async (): Promise<number> => (await pool.query("select from relais.transfers where lease_until is not null")).rowCount ?? 0;
const linesOf = async (kind: string): Promise<number> =>
  (await pool.query("select from relais.transfer_events where kind = $1", [kind])).rowCount ?? 0;

test("a suspension stops what runs and a first part of what waits with it; the rest follows, each once, also by two at the same time", async () => {
  const decision = await endStanding(ports(), "suspend", change());
  assert.equal(decision.effects.paused, MANY);
  assert.equal(await held(), 0, "nothing runs from the commit on");
  const { paused = 0, queued = 0 } = await counts();
  assert.ok(paused >= RUNNING && queued > 0, `${paused} and ${queued}`);
  const reached = await Promise.all([settleStandings(ports()), settleStandings(ports())]);
  assert.equal(reached[0] + reached[1], queued);
  assert.deepEqual(await counts(), { paused: MANY });
  assert.equal(await linesOf("paused"), MANY);
  assert.equal(await settleStandings(ports()), 0);

  const { decision: back } = await reinstateParticipant(ports(), change());
  assert.ok(back.effects.resumed > 0 && back.effects.resumed < MANY);
  await settleStandings(ports());
  assert.deepEqual(await counts(), { queued: MANY });
  assert.equal(new Set(rings.map(({ transferId }) => transferId)).size, MANY);
});

test("reinstated before the rest was stopped: it goes on, and nothing stays behind", async () => {
  await endStanding(ports(), "suspend", change());
  await reinstateParticipant(ports(), change());
  await settleStandings(ports());
  assert.deepEqual(await counts(), { queued: MANY });
  assert.equal((await pool.query("select from relais.announcements where settled_at is null")).rowCount, 0);
});

test("revoked: what waits is stopped for good, whatever paused it before", async () => {
  await endStanding(ports(), "suspend", change());
  await endStanding(ports(), "revoke", change());
  await settleStandings(ports());
  assert.deepEqual(await counts(), { cancelled: MANY });
  assert.equal((await pool.query("select from relais.transfers where ended_at is null")).rowCount, 0);
});
