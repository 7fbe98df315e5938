import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { ADAPTERS } from "../adapters/index.ts";
import { createAuthorization } from "./authorization/authorization.ts";
import { prepareBackend, type QueueBackend } from "./bullmq/backend.ts";
import { createTransferQueue } from "./bullmq/transfer-queue.ts";
import { startTransferWorker } from "./bullmq/transfer-worker.ts";
import type { Prober } from "./core/conformance/probing.ts";
import { runProbes } from "./core/conformance/run-probes.ts";
import { createNoticeDelivery } from "./core/events/deliver-notices.ts";
import { ConfigError, readConfig, type Config } from "./config.ts";
import { asRelaisError, RelaisError } from "./core/errors.ts";
import { originOf } from "./core/ledger/checkpoint.ts";
import type { Clock, EntityConfigurations, Ports } from "./core/ports.ts";
import { accreditParticipant } from "./core/register/accredit-participant.ts";
import type { Charters } from "./core/register/charter.ts";
import { concludeChecks } from "./core/register/conclude-checks.ts";
import { logCharters } from "./core/register/log-charters.ts";
import { createKeyLogging } from "./core/register/log-own-keys.ts";
import { REGISTER_ROUNDS } from "./core/register/register-rounds.ts";
import { runChecks } from "./core/register/run-checks.ts";
import { joinRegister } from "./core/register/join-register.ts";
import { registerParticipant, type Entry } from "./core/register/register-participant.ts";
import type { Staff } from "./core/register/staff.ts";
import { sweepClosures } from "./core/switch/sweep-closures.ts";
import { runTransfer } from "./core/transfer/run-transfer.ts";
import { sweepTransfers } from "./core/transfer/sweep-transfers.ts";
import { freedPort, rememberedPort } from "./embedded/ports.ts";
import { startEmbeddedPostgres } from "./embedded/postgres.ts";
import { createEntityConfigurations } from "./federation/entity-configuration.ts";
import { createFederation } from "./federation/federation.ts";
import { createLog } from "./http/log.ts";
import { createHttpApp, listen } from "./http/server.ts";
import { clientKey } from "./keys/client-key.ts";
import { createConsentTokens, openProbeToken, testTokenOf } from "./keys/consent-tokens.ts";
import { createDocumentCheck } from "./keys/document-check.ts";
import { verifyProof } from "./keys/dpop.ts";
import { openKeyring, publicRings, type Keyring } from "./keys/keyring.ts";
import { openLogKey } from "./keys/log-key.ts";
import { createOpener, createSealer } from "./keys/sealer.ts";
import { anHourAgo, createSigner, documentSigner } from "./keys/signer.ts";
import { createVerifier, signedStatements, verifyEntityConfiguration } from "./keys/verifier.ts";
import { inspectTls, txtRecords } from "./net/inspections.ts";
import { networkFor, type Outbound } from "./net/network.ts";
import { createPages } from "./pages/pages.ts";
import { renderProblem } from "./pages/problems.ts";
import { openCharterOwner, type CharterOwner } from "./policies/charter-owner.ts";
import { openCharters } from "./policies/charters.ts";
import { openStaff } from "./policies/staff.ts";
import { createPolicy } from "./policies/cedar.ts";
import { migrate } from "./postgres/migrate.ts";
import { createOauthRecords } from "./postgres/oauth-records.ts";
import { openDatabase, openPool, openQueuePool } from "./postgres/pool.ts";
import { createStore } from "./postgres/store.ts";
import { startSandboxChild } from "./sandbox/child.ts";
import { planSandbox, SANDBOX_REASONS, type SandboxPlan } from "./sandbox/plan.ts";
import { createSignin } from "./signin/signin.ts";
import { createLogger, type Logger } from "./telemetry/log.ts";

/** What every role of this process shares. */
interface Base {
  config: Config;
  log: Logger;
  issuer: string;
  address: { host: string; port: number };
  clock: Clock;
  pool: ReturnType<typeof openPool>;
  store: Ports["store"];
  charters: Charters;
  charterOwner: CharterOwner;
  staff: Staff;
  policy: Ports["policy"];
  backend: QueueBackend;
  queue: Ports["queue"];
  network: Outbound;
  entityConfigurations: EntityConfigurations;
  shutdown: AbortSignal;
  /** Undone in reverse order, last in first out. */
  owned: AsyncDisposableStack;
}

const CHARTER_FOLDER = new URL("../policies/charter", import.meta.url);
/** How soon what was seen of a participant is acted on. */
const CONCLUDE_SECONDS = 1;
/** A suspension is told within a second. */
const TELL_SECONDS = 0.25;

