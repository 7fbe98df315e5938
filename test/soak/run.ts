import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { asRelaisError } from "../../src/core/errors.ts";
import { abreast } from "../bench/measure.ts";
import { CROWD, crowdOf, diceOf, ITEMS_EACH, seedOfRun } from "../support/crowd.ts";
import { DAILY } from "../support/fault-relais.ts";
import { judge, type Accepted } from "../support/outside-judge.ts";
import { SCENARIOS, trouble, type FaultName, type Scenario, type ScenarioName } from "./faults.ts";
import { startSoakWorld, PROCESS_NAMES, type SoakWorld } from "./world.ts";

const HELP = `npm run soak                                    5 000 transfers, three random faults at a time, for ten minutes at most
npm run soak -- --scenario postgres-restarts    ${Object.keys(SCENARIOS).join(", ")}
  --transfers 5000   how many people
  --seed 1           throws the same faults again, as far as a machine repeats itself
  --minutes 10       how long faults are thrown; they end sooner where everything has ended
  --patience 120     seconds without any progress that are a failure`;

const { values } = parseArgs({
  options: {
    scenario: { type: "string", default: "soup" },
    transfers: { type: "string", default: "5000" },
    seed: { type: "string", default: seedOfRun() },
    minutes: { type: "string", default: "10" },
    patience: { type: "string", default: "120" },
    help: { type: "boolean", default: false },
  },
});
const begunAt = Date.now();
const say = (line: string): void => console.log(`${String(Math.round((Date.now() - begunAt) / 1000)).padStart(5)} s  ${line}`);

async function main(): Promise<void> {
  if (values.help) return console.log(HELP);
  if (!Object.hasOwn(SCENARIOS, values.scenario)) throw new Error(`There is no scenario ${values.scenario}.\n${HELP}`);
  const scenario: Scenario = SCENARIOS[values.scenario as ScenarioName];
  const [transfers, dice] = [Number(values.transfers), diceOf(values.seed)];
  say(`${values.scenario}: ${scenario.what}; ${transfers} transfers; seed ${dice.seed}`);
  await using soak = await startSoakWorld(transfers);
  say("everything runs");
  const calm = new AbortController();
  const accepted: Accepted[] = [];
  const isAccepted = acceptAll(soak, transfers, accepted);
  let over: NodeJS.Timeout | undefined;
  const begins = scenario.isQueuedFirst ? isAccepted : Promise.resolve();
  const faults = begins.then(() => {
    over = setTimeout(() => calm.abort(), Number(values.minutes) * 60_000);
    return trouble(soak, scenario, dice, calm.signal);
  });
  await Promise.race([watch(soak, accepted, transfers), failing(faults), failing(isAccepted)]);
  clearTimeout(over);
  calm.abort();
  const counts = await faults;
  say("everything has ended; the outside ledgers are read");
  await judge(soak.world, accepted, ITEMS_EACH);
  console.log(await summary(soak, counts));
}

/** Never resolves; rejects as its work does. */
function failing(work: Promise<unknown>): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  work.catch(reject);
  return promise;
}

async function acceptAll(soak: SoakWorld, transfers: number, accepted: Accepted[]): Promise<void> {
  const accounts = crowdOf("soak", transfers);
  await abreast(transfers, 4, async (index) => {
    const account = accounts[index] as string;
    accepted.push({ id: await patiently(() => acceptOne(soak, account)), account });
  });
}

/** A caller whom nobody answers asks again, and where its answer was lost finds what it had asked for. */
async function acceptOne({ world }: SoakWorld, account: string): Promise<Accepted["id"]> {
  const person = await world.person({ sourceAccount: CROWD, destinationAccount: account });
  const consent = await person.consent([DAILY]);
  return patiently(async () => {
    const [known] = await world.store.read((r) => r.transfers.list(person.id));
    return known?.id ?? (await person.transfer(consent)).id;
  });
}

async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (;;)
    try {
      return await work();
    } catch (error) {
      if (asRelaisError(error).code !== "unavailable" && !/terminat|ECONN|starting up|shutting down|recovery/.test(String(error)))
        throw error;
      await sleep(200);
    }
}

/** Until all have ended. @throws where nothing moved for too long, with what is known. */
async function watch(soak: SoakWorld, accepted: Accepted[], transfers: number): Promise<void> {
  let last = { progress: "", at: Date.now() };
  for (let rounds = 0; ; rounds++, await sleep(1000)) {
    const states = await statesOf(soak);
    if (states === null) continue;
    const ended = ["verified", "partial", "failed", "cancelled", "expired"].reduce((sum, state) => sum + (states.get(state) ?? 0), 0);
    if (rounds % 10 === 0)
      say(`${accepted.length} accepted, ${ended} ended   ${[...states].map(([state, count]) => `${state} ${count}`).join(", ")}`);
    if (accepted.length === transfers && ended >= transfers) return;
    const progress = `${accepted.length} ${[...states].join()}`;
    if (progress !== last.progress) last = { progress, at: Date.now() };
    if (Date.now() - last.at > Number(values.patience) * 1000)
      throw new Error(`Nothing moved for ${values.patience} s.\n${await stateOf(soak, accepted)}`);
  }
}

async function statesOf({ world }: SoakWorld): Promise<Map<string, number> | null> {
  const asked = world.pool.query<{ state: string; count: number }>(
    "select state, count(*)::int as count from transfers group by state order by state",
  );
  return asked.then(
    ({ rows }) => new Map(rows.map(({ state, count }) => [state, count])),
    () => null,
  );
}

/** What somebody wants to see who looks into why nothing moves. */
async function stateOf({ world, program }: SoakWorld, accepted: Accepted[]): Promise<string> {
  const live: string[] = [];
  for (const { id } of accepted) {
    const transfer = await world.store.read((r) => r.transfers.get(id));
    if (transfer.endedAt !== null) continue;
    const events = await world.store.read((r) => r.transfers.events(id));
    live.push(JSON.stringify({ ...transfer, events: events.slice(-4).map(({ at, kind, details }) => [at, kind, details]) }));
    if (live.length === 5) break;
  }
  const tails = PROCESS_NAMES.map((name) => `--- ${name} (process ${program(name)?.pid})\n${program(name)?.output().slice(-2000)}`);
  return ["now " + new Date().toISOString(), ...live, ...tails].join("\n");
}

async function summary({ world }: SoakWorld, counts: Map<FaultName, number>): Promise<string> {
  const { rows } = await world.pool.query<{ transfers: number; attempts: number; most: number; seconds: number }>(
    "select count(*)::int as transfers, sum(attempts)::int as attempts, max(attempts)::int as most, extract(epoch from max(ended_at) - min(created_at))::float8 as seconds from transfers",
  );
  const { transfers = 0, attempts = 0, most = 0, seconds = 0 } = rows[0] ?? {};
  const facts: [string, string | number][] = [
    ["seed", values.seed],
    ["transfers, all verified", transfers],
    ["items, each once", transfers * ITEMS_EACH],
    ["receipts, each verifies", transfers],
    ["attempts", attempts],
    ["most for one transfer", most],
    ["seconds from the first to the last", Math.round(seconds)],
    ...[...counts].toSorted(([a], [b]) => a.localeCompare(b)),
  ];
  const width = Math.max(...facts.map(([name]) => name.length));
  return facts.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join("\n");
}

await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  console.error(`seed ${values.seed}`);
  process.exitCode = 1;
});
