import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "undici";
import { createTransferQueue } from "../../src/bullmq/transfer-queue.ts";
import type { Consent } from "../../src/core/consent/consent.ts";
import { dispatchDue } from "../../src/core/dispatch/dispatch-due.ts";
import { createDispatcher } from "../../src/core/dispatch/dispatcher.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { numberedItems } from "../../src/sandbox/holder/bulk.ts";
import { crowdOf, unfinished } from "../support/crowd.ts";
import { DAILY, startFaultWorld, until, type FaultWorld, type SeededPerson } from "../support/fault-relais.ts";
import { completeMachine } from "../support/machine.ts";
import { policy } from "../support/policy.ts";
import { startNode } from "../support/processes.ts";
import { realClock } from "../support/real-clock.ts";
import { startRedis } from "../support/redis.ts";
import { bareJobs } from "./bare-jobs.ts";
import { databaseTime, processorTimeOf } from "./processor-time.ts";
import { abreast, figure, median, ratio, sized, timed, type Measure } from "./measure.ts";

const TRANSFERS = sized(1000, 60);
const WARM = sized(100, 20);
const LOOPS = sized(4000, 500);
const WIDTH = 8;
/** Of which one participant has three quarters: as many at once as the loop. */
const SLOTS = 11;
/** Whoever waits for the last of them looks this often: looking costs what is measured, and is a hundredth of the time. */
const LOOK_MILLISECONDS = 250;

type Tell = (line: string) => void;

/**
 * One small item per transfer, from the sandbox's holder to its platform, all of it as the product runs: web, worker and participants in processes of
 * their own, the queue on Redis. Accepted, queued, leased, consent token, delivered, the platform's receipt verified, reconciled. Beside it: the bare
 * queue, and a loop that gets, hashes, signs and puts the same item at a plain file server without keeping anything.
 */
export async function smallSelfData(rounds: number, tell: Tell): Promise<Measure[]> {
  completeMachine(tell, ["Redis"]);
  const results: { ours: number; jobs: number; loop: number; computed: Computed }[] = [];
  for (let round = 1; round <= rounds; round++) {
    const { rate: ours, computed } = await throughEverything();
    const jobs = await onBareRedis();
    const loop = await bareLoop();
    tell(
      `small transfers, Self Data, round ${round}: ${ours.toFixed(1)} transfers/s, ${jobs.toFixed(0)} bare jobs/s, ${loop.toFixed(0)} bare items/s`,
    );
    results.push({ ours, jobs, loop, computed });
  }
  const of = (pick: (result: (typeof results)[number]) => number): number => median(results.map(pick));
  const ours = of((one) => one.ours);
  const why = "the consent token, two ends that check and sign, and what is written down";
  return [
    figure(
      "small transfers, Self Data at both ends, durable, receipts verified",
      ours,
      "transfers/s",
      `${WIDTH} at once, two cores for all`,
    ),
    ...PLACES.map((place) =>
      figure(
        `computed for one of them: ${place}`,
        of((one) => one.computed[place]),
        "ms",
      ),
    ),
    figure("bare BullMQ no-op jobs on Redis", of((one) => one.jobs), "jobs/s"), // oxfmt-ignore
    figure(`bare loop GET, SHA-256, sign, PUT of the same item at a plain server, ${WIDTH} at once`, of((one) => one.loop), "items/s"), // oxfmt-ignore
    ratio("small transfers, Self Data / bare jobs", of((one) => one.ours / one.jobs), 0.015, 0.04, "commits per transfer"), // oxfmt-ignore
    ratio("small transfers, Self Data / bare loop", of((one) => one.ours / one.loop), 0.4, 0.8, why), // oxfmt-ignore
  ];
}

const PLACES = ["web and sweeper", "worker", "both participants", "who asks", "database"] as const;
/** Milliseconds of a processor, for one transfer. */
type Computed = Record<(typeof PLACES)[number], number>;

