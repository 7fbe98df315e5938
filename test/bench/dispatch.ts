import { createServer, connect, type AddressInfo, type Server, type Socket } from "node:net";
import { Redis } from "ioredis";
import { Pool } from "undici";
import { webdav } from "../../adapters/webdav/index.ts";
import { prepareBackend, type QueueBackend } from "../../src/bullmq/backend.ts";
import { createTransferQueue } from "../../src/bullmq/transfer-queue.ts";
import { startTransferWorker } from "../../src/bullmq/transfer-worker.ts";
import { dispatchDue, DISPATCH_TERMS } from "../../src/core/dispatch/dispatch-due.ts";
import { createDispatcher } from "../../src/core/dispatch/dispatcher.ts";
import { createHealthRecorder } from "../../src/core/dispatch/record-health.ts";
import { watchedNetwork } from "../../src/core/dispatch/watched-network.ts";
import { newId, type ParticipantId } from "../../src/core/ids.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { runTransfer } from "../../src/core/transfer/run-transfer.ts";
import { networkFor } from "../../src/net/network.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { startDispatchWorld } from "../support/dispatch-world.ts";
import { startEngine, type Engine } from "../support/engine.ts";
import { realClock } from "../support/real-clock.ts";
import { startRedis } from "../support/redis.ts";
import { startApache, WEBDAV_PASSWORD, WEBDAV_USER } from "../support/webdav-server.ts";
import { figure, median, ratio, sized, type Measure } from "./measure.ts";

const DATASET = "bench.dispatch";
const QUEUED = sized(300_000, 5000);
const PLATFORMS = 5;
const ACCOUNTS = 20;
const SLOTS = 8;
const SECONDS = sized(60, 10);
const MEBIBYTE = 1024 * 1024;

type Say = (line: string) => void;

/** What the queue costs at any depth, and what one participant that hangs costs the others. */
export async function dispatchMeasures(rounds: number, say: Say): Promise<Measure[]> {
  return [...(await redisMemory(say)), await whileOneHangs(rounds, say)];
}

/** Everything is due and nobody works: as many are rung for as fit into the window, and no more. */
export async function redisMemory(say: Say, queued = QUEUED): Promise<Measure[]> {
  await using world = await startDispatchWorld();
  await using redis = await startRedis();
  await using queue = createTransferQueue({ kind: "redis", url: redis.url });
  const client = new Redis(redis.url);
  const [from, to] = [await world.participant("holder"), await world.participant("platform")];
  await world.answers(from, to);
  await world.slots(64);
  await queue.ring([{ transferId: newId("transfer"), epoch: 0 }]);
  const before = await usedBy(client);
  await world.queue({ from, to, count: queued });
  const startedAt = performance.now();
  for (let pass = 0; pass < 20; pass++) await dispatchDue({ store: world.store, queue }, DISPATCH_TERMS);
  const milliseconds = (performance.now() - startedAt) / 20;
  const used = await usedBy(client);
  client.disconnect();
  say(
    `${queued} queued: Redis holds ${(used / MEBIBYTE).toFixed(1)} MB, ${(before / MEBIBYTE).toFixed(1)} MB before; ${milliseconds.toFixed(1)} ms a look`,
  );
  return [
    figure(`Redis memory at ${queued} queued`, used / MEBIBYTE, "MB", "limit 20 MB, aim flat; the window bounds it"),
    figure(`the same, above what an empty queue takes`, (used - before) / MEBIBYTE, "MB"),
    figure(`one look of the dispatcher at ${queued} queued`, milliseconds, "ms", "a transaction of seven statements"),
  ];
}

async function usedBy(client: Redis): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await client.info("memory"))?.[1]);
}

/**
 * Five platforms, each an origin of its own before one apache2, with more due for each than can be carried. Then one of them takes connections and says
 * nothing more. What is compared is what the four others receive.
 */