/** Used proofs, codes and attempts are kept until they expire, and cleared now and then. */
const CLEARING_SECONDS = 300;

const clock: Clock = {
  now: () => new Date(),
  sleep: async (milliseconds, signal) => {
    await sleep(milliseconds, undefined, { signal }).catch(() => undefined);
  },
};

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLogger(config.log);
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  const owned = new AsyncDisposableStack();
  try {
    await run(await prepare(config, log, stop.signal, owned));
    await aborted(stop.signal);
    say("relais is draining");
  } finally {
    await owned.disposeAsync();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve: done } = Promise.withResolvers<void>();
  if (signal.aborted) done();
  else signal.addEventListener("abort", () => done(), { once: true });
  return promise;
}

async function prepare(config: Config, log: Logger, shutdown: AbortSignal, owned: AsyncDisposableStack): Promise<Base> {
  await mkdir(config.dataDir, { recursive: true });
  const url =
    config.postgres.url ?? owned.use(await startEmbeddedPostgres({ dataDir: config.dataDir, log: (line) => log.debug(line) })).url;
  const port = config.http.port ?? (await rememberedPort(config.dataDir, "relais", "RELAIS_PORT"));
  const issuer = config.http.publicUrl ?? `http://${config.http.host}:${port}`;
  const pool = openPool(url, config.postgres.pool);
  owned.defer(() => pool.end());
  await migrate(pool);
  const backend = openBackend(config, url, owned);
  for (const warning of await prepareBackend(backend)) log.warn(warning);
  const network = owned.use(networkFor({ allowLoopback: config.sandbox.allowLoopback }));
  const base: Base = {
    config,
    log,
    issuer,
    address: { host: config.http.host, port },
    clock,
    pool,
    store: createStore(openDatabase(pool)),
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
    queue: owned.use(createTransferQueue(backend)),
    network,
    entityConfigurations: createEntityConfigurations({ clock, fetchOrigin: network.fetchOrigin, verify: verifyEntityConfiguration }),
    shutdown,
    owned,
  };
  await logCharters(base);
  return base;
}

function openBackend(config: Config, databaseUrl: string, owned: AsyncDisposableStack): QueueBackend {
  if (config.redis.url !== null) return { kind: "redis", url: config.redis.url };
  const pool = openQueuePool(databaseUrl);
  owned.defer(() => pool.end());
  return { kind: "postgres", pool };
}

async function run(base: Base): Promise<void> {
  const { config, owned } = base;
  const keysDir = join(config.dataDir, "keys");
  const { dataDir } = config;
  const wishes = { dataDir, seed: config.sandbox.seed, relais: base.issuer, host: config.http.host };
  const sandbox = config.sandbox.on ? await planSandbox({ ...wishes, portOf: (name) => freedPort(dataDir, name) }) : null;
  // Each role opens only its own keys: web cannot open people's credentials, the worker cannot sign tokens (architecture, "Roles").
  const web = config.roles.includes("web") ? await openKeyring(keysDir, "web", config.keys.encryptionSecret ?? undefined) : null;
  const worker = config.roles.includes("worker") ? await openKeyring(keysDir, "worker", config.keys.encryptionSecret ?? undefined) : null;
  if (web) await startWeb(base, web, sandbox);
  if (worker) startWorker(base, worker);
  if (config.roles.includes("sweeper")) startSweeper(base);
  await writeFile(
    join(config.dataDir, "relais.json"),
    JSON.stringify({ url: base.issuer, pid: process.pid, sandbox: sandbox?.urls ?? null }, null, 2),
  );
  if (sandbox && web) owned.use(await startSandbox(base, sandbox, web));
  say(`relais ready at ${base.issuer}`);
  if (sandbox) say(`the sandbox, with people to sign in as, is at ${sandbox.urls.home}`);
  if (sandbox) say("npm run demo shows the whole journey; Ctrl-C stops everything");
}

/** Loops until shutdown; one round after the other, and a round that fails is told and tried again. */
function every(base: Base, what: string, seconds: number, work: () => Promise<unknown>): void {
  const loop = async (): Promise<void> => {
    while (!base.shutdown.aborted) {
      await work().catch((error: unknown) => base.log.error(`${what} failed`, { error: asRelaisError(error) }));
      await base.clock.sleep(seconds * 1000, base.shutdown);
    }
  };
  const running = loop();
  base.owned.defer(() => running);
}

