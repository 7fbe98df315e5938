import assert from "node:assert/strict";
import { createServer, type Server, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { after, before, describe, test } from "node:test";
import { requestConsent } from "../../src/core/consent/request-consent.ts";
import { newId } from "../../src/core/ids.ts";
import { canonicalJson } from "../../src/core/canonical-json.ts";
import { contentDigest, sha256 } from "../../src/core/transfer/manifest.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { inDays } from "../support/engine.ts";
import { realClock } from "../support/real-clock.ts";
import { policy } from "../support/policy.ts";
import { DAILY, startFaultWorld, type FaultWorld } from "../support/fault-relais.ts";
import { platformClient, type PlatformClient } from "../support/platform-client.ts";
import { accreditedParticipant, dataset, testKey } from "../support/register-fixtures.ts";

const CALLBACK = "https://platform.example/callback";
const TEN_MINUTES = 600_000;
let world: FaultWorld;
let hostile: Server;
let client: PlatformClient;

before(
  async () => {
    hostile = createServer((request, response) => answerHostilely(request.url ?? "", response)).listen(0, "127.0.0.1");
    await once(hostile, "listening");
    world = await startFaultWorld({
      customers: { calm: { [DAILY]: { numbered: 3 } } },
      accounts: [...CASES.map(({ path }) => `space-${path}`), "space"],
      settings: { RELAIS_MAX_ITEMS: "500", RELAIS_MAX_ITEM_BYTES: "1048576" },
    });
    await world.start("web,worker,sweeper");
    const key = await testKey();
    await accreditedParticipant(world.store, {
      entityId: "https://platform.example",
      roles: ["platform"],
      keys: [key.publicJwk],
      client: { redirectUris: [CALLBACK] },
    });
    client = await platformClient(world.url, "https://platform.example", key, CALLBACK);
  },
  { timeout: TEN_MINUTES },
);
after(async () => {
  await world?.[Symbol.asyncDispose]();
  hostile.close();
  hostile.closeAllConnections();
});

/** One item as a source lists it; `changed` is where it lies. */
function item(key: string, content: unknown, changed: object = {}): object {
  const bytes = Buffer.from(canonicalJson(content));
  return { key, media_type: "application/json", bytes: bytes.length, digest: contentDigest(sha256(bytes)), content, ...changed };
}

const page = (items: object[], next: string | null = null): string => JSON.stringify({ dataset: DAILY, items, next });
const counted = (items: number | null) => JSON.stringify({ datasets: [{ dataset: DAILY, items, bytes: null }] });
const body = Buffer.from("0123456789");
const apart = (changed: object) => ({
  key: "apart",
  media_type: "text/plain",
  bytes: body.length,
  digest: contentDigest(sha256(body)),
  ...changed,
});
const NEST = 100_000;

interface HostileCase {
  path: string;
  name: string;
  /** Of the listing, by its query. */
  list(cursor: string | null): string;
  inventory?: string;
  /** Of an item at its own address. */
  bytes?: () => Buffer;
  ends: [state: string, reason: string | null, actor: string | null];
  /** Keys and reasons of what did not move. */
  omissions?: [key: RegExp, reason: string][];
  stored?: number;
}

/** What a broken or malicious source sends over the real wire, and what comes of it. */
const CASES: HostileCase[] = [
  { path: "text", name: "an answer that is not JSON", list: () => "<html>", ends: ["failed", "peer_protocol", "holder"] },
  {
    path: "deep",
    name: "JSON nested a hundred thousand times",
    list: () =>
      page([]).replace(
        "[]",
        `[{"key":"a","media_type":"application/json","bytes":1,"digest":"${contentDigest(sha256("x"))}","content":${"[".repeat(NEST)}${"]".repeat(NEST)}}]`,
      ),
    ends: ["failed", "peer_protocol", "holder"],
  },
  { path: "array", name: "a listing of another form", list: () => "[1,2]", ends: ["failed", "peer_protocol", "holder"] },
  {
    path: "loop",
    name: "pages that lead back to each other",
    list: (cursor) => page([], cursor === "a" ? "b" : "a"),
    ends: ["failed", "peer_protocol", "holder"],
  },
  { path: "self", name: "a page that is its own next page", list: () => page([], "again"), ends: ["failed", "peer_protocol", "holder"] },
  {
    path: "endless",
    name: "pages without end",
    list: (cursor) =>
      page(
        Array.from({ length: 100 }, (_, n) => item(`${cursor ?? 0}-${n}`, n)),
        `${Number(cursor ?? 0) + 1}`,
      ),
    ends: ["failed", "too_large", "operator"],
  },
  {
    path: "twins",
    name: "two items under one key",
    list: () => page([item("a", 1), item("a", 2)]),
    ends: ["failed", "peer_protocol", "holder"],
  },
  {
    path: "negative",
    name: "a length below zero",
    list: () => page([item("a", 1, { bytes: -1 })]),
    ends: ["failed", "peer_protocol", "holder"],
  },
  {
    path: "other",
    name: "another data set than the one asked for",
    list: () => JSON.stringify({ dataset: "energy.bills", items: [], next: null }),
    ends: ["failed", "peer_protocol", "holder"],
  },
  {
    path: "count",
    name: "a count that is not a number",
    list: () => page([]),
    inventory: counted("many" as never),
    ends: ["failed", "peer_protocol", "holder"],
  },
  {
    path: "wrong",
    name: "bytes that are not those of the digest",
    list: () => page([apart({}), item("good", 1)]),
    bytes: () => Buffer.from("012345678X"),
    ends: ["partial", null, null],
    omissions: [[/^apart$/, "changed"]],
    stored: 1,
  },
  {
    path: "longer",
    name: "more bytes than were declared",
    list: () => page([apart({}), item("good", 1)]),
    bytes: () => Buffer.alloc(100_000, "0"),
    ends: ["partial", null, null],
    omissions: [[/^apart$/, "too_large"]],
    stored: 1,
  },
  {
    path: "shorter",
    name: "fewer bytes than were declared",
    list: () => page([apart({}), item("good", 1)]),
    bytes: () => body.subarray(1),
    ends: ["partial", null, null],
    omissions: [[/^apart$/, "changed"]],
    stored: 1,
  },
  {
    path: "huge",
    name: "an item larger than Relais carries",
    list: () => page([apart({ bytes: 2_000_000 }), item("good", 1)]),
    bytes: () => body,
    ends: ["partial", null, null],
    omissions: [[/^apart$/, "too_large"]],
    stored: 1,
  },
  {
    path: "names",
    name: "names that reach out, hide, or are too long",
    list: () =>
      page(
        ["../../etc/passwd", "a/../b", "nul\u0000l", "x".repeat(300), "facture\u202efdp.exe", "a\\b", "/root", "", "good"].map((key) =>
          item(key, 1),
        ),
      ),
    ends: ["partial", null, null],
    omissions: Array.from({ length: 8 }, () => [/^(?!good)/, "unsafe_name"]),
    stored: 1,
  },
];

function answerHostilely(url: string, response: ServerResponse): void {
  const { pathname, searchParams } = new URL(url, "http://hostile");
  const [, path, , , , kind] = pathname.split("/");
  const scenario = CASES.find((candidate) => candidate.path === path);
  if (scenario === undefined) return void response.writeHead(404).end();
  if (kind === "items") return void response.writeHead(200, { "content-type": "text/plain" }).end(scenario.bytes?.());
  response.setHeader("content-type", "application/json");
  response.end(pathname.endsWith("/datasets") ? (scenario.inventory ?? counted(null)) : scenario.list(searchParams.get("cursor")));
}

describe("a source that breaks the protocol", () => {
  for (const { path, name, ends, omissions = [], stored = 0 } of CASES) {
    test(`${name}: ${ends[0]}${ends[1] === null ? "" : `, ${ends[1]}`}, nothing of it stored`, async () => {
      const origin = `http://127.0.0.1:${(hostile.address() as AddressInfo).port}/${path}`;
      const source = await accreditedParticipant(world.store, {
        entityId: origin,
        roles: ["holder"],
        endpoints: { export: `${origin}/export` },
        datasets: [dataset(DAILY)],
      });
      const person = await world.person({ source, sourceAccount: "anyone", destinationAccount: `space-${path}` });
      const { id } = await person.transfer(await person.consent([DAILY]));
      const { state, reason, actor } = await world.ended(id);
      assert.deepEqual([state, reason, actor], ends);
      const omitted = await world.store.read((r) => r.transfers.items(id, { state: "omitted", limit: 100 }));
      assert.equal(omitted.length, omissions.length);
      for (const [index, found] of omitted.entries()) {
        assert.match(found.key, omissions[index]?.[0] ?? /^$/);
        assert.equal(found.reason, omissions[index]?.[1]);
        assert.ok(Buffer.byteLength(found.key) <= 200 && !/[\u0000-\u001f\u202e]/.test(found.key));
      }
      const held = world.witness.items(`space-${path}`);
      if (path !== "endless")
        assert.deepEqual(
          held.map(({ key }) => key),
          stored === 1 ? ["good"] : [],
        );
    });
  }
});

/** Columns that the product changes by itself meanwhile: how often it tried to tell participants of what happened before. */
const TRIES = "{attempts,due_at,last_failure,acknowledged_at,given_up_at}";

/** Proofs and nonces that were used, and what workers and dispatchers say of themselves every few seconds. */
const OWN_PACE = ["oauth_records", "retention_rounds", "workers", "participant_health", "dispatches", "dispatch_minutes"];

/** Every row of Relais but those. */
async function tables(): Promise<string> {
  const row = (name: string) => (name === "notices" ? `(to_jsonb(t) - '${TRIES}'::text[])::text` : "t::text");
  const { rows } = await world.pool.query<{ name: string }>(
    "select table_name as name from information_schema.tables where table_schema = 'relais' and table_name <> all ($1) order by 1",
    [OWN_PACE],
  );
  const digests = await Promise.all(
    rows.map(
      async ({ name }) =>
        `${name} ${(await world.pool.query<{ digest: string }>(`select md5(coalesce(string_agg(${row(name)}, '' order by ${row(name)}), '')) as digest from relais.${name} t`)).rows[0]?.digest}`,
    ),
  );
  return digests.join("\n");
}

/** Receipts and events of what happened before are made a moment later, by the product itself. */
async function settled(): Promise<void> {
  const open = `select 1 from relais.consent_changes where sealed_at is null or told_at is null
    union all select 1 from relais.consents where state in ('requested', 'active', 'suspended') and expires_at <= now()`;
  while ((await world.pool.query(open)).rowCount !== 0) await sleep(50);
}

async function unchanged(work: () => Promise<void>): Promise<void> {
  await settled();
  const before = await tables();
  await work();
  assert.equal(await tables(), before, "nothing changed");
}

interface ApiCase {
  name: string;
  path: string;
  init: RequestInit;
  status: number;
  code: string;
  actor: string;
}

const json = { "content-type": "application/json" };
const API: ApiCase[] = [
  {
    name: "no token",
    path: "/v1/transfers",
    init: { method: "POST", headers: json, body: "{}" },
    status: 401,
    code: "unauthenticated",
    actor: "client",
  },
  {
    name: "a token of nobody",
    path: "/v1/transfers",
    init: { method: "POST", headers: { ...json, authorization: "DPoP nobody", dpop: "a.b.c" }, body: "{}" },
    status: 401,
    code: "unauthenticated",
    actor: "client",
  },
  {
    name: "a body that is not JSON",
    path: "/v1/transfers",
    init: { method: "POST", headers: json, body: "{]" },
    status: 400,
    code: "invalid",
    actor: "client",
  },
  {
    name: "JSON 100 000 deep",
    path: "/v1/transfers",
    init: { method: "POST", headers: json, body: "[".repeat(100_000) },
    status: 413,
    code: "too_large",
    actor: "client",
  },
  {
    name: "JSON 30 000 deep",
    path: "/v1/transfers",
    init: { method: "POST", headers: json, body: "[".repeat(30_000) + "]".repeat(30_000) },
    status: 401,
    code: "unauthenticated",
    actor: "client",
  },
  {
    name: "a body in an unknown charset",
    path: "/v1/transfers",
    init: { method: "POST", headers: { "content-type": "application/json; charset=x-odd" }, body: "{}" },
    status: 415,
    code: "unsupported",
    actor: "client",
  },
  {
    name: "a method that the address does not take",
    path: "/v1/participants",
    init: { method: "DELETE" },
    status: 405,
    code: "method_not_allowed",
    actor: "client",
  },
  {
    name: "an unknown participant",
    path: `/v1/participants/${newId("participant")}`,
    init: {},
    status: 404,
    code: "not_found",
    actor: "client",
  },
  { name: "an id of another form", path: "/v1/participants/..%2f..%2fetc%00", init: {}, status: 404, code: "not_found", actor: "client" },
  { name: "an address that is broken", path: "/v1/participants/%E0%A4%A", init: {}, status: 400, code: "invalid", actor: "client" },
];

describe("the API", () => {
  for (const { name, path, init, status, code, actor } of API) {
    test(`${name}: ${status} ${code}, and nothing changed`, () =>
      unchanged(async () => {
        const answer = await fetch(`${world.url}${path}`, init);
        assert.equal(answer.headers.get("content-type")?.split(";")[0], "application/problem+json");
        const problem = (await answer.json()) as Record<string, unknown>;
        assert.deepEqual([answer.status, problem["status"], problem["code"], problem["actor"]], [status, status, code, actor]);
        assert.ok(String(problem["detail"]).length > 10 && String(problem["support_id"]).length >= 8);
      }));
  }
});

const detail = (changed: object = {}) => ({
  type: "self_data_transfer",
  actions: ["copy"],
  locations: [world.energy.entityId],
  datasets: [DAILY],
  purpose: "https://w3id.org/dpv#PersonalisedBenefits",
  destination: "https://platform.example",
  expires: inDays(30),
  ...changed,
});
const PUSHED: [name: string, details: () => unknown, error: string][] = [
  ["an unknown data set", () => [detail({ datasets: ["energy.unknown"] })], "invalid_authorization_details"],
  ["a data set that is no name", () => [detail({ datasets: ["../etc"] })], "invalid_authorization_details"],
  ["a source that nobody accredited", () => [detail({ locations: ["https://nobody.example"] })], "invalid_authorization_details"],
  ["somebody else's destination", () => [detail({ destination: world.ancre.entityId })], "invalid_authorization_details"],
  ["an unknown member", () => [detail({ everything: true })], "invalid_authorization_details"],
  ["two details at once", () => [detail({}), detail({})], "invalid_authorization_details"],
  ["no detail at all", () => "nothing", "invalid_authorization_details"],
];

describe("a pushed request", () => {
  for (const [name, details, error] of PUSHED) {
    test(`for ${name} is refused by name, and nothing changed`, () =>
      unchanged(async () => {
        const { status, body: answer } = await client.push(details());
        assert.deepEqual([status, answer["error"]], [400, error], JSON.stringify(answer));
        assert.ok(String(answer["error_description"]).length > 10);
      }));
  }

  test("10 000 levels deep is refused, and Relais goes on", () =>
    unchanged(async () => {
      const { status } = await client.push([], { authorization_details: `${"[".repeat(10_000)}${"]".repeat(10_000)}` });
      assert.ok(status === 400 || status === 413, String(status));
      assert.equal((await fetch(`${world.url}/health/ready`)).status, 200);
    }));
});

describe("a permission that does not allow it", () => {
  const ports = () => ({ store: world.store, clock: realClock, policy, queue: { ring: async () => undefined } });

  test("another person's permission does not exist for the caller", async () => {
    const [one, other] = [
      await world.person({ sourceAccount: "calm", destinationAccount: "space" }),
      await world.person({ sourceAccount: "calm", destinationAccount: "space" }),
    ];
    const consent = await one.consent([DAILY]);
    await unchanged(() => assert.rejects(requestTransfer(ports(), { consentId: consent.id, personId: other.id }), { code: "not_found" }));
  });

  test("an expired one: consent_ended, and who can give a new one", async () => {
    const person = await world.person({ sourceAccount: "calm", destinationAccount: "space" });
    const consent = await person.consent([DAILY]);
    await world.pool.query("update relais.consents set expires_at = now() - interval '1 second' where id = $1", [consent.id]);
    await assert.rejects(requestTransfer(ports(), { consentId: consent.id, personId: person.id }), {
      code: "consent_ended",
      actor: "person",
    });
    assert.equal((await world.pool.query("select from relais.transfers where consent_id = $1", [consent.id])).rowCount, 0);
  });

  test("an unaccredited destination, an unknown data set: no consent can even be asked for", async () => {
    const registered = await accreditedParticipant(world.store, {
      entityId: "https://fresh.example",
      roles: ["platform"],
      status: "registered",
    });
    const person = await world.person({ sourceAccount: "calm", destination: registered, destinationAccount: "space" });
    await unchanged(() => assert.rejects(person.consent([DAILY]), { code: "not_accredited", actor: "platform" }));
    const other = await world.person({ sourceAccount: "calm", destinationAccount: "space" });
    await unchanged(() => assert.rejects(other.consent(["energy.unknown"]), { code: "invalid", pointers: ["/datasets"] }));
    await unchanged(() =>
      assert.rejects(
        requestConsent(ports(), {
          personId: other.id,
          sourceLinkId: newId("link"),
          destinationLinkId: newId("link"),
          action: "copy",
          datasets: [],
          purpose: "x",
          recurrence: null,
          expires: inDays(1),
          retention: null,
          language: "fr",
          requester: null,
        }),
        { code: "not_found" },
      ),
    );
  });
});
