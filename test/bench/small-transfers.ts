import { createHash } from "node:crypto";
import { Pool } from "undici";
import { webdav } from "../../adapters/webdav/index.ts";
import { prepareBackend, type QueueBackend } from "../../src/bullmq/backend.ts";
import { createTransferQueue } from "../../src/bullmq/transfer-queue.ts";
import { startTransferWorker } from "../../src/bullmq/transfer-worker.ts";
import type { Consent } from "../../src/core/consent/consent.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { runTransfer } from "../../src/core/transfer/run-transfer.ts";
import { networkFor } from "../../src/net/network.ts";
import { startEngine, type Engine } from "../support/engine.ts";
import { startRedis } from "../support/redis.ts";
import { startApache, WEBDAV_PASSWORD, WEBDAV_USER } from "../support/webdav-server.ts";
import { bareJobs } from "./bare-jobs.ts";
import { abreast, figure, median, ratio, sized, timed, type Measure } from "./measure.ts";

const DATASET = "bench.small";
const TRANSFERS = sized(120, 40);
const LOOPS = sized(1500, 400);
const WIDTH = 8;
const BYTES = 1024;

type Say = (line: string) => void;

/**
 * One item of 1 KiB per transfer, WebDAV to WebDAV on one apache2, both ends real: accepted, queued, leased, delivered, read back, signed and reconciled.
 * Beside it: the bare queue with jobs that do nothing, and a loop that gets, hashes and puts the same items without keeping anything.
 */
export async function smallTransfers(rounds: number, say: Say): Promise<Measure[]> {
  const apache = await startApache();
  await using redis = await startRedis();
  await using network = networkFor({ allowLoopback: true });
  const bare = new Pool(new URL(apache.url).origin, { connections: WIDTH });
  const authorization = `Basic ${Buffer.from(`${WEBDAV_USER}:${WEBDAV_PASSWORD}`).toString("base64")}`;
  const results: { ours: number; jobs: number; loop: number }[] = [];
  try {
    await putSource(bare, apache.url, authorization);
    for (let round = 0; round < rounds; round++) {
      await using engine = await startEngine(webdav, [DATASET], {
        source: { adapter: "webdav", entityId: `${apache.url}from`, endpoints: { root: `${apache.url}from/` } },
        destination: { adapter: "webdav", entityId: `${apache.url}to`, endpoints: { root: `${apache.url}to/` } },
        network,
        credentials: { kind: "basic", user: WEBDAV_USER, password: WEBDAV_PASSWORD },
      });
      const backend: QueueBackend = { kind: "redis", url: redis.url };
      await prepareBackend(backend);
      // The permission was given long before: each has its own account, as people do.
      const given: Consent[] = [];
      for (let index = 0; index < TRANSFERS; index++) given.push(await engine.consent([DATASET], `person-${index}/`));
      const ours = TRANSFERS / (await timed(() => throughEverything(engine, backend, given)));
      const jobs = await bareJobs(backend);
      const loop = LOOPS / (await timed(() => abreast(LOOPS, WIDTH, (index) => getHashPut(bare, apache.url, authorization, index))));
      say(
        `small transfers, round ${round + 1}: ${ours.toFixed(1)} transfers/s, ${jobs.toFixed(0)} bare jobs/s, ${loop.toFixed(0)} bare items/s`,
      );
      results.push({ ours, jobs, loop });
    }
  } finally {
    await bare.close();
    await apache[Symbol.asyncDispose]();
  }
  const of = (pick: (result: (typeof results)[number]) => number): number => median(results.map(pick));
  return [
    figure(
      "small transfers, end to end, durable and verified",
      of((r) => r.ours),
      "transfers/s",
      "one process, two cores shared with PostgreSQL, Redis and apache2",
    ),
    figure(
      "bare BullMQ no-op jobs on the same Redis",
      of((r) => r.jobs),
      "jobs/s",
    ),
    figure(
      "bare loop GET, SHA-256, PUT of the same items, same concurrency",
      of((r) => r.loop),
      "items/s",
    ),
    ratio(
      "small transfers / bare jobs",
      of((r) => r.ours / r.jobs),
      0.015,
      0.04,
      "commits per transfer",
    ),
    ratio(
      "small transfers / bare loop",
      of((r) => r.ours / r.loop),
      0.4,
      0.8,
      "folders, a name of its own until it is whole, and reading back: 14 WebDAV requests where the loop makes 2",
    ),
  ];
}

async function putSource(pool: Pool, root: string, authorization: string): Promise<void> {
  const { pathname } = new URL(root);
  const people = Array.from({ length: TRANSFERS }, (_, index) => `to/person-${index}`);
  for (const folder of ["from", "from/relais", "from/relais/holder", `from/relais/holder/${DATASET}`, "to", "bare", ...people]) {
    const answer = await pool.request({ method: "MKCOL", path: `${pathname}${folder}`, headers: { authorization } });
    await answer.body.dump();
  }
  const answer = await pool.request({
    method: "PUT",
    path: `${pathname}from/relais/holder/${DATASET}/item.bin`,
    headers: { authorization },
    body: Buffer.alloc(BYTES, "x"),
  });
  await answer.body.dump();
}

async function throughEverything(engine: Engine, backend: QueueBackend, given: Consent[]): Promise<void> {
  await using queue = createTransferQueue(backend);
  let [done, failed] = [0, 0];
  const finished = Promise.withResolvers<void>();
  await using _worker = startTransferWorker(
    backend,
    async (ring) => {
      const result = await runTransfer(engine.ports, ring, engine.terms);
      if (result.kind === "nothing") return;
      if (result.kind === "ended" && result.state === "verified") done += 1;
      else failed += 1;
      if (done + failed === TRANSFERS) finished.resolve();
    },
    { concurrency: WIDTH, onError: finished.reject },
  );
  const ports = { ...engine.ports, queue };
  await abreast(TRANSFERS, WIDTH, async (index) => {
    await requestTransfer(ports, { consentId: (given[index] as Consent).id, personId: engine.personId });
  });
  await finished.promise;
  if (failed > 0) throw new Error(`${failed} of ${TRANSFERS} transfers were not verified`);
}

async function getHashPut(pool: Pool, root: string, authorization: string, index: number): Promise<void> {
  const { pathname } = new URL(root);
  const got = await pool.request({ method: "GET", path: `${pathname}from/relais/holder/${DATASET}/item.bin`, headers: { authorization } });
  const bytes = Buffer.from(await got.body.arrayBuffer());
  createHash("sha256").update(bytes).digest();
  const put = await pool.request({ method: "PUT", path: `${pathname}bare/item-${index}.bin`, headers: { authorization }, body: bytes });
  await put.body.dump();
  if (got.statusCode !== 200 || put.statusCode >= 300)
    throw new Error(`the bare loop was answered ${got.statusCode} and ${put.statusCode}`);
}
