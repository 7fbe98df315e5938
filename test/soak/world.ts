import { Redis } from "ioredis";
import { startCrashingPostgres, type CrashingPostgres } from "../support/crashing-postgres.ts";
import { crowdCustomers, crowdOf } from "../support/crowd.ts";
import { startFaultProxy, type FaultProxy } from "../support/fault-proxy.ts";
import { startFaultWorld, type FaultWorld, type Fronted } from "../support/fault-relais.ts";
import type { Program } from "../support/processes.ts";
import { startRedis, type RedisServer } from "../support/redis.ts";

/** What runs, by the name under which it is started again. */
const PROCESSES = { web: "web,sweeper", "worker 1": "worker", "worker 2": "worker" } as const;
export type ProcessName = keyof typeof PROCESSES;
export const PROCESS_NAMES = Object.keys(PROCESSES) as ProcessName[];
export const WORKERS = ["worker 1", "worker 2"] as const satisfies ProcessName[];

/** Relais as an operator runs it (PostgreSQL, Redis, a web with the sweeper, two workers), with a line or a front at every joint. */
export interface SoakWorld extends AsyncDisposable {
  world: FaultWorld;
  postgres: CrashingPostgres;
  lines: { postgres: FaultProxy; redis: FaultProxy };
  fronts: { energy: Fronted; ancre: Fronted };
  /** One command to Redis; nothing where it is away. */
  redis(...words: [string, ...string[]]): Promise<void>;
  restartRedis(): Promise<void>;
  program(name: ProcessName): Program | undefined;
  kill(name: ProcessName): Promise<void>;
  start(name: ProcessName): Promise<void>;
  killSandbox(): Promise<void>;
  startSandbox(): Promise<void>;
}

export async function startSoakWorld(transfers: number): Promise<SoakWorld> {
  await using early = new AsyncDisposableStack();
  const postgres = early.use(await startCrashingPostgres());
  let redis: RedisServer = await startRedis();
  early.defer(() => redis.stop());
  const lines = {
    postgres: early.use(await startFaultProxy(postgres.port)),
    redis: early.use(await startFaultProxy(Number(new URL(redis.url).port))),
  };
  const world = early.use(
    await startFaultWorld({
      databaseUrl: postgres.url,
      settings: {
        DATABASE_URL: lines.postgres.through(postgres.url),
        REDIS_URL: lines.redis.through(redis.url),
        // Faults leave little of two cores: workers that are not even reached by their own timers would lose every lease.
        RELAIS_LEASE_SECONDS: "10",
      },
      customers: crowdCustomers,
      accounts: crowdOf("soak", transfers),
      fronted: true,
    }),
  );
  const running = new Map<ProcessName, Program>();
  const start = async (name: ProcessName): Promise<void> => void running.set(name, await world.start(PROCESSES[name]));
  for (const name of PROCESS_NAMES) await start(name);
  const owned = early.move();
  return {
    world,
    postgres,
    lines,
    fronts: world.fronts as NonNullable<FaultWorld["fronts"]>,
    redis: (command, ...words) => tell(redis.url, command, words),
    restartRedis: async () => {
      process.kill(redis.pid, "SIGKILL");
      await redis.stop();
      redis = await startRedis(Number(new URL(redis.url).port));
    },
    program: (name) => running.get(name),
    kill: async (name) => void (await running.get(name)?.kill("SIGKILL")),
    start: async (name) => {
      // It says that it is ready only once everything that it needs is there: it is started until then.
      for (let tries = 1; ; tries++)
        try {
          return await start(name);
        } catch (error) {
          if (tries === 20) throw error;
        }
    },
    killSandbox: async () => void (await world.sandbox().kill("SIGKILL")),
    startSandbox: async () => void (await world.startSandbox()),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function tell(url: string, command: string, words: string[]): Promise<void> {
  const client = new Redis(url, { maxRetriesPerRequest: 0, retryStrategy: () => null });
  client.on("error", () => undefined);
  await client.call(command, ...words).catch(() => undefined);
  client.disconnect();
}
