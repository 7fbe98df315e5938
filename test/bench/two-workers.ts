import { setTimeout as sleep } from "node:timers/promises";
import type { Participant } from "../../src/core/register/participant.ts";
import { crowdOf } from "../support/crowd.ts";
import { startFaultWorld, type FaultWorld } from "../support/fault-relais.ts";
import { abreast, figure, median, ratio, sized, type Measure } from "./measure.ts";
import { ANSWER_MILLISECONDS, BILLS, CALLS, CUSTOMER, slowPlatform, telecomHolder } from "./slow-ends.ts";

/** Of each worker. Four and four keep the two processors of a small machine busy, which everything shares; two and two leave them time. */
const SLOTS = [4, 2];
const SECONDS = sized(20, 6);
/** While the first transfers begin, and are not counted. */
const WARM_SECONDS = 3;
/** More than two workers carry in the time of both. */
const TRANSFERS = sized(800, 500);
/** More than goes in one request, so that each waits for the platform's word of its item. */
const SIZES = [300 * 1024];

type Tell = (line: string) => void;

/** What two workers carry in a time, and one. Platforms take their time to answer, so that slots bound it, as far as the processors allow. */
export async function twoWorkers(rounds: number, tell: Tell): Promise<Measure[]> {
  const measures: Measure[] = [];
  for (const slots of SLOTS) measures.push(...(await withSlots(slots, rounds, tell)));
  return measures;
}

async function withSlots(slots: number, rounds: number, tell: Tell): Promise<Measure[]> {
  const results: { one: number; two: number }[] = [];
  for (let round = 1; round <= rounds; round++) {
    const result = await oneThenTwo(slots);
    tell(`${slots} slots each: one worker ${result.one.toFixed(1)} transfers/s, two ${result.two.toFixed(1)}, round ${round}`);
    results.push(result);
  }
  const load = `platforms answer after ${ANSWER_MILLISECONDS} ms; two sources, two platforms`;
  return [
    figure(`one worker process of ${slots} slots`, median(results.map((result) => result.one)), "transfers/s", load),
    figure(`two worker processes of ${slots} slots`, median(results.map((result) => result.two)), "transfers/s", load),
    ratio(`two workers / one, ${slots} slots each`, median(results.map((result) => result.two / result.one)), 1.5, 1.8, load),
  ];
}

async function oneThenTwo(slots: number): Promise<{ one: number; two: number }> {
  await using owned = new AsyncDisposableStack();
  const settings = { RELAIS_WORKER_CONCURRENCY: String(slots) };
  const world = owned.use(await startFaultWorld({ customers: { [CUSTOMER]: { [BILLS]: { large: SIZES } } }, settings }));
  await world.start("web,sweeper");
  const [left, right] = [crowdOf("left", TRANSFERS / 2), crowdOf("right", TRANSFERS / 2)];
  const telecom = await telecomHolder(owned, world, SIZES);
  const [near, far] = [
    await slowPlatform(owned, world, { name: "Near", accounts: left }),
    await slowPlatform(owned, world, { name: "Far", accounts: right }),
  ];
  await queueUp(world, { source: world.energy, destination: near.participant, dataset: BILLS, accounts: left });
  await queueUp(world, { source: telecom, destination: far.participant, dataset: CALLS, accounts: right });
  await world.start("worker");
  const one = await carriedInTime(world);
  await world.start("worker");
  return { one, two: await carriedInTime(world) };
}

interface Queued {
  source: Participant;
  destination: Participant;
  dataset: string;
  accounts: string[];
}

async function queueUp(world: FaultWorld, { source, destination, dataset, accounts }: Queued): Promise<void> {
  await abreast(accounts.length, 8, async (index) => {
    const person = await world.person({ source, destination, sourceAccount: CUSTOMER, destinationAccount: accounts[index] as string });
    await person.transfer(await person.consent([dataset]));
  });
}

/** Transfers a second whose receipt was verified, over some seconds. @throws where nothing was left to carry. */
async function carriedInTime({ pool }: FaultWorld): Promise<number> {
  const count = async (condition: string): Promise<number> =>
    Number((await pool.query<{ n: string }>(`select count(*) as n from transfers where ${condition}`)).rows[0]?.n);
  await sleep(WARM_SECONDS * 1000);
  const before = await count("state = 'verified'");
  const startedAt = performance.now();
  await sleep(SECONDS * 1000);
  const carried = (await count("state = 'verified'")) - before;
  const seconds = (performance.now() - startedAt) / 1000;
  if ((await count("state = 'queued'")) === 0) throw new Error("nothing was left to carry: there must be more transfers");
  if ((await count("state in ('failed', 'partial')")) > 0) throw new Error("some transfers failed");
  return carried / seconds;
}
