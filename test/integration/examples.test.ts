import assert from "node:assert/strict";
import { exportJWK } from "jose";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Consent } from "../../src/core/consent/consent.ts";
import { grantConsent, refuseConsent } from "../../src/core/consent/decide-consent.ts";
import { withdrawConsent } from "../../src/core/consent/withdraw-consent.ts";
import { asId, type PersonId } from "../../src/core/ids.ts";
import { SESSION_COOKIE, startSession } from "../../src/core/person/sessions.ts";
import type { TokenHolder } from "../../src/core/ports.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { createConsentTokens } from "../../src/keys/consent-tokens.ts";
import { newProofKey } from "../../src/keys/dpop.ts";
import { openKeyring } from "../../src/keys/keyring.ts";
import { startFaultWorld, until, type FaultWorld, type SeededPerson } from "../support/fault-relais.ts";
import { browser } from "../support/platform-client.ts";
import { freePort } from "../support/ports.ts";
import { startNode } from "../support/processes.ts";
import { realClock } from "../support/real-clock.ts";
import { linkAccount, testKey } from "../support/register-fixtures.ts";

/** Each example as its own process, beside a Relais in its own: real tokens, a whole transfer, and requests that are wrong in one thing. */

const EXAMPLES = fileURLToPath(new URL("../../examples/", import.meta.url));
const READINGS = "water.readings";
const BILLS = "water.bills";
const ACCOUNT = "C-77";

interface Holder {
  url: string;
  participant: Participant;
  person: SeededPerson;
}

const stack = new AsyncDisposableStack();
let world: FaultWorld;
const holders = {} as Record<"opaque" | "jwt", Holder>;

before(async () => {
  world = stack.use(await startFaultWorld({ accounts: ["space-opaque", "space-jwt"] }));
  await world.start("web,worker,sweeper");
  holders.opaque = await startHolder("holder-opaque", "space-opaque");
  holders.jwt = await startHolder("holder-jwt", "space-jwt");
});
after(() => stack.disposeAsync());

async function startExample(name: string, file: string): Promise<string> {
  const port = await freePort();
  const env = { PATH: process.env["PATH"], RELAIS: world.url, PORT: String(port), KEYS: join(world.dir, name) };
  const program = stack.use(startNode([join(EXAMPLES, file)], { env, cwd: world.dir }));
  await program.line(/ready at/);
  return `http://127.0.0.1:${port}`;
}

/** A data set of one account comes from one source: each holder has an account of its own at Ancre. */
async function startHolder(name: string, space: string): Promise<Holder> {
  const url = await startExample(name, `${name}/holder.ts`);
  const participant = await world.register(url);
  const person = await world.person({ source: participant, sourceAccount: ACCOUNT, destinationAccount: space });
  return { url, participant, person };
}

/** Tokens as the worker gets them, with its key. */
async function tokensOf(consent: Consent, source: Participant): Promise<TokenHolder> {
  const worker = await openKeyring(join(world.dir, "relais", "keys"), "worker");
  const outbound = world.network.fetchOrigin(world.url, new AbortController().signal);
  return createConsentTokens({ issuer: world.url, key: () => worker.current("worker"), fetch: outbound }).open(consent, source);
}

const ask = (url: string, headers: Record<string, string>) => fetch(url, { headers });
async function reasonOf(answer: Promise<Response>): Promise<[number, unknown]> {
  const response = await answer;
  return [response.status, ((await response.json()) as { reason?: string }).reason];
}

