import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import express from "express";
import { findSession, SESSION_COOKIE } from "../../src/core/person/sessions.ts";
import type { Store } from "../../src/core/ports.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { readSession } from "../../src/http/guards.ts";
import { clientKey } from "../../src/keys/client-key.ts";
import { openKeyring } from "../../src/keys/keyring.ts";
import { createOauthRecords } from "../../src/postgres/oauth-records.ts";
import { openDatabase, openPool } from "../../src/postgres/pool.ts";
import { createStore } from "../../src/postgres/store.ts";
import { createSignin } from "../../src/signin/signin.ts";
import { clock, listen, type Listening } from "../support/authorization-server.ts";
import { freshDatabase } from "../support/database.ts";
import { browser } from "../support/platform-client.ts";
import { accreditedParticipant, dataset } from "../support/register-fixtures.ts";
import { startTinyProvider, type TinyProvider } from "../support/tiny-provider.ts";
import { loopbackFetch } from "../support/web-fetch.ts";

const cleanUp: (() => Promise<unknown>)[] = [];
let relais: Listening;
let store: Store;
let upstream: TinyProvider;
let platformProvider: TinyProvider;
let holderProvider: TinyProvider;
let platform: Participant;
let holder: Participant;
let plain: Participant;

before(async () => {
  relais = await listen();
  const database = await freshDatabase();
  const pool = openPool(database.url);
  const dir = await mkdtemp(join(tmpdir(), "relais-signin-"));
  store = createStore(openDatabase(pool));
  [upstream, platformProvider, holderProvider] = (await Promise.all([1, 2, 3].map(() => startTinyProvider(() => relais.origin)))) as [
    TinyProvider,
    TinyProvider,
    TinyProvider,
  ];
  const keyring = await openKeyring(dir, "web");
  const app = express();
  app.get("/.well-known/jwks.json", async (_req, res) => void res.json({ keys: await keyring.publicKeys() }));
  app.use(readSession({ store, clock }));
  app.use(
    createSignin({
      issuer: relais.origin,
      upstreams: [{ id: "default", name: null, least: null, issuer: upstream.origin, clientId: "relais-client" }],
      passkeys: true,
      newcomers: { mostPerHour: 1000, networkMark: () => null },
      store,
      clock,
      records: createOauthRecords(pool),
      network: { fetchFor: () => loopbackFetch },
      fetchOrigin: () => loopbackFetch,
      decryptionKeys: async () => [],
      clientKey: () => clientKey(keyring.current("signin")),
      allowLoopback: true,
    }),
  );
  app.use(
    ((error, _req, res, _next) =>
      void res.status(400).json({ code: error.code, message: error.message })) satisfies express.ErrorRequestHandler,
  );
  relais.serve(app);
  platform = await accreditedParticipant(store, {
    entityId: platformProvider.origin,
    roles: ["platform"],
    endpoints: { issuer: platformProvider.origin, export: `${platformProvider.origin}/export` },
  });
  holder = await accreditedParticipant(store, {
    entityId: holderProvider.origin,
    roles: ["holder"],
    endpoints: { issuer: holderProvider.origin, export: `${holderProvider.origin}/export` },
  });
  plain = await accreditedParticipant(store, { entityId: "https://dav.example", roles: ["platform"], adapter: "webdav" });
  cleanUp.push(
    ...[relais, upstream.listening, platformProvider.listening, holderProvider.listening].map((server) => () => server.close()),
    () => pool.end(),
    () => database.drop(),
    () => rm(dir, { recursive: true }),
  );
});
after(async () => {
  for (const end of cleanUp) await end();
});
beforeEach(() => {
  for (const provider of [upstream, platformProvider, holderProvider])
    Object.assign(provider.state, { subject: "s1", deny: false, changed: {}, iss: null, inventoryStatus: 200 });
});

type Browser = ReturnType<typeof browser>;

/** Follows redirects until Relais sends the person to a page of its own. */
async function follow(visit: Browser, path: string): Promise<{ status: number; place: string; text: string; setCookies: string[] }> {
  let url = `${relais.origin}${path}`;
  for (let hop = 0; hop < 4; hop++) {
    const answer = await visit.get(url);
    if (answer.location === null) return { status: answer.status, place: "", text: answer.text, setCookies: answer.setCookies };
    url = answer.location;
    if (url.startsWith(relais.origin) && !/\/callback/.test(url))
      return { status: answer.status, place: url.slice(relais.origin.length), text: answer.text, setCookies: answer.setCookies };
  }
  return { status: 0, place: url, text: "", setCookies: [] };
}

async function signedIn(subject: string, visit = browser()): Promise<Browser> {
  upstream.state.subject = subject;
  assert.equal((await follow(visit, "/sign-in/start?lang=fr&next=/fr/permissions")).place, "/fr/permissions");
  return visit;
}

