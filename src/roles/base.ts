import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { prepareBackend, type QueueBackend } from "../bullmq/backend.ts";
import type { Config } from "../config.ts";
import { asRelaisError } from "../core/errors.ts";
import type { dispatchDue } from "../core/dispatch/dispatch-due.ts";
import type { Dispatcher } from "../core/dispatch/dispatcher.ts";
import type { Clock, EntityConfigurations, Ports } from "../core/ports.ts";
import type { Charters } from "../core/register/charter.ts";
import { logNoticeTexts } from "../core/consent/log-notice-texts.ts";
import { logCharters } from "../core/register/log-charters.ts";
import type { Staff } from "../core/register/staff.ts";
import { rememberedPort } from "../embedded/ports.ts";
import { ownAddress } from "../embedded/own-address.ts";
import { startEmbeddedPostgres } from "../embedded/postgres.ts";
import { createEntityConfigurations } from "../federation/entity-configuration.ts";
import type { Keyring } from "../keys/keyring.ts";
import { documentSigner } from "../keys/signer.ts";
import { signedStatements, verifyEntityConfiguration } from "../keys/verifier.ts";
import { networkFor, type Outbound } from "../net/network.ts";
import { openCharterOwner, type CharterOwner } from "../policies/charter-owner.ts";
import { openCharters } from "../policies/charters.ts";
import { openStaff } from "../policies/staff.ts";
import { createPolicy } from "../policies/cedar.ts";
import { migrate } from "../postgres/migrate.ts";
import { openDatabase, openPool, openQueuePool } from "../postgres/pool.ts";
import { createStore } from "../postgres/store.ts";
import type { Logger } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { tracedNetwork, tracedStore } from "../telemetry/traced-ports.ts";
import type { Tracing } from "../telemetry/traces.ts";
import { metricsOf } from "./metrics.ts";
import { openDispatch } from "./turns.ts";

/** What every role of this process shares. */
export interface Base {
  config: Config;
  log: Logger;
  tracing: Tracing;
  metrics: Metrics;
  issuer: string;
  address: { host: string; port: number };
  clock: Clock;
  databaseUrl: string;
  pool: ReturnType<typeof openPool>;
  store: Ports["store"];
  charters: Charters;
  charterOwner: CharterOwner;
  staff: Staff;
  policy: Ports["policy"];
  backend: QueueBackend;
  queue: Dispatcher;
  /** The doorbell itself, and the terms on which it is rung. */
  dispatching: Parameters<typeof dispatchDue>;
  network: Outbound;
  entityConfigurations: EntityConfigurations;
  shutdown: AbortSignal;
  /** Undone in reverse order, last in first out. */
  owned: AsyncDisposableStack;
}

const CHARTER_FOLDER = new URL("../../policies/charter", import.meta.url);

export const clock: Clock = {
  now: () => new Date(),
  sleep: async (milliseconds, signal) => {
    await sleep(milliseconds, undefined, { signal }).catch(() => undefined);
  },
};

type Given = Pick<Base, "config" | "log" | "tracing" | "shutdown" | "owned">;

export async function prepare({ config, log, tracing, shutdown, owned }: Given): Promise<Base> {
  await mkdir(config.dataDir, { recursive: true });
  const url =
    config.postgres.url ?? owned.use(await startEmbeddedPostgres({ dataDir: config.dataDir, log: (line) => log.debug(line) })).url;
  const port = config.http.port ?? (await rememberedPort(config.dataDir, "relais", "RELAIS_PORT"));
  const issuer = config.http.publicUrl ?? (await ownAddress(config.dataDir, config.http.host, port));
  const pool = openPool(url, config.postgres.pool);
  owned.defer(() => pool.end());
  await migrate(pool, {
    onWait: (migration) => log.warn("a migration waits until its tables are free; nobody waits for it", { migration }),
  });
  const backend = openBackend(config, url, owned);
  for (const warning of await prepareBackend(backend)) log.warn(warning);
  const network = tracedNetwork(owned.use(networkFor({ allowLoopback: config.sandbox.allowLoopback })), tracing);
  const store = tracedStore(createStore(openDatabase(pool)), tracing);
  const base: Base = {
    config,
    log,
    tracing,
    metrics: metricsOf(config, store, shutdown),
    issuer,
    address: { host: config.http.host, port },
    clock,
    databaseUrl: url,
    pool,
    store,
    charters: openCharters(fileURLToPath(CHARTER_FOLDER)),
    charterOwner: await openCharterOwner({
      path: config.register.ownerFile,
      issuer,
      clock,
      signed: signedStatements,
      onFailure: (error) => log.error("the charter's owner stays as it was", { error: asRelaisError(error) }),
    }),
    staff: openStaff(config.register.staffFile, (error) => log.error("nobody has an office", { error: asRelaisError(error) })),
    policy: createPolicy(),
    backend,
    ...openDispatch({ config, store, clock, log, backend }, shutdown, owned),
    network,
    entityConfigurations: createEntityConfigurations({ clock, fetchOrigin: network.fetchOrigin, verify: verifyEntityConfiguration }),
    shutdown,
    owned,
  };
  await logCharters(base);
  await logNoticeTexts(base);
  return base;
}

function openBackend(config: Config, databaseUrl: string, owned: AsyncDisposableStack): QueueBackend {
  if (config.redis.url !== null) return { kind: "redis", url: config.redis.url };
  const pool = openQueuePool(databaseUrl);
  owned.defer(() => pool.end());
  return { kind: "postgres", pool };
}

/** Loops until shutdown; one round after the other, and a round that fails is told and tried again. */
export function every(base: Base, what: string, seconds: number, work: () => Promise<unknown>): void {
  const loop = async (): Promise<void> => {
    while (!base.shutdown.aborted) {
      await work().catch((error: unknown) => base.log.error(`${what} failed`, { error: asRelaisError(error) }));
      await base.clock.sleep(seconds * 1000, base.shutdown);
    }
  };
  const running = loop();
  base.owned.defer(() => running);
}

/** What joining and deciding need: the key of trust marks, and the way to what an entity says of itself. */
export function registering({ store, issuer, charters, charterOwner, entityConfigurations }: Base, keyring: Keyring) {
  const statements = documentSigner(() => keyring.current("federation"));
  return { store, clock, issuer, charters, entityConfigurations, statements, delegationOf: charterOwner.delegationOf };
}
