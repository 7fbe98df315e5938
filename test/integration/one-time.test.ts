import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { grantConsent } from "../../src/core/consent/decide-consent.ts";
import { asId } from "../../src/core/ids.ts";
import { SESSION_COOKIE, startSession } from "../../src/core/person/sessions.ts";
import type { Store } from "../../src/core/ports.ts";
import { openDatabase, openPool } from "../../src/postgres/pool.ts";
import { createStore } from "../../src/postgres/store.ts";
import { CALLBACK, detail } from "../support/authorization-journey.ts";
import { freshDatabase } from "../support/database.ts";
import { browser, platformClient, type PlatformClient, type Reply } from "../support/platform-client.ts";
import { freePort } from "../support/ports.ts";
import { startNode, type Program } from "../support/processes.ts";
import { realClock } from "../support/real-clock.ts";
import { accreditedParticipant, dataset, linkAccount, testKey } from "../support/register-fixtures.ts";

/** What may be used once is used once: 50 tries at the same moment over two processes of the product and one PostgreSQL, and again after a restart. */

const TRIES = 50;
const MAIN = new URL("../../src/main.ts", import.meta.url).pathname;

let owned: AsyncDisposableStack;
let store: Store;
let issuer: string;
let second: string;
let client: PlatformClient;
let cookie: string;
/** Signs in somebody with an account at both ends. */
let person: (subject: string) => Promise<string>;
let startFirst: () => Promise<Program>;
let first: Program;

before(async () => {
  owned = new AsyncDisposableStack();
  const database = owned.use(await freshDatabase());
  const dir = owned.adopt(await mkdtemp(join(tmpdir(), "relais-once-")), (folder) => rm(folder, { recursive: true, force: true }));
  const pool = owned.adopt(openPool(database.url, 4), (open) => open.end());
  store = createStore(openDatabase(pool));
  const ports = [await freePort(), await freePort()] as const;
  [issuer, second] = [`http://127.0.0.1:${ports[0]}`, `http://127.0.0.1:${ports[1]}`];
  const start = async (port: number): Promise<Program> => {
    const env = {
      PATH: process.env["PATH"],
      HOME: dir,
      TMPDIR: dir,
      DATABASE_URL: database.url,
      RELAIS_DATA_DIR: join(dir, "relais"),
      RELAIS_PUBLIC_URL: issuer,
      RELAIS_PORT: String(port),
      RELAIS_ROLES: "web",
      RELAIS_SIGNIN_ISSUER: "http://127.0.0.1:9",
      RELAIS_SIGNIN_CLIENT_ID: "relais",
      RELAIS_LOG_LEVEL: "warn",
    };
    const program = owned.use(startNode([MAIN], { env, cwd: dir }));
    await program.line(/relais ready/);
    return program;
  };
  startFirst = () => start(ports[0]);
  [first] = [await startFirst(), await start(ports[1])];
  await seed();
});
after(() => owned.disposeAsync());

async function seed(): Promise<void> {
  const key = await testKey();
  const holder = await accreditedParticipant(store, {
    entityId: "https://holder.example",
    roles: ["holder"],
    datasets: [dataset("bills"), dataset("readings")],
  });
  const about = {
    entityId: "https://platform.example",
    roles: ["platform" as const],
    keys: [key.publicJwk],
    client: { redirectUris: [CALLBACK] },
  };
  const platform = await accreditedParticipant(store, about);
  client = await platformClient(issuer, platform.entityId, key, CALLBACK);
  person = async (subject) => {
    const claims = { issuer: "https://idp.example", subject, displayName: subject };
    const { token, session } = await startSession({ store, clock: realClock }, claims);
    await linkAccount(store, session.personId, holder.id, `customer ${subject}`);
    await linkAccount(store, session.personId, platform.id, `space ${subject}`);
    return `${SESSION_COOKIE}=${token}`;
  };
  cookie = await person("ada");
}

const at = (index: number) => (index % 2 === 0 ? issuer : second);
const tries = <T>(work: (at: string, index: number) => Promise<T>) =>
  Promise.all(Array.from({ length: TRIES }, (_, index) => work(at(index), index)));
const fine = ({ status }: { status: number }) => status >= 200 && status < 300;

async function exactlyOne(replies: Reply[]): Promise<void> {
  const statuses = Map.groupBy(replies, ({ status, body }) => `${status} ${JSON.stringify(body["error"] ?? body["code"] ?? "")}`);
  const told = JSON.stringify([...statuses].map(([name, list]) => [name, list.length]));
  assert.equal(replies.filter(fine).length, 1, told);
  assert.ok(
    replies.every(({ status }) => status < 500),
    told,
  );
}

/** What was used in a test, to be tried again after the restart. */
const used: Record<string, () => Promise<{ status: number }>> = {};

test("a client assertion", async () => {
  const assertion = await client.assertion();
  const send = (origin: string) =>
    client.post("/token/introspection", { token: "x", client_assertion: assertion }, { at: origin, proof: null });
  await exactlyOne(await tries(send));
  used["assertion"] = () => send(issuer);
});

const freshNonce = async () => {
  const answer = await client.post("/token", { grant_type: "client_credentials" }, { proof: await client.proof("/token") });
  return String(answer.headers.get("dpop-nonce"));
};

test("a DPoP proof at the token endpoint", async () => {
  const proof = await client.proof("/token", await freshNonce());
  const send = (origin: string) => client.post("/token", { grant_type: "client_credentials", scope: "register" }, { at: origin, proof });
  await exactlyOne(await tries(send));
  used["proof"] = () => send(issuer);
});

