import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { SESSION_COOKIE } from "../../src/core/person/sessions.ts";
import { startHolder, type Holder } from "../../src/sandbox/holder/holder.ts";
import { HOSTILE_HOLDERS } from "../../src/sandbox/holder/personas.ts";
import type { Upstream } from "../../src/signin/providers.ts";
import { cookieBrowser, type CookieBrowser } from "../support/cookie-browser.ts";
import { startFranceConnect, type FranceConnect } from "../support/franceconnect.ts";
import { startIdentityApp, type IdentityApp } from "../support/identity-app.ts";
import { startTinyProvider, type TinyProvider } from "../support/tiny-provider.ts";

/** Several places to sign in at, some of them hostile: what one says is never taken for another's. */

const owned = new AsyncDisposableStack();
let relais: IdentityApp;
let first: TinyProvider;
let second: TinyProvider;
let girouette: Holder;
let france: FranceConnect;
let franceSure: FranceConnect;

before(async () => {
  const ownedProvider = async (): Promise<TinyProvider> =>
    owned.adopt(await startTinyProvider(() => relais.origin), (one) => one.listening.close());
  [first, second] = [await ownedProvider(), await ownedProvider()];
  const folder = owned.adopt(await mkdtemp(join(tmpdir(), "relais-providers-")), (dir) => rm(dir, { recursive: true }));
  const turning = {
    persona: HOSTILE_HOLDERS.girouette,
    victim: second.origin,
    relais: "https://relais.example",
    dataDir: folder,
    seed: "turning",
  };
  girouette = owned.use(await startHolder({ ...turning, holder: "energy", host: "127.0.0.1", port: 0 }));
  france = owned.adopt(await startFranceConnect(), (one) => one.listening.close());
  franceSure = owned.adopt(await startFranceConnect(), (one) => one.listening.close());
  const plain = { clientId: "relais-client", least: null };
  const fc = { clientId: "relais-fc", profile: "franceconnect" as const };
  const upstreams: Upstream[] = [
    { ...plain, id: "default", name: "First", issuer: first.origin },
    { ...plain, id: "second", name: "Second", issuer: second.origin },
    { ...plain, id: "turning", name: "Girouette", issuer: girouette.url },
    { ...fc, id: "fc", name: "FranceConnect", issuer: france.issuer, clientSecret: france.secret, least: null },
    { ...fc, id: "fcplus", name: "FranceConnect+", issuer: franceSure.issuer, clientSecret: franceSure.secret, least: "substantial" },
  ];
  relais = owned.use(await startIdentityApp({ upstreams }));
});
after(() => owned.disposeAsync());
beforeEach(() => {
  for (const one of [first, second]) Object.assign(one.state, { subject: "s1", deny: false, changed: {}, iss: null });
  Object.assign(france.state, { acr: "eidas1", userInfo: "signed", expiresIn: 60 });
  Object.assign(franceSure.state, { acr: "eidas2", userInfo: "signed", expiresIn: 60 });
});

/** From the button to what the provider sends the browser back to. */
async function untilCallback(visit: CookieBrowser, provider: string): Promise<string> {
  const started = await visit.get(`${relais.origin}/sign-in/start?lang=en&next=/en/me&provider=${provider}`);
  return String((await visit.get(String(started.location))).location);
}

async function signIn(provider: string): Promise<{ status: number; visit: CookieBrowser }> {
  const visit = cookieBrowser();
  const { status } = await visit.get(await untilCallback(visit, provider));
  return { status, visit };
}

const isIn = (visit: CookieBrowser): boolean => visit.cookie(SESSION_COOKIE) !== undefined;

