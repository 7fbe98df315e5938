import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { SESSION_COOKIE } from "../../src/core/person/sessions.ts";
import { cookieBrowser, type CookieBrowser } from "../support/cookie-browser.ts";
import { startIdentityApp, type IdentityApp } from "../support/identity-app.ts";
import { makePasskey, usePasskey, type SoftPasskey, type Twist } from "../support/soft-authenticator.ts";

/** Passkeys without a provider: one answer for one challenge, from the browser and for the site that asked. */

let relais: IdentityApp;
before(async () => {
  relais = await startIdentityApp();
});
after(() => relais?.[Symbol.asyncDispose]());

interface Options {
  challenge: string;
  rpId: string;
  rp: { id: string };
  user: { id: string };
  excludeCredentials?: { id: string }[];
  userVerification?: string;
  authenticatorSelection?: { residentKey?: string; userVerification?: string };
}

async function options(visit: CookieBrowser, purpose: string, name = ""): Promise<Options> {
  const answer = await visit.post(`${relais.origin}/passkeys/options`, { purpose, name });
  assert.equal(answer.status, 200, answer.text);
  return JSON.parse(answer.text) as Options;
}

/** Somebody with an account of one passkey, signed in. */
async function newcomer(name = "", twist: Twist = {}): Promise<{ visit: CookieBrowser; passkey: SoftPasskey }> {
  const visit = cookieBrowser();
  const { passkey, response } = makePasskey(await options(visit, "create", name), relais.origin, twist);
  const created = await visit.post(`${relais.origin}/passkeys/create`, { response: JSON.stringify(response), name, lang: "en" });
  assert.equal(created.location, `${relais.origin}/en/me/account/codes`, created.text);
  return { visit, passkey };
}

async function answer(visit: CookieBrowser, response: object, at = relais.origin): Promise<number> {
  return (await visit.post(`${at}/passkeys/sign-in`, { response: JSON.stringify(response), lang: "en" })).status;
}

const isIn = (visit: CookieBrowser): boolean => visit.cookie(SESSION_COOKIE) !== undefined;

describe("an account of passkeys alone", () => {
  test("is opened, left and opened again, and says nothing about who it is", async () => {
    const { visit, passkey } = await newcomer("Camille");
    assert.match((await visit.get(`${relais.origin}/en/me`)).text, /Camille/);
    await visit.post(`${relais.origin}/sign-out`, { lang: "en" });
    assert.equal((await visit.get(`${relais.origin}/en/me`)).status, 303);
    const asked = await options(visit, "sign-in");
    assert.equal(asked.userVerification, "required");
    assert.equal(await answer(visit, usePasskey(passkey, asked, relais.origin)), 303);
    assert.match((await visit.get(`${relais.origin}/en/me`)).text, /Camille/);
    const people = await relais.query("select issuer, subject from relais.people where display_name = 'Camille'");
    assert.deepEqual(people, [{ issuer: relais.origin, subject: passkey.userHandle }]);
  });

  test("is asked to be kept by the device, behind its lock, under the name of the site", async () => {
    const asked = await options(cookieBrowser(), "create");
    assert.equal(asked.rp.id, "localhost");
    assert.equal(asked.authenticatorSelection?.residentKey, "required");
    assert.equal(asked.authenticatorSelection?.userVerification, "required");
  });

  test("has several passkeys with names, and never loses the last", async () => {
    const { visit, passkey } = await newcomer();
    const asked = await options(visit, "add", "Phone");
    assert.deepEqual(
      asked.excludeCredentials?.map(({ id }) => id),
      [passkey.id],
    );
    assert.equal(asked.user.id, passkey.userHandle, "one pseudonym for one account");
    const added = makePasskey(asked, relais.origin);
    await visit.post(`${relais.origin}/passkeys/add`, { response: JSON.stringify(added.response), name: "Phone", lang: "en" });
    const [first, phone] = await relais.query("select id, name from relais.passkeys where user_handle = $1 order by created_at", [
      passkey.userHandle,
    ]);
    assert.equal(phone?.["name"], "Phone");
    await visit.post(`${relais.origin}/en/me/account/passkeys/${String(phone?.["id"])}/name`, { name: "My blue phone" });
    assert.match((await visit.get(`${relais.origin}/en/me/account`)).text, /My blue phone/);
    const drop = (row: Record<string, unknown> | undefined) =>
      visit.post(`${relais.origin}/en/me/account/passkeys/${String(row?.["id"])}/remove`, {});
    const both = await Promise.all([drop(first), drop(phone)]);
    assert.deepEqual(
      both.map(({ status }) => status).toSorted((a, b) => a - b),
      [303, 422],
      "of two at once, one stays",
    );
    assert.equal((await relais.query("select 1 from relais.passkeys where user_handle = $1", [passkey.userHandle])).length, 1);
  });
});

