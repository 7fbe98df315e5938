import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { SESSION_COOKIE } from "../../src/core/person/sessions.ts";
import { cookieBrowser, type CookieBrowser } from "../support/cookie-browser.ts";
import { startIdentityApp, type IdentityApp } from "../support/identity-app.ts";
import { makePasskey, usePasskey, type SoftPasskey } from "../support/soft-authenticator.ts";
import { startTinyProvider, type TinyProvider } from "../support/tiny-provider.ts";

/** What cannot be undone, or hands out everything, is for who signed in a short while ago. */

const owned = new AsyncDisposableStack();
let relais: IdentityApp;
let provider: TinyProvider;

before(async () => {
  provider = owned.adopt(await startTinyProvider(() => relais.origin), (one) => one.listening.close());
  const upstream = { id: "default", name: null, issuer: provider.origin, clientId: "relais-client", least: null };
  relais = owned.use(await startIdentityApp({ upstreams: [upstream] }));
});
after(() => owned.disposeAsync());
beforeEach(() => void Object.assign(provider.state, { deny: false, changed: {}, signedInAgo: 0 }));

type Options = Parameters<typeof makePasskey>[0] & { rpId: string };

async function options(visit: CookieBrowser, purpose: string): Promise<Options> {
  const answer = await visit.post(`${relais.origin}/passkeys/options`, { purpose, lang: "en" });
  assert.equal(answer.status, 200, answer.text);
  return JSON.parse(answer.text) as Options;
}

interface Somebody {
  visit: CookieBrowser;
  passkey: SoftPasskey;
}

async function newcomer(): Promise<Somebody> {
  const visit = cookieBrowser();
  const { passkey, response } = makePasskey(await options(visit, "create"), relais.origin);
  await visit.post(`${relais.origin}/passkeys/create`, { response: JSON.stringify(response), lang: "en" });
  return { visit, passkey };
}

/** As if everybody had signed in so long ago. */
const age = (minutes: number) => relais.query("update relais.sessions set authenticated_at = now() - make_interval(mins => $1)", [minutes]);
const at = (path: string): string => `${relais.origin}${path}`;
const again = (next: string): string => at(`/en/sign-in/again?${new URLSearchParams({ next })}`);

async function bySoftKey({ visit, passkey }: Somebody, next: string, key = passkey) {
  const response = JSON.stringify(usePasskey(key, await options(visit, "again"), relais.origin));
  return visit.post(at("/passkeys/again"), { response, next, lang: "en" });
}

/** What is asked for, and where somebody comes back to who had to sign in again. */
// oxfmt-ignore
const ACTS: [method: "get" | "post", path: string, form: Record<string, string>, back: string, status: number][] = [
  ["get",  "/en/me/account/export", {},                                      "/en/me/account?news=again",               200],
  ["get",  "/en/me/account/codes?next=%2Fen%2Fme%2Fcopy", {},                "/en/me/account/codes?next=%2Fen%2Fme%2Fcopy", 200],
  ["post", "/en/me/account/codes",  { next: "/en/me/copy" },                 "/en/me/account/codes?next=%2Fen%2Fme%2Fcopy", 200],
  ["post", "/en/me/mail",           { address: "somebody@mail.example" },    "/en/me/mail",                             303],
  ["post", "/en/me/mail/remove",    {},                                      "/en/me/mail",                             303],
  ["get",  "/en/me/account/delete", {},                                      "/en/me/account/delete",                   200],
  ["post", "/en/me/account/delete", { sure: "yes" },                         "/en/me/account/delete",                   303],
];

describe("ten minutes after the last sign-in", () => {
  for (const [method, path, form, back, status] of ACTS)
    test(`${method} ${path} asks for a new one, and does nothing before`, async () => {
      const somebody = await newcomer();
      const ask = () => (method === "get" ? somebody.visit.get(at(path)) : somebody.visit.post(at(path), form));
      const held = () =>
        relais.query(
          "select (select count(*)::int from relais.people) as people, (select count(*)::int from relais.recovery_codes) as codes, (select count(*)::int from relais.mail_addresses) as mail",
        );
      const before = await held();
      await age(10);
      assert.deepEqual([(await ask()).location, await held()], [again(back), before]);
      assert.equal((await bySoftKey(somebody, back)).location, at(back), "back to where it was");
      const done = await ask();
      assert.equal(done.status, status, done.text);
      assert.doesNotMatch(String(done.location), /again/);
    });

  test("within them nobody is asked, and other pages never ask", async () => {
    const { visit } = await newcomer();
    await age(9);
    assert.equal((await visit.get(at("/en/me/account/export"))).status, 200);
    assert.equal((await visit.get(again("/en/me/copy"))).location, at("/en/me/copy"), "nothing to do");
    await age(700);
    for (const path of ["/en/me", "/en/me/account", "/en/me/mail", "/en/permissions"])
      assert.equal((await visit.get(at(path))).status, 200);
  });

  test("the forms are not there, but the way to them: nothing that was typed is lost", async () => {
    const { visit } = await newcomer();
    const form = /action="\/en\/me\/mail"|action="\/passkeys\/add"/;
    assert.match((await visit.get(at("/en/me/account"))).text, form);
    await age(10);
    for (const path of ["/en/me/account", "/en/me/mail"]) {
      const { text } = await visit.get(at(path));
      assert.doesNotMatch(text, form);
      assert.ok(text.includes(`/en/sign-in/again?next=${encodeURIComponent(path)}`), path);
    }
  });

  test("no passkey is added, from whatever moment of it", async () => {
    const { visit, passkey } = await newcomer();
    const made = makePasskey(await options(visit, "add"), relais.origin);
    await age(10);
    const refused = await visit.post(at("/passkeys/options"), { purpose: "add", lang: "en" });
    assert.deepEqual([refused.status, JSON.parse(refused.text)], [403, { again: again("/en/me/account").slice(relais.origin.length) }]);
    const late = await visit.post(at("/passkeys/add"), { response: JSON.stringify(made.response), lang: "en" });
    assert.equal(late.location, again("/en/me/account"));
    assert.equal((await relais.query("select 1 from relais.passkeys where user_handle = $1", [passkey.userHandle])).length, 1);
  });
});

