import { createPostgresBackend, Queue, runMigrations, Worker, type PgPool, type QueueOptions, type WorkerOptions } from "bullmq";
import { Redis } from "ioredis";
import { RelaisError } from "../core/errors.ts";

/** Where the doorbell hangs: Redis by URL, or the PostgreSQL that is there anyway. The choice changes speed, not guarantees. */
export type QueueBackend = { kind: "redis"; url: string } | { kind: "postgres"; pool: object };

/** `pg`'s own types and BullMQ's description of a `pg.Pool` disagree about overloads of `on`; the pool is one. */
function poolOf(backend: { pool: object }): PgPool {
  return backend.pool as PgPool;
}

/** Our name among the queues of a shared server. */
export const QUEUE = "relais-transfers";

/** Longest that a command to Redis may take before the caller gets an error (the sweep rings again later). */
const COMMAND_MILLISECONDS = 2000;
/** Longest that a worker waits for the jobs under way; their transfers break off within a second of a shutdown. */
const DRAIN_MILLISECONDS = 15_000;

export interface RingData {
  transferId: string;
  epoch: number;
}

/** The part of BullMQ's queue that we use, the same on both backends. */
interface Doorbell {
  addBulk(jobs: { name: string; data: RingData; opts: { jobId: string } }[]): Promise<unknown>;
}

export function openQueue(backend: QueueBackend): { queue: Doorbell; close(): Promise<void> } {
  const options: Omit<QueueOptions, "connection"> = {
    defaultJobOptions: { removeOnComplete: true, removeOnFail: true, attempts: 1 },
  };
  if (backend.kind === "postgres") {
    const queue = new Queue(QUEUE, { ...options, skipWaitingForReady: true, connection: poolOf(backend) }, createPostgresBackend);
    // What fails is told to the caller of each command; BullMQ prints what nobody listens to.
    queue.on("error", () => undefined);
    return { queue, close: () => queue.close() };
  }
  const connection = new Redis(backend.url, { maxRetriesPerRequest: 1, commandTimeout: COMMAND_MILLISECONDS, enableOfflineQueue: false });
  connection.on("error", () => undefined);
  // BullMQ asks for the server's version once, and is broken for good where that finds no connection: it must wait for one.
  const queue = new Queue(QUEUE, { ...options, connection });
  queue.on("error", () => undefined);
  return {
    queue: { addBulk: (jobs) => soon(queue.addBulk(jobs)) },
    close: async () => {
      await soon(queue.close()).catch(() => undefined);
      connection.disconnect();
    },
  };
}

/** Waiting for a Redis that is away has an end: its caller's work must not hang on the doorbell. */
function soon<T>(work: Promise<T>, milliseconds = COMMAND_MILLISECONDS): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const late = setTimeout(
    () => reject(new RelaisError("unavailable", "Redis does not answer. The operator must look; waiting transfers start once it is back.")),
    milliseconds,
  );
  return Promise.race([work, promise]).finally(() => clearTimeout(late));
}

type Answer = (job: { data: RingData }) => Promise<void>;
type WorkerSettings = Omit<WorkerOptions, "connection"> & { onError(error: Error): void };

export function openWorker(backend: QueueBackend, process: Answer, { onError, ...options }: WorkerSettings): { close(): Promise<void> } {
  if (backend.kind === "postgres") {
    const worker = new Worker(QUEUE, process, { ...options, connection: poolOf(backend) }, createPostgresBackend);
    worker.on("error", onError);
    return { close: () => worker.close() };
  }
  // A worker waits for Redis as long as it takes, but not for a Redis that is gone when it is told to end.
  let isClosing = false;
  const connection = new Redis(backend.url, {
    maxRetriesPerRequest: null,
    retryStrategy: (times) => (isClosing ? null : Math.min(times * 100, 2000)),
  });
  connection.on("error", () => undefined);
  const jobs = tracked(process);
  const worker = new Worker(QUEUE, jobs.process, { ...options, connection });
  worker.on("error", onError);
  return {
    close: async () => {
      isClosing = true;
      const isGone = connection.status !== "ready";
      if (isGone) await jobs.ended();
      await soon(worker.close(isGone), DRAIN_MILLISECONDS).catch(() => undefined);
      connection.disconnect();
    },
  };
}

/** Where BullMQ closes by force, it waits for no job: we know them ourselves. */
function tracked(process: Answer): { process: Answer; ended(): Promise<unknown> } {
  const running = new Set<Promise<void>>();
  return {
    process: (job) => {
      const work = process(job).finally(() => running.delete(work));
      running.add(work);
      return work;
    },
    ended: () => Promise.allSettled(running),
  };
}

/** Makes the backend ready, or says plainly what the operator must change. Returns warnings. */
export async function prepareBackend(backend: QueueBackend): Promise<string[]> {
  if (backend.kind === "redis") return checkRedis(backend.url);
  const client = await poolOf(backend).connect();
  try {
    await runMigrations(client);
    return [];
  } finally {
    client.release();
  }
}

async function checkRedis(url: string): Promise<string[]> {
  const redis = new Redis(url, { maxRetriesPerRequest: 1, connectTimeout: 3000, lazyConnect: true, retryStrategy: () => null });
  redis.on("error", () => undefined);
  try {
    await redis.connect();
    const policy = ((await redis.config("GET", "maxmemory-policy").catch(() => [])) as string[])[1];
    const appendOnly = ((await redis.config("GET", "appendonly").catch(() => [])) as string[])[1];
    if (policy !== undefined && policy !== "noeviction") {
      throw new RelaisError(
        "unavailable",
        `Redis may throw entries away (maxmemory-policy is ${policy}). The operator must set maxmemory-policy noeviction.`,
      );
    }
    return appendOnly === "yes"
      ? []
      : [
          "Redis keeps nothing across a restart (appendonly is off). Nothing is lost, but waiting transfers start later: turn appendonly on.",
        ];
  } catch (error) {
    if (error instanceof RelaisError) throw error;
    throw new RelaisError("unavailable", "Redis does not answer at REDIS_URL. The operator must start it, or correct the address.", {
      cause: error,
    });
  } finally {
    redis.disconnect();
  }
}
