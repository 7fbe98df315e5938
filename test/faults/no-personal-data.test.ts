import assert from "node:assert/strict";
import diagnostics from "node:diagnostics_channel";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { startSession } from "../../src/core/person/sessions.ts";
import { canonicalJson } from "../../src/core/canonical-json.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { sha256 } from "../../src/core/transfer/manifest.ts";
import type { Library, ListedItem } from "../../src/sandbox/export/library.ts";
import { startHolder, type Program as Peer } from "../../src/sandbox/holder/holder.ts";
import { startPlatform } from "../../src/sandbox/platform/platform.ts";
import { realClock } from "../support/real-clock.ts";
import { DAILY, startFaultWorld, type FaultWorld } from "../support/fault-relais.ts";
import { startMailServer, type MailServer } from "../support/smtp.ts";
import { startRedis, type RedisServer } from "../support/redis.ts";

/** What no machine of ours may repeat, one word for each place where people's data can stand. */
const CANARIES = {
  name: "Zéphyrine-Kanarienvogel",
  email: "zephyrine@kanarienvogel.example",
  customer: "KUNDE-kanari-4711",
  space: "espace-kanari-0815",
  key: "canarykey-2024-05",
  file: "facture-canaryfile.pdf",
  unsafe: "canaryunsafe",
  content: "canarycontent",
  bytes: "canarybytes",
  query: "canaryquery",
  password: "canarypassword",
};
const WORDS = [...Object.values(CANARIES), "kanari", "canary", "Zéphyrine"];
const ITEMS = 300;

let world: FaultWorld;
let redis: RedisServer;
let smtp: MailServer;
let holder: { peer: Peer; participant: Participant };
let platform: { peer: Peer; participant: Participant };
/** Addresses of every request that the holder and the platform received, as they came. */
const addresses: string[] = [];
const watch = (message: unknown): void => void addresses.push((message as { request: IncomingMessage }).request.url ?? "");

before(async () => {
  redis = await startRedis();
  smtp = await startMailServer();
  smtp.refusal = (address) => `${address} is not known here`;
  const mail = { RELAIS_SMTP_URL: smtp.url, RELAIS_MAIL_FROM: "relais@region.example" };
  world = await startFaultWorld({ settings: { RELAIS_LOG_LEVEL: "trace", RELAIS_MAX_ITEM_BYTES: "1048576", ...mail } });
  diagnostics.subscribe("http.server.request.start", watch);
  const settings = { dataDir: join(world.dir, "canaries"), seed: "1", relais: world.url, host: "127.0.0.1", port: 0 };
  const [energy, ancre] = [
    await startHolder({ ...settings, holder: "energy", library: canaryLibrary }),
    await startPlatform({ ...settings, extra: [CANARIES.space] }),
  ];
  // Entity configurations come before the tokens, which only a running Relais gives.
  holder = { peer: energy, participant: await world.register(energy.entityId) };
  platform = { peer: ancre, participant: await world.register(ancre.entityId) };
});
after(async () => {
  diagnostics.unsubscribe("http.server.request.start", watch);
  await Promise.all([holder, platform].map((end) => end?.peer[Symbol.asyncDispose]()));
  await world?.[Symbol.asyncDispose]();
  await smtp.stop();
  await redis.stop();
});

function listed(key: string, content: object, changed: Partial<ListedItem> = {}): ListedItem {
  const bytes = Buffer.from(canonicalJson(content));
  return { key, mediaType: "application/json", bytes: bytes.length, sha256: sha256(bytes), modified: "2026-10-31", content, ...changed };
}

const file = Buffer.from(`%PDF ${CANARIES.bytes}`);
const apart = (changed: Partial<ListedItem> = {}): ListedItem => ({
  key: CANARIES.file,
  mediaType: "application/pdf",
  bytes: file.length,
  sha256: sha256(file),
  modified: "2026-10-31",
  ...changed,
});

/** Canaries in every field; some items fail on the way, because failures talk the most. */
const canaryLibrary: Library = {
  counts: async () => [{ dataset: DAILY, items: ITEMS + 4, bytes: 100_000 }],
  page: async () => ({
    items: [
      ...Array.from({ length: ITEMS }, (_, index) =>
        listed(`${CANARIES.key}-${String(index).padStart(4, "0")}`, {
          value: CANARIES.content,
          owner: CANARIES.name,
          mail: CANARIES.email,
          index,
        }),
      ),
      apart(),
      apart({ key: `${CANARIES.file}.wrong` }),
      apart({ key: `${CANARIES.file}.huge`, bytes: 5_000_000 }),
      listed(`../${CANARIES.unsafe}`, { value: CANARIES.content }),
    ],
    next: null,
  }),
  read: async (_account, _dataset, key) => {
    const body = key.endsWith(".wrong") ? Buffer.from(file).reverse() : file;
    return {
      mediaType: "application/pdf",
      bytes: body.length,
      sha256: sha256(body),
      body: (async function* () {
        yield body;
      })(),
    };
  },
};

async function journey(): Promise<void> {
  const { token } = await startSession(
    { store: world.store, clock: realClock },
    { issuer: "https://id.test", subject: CANARIES.email, displayName: CANARIES.name },
  );
  const person = await world.person({
    source: holder.participant,
    destination: platform.participant,
    sourceAccount: CANARIES.customer,
    destinationAccount: CANARIES.space,
  });
  const { id } = await person.transfer(await person.consent([DAILY]));
  const { state } = await world.ended(id);
  assert.equal(state, "partial", "the canaries that cannot be delivered are omitted");
  await mailed(token);
  await strayRequests(token);
}

