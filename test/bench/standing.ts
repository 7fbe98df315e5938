import type pg from "pg";
import { settleStandings } from "../../src/core/register/settle-standing.ts";
import { openDatabase, openPool } from "../../src/postgres/pool.ts";
import { createStore } from "../../src/postgres/store.ts";
import { suspend } from "../support/charter.ts";
import { freshDatabase } from "../support/database.ts";
import { startEngine } from "../support/engine.ts";
import { fakeAccount, fakeAdapter } from "../support/fake-participants.ts";
import { until } from "../support/fault-relais.ts";
import { accreditedParticipant, testKey } from "../support/register-fixtures.ts";
import {
  accountsOf,
  movements,
  running,
  startStandingWorld,
  stillness,
  transferOf,
  type StandingWorld,
} from "../support/standing-world.ts";
import { figure, median, timed, type Measure } from "./measure.ts";

const TRANSFERS = 120;
const AT_ONCE = 16;
const ITEMS = 24;
const QUEUED = 100_000;
const RECIPIENTS = 1000;

type Tell = (line: string) => void;

/** How soon a suspension is felt, and what it costs where much hangs on it. */
export async function standingMeasures(rounds: number, tell: Tell): Promise<Measure[]> {
  const costs = [...(await stoppingQueued(rounds, tell)), await tellingMany(rounds, tell)];
  return [...(await silence(rounds, tell)), ...costs];
}

/** A platform is suspended by the API while transfers to it run; its own ledger says when the last request of each began. */
async function silence(rounds: number, tell: Tell): Promise<Measure[]> {
  await using standing = await startStandingWorld({ items: ITEMS, atOnce: AT_ONCE });
  const lags: number[] = [];
  const counts: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    const found = await suspendInTheMiddle(standing, `Round${round}`);
    lags.push(...found);
    counts.push(found.length);
    tell(`suspended with ${found.length} running: last request ${Math.max(...found).toFixed(0)} ms after the decision`);
  }
  const sorted = lags.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number;
  return [
    figure(
      "transfers that run to a platform when it is suspended",
      median(counts),
      "transfers",
      `${TRANSFERS} asked for, ${AT_ONCE} at once`,
    ),
    figure("from the decision to the last request of a running transfer, p50", at(0.5), "ms", "limit 1000 ms, aim 250 ms"),
    figure("the same, p99", at(0.99), "ms", "limit 1000 ms; each attempt looks every 250 ms"),
  ];
}

async function suspendInTheMiddle(standing: StandingWorld, name: string): Promise<number[]> {
  const accounts = accountsOf(name.toLowerCase(), TRANSFERS);
  const platform = await standing.platform(name, accounts);
  await standing.stream(standing.energy, platform, accounts);
  const live = await until("transfers at once", async () => {
    const found = await running(platform, 1000);
    return found.size >= AT_ONCE / 4 ? found : null;
  });
  const decidedAt = await standing.decide("suspend", platform.participant);
  await stillness();
  const last = new Map([...live].map((id) => [id, decidedAt]));
  for (const entry of movements(await platform.ledger())) {
    const id = transferOf(entry);
    const begunAt = Date.parse(entry.begunAt);
    if (id !== null && begunAt > (last.get(id) ?? decidedAt)) last.set(id, begunAt);
  }
  return [...last.values()].map((time) => time - decidedAt);
}

/** The decision alone, and then everything that waits: nothing of that moves meanwhile, because the right is read again before each movement. */
async function stoppingQueued(rounds: number, tell: Tell): Promise<Measure[]> {
  const [seconds, rest]: [number[], number[]] = [[], []];
  for (let round = 1; round <= rounds; round++) {
    await using engine = await startEngine(fakeAdapter(fakeAccount(), fakeAccount()), ["bench"]);
    const consent = await engine.consent(["bench"]);
    const pool = openPool(engine.url, 2);
    await queueMany(pool, { consent: consent.id, person: engine.personId, source: engine.source.id, destination: engine.destination.id });
    seconds.push(await timed(() => suspend(engine.store, engine.destination.id)));
    rest.push(await timed(() => settleStandings({ ...engine.ports, queue: { ring: async () => undefined } })));
    await pool.end();
    tell(`suspended with ${QUEUED} queued: ${seconds.at(-1)?.toFixed(2)} s, all of them paused ${rest.at(-1)?.toFixed(1)} s later`);
  }
  return [
    figure(
      `a suspension with ${QUEUED} transfers queued to the platform, until it is in force`,
      median(seconds) * 1000,
      "ms",
      "limit 1000 ms",
    ),
    figure(
      "the same, until the last of them is written down as paused",
      median(rest),
      "s",
      "one row and one line of its timeline for each",
    ),
  ];
}

async function queueMany(pool: pg.Pool, ends: Record<"consent" | "person" | "source" | "destination", string>): Promise<void> {
  await pool.query(
    `insert into transfers (id, consent_id, person_id, source_id, destination_id, datasets, state, epoch, attempts, due_at, expires_at, created_at)
     select 'trf_bench' || n, $1, $2, $3, $4, array['bench'], 'queued', 0, 0, now(), now() + interval '1 day', now() from generate_series(1, $5::int) n`,
    [ends.consent, ends.person, ends.source, ends.destination, QUEUED],
  );
  await pool.query(
    `insert into transfer_events (transfer_id, sequence, at, kind, actor, details)
     select 'trf_bench' || n, 1, now(), 'requested', 'person', '{}' from generate_series(1, $1::int) n`,
    [QUEUED],
  );
  await pool.query("analyze");
}

async function tellingMany(rounds: number, tell: Tell): Promise<Measure> {
  const key = await testKey();
  const seconds: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    await using database = await freshDatabase();
    const pool = openPool(database.url, 2);
    const store = createStore(openDatabase(pool));
    await pool.query(
      `insert into participants (id, entity_id, name, roles, adapter, endpoints, keys, datasets, about, client, status)
       select 'prt_' || n, 'https://p' || n || '.example', 'P' || n, array['platform'], 'self-data', '{}', $1, '[]', '{}', null, 'accredited'
       from generate_series(1, $2::int) n`,
      [JSON.stringify([key.publicJwk]), RECIPIENTS],
    );
    await pool.query(
      `insert into trust_marks (id, participant_id, type, level, jwt, issued_at, expires_at)
       select 'tmk_' || n, 'prt_' || n, 'https://relais.example/charter/2026', 1, 'x', now(), now() + interval '1 day' from generate_series(1, $1::int) n`,
      [RECIPIENTS],
    );
    const one = await accreditedParticipant(store, { entityId: "https://one.example", roles: ["platform"], keys: [key.publicJwk] });
    seconds.push(await timed(() => suspend(store, one.id)));
    const { rows } = await pool.query<{ n: number }>("select count(*)::int as n from notices");
    tell(`${rows[0]?.n} notices with a suspension: ${((seconds.at(-1) as number) * 1000).toFixed(0)} ms`);
    await pool.end();
  }
  return figure(
    `a suspension that ${RECIPIENTS} participants are told of: decision, log and notices`,
    median(seconds) * 1000,
    "ms",
    "one transaction",
  );
}
