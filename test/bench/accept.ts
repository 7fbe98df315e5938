import { Queue } from "bullmq";
import type pg from "pg";
import { acceptDue } from "../../src/core/transfer/accept-due.ts";
import { runCampaigns } from "../../src/core/transfer/run-campaigns.ts";
import { startCampaign } from "../../src/core/transfer/start-campaign.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { startEngine, type Engine } from "../support/engine.ts";
import { fakeAccount, fakeAdapter } from "../support/fake-participants.ts";
import { seedCrowd } from "../support/many-consents.ts";
import { startRedis } from "../support/redis.ts";
import { figure, median, timed, type Measure } from "./measure.ts";

/** As many as are due at once; fewer for a look. */
const DUE = Number(process.env["RELAIS_BENCH_DUE"] ?? 300_000);
/** What one call of `addBulk` carries. */
const BULK = 1000;
const DAY = 86_400_000;

type Tell = (line: string) => void;

/** Accepting what is due for very many people, durably, beside a queue alone that takes as many jobs. */
export async function acceptance(rounds: number, tell: Tell): Promise<Measure[]> {
  const [due, campaign, queue]: [number[], number[], number[]] = [[], [], []];
  await using engine = await startEngine(fakeAdapter(fakeAccount(), fakeAccount()), ["bench"]);
  await using owned = new AsyncDisposableStack();
  const pool = owned.adopt(openPool(engine.url, 2), (open) => open.end());
  await seedMonth(engine, pool);
  tell(`${DUE} people gave a permission forty days ago`);
  for (let round = 1; round <= rounds; round++) {
    queue.push(await addBulk());
    await beforeAny(pool);
    due.push(await acceptRhythms(engine));
    await beforeAny(pool);
    campaign.push(await acceptCampaign(engine));
    tell(
      `${DUE}: due ${due.at(-1)?.toFixed(1)} s, a campaign ${campaign.at(-1)?.toFixed(1)} s, addBulk on Redis ${queue.at(-1)?.toFixed(1)} s`,
    );
  }
  const [ours, theirs] = [median(due), median(queue)];
  return [
    figure(
      `${DUE} due transfers accepted, each a row and a line of its timeline, committed`,
      ours,
      "s",
      "the database's work for each row",
    ),
    figure("the same, asked for by a campaign", median(campaign), "s", "and looked up before"),
    figure(`bare BullMQ addBulk of ${DUE} on Redis (append-only file, everysec)`, theirs, "s"),
    { ...figure("accepted / addBulk, in time (at most 2.0, aim 1.0)", ours / theirs, "ratio"), floor: 2, aim: 1 },
  ];
}

async function seedMonth(engine: Engine, pool: pg.Pool): Promise<void> {
  await seedCrowd(engine, pool, { count: DUE, recurrence: "P1M", decidedAt: new Date(Date.now() - 40 * DAY) });
  await pool.query("create table bench_rhythms as select * from rhythms");
}

/** As if nothing had been delivered yet. */
async function beforeAny(pool: pg.Pool): Promise<void> {
  await pool.query("truncate transfers cascade; truncate rhythms; insert into rhythms select * from bench_rhythms");
  await pool.query("vacuum analyze");
}

async function acceptRhythms({ ports }: Engine): Promise<number> {
  let accepted = 0;
  const seconds = await timed(async () => (accepted = await acceptDue(ports)));
  if (accepted !== DUE) throw new Error(`${accepted} of ${DUE} were accepted`);
  return seconds;
}

async function acceptCampaign({ ports, store, source }: Engine): Promise<number> {
  const caller = { kind: "participant", participantId: source.id, entityId: source.entityId, name: source.name } as const;
  let accepted = 0;
  const seconds = await timed(async () => {
    await store.write((w) => startCampaign(w, { caller, selection: {}, now: new Date() }));
    accepted = await runCampaigns(ports);
  });
  if (accepted !== DUE) throw new Error(`${accepted} of ${DUE} were accepted by the campaign`);
  return seconds;
}

/** The payload of our own doorbell (src/bullmq/transfer-queue.ts). */
async function addBulk(): Promise<number> {
  await using redis = await startRedis();
  const { hostname: host, port } = new URL(redis.url);
  const queue = new Queue("bench", { connection: { host, port: Number(port) } });
  await queue.waitUntilReady();
  const jobs = (from: number) =>
    Array.from({ length: Math.min(BULK, DUE - from) }, (_, index) => ({
      name: "transfer",
      data: { transferId: `trf_${from + index}`, epoch: 0 },
    }));
  const seconds = await timed(async () => {
    for (let from = 0; from < DUE; from += BULK) await queue.addBulk(jobs(from));
  });
  await queue.close();
  return seconds;
}