async function startWeb(base: Base, keyring: Keyring, sandbox: SandboxPlan | null): Promise<void> {
  const { issuer, store, policy, pool, network, log } = base;
  const { operator, dataDir, keys: keySettings } = base.config;
  const staff = sandbox && base.config.register.staffFile === null ? sandbox.staff : base.staff;
  const records = createOauthRecords(pool);
  const logKey = await openLogKey(join(dataDir, "keys"), originOf(issuer), keySettings.encryptionSecret ?? undefined);
  const register = { ...registering(base, keyring), queue: base.queue, policy, verify: createDocumentCheck(base, keyring, logKey) };
  const authorization = createAuthorization({
    issuer,
    store,
    clock,
    policy,
    records,
    staff,
    keys: authorizationKeys(keyring),
    verifyProof,
    report: (error) => log.error("the authorization server failed", { error: asRelaisError(error) }),
  });
  const federation = federationOf(base, keyring);
  const signin = createSignin({
    issuer,
    upstream: upstreamOf(base, sandbox),
    store,
    clock,
    records,
    network,
    clientKey: () => clientKey(keyring.current("signin")),
    fetchOrigin: network.fetchOrigin,
    allowLoopback: base.config.sandbox.allowLoopback,
  });
  const pages = createPages({ ...register, sealer: createSealer(keyring), network, adapters: ADAPTERS, operator, staff });
  const app = createHttpApp(
    {
      ...register,
      callers: authorization.callers,
      events: documentSigner(() => keyring.current("oauth")),
    },
    {
      issuer,
      mounted: [authorization.router, federation, createLog({ store, key: logKey }), signin, pages],
      page: (error, { language, ...reader }) => renderProblem(error, { ...reader, lang: language === "en" ? "en" : "fr", operator }),
      log: ({ supportId, status, error }) =>
        log[status >= 500 ? "error" : "info"]("request refused", { requestId: supportId, status, error }),
      onAnswer: (entry) => log.debug("request", entry),
    },
  );
  base.owned.use(await listen(app, base.address));
  // The worker looks, the web decides: only here are the keys that sign marks.
  every(base, "concluding checks", CONCLUDE_SECONDS, () => concludeChecks(register));
  every(
    base,
    "logging keys",
    CONCLUDE_SECONDS,
    createKeyLogging(base, () => publicRings(keyring)),
  );
}

function federationOf(base: Base, keyring: Keyring): ReturnType<typeof createFederation> {
  const { issuer, store, charters, entityConfigurations, statements } = registering(base, keyring);
  return createFederation({
    issuer,
    store,
    clock,
    charterVersions: () => charters.list().map(({ version }) => version),
    trustMarkOwners: base.charterOwner.owners,
    entityConfigurations,
    signed: signedStatements,
    keys: () => keyring.publicRing("federation"),
    sign: statements.signDocument,
  });
}

/** What joining and deciding need: the key of trust marks, and the way to what an entity says of itself. */
function registering({ store, issuer, charters, charterOwner, entityConfigurations }: Base, keyring: Keyring) {
  const statements = documentSigner(() => keyring.current("federation"));
  return { store, clock, issuer, charters, entityConfigurations, statements, delegationOf: charterOwner.delegationOf };
}

function authorizationKeys(keyring: Keyring): Parameters<typeof createAuthorization>[0]["keys"] {
  return {
    signing: keyring.all("oauth").map((key) => key.privateJwk as Record<string, unknown>),
    worker: () => keyring.publicRing("worker"),
    published: keyring.publicKeys,
    secret: keyring.secret,
  };
}

function startWorker(base: Base, keyring: Keyring): void {
  const { config, store, network, issuer } = base;
  const anyTime = new AbortController().signal;
  const ports = {
    ...base,
    signer: createSigner(() => keyring.current("documents"), clock),
    verifier: createVerifier(),
    opener: createOpener(keyring),
    tokens: createConsentTokens({ issuer, key: () => keyring.current("worker"), fetch: network.fetchOrigin(issuer, anyTime) }),
    adapters: ADAPTERS,
  };
  const terms = { leaseSeconds: config.transfer.leaseSeconds, limits: config.limits, shutdown: base.shutdown };
  const run = async (ring: Parameters<typeof runTransfer>[1]): Promise<void> => {
    const result = await runTransfer(ports, ring, terms);
    base.log.info("attempt ended", {
      transferId: ring.transferId,
      epoch: ring.epoch,
      kind: result.kind,
      ...("state" in result ? { state: result.state } : {}),
    });
  };
  const notices = createNoticeDelivery({ store, clock, signer: ports.signer, network, issuer }, base.shutdown);
  every(base, "telling participants", TELL_SECONDS, () => notices.tick());
  base.owned.defer(() => notices.settled());
  const prober = proberOf(base, keyring);
  every(base, "checking participants", CONCLUDE_SECONDS, () => runChecks({ store, clock, prober }, base.shutdown));
  base.owned.use(
    startTransferWorker(base.backend, run, {
      concurrency: config.transfer.workerConcurrency,
      onError: (error) => base.log.warn("the queue complains", { error: asRelaisError(error) }),
    }),
  );
  every(base, "closing old places", config.transfer.sweepSeconds, () => sweepClosures({ ...ports, store }, base.shutdown));
}