describe("sign-in", () => {
  test("starts a session behind a cookie that scripts and other sites cannot use", async () => {
    upstream.state.subject = "ada";
    const arrived = await follow(browser(), "/sign-in/start?lang=en&next=%2Finteraction%2Fabc%2Ffinish");
    assert.equal(arrived.place, "/interaction/abc/finish");
    const cookie = arrived.setCookies.find((line) => line.startsWith(SESSION_COOKIE)) ?? "";
    assert.match(cookie, /HttpOnly/);
    assert.match(cookie, /SameSite=Lax/);
    const session = await findSession({ store, clock }, cookie.slice(SESSION_COOKIE.length + 1, cookie.indexOf(";")));
    assert.equal(session?.displayName, "Name of ada");
    assert.equal(upstream.seen.assertions.at(-1)?.iss, "relais-client");
    assert.equal(upstream.seen.assertions.at(-1)?.aud, upstream.origin);
  });

  test("leads nowhere but to our own pages", async () => {
    const places = [
      "https://evil.example",
      "//evil.example",
      "/\\evil.example",
      "/%5c/evil.example/..",
      "/..//evil.example",
      "javascript:alert(1)",
      "/a//b",
      "/a\r\nSet-Cookie: x=1",
      "",
      "/./x",
      `/${"a".repeat(600)}`,
    ];
    for (const next of places) {
      const { place } = await follow(browser(), `/sign-in/start?lang=fr&next=${encodeURIComponent(next)}`);
      assert.equal(place, "/fr/", JSON.stringify(next));
    }
    assert.equal(
      (await follow(browser(), `/sign-in/start?lang=fr&next=${encodeURIComponent("/fr/accounts/prt_1?next=%2Finteraction%2Fx")}`)).place,
      "/fr/accounts/prt_1?next=%2Finteraction%2Fx",
    );
  });

  test("an answer counts once, and in the browser that began", async () => {
    const visit = browser();
    const started = await visit.get(`${relais.origin}/sign-in/start?lang=fr`);
    const callback = String((await visit.get(String(started.location))).location);
    assert.equal((await browser().get(callback)).status, 400, "another browser");
    const answers = await Promise.all(Array.from({ length: 8 }, () => visit.get(callback)));
    assert.equal(answers.filter(({ status }) => status === 303).length, 1);
    assert.equal((await visit.get(`${relais.origin}/sign-in/callback?code=x&state=unknown`)).status, 400);
    assert.equal((await visit.get(callback.replace("/sign-in/", "/link/"))).status, 400, "another callback");
  });

  test("an ID token or an answer that is not right starts no session", async () => {
    const cases: [name: string, change: () => void][] = [
      ["another nonce", () => (upstream.state.changed = { nonce: "x" })],
      ["another audience", () => (upstream.state.changed = { aud: "someone-else" })],
      ["another issuer in the token", () => (upstream.state.changed = { iss: "https://evil.example" })],
      ["expired", () => (upstream.state.changed = { exp: 1 })],
      ["another issuer in the answer", () => (upstream.state.iss = "https://evil.example")],
    ];
    for (const [name, change] of cases) {
      Object.assign(upstream.state, { changed: {}, iss: null });
      change();
      const answer = await follow(browser(), "/sign-in/start?lang=fr");
      assert.equal(answer.status, 400, name);
      assert.ok(!answer.setCookies.some((line) => line.startsWith(SESSION_COOKIE)), name);
    }
  });

  test("a person who says no at the provider comes back to the sign-in page", async () => {
    upstream.state.deny = true;
    assert.equal((await follow(browser(), "/sign-in/start?lang=fr&next=/fr/copy")).place, "/fr/sign-in?next=%2Ffr%2Fcopy");
  });

  test("signing out ends the session on our side too", async () => {
    upstream.state.subject = "leaver";
    const { setCookies } = await follow(browser(), "/sign-in/start?lang=fr");
    const pair = setCookies.find((line) => line.startsWith(SESSION_COOKIE))?.split(";")[0] ?? "";
    const out = await fetch(`${relais.origin}/sign-out`, {
      method: "POST",
      redirect: "manual",
      body: new URLSearchParams({ lang: "en" }),
      headers: { cookie: pair },
    });
    assert.equal(out.headers.get("location"), "/en/");
    assert.equal(await findSession({ store, clock }, pair.slice(SESSION_COOKIE.length + 1)), null);
  });

  test("one person in the register for one account, also when two first sign-ins meet", async () => {
    await Promise.all([signedIn("twin"), signedIn("twin")]);
  });
});