export async function whileOneHangs(rounds: number, say: Say, seconds = SECONDS): Promise<Measure> {
  const shares: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    const calm = await carriedTo(false, seconds);
    const hung = await carriedTo(true, seconds);
    shares.push(hung / calm);
    say(
      `healthy destinations, round ${round}: ${(calm / seconds).toFixed(1)} transfers/s, ${(hung / seconds).toFixed(1)} while one of five hangs`,
    );
  }
  return ratio(
    "healthy destinations' rate while one of five hangs",
    median(shares),
    0.8,
    0.95,
    "slots that hang until their deadline of 30 s",
  );
}

/** How many transfers the four healthy platforms receive in so many seconds. */
async function carriedTo(hangs: boolean, seconds: number): Promise<number> {
  await using owned = new AsyncDisposableStack();
  const apache = owned.use(await startApache());
  const doors = await Promise.all(Array.from({ length: PLATFORMS }, () => openDoor(new URL(apache.url))));
  for (const door of doors) owned.use(door);
  await prepareFolders(apache.url);
  const network = owned.use(networkFor({ allowLoopback: true }));
  const engine = owned.use(
    await startEngine(webdav, [DATASET], {
      source: { adapter: "webdav", entityId: `${apache.url}from`, endpoints: { root: `${apache.url}from/` } },
      destination: { adapter: "webdav", entityId: doors[0]!.url, endpoints: { root: `${doors[0]!.url}/dav/to-0/` } },
      network,
      credentials: { kind: "basic", user: WEBDAV_USER, password: WEBDAV_PASSWORD },
    }),
  );
  const platforms = await addPlatforms(engine, doors);
  const received = await carry(engine, network, { seconds, platforms, hang: () => (hangs ? doors.at(-1)!.hang() : undefined) });
  return received;
}

interface Door extends AsyncDisposable {
  url: string;
  /** From now on it takes connections and passes nothing on. */
  hang(): void;
}

/** A way to the one server under an origin of its own. */
async function openDoor(target: URL): Promise<Door> {
  let isHung = false;
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket.on("error", () => undefined).on("close", () => sockets.delete(socket)));
    if (isHung) return;
    const far = connect(Number(target.port), target.hostname).on("error", () => socket.destroy());
    socket.on("data", (chunk) => isHung || far.write(chunk)).on("close", () => far.destroy());
    far.on("data", (chunk) => isHung || socket.write(chunk)).on("close", () => isHung || socket.destroy());
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    hang: () => void (isHung = true),
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

async function prepareFolders(root: string): Promise<void> {
  const { origin, pathname } = new URL(root);
  const pool = new Pool(origin);
  const authorization = `Basic ${Buffer.from(`${WEBDAV_USER}:${WEBDAV_PASSWORD}`).toString("base64")}`;
  const put = async (method: "MKCOL" | "PUT", path: string, body?: Buffer) =>
    (await pool.request({ method, path: `${pathname}${path}`, headers: { authorization }, ...(body ? { body } : {}) })).body.dump();
  for (const folder of ["from", "from/relais", "from/relais/holder", `from/relais/holder/${DATASET}`]) await put("MKCOL", folder);
  await put("PUT", `from/relais/holder/${DATASET}/item.bin`, Buffer.alloc(1024, "x"));
  for (let platform = 0; platform < PLATFORMS; platform++) {
    await put("MKCOL", `to-${platform}`);
    for (let account = 0; account < ACCOUNTS; account++) await put("MKCOL", `to-${platform}/person-${account}`);
  }
  await pool.close();
}

async function addPlatforms(engine: Engine, doors: Door[]): Promise<Participant[]> {
  const { pathname } = new URL(engine.destination.endpoints["root"] as string);
  const base = pathname.replace(/to-0\/$/, "");
  const platforms = doors.map(({ url }, index) => ({
    ...engine.destination,
    id: index === 0 ? engine.destination.id : newId("participant"),
    entityId: url,
    endpoints: { root: `${url}${base}to-${index}/` },
  }));
  await engine.store.write(async (w) => {
    for (const platform of platforms) {
      await w.register.put(platform);
      await w.register.addMark({
        id: newId("trustMark"),
        participantId: platform.id,
        type: "https://relais.test/charter",
        level: 1,
        jwt: "mark",
        issuedAt: new Date(),
        expiresAt: new Date(Date.now() + 86_400_000),
        revokedAt: null,
        statusIndex: null,
      });
    }
  });
  return platforms;
}