/** Transfers a second, from the first that is asked for until the last is verified. Permissions were given, and processes warm, before. */
async function throughEverything(): Promise<{ rate: number; computed: Computed }> {
  await using redis = await startRedis();
  const accounts = crowdOf("space", TRANSFERS + WARM);
  await using world = await startFaultWorld({
    customers: { everybody: { [DAILY]: { numbered: 1 } } },
    accounts,
    settings: { REDIS_URL: redis.url, RELAIS_WORKER_CONCURRENCY: String(SLOTS), RELAIS_LEASE_SECONDS: "30", RELAIS_SWEEP_SECONDS: "5" },
  });
  const web = await world.start("web,sweeper");
  const worker = await world.start("worker");
  const given: Given[] = [];
  await abreast(accounts.length, WIDTH, async (index) => {
    const person = await world.person({ sourceAccount: "everybody", destinationAccount: accounts[index] as string });
    given.push({ person, consent: await person.consent([DAILY]) });
  });
  // What follows a permission is over: it is in the log, and both ends were told.
  await until("the news of permissions", async () => (await untold(world)) === 0);
  await carry(world, redis.url, given.splice(0, WARM));
  const times = async (): Promise<number[]> => [
    ...(await Promise.all([web.pid, worker.pid, world.sandbox().pid, process.pid].map(processorTimeOf))),
    await databaseTime(world.pool),
  ];
  const before = await times();
  const rate = TRANSFERS / (await timed(() => carry(world, redis.url, given)));
  const after = await times();
  const computed = PLACES.map((place, index) => [place, ((after[index] as number) - (before[index] as number)) / TRANSFERS]);
  return { rate, computed: Object.fromEntries(computed) as Computed };
}

async function untold({ pool }: FaultWorld): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(`
    select (select count(*) from consent_changes where sealed_at is null or told_at is null)::int
      + (select count(*) from notices where acknowledged_at is null and given_up_at is null)::int as count`);
  return rows[0]?.count ?? 0;
}

interface Given {
  person: SeededPerson;
  consent: Consent;
}

/** Accepted as a web process does it: the dispatcher hears of each. */
async function carry(world: FaultWorld, redisUrl: string, given: Given[]): Promise<void> {
  await using queue = createTransferQueue({ kind: "redis", url: redisUrl });
  const shutdown = new AbortController();
  const terms = { clock: realClock, shutdown: shutdown.signal, onError: () => undefined };
  await using dispatcher = createDispatcher(() => dispatchDue({ store: world.store, queue }), terms);
  const ports = { store: world.store, clock: realClock, policy, queue: dispatcher };
  const ids: Consent["id"][] = [];
  const transfers: Parameters<typeof unfinished>[1] = [];
  await abreast(given.length, WIDTH, async (index) => {
    const { person, consent } = given[index] as Given;
    ids.push(consent.id);
    transfers.push((await requestTransfer(ports, { consentId: consent.id, personId: person.id })).id);
  });
  await until("every end", async () => (await unfinished(world, transfers)) === 0, LOOK_MILLISECONDS);
  shutdown.abort();
  const { rows } = await world.pool.query<{ state: string }>("select state from transfers where id = any ($1) and state <> 'verified'", [
    transfers,
  ]);
  if (rows.length > 0) throw new Error(`${rows.length} of ${transfers.length} transfers were not verified: ${rows[0]?.state}`);
}

async function onBareRedis(): Promise<number> {
  await using redis = await startRedis();
  return await bareJobs({ kind: "redis", url: redis.url });
}

/** Items a second between a plain file server in a process of its own and itself. */
async function bareLoop(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "relais-loop-"));
  const item = await numberedItems(1).item(0);
  await writeFile(join(folder, "item"), JSON.stringify(item.content));
  await using server = startNode([new URL("file-server.ts", import.meta.url).pathname, folder]);
  const [, origin] = await server.line(/^ready (\S+)/);
  const pool = new Pool(origin as string, { connections: WIDTH });
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const loop = async (index: number): Promise<void> => {
    const got = await pool.request({ method: "GET", path: "/item" });
    const bytes = Buffer.from(await got.body.arrayBuffer());
    const digest = createHash("sha256").update(bytes).digest();
    const signature = sign("sha256", digest, { key: privateKey, dsaEncoding: "ieee-p1363" }).toString("base64url");
    const put = await pool.request({ method: "PUT", path: `/put-${index}`, headers: { signature }, body: bytes });
    await put.body.dump();
    if (got.statusCode !== 200 || put.statusCode !== 201) throw new Error(`the loop was answered ${got.statusCode} and ${put.statusCode}`);
  };
  await abreast(WIDTH * 8, WIDTH, loop);
  const seconds = await timed(() => abreast(LOOPS, WIDTH, loop));
  await pool.close();
  return LOOPS / seconds;
}