for (const kind of ["opaque", "jwt"] as const) {
  describe(`a holder with ${kind} tokens`, () => {
    test("a transfer from it arrives whole, and is verified", async () => {
      const { person } = holders[kind];
      const { state } = await world.ended((await person.transfer(await person.consent([READINGS, BILLS]))).id);
      assert.equal(state, "verified", world.output());
    });

    test("the register says how long a withdrawal may go unnoticed", async () => {
      const { participant } = holders[kind];
      const described = (await (await fetch(`${world.url}/v1/participants/${participant.id}`)).json()) as { access_tokens: object };
      const expected = { opaque: { format: "opaque", withdrawal_lag_seconds: 0 }, jwt: { format: "jwt", withdrawal_lag_seconds: 60 } };
      assert.deepEqual(described.access_tokens, expected[kind]);
      const page = await (await fetch(`${world.url}/en/register/${participant.id}`)).text();
      assert.match(page, kind === "jwt" ? /for up to 60 seconds/ : /asks Relais before each answer/);
    });

    test("a token opens what was ticked, for its key and its source; one thing wrong, one refusal", async () => {
      const { url, person, participant } = holders[kind];
      const other = holders[kind === "jwt" ? "opaque" : "jwt"];
      const tokens = await tokensOf(await person.consent([READINGS]), participant);
      const [readings, bills] = [READINGS, BILLS].map((dataset) => `${url}/export/datasets/${dataset}`) as [string, string];
      const to = (address: string) => tokens.consentHeaders({ method: "GET", url: address });

      const page = (await (await ask(readings, await to(readings))).json()) as { items: { content: { account: string } }[] };
      assert.equal(page.items[0]?.content.account, ACCOUNT);
      const headers = await to(readings);
      assert.equal(headers["authorization"]?.split(".").length, kind === "jwt" ? 3 : 1);
      await ask(readings, headers);
      assert.deepEqual(await reasonOf(ask(readings, headers)), [401, "proof_used"]);
      assert.deepEqual(await reasonOf(ask(bills, await to(bills))), [403, "consent_missing"]);
      assert.deepEqual(await reasonOf(ask(readings, {})), [401, "token_missing"]);
      const { proof } = await newProofKey();
      const accessToken = String((await to(readings))["authorization"]).slice("DPoP ".length);
      const stolen = { authorization: `DPoP ${accessToken}`, dpop: await proof({ method: "GET", url: readings, accessToken }) };
      assert.deepEqual(await reasonOf(ask(readings, stolen)), [401, "key_mismatch"]);
      const elsewhere = `${other.url}/export/datasets/${READINGS}`;
      const [status] = await reasonOf(ask(elsewhere, await to(elsewhere)));
      assert.equal(status, 401, "a token for this source at another one");
    });
  });
}

test("a withdrawal is felt at once where the holder asks, and where it checks by itself no later than its token and the list allow", async () => {
  const opened = await Promise.all(
    [holders.opaque, holders.jwt].map(async ({ url, person, participant }) => {
      const consent = await person.consent([READINGS]);
      const tokens = await tokensOf(consent, participant);
      const address = `${url}/export/datasets/${READINGS}`;
      const kept = String((await tokens.consentHeaders({ method: "GET", url: address }))["authorization"]);
      const accessToken = kept.slice("DPoP ".length);
      const answer = async () => {
        const dpop = await tokens.dpopProof({ method: "GET", url: address, accessToken });
        return reasonOf(ask(address, { authorization: kept, dpop }));
      };
      assert.deepEqual(await answer(), [200, undefined]);
      return { person, consent, answer, tokens, address };
    }),
  );
  const withdrawnAt = Date.now();
  for (const { person, consent } of opened)
    await withdrawConsent({ store: world.store, clock: realClock }, { consentId: consent.id, personId: person.id });
  assert.deepEqual(await opened[0]?.answer(), [401, "token_inactive"]);
  const end = await until("the JWT to end", async () => {
    const answer = await opened[1]?.answer();
    return answer?.[0] === 401 && answer;
  });
  assert.deepEqual(end, [401, "consent_ended"], "by the list, before its own end");
  assert.ok(Date.now() - withdrawnAt < 60_000, `${Date.now() - withdrawnAt} ms`);
  for (const { tokens, address } of opened)
    await assert.rejects(tokens.consentHeaders({ method: "GET", url: address, renew: true }), { code: "consent_ended" }, "no new token");
});

test("a JWT can be neither asked about nor revoked: Relais says so, instead of calling a good token inactive", async () => {
  const { participant, person, url } = holders.jwt;
  const tokens = await tokensOf(await person.consent([READINGS]), participant);
  const { authorization = "" } = await tokens.consentHeaders({ method: "GET", url });
  const { clientKey } = { clientKey: await readKey("holder-jwt") };
  for (const path of ["introspection", "revocation"]) {
    const form = new URLSearchParams({
      token: authorization.slice("DPoP ".length),
      ...(await assertionOf(participant.entityId, clientKey)),
    });
    const answer = await fetch(`${world.url}/token/${path}`, { method: "POST", body: form });
    assert.deepEqual([answer.status, ((await answer.json()) as { error: string }).error], [400, "unsupported_token_type"], path);
  }
});

async function readKey(name: string) {
  const { readFile } = await import("node:fs/promises");
  return JSON.parse(await readFile(join(world.dir, name, "client.jwk"), "utf8")) as { kid: string };
}

async function assertionOf(client: string, key: object & { kid: string }): Promise<Record<string, string>> {
  const { importJWK, SignJWT } = await import("jose");
  const claims = new SignJWT({ jti: crypto.randomUUID() }).setIssuer(client).setSubject(client).setAudience(world.url);
  const signed = await claims
    .setIssuedAt()
    .setExpirationTime("60s")
    .setProtectedHeader({ alg: "ES256", kid: key.kid })
    .sign(await importJWK(key, "ES256"));
  return {
    client_id: client,
    client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    client_assertion: signed,
  };
}