describe("proof of an account", () => {
  test("at a platform, with what the account holds", async () => {
    const visit = await signedIn("mover");
    platformProvider.state.subject = "space-7";
    assert.equal((await follow(visit, `/link/${platform.id}/start?next=/fr/switch`)).place, "/fr/switch");
    const link = await linkOf(platform);
    assert.deepEqual(
      [link?.account, link?.method, link?.inventory],
      [
        "space-7",
        "signed_in",
        [
          { dataset: "energy.bills", items: 3, bytes: 99 },
          { dataset: "notes", items: null, bytes: null },
        ],
      ],
    );
    assert.equal(platformProvider.seen.scopes.at(-1), "openid self_data.inventory");
    assert.equal(platformProvider.seen.inventoryTokens.at(-1), "Bearer at-space-7");
    assert.equal(platformProvider.seen.assertions.at(-1)?.iss, relais.origin, "Relais is known there by its entity identifier");
  });

  test("at a holder, without", async () => {
    const visit = await signedIn("customer");
    holderProvider.state.subject = "C-42";
    await follow(visit, `/link/${holder.id}/start?next=/fr/copy`);
    assert.equal((await linkOf(holder))?.inventory, null);
    assert.equal(holderProvider.seen.scopes.at(-1), "openid");
  });

  test("is asked for at the level of the most sensitive data set, and what the answer says of it is kept", async () => {
    const strict = await startTinyProvider(() => relais.origin);
    cleanUp.push(() => strict.listening.close());
    const participant = await accreditedParticipant(store, {
      entityId: strict.origin,
      roles: ["holder"],
      endpoints: { issuer: strict.origin },
      datasets: [dataset("energy.bills"), { ...dataset("energy.readings"), assurance: "substantial" }],
    });
    const visit = await signedIn("sure");
    const shown: [acr: unknown, kept: string][] = [
      ["eidas2", "substantial"],
      ["http://eidas.europa.eu/LoA/high", "high"],
      ["eidas1", "low"],
      ["eidas9", "low"],
      [undefined, "low"],
    ];
    for (const [acr, kept] of shown) {
      strict.state.changed = { acr };
      assert.equal((await follow(visit, `/link/${participant.id}/start?next=/fr/accounts`)).place, "/fr/accounts");
      assert.equal((await linkOf(participant))?.assurance, kept, String(acr));
    }
    assert.equal(
      strict.seen.asked.at(-1)?.["acr_values"],
      "http://eidas.europa.eu/LoA/substantial eidas2 http://eidas.europa.eu/LoA/high eidas3",
    );
    await follow(visit, `/link/${holder.id}/start`);
    assert.equal(holderProvider.seen.asked.at(-1)?.["acr_values"], undefined, "nothing where no data set asks for more");
  });

  test("needs a signed-in person, the same one at both ends, and a participant with a sign-in", async () => {
    const { place } = await follow(browser(), `/link/${holder.id}/start?next=/en/copy`);
    assert.equal(place, `/en/sign-in?next=${encodeURIComponent(`/en/accounts/${holder.id}?next=%2Fen%2Fcopy`)}`, "the way on is kept");
    const visit = await signedIn("one");
    const started = await visit.get(`${relais.origin}/link/${holder.id}/start`);
    const callback = String((await visit.get(String(started.location))).location);
    await signedIn("two", visit);
    assert.equal((await visit.get(callback)).status, 400);
    assert.equal((await visit.get(`${relais.origin}/link/${plain.id}/start`)).status, 400);
    assert.equal((await visit.get(`${relais.origin}/link/prt_nothing/start`)).status, 400);
  });

  test("an answer that was begun at one provider cannot come from another (mix-up)", async () => {
    const visit = await signedIn("mixed");
    const started = await visit.get(`${relais.origin}/link/${holder.id}/start`);
    const callback = new URL(String((await visit.get(String(started.location))).location));
    callback.searchParams.set("iss", platformProvider.origin);
    assert.equal((await visit.get(callback.href)).status, 400);
  });

  test("an answer that does not say whose it is is not taken: participants share one redirect address (RFC 9207)", async () => {
    const nameless = await startTinyProvider(() => relais.origin, false);
    cleanUp.push(() => nameless.listening.close());
    const participant = await accreditedParticipant(store, {
      entityId: nameless.origin,
      roles: ["holder"],
      endpoints: { issuer: nameless.origin },
    });
    const visit = await signedIn("nameless");
    assert.equal((await follow(visit, `/link/${participant.id}/start`)).status, 400);
    assert.equal(nameless.seen.assertions.length, 0, "no code was shown to anybody");
  });

  test("a platform that cannot tell right now is not taken for an empty one", async () => {
    const visit = await signedIn("unlucky");
    platformProvider.state.inventoryStatus = 503;
    assert.equal((await follow(visit, `/link/${platform.id}/start`)).status, 400);
    platformProvider.state.inventoryStatus = 403;
    assert.equal((await follow(visit, `/link/${platform.id}/start?next=/fr/accounts`)).place, "/fr/accounts");
  });
});

async function linkOf(participant: Participant) {
  const subject = upstream.state.subject;
  const person = await store.write((w) =>
    w.accounts.signIn({ id: `prs_${"0".repeat(22)}`, issuer: upstream.origin, subject, createdAt: new Date() }),
  );
  return (await store.read((r) => r.people.listLinks(person.id))).find((link) => link.participantId === participant.id);
}