describe("an answer to a challenge", () => {
  test("counts once, over two processes and fifty tries at once", async () => {
    const { passkey } = await newcomer();
    const visit = cookieBrowser();
    const response = usePasskey(passkey, await options(visit, "sign-in"), relais.origin);
    const tries = Array.from({ length: 50 }, (_, i) => answer(visit, response, i % 2 === 0 ? relais.origin : relais.second));
    const statuses = await Promise.all(tries);
    assert.deepEqual([statuses.filter((status) => status === 303).length, statuses.filter((status) => status === 401).length], [1, 49]);
    assert.equal(await answer(visit, response), 401, "nor is it taken later");
  });

  test("is not taken in another browser, for another purpose, or when it is old", async () => {
    const { passkey } = await newcomer();
    const visit = cookieBrowser();
    assert.equal(
      await answer(cookieBrowser(), usePasskey(passkey, await options(visit, "sign-in"), relais.origin)),
      401,
      "another browser",
    );
    const create = await options(visit, "create");
    assert.equal(await answer(visit, usePasskey(passkey, { ...create, rpId: "localhost" }, relais.origin)), 401, "another purpose");
    const old = usePasskey(passkey, await options(visit, "sign-in"), relais.origin);
    await relais.query("update relais.oauth_records set expires_at = now() where model = 'PasskeyChallenge'");
    assert.equal(await answer(visit, old), 401, "an old one");
    assert.ok(!isIn(visit));
  });

  test("is of this site, of this passkey, and behind its lock", async () => {
    const [{ passkey }, { passkey: others }] = [await newcomer(), await newcomer()];
    const twists: [what: string, key: SoftPasskey, twist: Twist][] = [
      ["another origin", passkey, { origin: "https://evil.example" }],
      ["another port of this machine", passkey, { origin: "http://localhost:1" }],
      ["another site's name", passkey, { rpId: "evil.example" }],
      ["made for making", passkey, { type: "webauthn.create" }],
      ["without the person's lock", passkey, { unverified: true }],
      ["another person's pseudonym", passkey, { userHandle: others.userHandle }],
      ["another person's passkey under this one's id", { ...passkey, privateKey: others.privateKey }, {}],
      ["a passkey that nobody knows", { ...passkey, id: "A".repeat(43) }, {}],
    ];
    for (const [what, key, twist] of twists) {
      const visit = cookieBrowser();
      assert.equal(await answer(visit, usePasskey(key, await options(visit, "sign-in"), relais.origin, twist)), 401, what);
      assert.ok(!isIn(visit), what);
    }
    const visit = cookieBrowser();
    for (const twist of [{ origin: "https://evil.example" }, { rpId: "evil.example" }, { unverified: true }]) {
      const { response } = makePasskey(await options(visit, "create"), relais.origin, twist);
      const made = await visit.post(`${relais.origin}/passkeys/create`, { response: JSON.stringify(response) });
      assert.equal(made.status, 401, JSON.stringify(twist));
    }
  });

  test("with a counter that does not grow tells of a copy, and blocks the passkey", async () => {
    const { passkey } = await newcomer("", { counter: 5 });
    const visit = cookieBrowser();
    assert.equal(await answer(visit, usePasskey(passkey, await options(visit, "sign-in"), relais.origin)), 303);
    const copied = cookieBrowser();
    assert.equal(await answer(copied, usePasskey(passkey, await options(copied, "sign-in"), relais.origin, { counter: 6 })), 401);
    assert.equal(
      await answer(copied, usePasskey(passkey, await options(copied, "sign-in"), relais.origin, { counter: 90 })),
      401,
      "it stays so",
    );
    assert.match((await visit.get(`${relais.origin}/en/me/account`)).text, /seems to have been copied/);
  });

  test("that adds a passkey adds it to who asked, and to nobody else", async () => {
    const [{ visit: one }, { visit: two, passkey: theirs }] = [await newcomer(), await newcomer()];
    const { response } = makePasskey(await options(one, "add"), relais.origin);
    two.set("relais_browser", String(one.cookie("relais_browser")));
    const added = await two.post(`${relais.origin}/passkeys/add`, { response: JSON.stringify(response) });
    assert.equal(added.status, 401);
    const mine = makePasskey(await options(one, "add"), relais.origin, {});
    const stolen = JSON.parse(JSON.stringify(mine.response).replaceAll(mine.passkey.id, theirs.id)) as object;
    assert.equal((await one.post(`${relais.origin}/passkeys/add`, { response: JSON.stringify(stolen) })).status, 401, "under another's id");
    const known = makePasskey(await options(one, "add"), relais.origin, { id: theirs.id });
    const taken = await one.post(`${relais.origin}/passkeys/add`, { response: JSON.stringify(known.response) });
    assert.equal(taken.status, 409, "a passkey that somebody has");
    assert.equal((await cookieBrowser().post(`${relais.origin}/passkeys/options`, { purpose: "add" })).status, 401);
  });

  test("is not taken from a page of another site, also without a session", async () => {
    const { passkey } = await newcomer();
    for (const headers of [{ "sec-fetch-site": "cross-site" }, { "sec-fetch-site": "same-site" }, { origin: "https://evil.example" }]) {
      const visit = cookieBrowser();
      const response = usePasskey(passkey, await options(visit, "sign-in"), relais.origin);
      const form = { response: JSON.stringify(response) };
      assert.equal((await visit.post(`${relais.origin}/passkeys/sign-in`, form, headers)).status, 403);
      assert.equal((await cookieBrowser().post(`${relais.origin}/sign-in/recovery`, { code: "x" }, headers)).status, 403);
    }
  });

  test("leads nowhere but to our own pages, and nonsense is refused as such", async () => {
    const { passkey } = await newcomer();
    const visit = cookieBrowser();
    const response = JSON.stringify(usePasskey(passkey, await options(visit, "sign-in"), relais.origin));
    const went = await visit.post(`${relais.origin}/passkeys/sign-in`, { response, next: "//evil.example", lang: "en" });
    assert.equal(went.location, `${relais.origin}/en/me`);
    for (const nonsense of ["", "null", "{}", "[]", JSON.stringify({ id: "x", response: { clientDataJSON: "e30" } }), "{".repeat(9000)])
      assert.equal((await visit.post(`${relais.origin}/passkeys/sign-in`, { response: nonsense })).status, 400, nonsense.slice(0, 40));
  });
});