interface Load {
  seconds: number;
  platforms: Participant[];
  hang(): void;
}

/** The dispatcher and one worker as the product wires them, over Redis. */
async function carry(engine: Engine, network: Engine["ports"]["network"], { seconds, platforms, hang }: Load): Promise<number> {
  await using owned = new AsyncDisposableStack();
  const redis = owned.use(await startRedis());
  const backend: QueueBackend = { kind: "redis", url: redis.url };
  await prepareBackend(backend);
  const shutdown = new AbortController();
  const recorder = createHealthRecorder(engine.ports, { onError: () => undefined });
  owned.defer(() => recorder.settled());
  const ports = { ...engine.ports, network: watchedNetwork(network, { note: recorder.note, now: () => new Date() }) };
  await queueFor(engine, platforms);
  await engine.store.write((w) => w.dispatch.seen({ id: "bench", slots: SLOTS }));
  const queue = owned.use(createTransferQueue(backend));
  const dispatcher = owned.use(
    createDispatcher(() => dispatchDue({ store: engine.store, queue }), {
      clock: realClock,
      shutdown: shutdown.signal,
      onError: () => undefined,
    }),
  );
  const terms = { ...engine.terms, leaseSeconds: 30, shutdown: shutdown.signal };
  const worker = startTransferWorker(backend, (ring) => runTransfer(ports, ring, terms).finally(dispatcher.nudge), {
    concurrency: SLOTS,
    onError: () => undefined,
  });
  const looking = setInterval(() => {
    dispatcher.nudge();
    engine.store.write((w) => w.dispatch.seen({ id: "bench", slots: SLOTS })).catch(() => undefined);
  }, 250);
  const healthy = platforms.slice(0, -1).map(({ id }) => id);
  await realClock.sleep(5_000, shutdown.signal);
  const before = await verifiedOf(engine, healthy);
  hang();
  await realClock.sleep(seconds * 1000, shutdown.signal);
  const received = (await verifiedOf(engine, healthy)) - before;
  clearInterval(looking);
  shutdown.abort();
  await worker[Symbol.asyncDispose]();
  return received;
}

/** More for each platform than can be carried: accounts in turn, so that no two attempts write into one folder. */
async function queueFor(engine: Engine, platforms: Participant[]): Promise<void> {
  const pool = openPool(engine.url, 2);
  const source = (await engine.store.read((r) => r.people.listLinks(engine.personId))).find(
    ({ participantId }) => participantId === engine.source.id,
  );
  for (const platform of platforms) {
    const consents: string[] = [];
    for (let account = 0; account < ACCOUNTS; account++) {
      const destination = await engine.store.write((w) =>
        w.accounts.putLink({
          id: newId("link"),
          personId: engine.personId,
          participantId: platform.id,
          account: `person-${account}/`,
          method: "write_and_read",
          provedAt: new Date(),
          sealedCredentials: "sealed",
          inventory: null,
        }),
      );
      consents.push((await engine.consentOf({ personId: engine.personId, source: source!, destination }, [DATASET])).id);
    }
    await pool.query(
      `insert into transfers (id, consent_id, person_id, source_id, destination_id, datasets, state, epoch, attempts, due_at, expires_at, created_at)
       select 'trf_' || $1::text || lpad(n::text, 12, '0'), ($2::text[])[1 + n % $3::int], $4, $5, $6, array[$7::text], 'queued', 0, 0,
         now() + make_interval(secs => n * 0.0001) - interval '1 minute', now() + interval '1 day', now()
       from generate_series(1, 5000) n`,
      [newId("transfer").slice(4, 14), consents, ACCOUNTS, engine.personId, engine.source.id, platform.id, DATASET],
    );
  }
  await pool.query("analyze");
  await pool.end();
}

async function verifiedOf(engine: Engine, destinations: ParticipantId[]): Promise<number> {
  const pool = openPool(engine.url, 1);
  const { rows } = await pool.query<{ count: number }>(
    "select count(*)::int as count from transfers where state = 'verified' and destination_id = any ($1)",
    [destinations],
  );
  await pool.end();
  return rows[0]?.count ?? 0;
}