describe("signing in again", () => {
  test("by a passkey gives another session, and ends the one before", async () => {
    const somebody = await newcomer();
    const before = somebody.visit.cookie(SESSION_COOKIE);
    await age(10);
    await bySoftKey(somebody, "/en/me/account/delete");
    assert.notEqual(somebody.visit.cookie(SESSION_COOKIE), before);
    const left = cookieBrowser();
    left.set(SESSION_COOKIE, String(before));
    assert.equal((await left.get(at("/en/me"))).status, 303);
  });

  test("by somebody else's passkey, or by an answer to another question, changes nothing", async () => {
    const [one, other] = [await newcomer(), await newcomer()];
    const before = one.visit.cookie(SESSION_COOKIE);
    await age(10);
    assert.equal((await bySoftKey(one, "/en/me/account/delete", other.passkey)).status, 401);
    const signIn = usePasskey(one.passkey, await options(one.visit, "sign-in"), relais.origin);
    assert.equal((await one.visit.post(at("/passkeys/again"), { response: JSON.stringify(signIn) })).status, 401);
    assert.equal((await cookieBrowser().post(at("/passkeys/options"), { purpose: "again" })).status, 401, "who has no session signs in");
    assert.equal(one.visit.cookie(SESSION_COOKIE), before);
    assert.match(String((await one.visit.get(at("/en/me/account/delete"))).location), /again/);
  });

  test("by a recovery code: one's own, and another one's is left as it was", async () => {
    const [one, other] = [await newcomer(), await newcomer()];
    const codesOf = async ({ visit }: Somebody) =>
      [...(await visit.post(at("/en/me/account/codes"), {})).text.matchAll(/<code>([2-9A-Z-]{19})<\/code>/g)].map(([, code]) =>
        String(code),
      );
    const [mine, theirs] = [await codesOf(one), await codesOf(other)];
    await age(10);
    const next = "/en/me/account/delete";
    const page = (await one.visit.get(again(next))).text;
    assert.ok(page.includes(`/en/sign-in/recovery?next=${encodeURIComponent(next)}`));
    const give = (code: string | undefined) => one.visit.post(at("/sign-in/recovery"), { code: String(code), next, lang: "en" });
    assert.equal((await give(theirs[0])).location, at(`/en/sign-in/recovery?refused=yes&next=${encodeURIComponent(next)}`));
    assert.equal((await relais.query("select 1 from relais.recovery_codes where used_at is not null")).length, 0);
    assert.equal((await give(mine[0])).location, at(next));
    assert.equal((await one.visit.get(at(next))).status, 200);
  });
});

describe("at a provider", () => {
  /** Follows the button of the page to the answer of Relais. */
  async function through(visit: CookieBrowser, path: string): Promise<{ status: number; location: string | null }> {
    const started = await visit.get(at(path));
    return visit.get(String((await visit.get(String(started.location))).location));
  }
  async function signedIn(subject: string): Promise<CookieBrowser> {
    const visit = cookieBrowser();
    provider.state.subject = subject;
    await through(visit, "/sign-in/start?lang=en&next=/en/me");
    return visit;
  }
  const NEXT = "/en/me/account/delete";
  async function button(visit: CookieBrowser): Promise<string> {
    const [, href = ""] = /href="(\/sign-in\/start[^"]*)"/.exec((await visit.get(again(NEXT))).text) ?? [];
    return href.replaceAll("&amp;", "&");
  }

  test("the person has to prove who they are there since they were asked", async () => {
    const visit = await signedIn("again");
    await age(10);
    const { location } = await through(visit, await button(visit));
    assert.equal(location, at(NEXT));
    const { prompt, max_age: most } = provider.seen.asked.at(-1) ?? {};
    assert.deepEqual([prompt, most], ["login", "0"]);
    assert.equal((await visit.get(at(NEXT))).status, 200);
  });

  test("an older sign-in, none that is told, or somebody else does not count", async () => {
    const visit = await signedIn("still");
    await age(10);
    const wrong: [what: string, change: object][] = [
      ["older", { signedInAgo: 60 }],
      ["not told", { signedInAgo: null }],
      ["somebody else", { subject: "intruder" }],
    ];
    const before = visit.cookie(SESSION_COOKIE);
    for (const [what, change] of wrong) {
      Object.assign(provider.state, { subject: "still", signedInAgo: 0 }, change);
      assert.equal((await through(visit, await button(visit))).status, 401, what);
      assert.equal(visit.cookie(SESSION_COOKIE), before, what);
    }
    assert.deepEqual(await relais.query("select 1 from relais.people where subject = 'intruder'"), []);
    Object.assign(provider.state, { subject: "still", deny: true });
    assert.equal((await through(visit, await button(visit))).location, again(NEXT), "who says no there may choose again");
  });

  test("who is let in there without being asked has not signed in just now: leaving and coming back gives no fresh sign-in", async () => {
    for (const signedInAgo of [3600, null]) {
      provider.state.signedInAgo = signedInAgo;
      const visit = await signedIn("silent");
      assert.equal(provider.seen.asked.at(-1)?.["max_age"], String(12 * 3600));
      assert.equal((await visit.get(at(NEXT))).location, again(NEXT));
    }
  });
});
