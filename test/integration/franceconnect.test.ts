import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { decodeJwt, decodeProtectedHeader } from "jose";
import { SESSION_COOKIE } from "../../src/core/person/sessions.ts";
import type { Upstream } from "../../src/signin/providers.ts";
import { cookieBrowser, type CookieBrowser } from "../support/cookie-browser.ts";
import { startIdentityApp, type IdentityApp } from "../support/identity-app.ts";
import { freePort } from "../support/ports.ts";
import { startRealFranceConnect, type ClientChoice, type RealFranceConnect } from "../support/real-franceconnect.ts";

/** The program that FranceConnect itself runs, with the settings that it publishes. */

const owned = new AsyncDisposableStack();
let relais: IdentityApp;
let france: RealFranceConnect;

// oxfmt-ignore
const UPSTREAMS: (Required<Pick<Upstream, "id" | "profile" | "algorithm" | "least">> & { registered: Pick<ClientChoice, "algorithm" | "encrypts"> })[] = [
  { id: "es256",   profile: "franceconnect",      algorithm: undefined, least: null,   registered: { algorithm: "ES256", encrypts: false } },
  { id: "rs256",   profile: "franceconnect",      algorithm: "RS256",   least: null,   registered: { algorithm: "RS256", encrypts: false } },
  { id: "plus",    profile: "franceconnect-plus", algorithm: undefined, least: "low",  registered: { algorithm: "ES256", encrypts: true } },
  { id: "high",    profile: "franceconnect-plus", algorithm: undefined, least: "high", registered: { algorithm: "ES256", encrypts: true } },
  { id: "plain",   profile: "franceconnect-plus", algorithm: undefined, least: null,   registered: { algorithm: "ES256", encrypts: false } },
  { id: "other",   profile: "franceconnect",      algorithm: undefined, least: null,   registered: { algorithm: "RS256", encrypts: false } },
  { id: "sealed",  profile: "franceconnect",      algorithm: undefined, least: null,   registered: { algorithm: "ES256", encrypts: true } },
];

before(async () => {
  const port = await freePort();
  const clients = UPSTREAMS.map(({ id, registered }) => ({ id: `relais-${id}`, ...registered, callback: `/sign-in/callback/${id}` }));
  france = owned.adopt(await startRealFranceConnect(`http://localhost:${port}`, clients), (one) => one.listening.close());
  const upstreams = UPSTREAMS.map(({ id, profile, algorithm, least }) => ({
    id,
    profile,
    algorithm,
    least,
    name: id,
    issuer: france.issuer,
    clientId: `relais-${id}`,
    clientSecret: france.secret,
  }));
  relais = owned.use(await startIdentityApp({ port, upstreams }));
});
after(() => owned.disposeAsync());
beforeEach(() => void Object.assign(france.state, { subject: "marianne", acr: "eidas2" }));

/** Follows every redirect there and back. */
async function follow(visit: CookieBrowser, path: string): Promise<{ status: number; place: string; text: string }> {
  let url = `${relais.origin}${path}`;
  for (let hop = 0; hop < 8; hop++) {
    const { status, location, text } = await visit.get(url);
    if (location === null) return { status, place: url, text };
    if (location.startsWith(relais.origin) && !location.includes("/callback"))
      return { status, place: location.slice(relais.origin.length), text };
    url = location;
  }
  throw new Error("too many redirects");
}

async function signIn(provider: string, visit = cookieBrowser()): Promise<{ status: number; visit: CookieBrowser }> {
  const { status } = await follow(visit, `/sign-in/start?lang=en&next=/en/me&provider=${provider}`);
  return { status, visit };
}

const asked = () => france.seen.authorizations.at(-1) ?? {};
const answered = () => String(france.seen.encrypted.at(-1));
const isIn = (visit: CookieBrowser): boolean => visit.cookie(SESSION_COOKIE) !== undefined;

describe("FranceConnect, and FranceConnect+", () => {
  for (const [provider, alg] of [
    ["es256", "ES256"],
    ["rs256", "RS256"],
  ] as const)
    test(`signs with ${alg}, and userinfo too`, async () => {
      const { status, visit } = await signIn(provider);
      assert.deepEqual([status, isIn(visit), decodeProtectedHeader(answered()).alg], [303, true, alg]);
      assert.deepEqual([asked()["scope"], asked()["acr_values"], asked()["max_age"]], ["openid", "eidas1", undefined]);
      assert.match((await visit.get(`${relais.origin}/en/me/account`)).text, /level of assurance: substantial/);
    });

  test("encrypts to our published key, and nothing that is readable on the way is let through", async () => {
    const { status, visit } = await signIn("plus");
    assert.equal(status, 303);
    const { alg, enc, kid } = decodeProtectedHeader(answered());
    assert.deepEqual([alg, enc, kid], ["ECDH-ES", "A256GCM", relais.keyring.current("answers").kid]);
    assert.equal(asked()["acr_values"], "eidas2", "there is no lower level there");
    const people = await relais.query("select subject from relais.people where subject like '%relais-plus'");
    assert.deepEqual(people, [{ subject: "marianne at relais-plus" }]);
    assert.equal((await visit.get(`${relais.origin}/en/me`)).status, 200);
    assert.equal((await signIn("plain")).status, 401, "an answer in the clear where an encrypted one was agreed");
    assert.equal((await signIn("sealed")).status, 401, "an encrypted one that nobody asked for");
  });

  test("with another algorithm than was agreed it is not believed", async () => {
    const { status, visit } = await signIn("other");
    assert.deepEqual([status, isIn(visit)], [401, false]);
  });

  test("lets in at the level that was asked for, or above", async () => {
    assert.equal((await signIn("high")).status, 401);
    assert.equal(asked()["acr_values"], "eidas3");
    france.state.acr = "eidas3";
    assert.equal((await signIn("high")).status, 303);
    france.state.acr = "eidas1";
    assert.equal((await signIn("plus")).status, 401);
  });

  test("a new key of ours is used at once, and what is encrypted to the one before still opens", async () => {
    const old = relais.keyring.current("answers").kid;
    await relais.keyring.rotate("answers");
    assert.notEqual(relais.keyring.current("answers").kid, old);
    const { status } = await signIn("plus");
    assert.deepEqual([status, decodeProtectedHeader(answered()).kid], [303, old], "it keeps our key set for a while");
  });

  test("says when the person signed in, so that they can be asked again", async () => {
    const { visit } = await signIn("plus");
    const next = "/en/me/account/delete";
    assert.equal((await visit.get(`${relais.origin}${next}`)).status, 200, "just now");
    await relais.query("update relais.sessions set authenticated_at = now() - interval '1 hour'");
    const again = `/sign-in/start?${new URLSearchParams({ next, again: "yes", lang: "en", provider: "plus" })}`;
    assert.equal((await follow(visit, again)).place, next);
    assert.equal(asked()["prompt"], "login");
    assert.equal((await visit.get(`${relais.origin}${next}`)).status, 200);
  });

  test("signs out with the ID token as it was signed: what was encrypted to us tells it nothing", async () => {
    const { visit } = await signIn("plus");
    const out = await visit.post(`${relais.origin}/sign-out`, { lang: "en" });
    const page = await visit.get(String(out.location));
    const hint = String(france.seen.logouts.at(-1)?.["id_token_hint"]);
    assert.deepEqual([decodeJwt(hint).sub, decodeJwt(hint).aud], ["marianne at relais-plus", "relais-plus"]);
    assert.equal(page.status, 200, page.text);
    assert.match(page.text, /op\.logoutForm|logout/, "it takes the hint, and asks the person");
  });
});