describe("recovery codes", () => {
  test("are shown once, kept as digests, and open the account once each", async () => {
    const { visit, passkey } = await newcomer("Alix");
    const page = (await visit.post(`${relais.origin}/en/me/account/codes`, {})).text;
    const codes = [...page.matchAll(/<code>([2-9A-Z-]{19})<\/code>/g)].map(([, code]) => String(code));
    assert.equal(codes.length, 10);
    const kept = await relais.query("select t::text as row from relais.recovery_codes t");
    assert.ok(!kept.some(({ row }) => codes.some((code) => String(row).includes(code.replaceAll("-", "")))));
    const [code = ""] = codes;
    const tries = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const stranger = cookieBrowser();
        await stranger.post(`${i % 2 ? relais.origin : relais.second}/sign-in/recovery`, { code: ` ${code.toLowerCase()} `, lang: "en" });
        return stranger;
      }),
    );
    const [inside, ...others] = tries.filter(isIn);
    assert.ok(inside && others.length === 0, "one of twenty at once");
    const own = await inside.get(`${relais.origin}/en/me/account`);
    assert.match(own.text, /9 recovery codes left/);
    await visit.post(`${relais.origin}/en/me/account/codes`, {});
    const later = cookieBrowser();
    const refused = await later.post(`${relais.origin}/sign-in/recovery`, { code: String(codes[1]), lang: "en" });
    assert.match(String(refused.location), /\/en\/sign-in\/recovery\?refused/, "new codes replace the old ones");
    assert.ok(!isIn(later) && passkey.id !== "");
  });
});

test("at an address that is a number passkeys are off, and the page says why", async () => {
  await using numbered = await startIdentityApp({ host: "127.0.0.1" });
  const visit = cookieBrowser();
  assert.match((await visit.get(`${numbered.origin}/en/sign-in`)).text, /browsers make passkeys only for sites with a name/);
  assert.equal((await visit.post(`${numbered.origin}/passkeys/options`, { purpose: "sign-in" })).status, 404);
});
