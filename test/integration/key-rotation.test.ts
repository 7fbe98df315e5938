import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import { createConsentTokens } from "../../src/keys/consent-tokens.ts";
import { openKeyring } from "../../src/keys/keyring.ts";
import { startJourney, type Journey } from "../support/authorization-journey.ts";
import { loopbackFetch } from "../support/web-fetch.ts";

/** Keys rotate without a failed request, and without a restart. */

let journey: Journey;
before(async () => void (journey = await startJourney()));
after(() => journey[Symbol.asyncDispose]());

const ROUNDS = 3;

/** Does this again and again; each answer is kept. */
function running<T>(work: () => Promise<T>): { more(): Promise<void>; stop(): Promise<T[]> } {
  let isOver = false;
  const answers: T[] = [];
  const all = (async () => {
    while (!isOver) answers.push(await work());
  })();
  return {
    /** Until one that began after this call was answered. */
    more: async () => {
      for (const enough = answers.length + 2; answers.length < enough;) await Promise.race([all, sleep(10)]);
    },
    stop: async () => {
      isOver = true;
      await all;
      return answers;
    },
  };
}

test("the keys of oauth and of the worker rotate while tokens are asked for, introspected and used", async () => {
  const { setup, client, source, holder } = journey;
  const { consent, value, refresh } = await journey.token("rotated");
  const begun = await journey.code("begun before");
  const jwks = createRemoteJWKSet(new URL(`${setup.issuer}/.well-known/jwks.json`), { cooldownDuration: 0, cacheMaxAge: 0 });
  const introspect = async () => {
    const accept = "application/token-introspection+jwt";
    const { body } = await client.post("/token/introspection", { token: value }, { proof: null, accept });
    const { payload } = await jwtVerify(String(body["text"]), jwks, { issuer: setup.issuer, typ: "token-introspection+jwt" });
    return { kid: decodeProtectedHeader(String(body["text"])).kid, active: (payload["token_introspection"] as { active: boolean }).active };
  };
  const tokens = createConsentTokens({ issuer: setup.issuer, key: () => setup.worker.current("worker"), fetch: loopbackFetch });
  const fetching = running(async () =>
    (await tokens.open(consent, holder)).consentHeaders({ method: "GET", url: "https://holder.example/x" }),
  );
  const introspecting = running(introspect);
  const refreshing = running(async () => (await client.post("/token", { grant_type: "refresh_token", refresh_token: refresh })).status);

  const first = setup.web.current("oauth").kid;
  const more = () => Promise.all([fetching.more(), introspecting.more(), refreshing.more()]);
  await more();
  for (let round = 0; round < ROUNDS; round++) {
    await setup.web.rotate("oauth");
    await setup.worker.rotate("worker");
    await more();
  }
  const answers = await introspecting.stop();
  assert.ok(answers.every(({ active }) => active));
  assert.equal(answers[0]?.kid, first);
  assert.equal(answers.at(-1)?.kid, setup.web.current("oauth").kid, "the newest key signs");
  assert.ok(new Set(answers.map(({ kid }) => kid)).size >= 2);
  assert.deepEqual([...new Set(await refreshing.stop())], [200]);
  const headers = await fetching.stop();
  assert.ok(headers.length > ROUNDS);
  const last = String(headers.at(-1)?.["authorization"]).slice(5);
  assert.equal((await source.post("/token/introspection", { token: last }, { proof: null })).body.active, true);
  await setup.web.revoke("oauth", setup.web.current("oauth").kid, "compromised");
  assert.deepEqual(await introspect(), { kid: setup.web.current("oauth").kid, active: true }, "a key that was revoked signs nothing more");
  assert.equal((await client.exchange(begun.code, begun.verifier)).status, 200, "a code from before the first rotation");
  assert.deepEqual(setup.reports, []);
});

test("no key signs before its public half is there to be read, at whatever moment one looks", async () => {
  const dir = await mkdtemp(join(tmpdir(), "relais-rotation-"));
  const keyring = await openKeyring(dir, "worker");
  const unknown: string[] = [];
  let looks = 0;
  let isOver = false;
  const look = (): void => {
    const { kid } = keyring.current("worker");
    const { keys } = JSON.parse(readFileSync(join(dir, "public", "worker.json"), "utf8")) as { keys: { kid: string }[] };
    looks += 1;
    if (!keys.some((key) => key.kid === kid)) unknown.push(kid);
    if (!isOver) setImmediate(look);
  };
  look();
  for (let round = 0; round < 5; round++) await keyring.rotate("worker");
  await keyring.revoke("worker", keyring.current("worker").kid, "superseded");
  isOver = true;
  assert.ok(looks > 20);
  assert.deepEqual(unknown, []);
  await rm(dir, { recursive: true });
});