describe("two providers", () => {
  test("each has a button, a callback of its own, and people of its own", async () => {
    const page = (await cookieBrowser().get(`${relais.origin}/en/sign-in`)).text;
    assert.match(page, /Sign in with First[\s\S]*Sign in with Second[\s\S]*Sign in with FranceConnect/);
    assert.deepEqual([(await signIn("default")).status, (await signIn("second")).status], [303, 303]);
    const people = await relais.query("select issuer from relais.people where subject = 's1'");
    assert.equal(people.length, 2, "the same subject at two providers is two people");
    assert.equal((await cookieBrowser().get(`${relais.origin}/sign-in/start?provider=nobody`)).status, 404);
  });

  test("mixed up by one of them: its answer is not the other's, with and without a name in it (RFC 9700 §4.4)", async () => {
    // The second one has one redirect address of ours, and gives answers to no other.
    const cases: [redirect: string | null, isNamed: boolean][] = [
      [null, true],
      ["/sign-in/callback/turning", true],
      ["/sign-in/callback", true],
      ["/sign-in/callback/second", true],
      ["/sign-in/callback/second", false],
    ];
    const shown = (): number => second.seen.assertions.length + first.seen.assertions.length;
    const before = shown();
    for (const [redirect, isNamed] of cases) {
      const visit = cookieBrowser();
      // The hostile one of the sandbox sends the browser on to the second, with the state of the attempt that began with it.
      const begun = String((await visit.get(`${relais.origin}/sign-in/start?lang=en&provider=turning`)).location);
      const onward = new URL(String((await visit.get(begun)).location));
      assert.equal(onward.origin, second.origin, "the attack happened");
      if (redirect !== null) onward.searchParams.set("redirect_uri", `${relais.origin}${redirect}`);
      const answer = new URL(String((await visit.get(onward.href)).location));
      if (!isNamed) answer.searchParams.delete("iss");
      assert.equal((await visit.get(answer.href)).status, 401, `${redirect} ${isNamed}`);
      assert.ok(!isIn(visit));
    }
    assert.equal(shown(), before, "no code was shown to whom it is not from");
    assert.deepEqual(girouette.caught, []);
  });

  test("an answer of the first one is not taken in an attempt at the second", async () => {
    const visit = cookieBrowser();
    const [one, two] = [new URL(await untilCallback(visit, "default")), new URL(await untilCallback(visit, "second"))];
    const crossed = new URL(two);
    for (const name of ["code", "iss"]) crossed.searchParams.set(name, String(one.searchParams.get(name)));
    assert.equal((await visit.get(crossed.href)).status, 401);
    const moved = new URL(one);
    moved.pathname = two.pathname;
    assert.equal((await visit.get(moved.href)).status, 401);
    second.state.iss = first.origin;
    assert.equal((await signIn("second")).status, 401, "one that names another");
    second.state.iss = null;
    second.state.changed = { iss: first.origin };
    assert.equal((await signIn("second")).status, 401, "an ID token in another's name");
  });
});

describe("FranceConnect", () => {
  test("is asked for a level and a pseudonym, and signs out with the person", async () => {
    const { status, visit } = await signIn("fc");
    assert.equal(status, 303);
    const asked = france.seen.authorizations.at(-1);
    assert.deepEqual([asked?.["scope"], asked?.["acr_values"]], ["openid", "eidas1"]);
    assert.ok("client_secret" in (france.seen.clientCalls.at(-1) ?? {}));
    assert.match((await visit.get(`${relais.origin}/en/me/account`)).text, /level of assurance: low/);
    const out = await visit.post(`${relais.origin}/sign-out`, { lang: "en" });
    assert.ok(String(out.location).startsWith(`${france.issuer}/session/end`));
    assert.ok(!isIn(visit), "ours has ended before");
    const back = await visit.get(String(out.location));
    const hint = france.seen.logouts.at(-1);
    assert.equal(hint?.["post_logout_redirect_uri"], `${relais.origin}/sign-out/done`);
    assert.equal(JSON.parse(Buffer.from(String(hint?.["id_token_hint"]).split(".")[1] ?? "", "base64url").toString()).sub, "fc-sub");
    assert.equal((await visit.get(String(back.location))).location, `${relais.origin}/en/`);
  });

  test("lets in at the level that was asked for or above, and says which it was", async () => {
    const { status, visit } = await signIn("fcplus");
    assert.equal(status, 303);
    assert.equal(franceSure.seen.authorizations.at(-1)?.["acr_values"], "eidas2");
    assert.match((await visit.get(`${relais.origin}/en/me/account`)).text, /level of assurance: substantial/);
    franceSure.state.acr = "eidas3";
    assert.equal((await signIn("fcplus")).status, 303);
    for (const acr of ["eidas1", "high", "eidas4", "", undefined]) {
      franceSure.state.acr = acr;
      assert.equal((await signIn("fcplus")).status, acr === "high" ? 303 : 401, String(acr));
    }
    france.state.acr = undefined;
    assert.equal((await signIn("fc")).status, 401, "a level is always said there");
  });

  test("an answer of userinfo about somebody else, or signed by somebody else, and a token past its 60 s start nothing", async () => {
    for (const userInfo of ["of somebody else", "badly signed"] as const) {
      france.state.userInfo = userInfo;
      const { status, visit } = await signIn("fc");
      assert.equal(status, 401, userInfo);
      assert.ok(!isIn(visit));
    }
    Object.assign(france.state, { userInfo: "signed", expiresIn: -60 });
    assert.equal((await signIn("fc")).status, 401);
  });
});