/** The probes with the worker's keys, and tokens for test accounts from the authorization server. */
function proberOf({ config, issuer, network, entityConfigurations }: Base, keyring: Keyring): Prober {
  const documentKey = () => keyring.current("documents");
  const tokens = { issuer, key: () => keyring.current("worker"), fetch: network.fetchOrigin(issuer, new AbortController().signal) };
  const shared = {
    issuer,
    clock,
    fetchFor: network.fetchFor,
    fetchOrigin: network.fetchOrigin,
    entityConfigurations,
    signer: createSigner(documentKey, clock),
    pastSigner: createSigner(documentKey, anHourAgo(clock)),
    verifier: createVerifier(),
    txt: txtRecords,
    tls: (origin: string) => inspectTls({ allowLoopback: config.sandbox.allowLoopback }, origin),
  };
  return {
    probe: ({ runId, ...look }) =>
      runProbes({ ...shared, testToken: async (asked) => testTokenOf(await openProbeToken(tokens, { runId, ...asked })) }, look),
  };
}

function startSweeper(base: Base): void {
  every(base, "sweep", base.config.transfer.sweepSeconds, () => sweepTransfers(base));
  const terms = { ...base.config.register, shutdown: base.shutdown };
  for (const { what, seconds, work } of REGISTER_ROUNDS) every(base, what, seconds, () => work(base, terms));
  every(base, "clearing expired records", CLEARING_SECONDS, () => createOauthRecords(base.pool).removeExpired());
}

/* The sandbox: reference participants in a process of their own, beside Relais. */

function upstreamOf({ config, issuer }: Base, sandbox: SandboxPlan | null): { issuer: string; clientId: string; clientSecret?: string } {
  const upstream = config.signin.issuer ?? sandbox?.urls["identity"];
  if (upstream === undefined)
    throw new ConfigError(["RELAIS_SIGNIN_ISSUER: is unset; expected the OpenID Connect issuer at which people sign in"]);
  const { clientId, clientSecret } = config.signin;
  return { issuer: upstream, clientId: clientId ?? issuer, ...(clientSecret === null ? {} : { clientSecret }) };
}

async function startSandbox(base: Base, plan: SandboxPlan, keyring: Keyring): Promise<AsyncDisposable> {
  const told = (error: unknown): void => base.log.error("a sandbox participant was not taken in", { error: asRelaisError(error) });
  const child = await startSandboxChild(plan.settings, {
    solid: (solid) => void admit(base, keyring, [solid]).catch(told),
    bad: (names) => void joinSandbox(base, keyring, names).catch(told),
  });
  await admit(base, keyring, child.participants);
  return child;
}

/** Sandbox participants are registered from what they publish, like any other; the operator accredits them at level 1, and says so. */
async function admit(base: Base, keyring: Keyring, entries: Entry[]): Promise<void> {
  const ports = registering(base, keyring);
  for (const entry of entries) {
    // The sandbox is ours: its keys are known, also where its folder is a new one beside an old database.
    const participant = await registerParticipant(ports, "entityId" in entry ? { ...entry, confirmed: true } : entry);
    if (participant.status !== "accredited")
      await accreditParticipant(ports, { participantId: participant.id, level: 1, reasons: SANDBOX_REASONS });
  }
}

/** Those that are bad on purpose join like anybody: level 0, and no further. */
async function joinSandbox(base: Base, keyring: Keyring, entityIds: string[]): Promise<void> {
  for (const entityId of entityIds) await joinRegister(registering(base, keyring), { entityId, confirmed: true, organisation: null });
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

try {
  await main();
} catch (error) {
  const known = error instanceof ConfigError || error instanceof RelaisError;
  process.stderr.write(`relais: ${known ? error.message : error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
}