test("a DPoP proof at the API", async () => {
  const { body } = await client.post("/token", { grant_type: "client_credentials", scope: "register" });
  const accessToken = String(body["access_token"]);
  const dpop = await client.proofs.proof({ method: "GET", url: `${issuer}/v1/me`, accessToken });
  const send = async (origin: string): Promise<Reply> => {
    const answer = await fetch(`${origin}/v1/me`, { headers: { authorization: `DPoP ${accessToken}`, dpop } });
    return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Record<string, unknown> };
  };
  await exactlyOne(await tries(send));
  used["proof at the API"] = () => send(issuer);
});

interface Begun {
  visit: ReturnType<typeof browser>;
  /** The interaction's page that is loaded after the person answered. */
  finish: string;
}

/** From the platform's address to the person's yes. */
async function allowed(requestUri: unknown, as = cookie): Promise<Begun> {
  const visit = browser({ origin: issuer, cookie: as });
  const begun = await visit.get(`${issuer}/auth?${new URLSearchParams({ client_id: client.id, request_uri: String(requestUri) })}`);
  const decide = await visit.get(String(begun.location));
  const [, id, next] = /permissions\/(cst_\w+)\/decide\?next=(.*)$/.exec(decide.location ?? "") ?? [];
  const consent = await store.read((r) => r.consents.get(asId("consent", id)));
  const { personId, noticeHash } = consent;
  if (consent.state === "requested")
    await grantConsent({ store, clock: realClock }, { consentId: consent.id, personId, noticeHash, datasets: ["bills"], language: "fr" });
  return { visit, finish: `${issuer}${decodeURIComponent(next ?? "")}` };
}

/** Where the browser is led in the end: the code, or null. */
async function codeOf({ visit, finish }: Begun, origin: string): Promise<string | null> {
  const finished = await visit.get(finish, origin);
  if (finished.location === null) return null;
  const resumed = await visit.get(finished.location, origin);
  return resumed.location?.startsWith(CALLBACK) === true ? new URL(resumed.location).searchParams.get("code") : null;
}

test("an interaction's answer, and the code that it gives", async () => {
  const pushed = await client.push([detail()]);
  const begun = await allowed(pushed.body["request_uri"]);
  const codes = (await tries((origin) => codeOf({ ...begun, visit: begun.visit.copy() }, origin))).filter((code) => code !== null);
  assert.equal(codes.length, 1, "one of them gets the code");
  const exchange = (origin: string) => client.exchange(String(codes[0]), pushed.verifier, { at: origin });
  await exactlyOne(await tries(exchange));
  used["code"] = () => exchange(issuer);
  used["interaction"] = async () => ({ status: (await codeOf({ ...begun, visit: begun.visit.copy() }, issuer)) === null ? 400 : 200 });
});

test("a consent, by as many requests of the same content", async () => {
  const begun: Begun[] = [];
  for (let index = 0; index < TRIES; index++) begun.push(await allowed((await client.push([detail()])).body["request_uri"]));
  const codes = (await tries((origin, index) => codeOf(begun[index] as Begun, origin))).filter((code) => code !== null);
  assert.equal(codes.length, 1);
});

test("a request_uri, in browsers of as many people", async () => {
  const pushed = await client.push([detail()]);
  const begun: Begun[] = [];
  for (let index = 0; index < TRIES; index++) begun.push(await allowed(pushed.body["request_uri"], await person(`person ${index}`)));
  const codes = (await tries((origin, index) => codeOf(begun[index] as Begun, origin))).filter((code) => code !== null);
  assert.equal(codes.length, 1);
  used["request_uri"] = async () => {
    const { status, location } = await browser({ origin: issuer, cookie }).get(
      `${issuer}/auth?${new URLSearchParams({ client_id: client.id, request_uri: String(pushed.body["request_uri"]) })}`,
    );
    return { status: location === null || new URL(location).searchParams.has("error") ? Math.max(status, 400) : 200 };
  };
});

test("a refresh token is no such thing: it is its client's, is not rotated, and each use gives another access token", async () => {
  const pushed = await client.push([detail()]);
  const code = await codeOf(await allowed(pushed.body["request_uri"]), second);
  const { body } = await client.exchange(String(code), pushed.verifier);
  const replies = await tries((origin) =>
    client.post("/token", { grant_type: "refresh_token", refresh_token: String(body["refresh_token"]) }, { at: origin }),
  );
  assert.deepEqual(
    replies.filter((reply) => !fine(reply)).map((reply) => reply.body),
    [],
  );
  assert.equal(new Set(replies.map((reply) => reply.body["access_token"])).size, TRIES);
  assert.deepEqual([...new Set(replies.map((reply) => reply.body["refresh_token"]))], [body["refresh_token"]]);
});

test("and after one of them was killed and started again, nothing of it is new", async () => {
  await first.kill("SIGKILL");
  await startFirst();
  assert.deepEqual(Object.keys(used), ["assertion", "proof", "proof at the API", "code", "interaction", "request_uri"]);
  for (const [name, again] of Object.entries(used)) {
    const { status } = await again();
    assert.ok(status >= 400 && status < 500, `${name}: ${status}`);
  }
  assert.equal((await client.post("/token", { grant_type: "client_credentials", scope: "register" })).status, 200);
});