/** An address that is given, and that the mail server refuses in its own words. */
async function mailed(session: string): Promise<void> {
  const answered = Promise.withResolvers<void>();
  smtp.answers = { recipient: () => (answered.resolve(), 550) };
  const cookie = `relais_session=${session}`;
  const body = new URLSearchParams({ address: CANARIES.email });
  assert.equal((await fetch(`${world.url}/fr/me/mail`, { method: "POST", headers: { cookie }, body, redirect: "manual" })).status, 303);
  await answered.promise;
}

/** Requests that carry personal data to where none belongs; answers must not hand it back, logs must not keep it. */
async function strayRequests(session: string): Promise<void> {
  const json = { "content-type": "application/json" };
  const requests: [path: string, init: RequestInit][] = [
    [
      `/v1/transfers?q=${CANARIES.query}`,
      { method: "POST", headers: json, body: JSON.stringify({ consent: CANARIES.email, [CANARIES.name]: 1 }) },
    ],
    ["/v1/transfers", { method: "POST", headers: json, body: `{"${CANARIES.email}` }],
    [
      "/v1/transfers",
      {
        method: "POST",
        headers: {
          ...json,
          authorization: `DPoP ${CANARIES.password}`,
          dpop: CANARIES.password,
          "x-request-id": CANARIES.customer.replaceAll("-", "") + "!",
        },
        body: "{}",
      },
    ],
    [`/v1/participants/${CANARIES.customer}`, {}],
    [`/nowhere/${CANARIES.customer}?mail=${encodeURIComponent(CANARIES.email)}`, { headers: { accept: "application/json" } }],
    [
      "/token",
      {
        method: "POST",
        body: new URLSearchParams({ grant_type: CANARIES.content, client_id: CANARIES.email, client_assertion: CANARIES.password }),
      },
    ],
    [
      "/request",
      { method: "POST", body: new URLSearchParams({ client_id: CANARIES.email, authorization_details: `[{"type":"${CANARIES.name}"}]` }) },
    ],
    ["/fr/accounts", { headers: { cookie: `relais_session=${session}`, accept: "text/html" } }],
    ["/fr/nowhere", { headers: { cookie: `relais_session=${session}`, accept: "text/html", "user-agent": CANARIES.email } }],
  ];
  for (const [path, init] of requests) {
    const answer = await fetch(`${world.url}${path}`, { ...init, redirect: "manual" });
    const text = await answer.text();
    if (answer.status >= 400 && !String(answer.headers.get("content-type")).startsWith("text/html"))
      assertClean(`the answer to ${path.split("?")[0]?.slice(0, 12)}`, text);
  }
}

function assertClean(place: string, text: string): void {
  const encoded = WORDS.flatMap((word) => [word, encodeURIComponent(word), Buffer.from(word).toString("base64").slice(0, -4)]);
  for (const word of encoded)
    assert.ok(
      !text.includes(word),
      `${place} holds ${word}: …${text.slice(Math.max(0, text.indexOf(word) - 200), text.indexOf(word) + 100)}…`,
    );
}

function assertCleanAddresses(): void {
  assert.ok(addresses.length > ITEMS);
  for (const address of addresses) assertClean("the query of an address", address.split("?")[1] ?? "");
  // An account is known to its participant by the token or the announcement; it stands in no address.
  for (const word of [CANARIES.customer, CANARIES.space, CANARIES.email]) assert.ok(!addresses.join("\n").includes(word));
}

test("a journey over Redis with logs at their finest: nothing personal in the output, in Redis, in errors or in queries", async () => {
  const client = new Redis(redis.url);
  const monitor = await client.monitor();
  const commands: string[] = [];
  monitor.on("monitor", (_time: string, words: string[]) => commands.push(words.join(" ")));
  const relais = await world.start("web,worker,sweeper", { REDIS_URL: redis.url });
  await journey();
  const dump = await Promise.all(
    (await client.keys("*")).map(async (key) => `${key} ${(await client.dumpBuffer(key))?.toString("latin1")}`),
  );
  client.disconnect();
  monitor.disconnect();
  assert.deepEqual(await relais.kill(), { code: 0, signal: null });
  assert.ok(
    commands.some((line) => line.includes("trf_")),
    "the rings were seen",
  );
  assertClean("Redis", commands.join("\n") + dump.join("\n"));
  assert.match(relais.output(), /"level":"debug"/);
  assertClean("the output", relais.output());
  assertCleanAddresses();
});

test("a journey over PostgreSQL: nothing personal in any table of the queue, and in the output", async () => {
  const relais = await world.start("web,worker,sweeper");
  const seen: string[] = [];
  let isOver = false;
  const sampling = (async () => {
    while (!isOver) {
      seen.push(await queueTables());
      await sleep(25);
    }
  })();
  addresses.length = 0;
  await journey();
  isOver = true;
  await sampling;
  assert.ok(
    seen.some((text) => text.includes("trf_")),
    "a ring was seen",
  );
  assertClean("the tables of the queue", seen.join("\n"));
  assert.deepEqual(await relais.kill(), { code: 0, signal: null });
  assertClean("the output", relais.output());
  assertCleanAddresses();
});

async function queueTables(): Promise<string> {
  const { rows } = await world.pool.query<{ name: string }>(
    "select table_name as name from information_schema.tables where table_schema = 'bullmq' and table_type = 'BASE TABLE'",
  );
  const texts = await Promise.all(
    rows.map(
      async ({ name }) =>
        (await world.pool.query<{ text: string }>(`select coalesce(string_agg(t::text, E'\\n'), '') as text from bullmq."${name}" t`))
          .rows[0]?.text ?? "",
    ),
  );
  return texts.join("\n");
}