describe("a platform that sends its user to Relais", () => {
  let url: string;
  let platform: Participant;

  before(async () => {
    url = await startExample("platform-client", "platform-client/platform.ts");
    platform = await world.register(url);
  });

  /** From the platform's form to the address that the browser is sent back to, and what the person answered on the way. */
  async function answered(subject: string, says: "yes" | "no") {
    const { session, token } = await startSession(
      { store: world.store, clock: realClock },
      { issuer: "http://127.0.0.1:9", subject, displayName: subject },
    );
    const personId: PersonId = session.personId;
    await linkAccount(world.store, personId, holders.opaque.participant.id, ACCOUNT);
    await linkAccount(world.store, personId, platform.id, "space-1");
    const visit = browser({ origin: world.url, cookie: `${SESSION_COOKIE}=${token}` });
    const begun = await visit.post(`${url}/bring`, { holder: holders.opaque.url, datasets: `${READINGS} ${BILLS}` });
    assert.equal(begun.status, 303, begun.text);
    const decide = await visit.get(String((await visit.get(String(begun.location))).location));
    const [, id, next] = /\/permissions\/(cst_\w+)\/decide\?next=(.*)$/.exec(decide.location ?? "") ?? [];
    const consentId = asId("consent", id);
    const { noticeHash } = await world.store.read((r) => r.consents.get(consentId));
    const ports = { store: world.store, clock: realClock };
    if (says === "no") await refuseConsent(ports, { consentId, personId });
    else await grantConsent(ports, { consentId, personId, noticeHash, datasets: [READINGS], language: "fr" });
    const finished = await visit.get(world.url + decodeURIComponent(next ?? ""));
    const callback = String((await visit.get(String(finished.location))).location);
    assert.ok(callback.startsWith(`${url}/callback`), callback);
    return { visit, callback, consentId, personId };
  }

  test("gets what the person allowed of it, and its delivery; after a withdrawal it hears that the consent ended", async () => {
    const { visit, callback, consentId, personId } = await answered("ada", "yes");
    const told = await visit.get(callback);
    assert.equal(told.status, 200, told.text);
    const { id, consent, datasets, transfer } = JSON.parse(told.text) as Record<string, unknown> & { transfer: { id: string } };
    assert.deepEqual([consent, datasets], [consentId, [READINGS]]);
    assert.equal((await visit.get(`${url}/deliveries/${id}/${transfer.id}`)).status, 200);
    assert.equal((await visit.get(callback)).status, 400, "an answer counts once");
    await withdrawConsent({ store: world.store, clock: realClock }, { consentId, personId });
    const ended = await visit.get(`${url}/deliveries/${id}/${transfer.id}`);
    assert.deepEqual([ended.status, (JSON.parse(ended.text) as { code: string; actor: string }).code], [400, "consent_ended"]);
  });

  test("hears a refusal as the person's, and takes no answer of another issuer, state or browser", async () => {
    const codeOf = (text: string) => (JSON.parse(text) as { code: string }).code;
    const refused = await answered("no", "no");
    assert.equal(codeOf((await refused.visit.get(refused.callback)).text), "consent_missing");
    for (const [name, value] of [
      ["iss", "https://evil.example"],
      ["state", "other"],
    ] as const) {
      const { visit, callback } = await answered(`mixed ${name}`, "yes");
      const changed = new URL(callback);
      changed.searchParams.set(name, value);
      assert.equal(codeOf((await visit.get(changed.href)).text), "peer_protocol", name);
    }
    const { callback } = await answered("stolen", "yes");
    assert.equal(codeOf((await browser().get(callback)).text), "unauthenticated");
  });

  test("with a key that it does not publish, it is told that it is not known", async () => {
    const port = await freePort();
    const folder = join(world.dir, "wrong-key");
    const env = { PATH: process.env["PATH"], RELAIS: world.url, PORT: String(port), KEYS: folder, ENTITY_ID: url };
    const program = stack.use(startNode([join(EXAMPLES, "platform-client/platform.ts")], { env, cwd: world.dir }));
    await program.line(/ready at/);
    const stranger = { ...(await exportJWK((await testKey()).privateKey)), kid: "x" };
    await writeFile(join(folder, "client.jwk"), JSON.stringify(stranger));
    const begun = await browser().post(`http://127.0.0.1:${port}/bring`, { holder: holders.opaque.url, datasets: READINGS });
    assert.deepEqual([begun.status, (JSON.parse(begun.text) as { code: string }).code], [400, "not_accredited"]);
  });
});
