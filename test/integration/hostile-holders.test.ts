import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { parse } from "node-html-parser";
import { SESSION_COOKIE, startSession } from "../../src/core/person/sessions.ts";
import type { PersonId } from "../../src/core/ids.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { accountsByPersona } from "../../src/sandbox/accounts/accounts.ts";
import { startHolder, type Holder } from "../../src/sandbox/holder/holder.ts";
import { HOSTILE_HOLDERS } from "../../src/sandbox/holder/personas.ts";
import { cookieBrowser, type CookieBrowser } from "../support/cookie-browser.ts";
import { startIdentityApp, type IdentityApp } from "../support/identity-app.ts";
import { startNode } from "../support/processes.ts";
import { realClock } from "../support/real-clock.ts";
import { accreditedParticipant } from "../support/register-fixtures.ts";

/**
 * The two hostile holders of the sandbox, taken into the register by mistake, beside an honest one: people prove accounts at all three. What a
 * browser does with their pages is in e2e/hostile-pages.
 */

const SEED = "hostile";
const owned = new AsyncDisposableStack();
let relais: IdentityApp;
let folder: string;
let honest: Holder;
let girouette: Holder;
let sirene: Holder;
let visit: CookieBrowser;
let personId: PersonId;

before(async () => {
  folder = owned.adopt(await mkdtemp(join(tmpdir(), "relais-hostile-")), (dir) => rm(dir, { recursive: true }));
  relais = owned.use(await startIdentityApp());
  honest = await start({});
  const { girouette: turning, sirene: luring } = HOSTILE_HOLDERS;
  girouette = await start({ persona: turning, victim: honest.url });
  sirene = await start({ persona: luring });
});
after(() => owned.disposeAsync());
beforeEach(async () => {
  visit = cookieBrowser();
  const claims = { issuer: "https://id.test", subject: `s${Math.random()}`, displayName: "Someone" };
  const { token, session } = await startSession({ store: relais.store, clock: realClock }, claims);
  personId = session.personId;
  visit.set(SESSION_COOKIE, token);
});

let started = 0;
async function start(change: Partial<Parameters<typeof startHolder>[0]>): Promise<Holder> {
  const dataDir = join(folder, String((started += 1)));
  return owned.use(
    await startHolder({ dataDir, seed: SEED, relais: relais.origin, host: "127.0.0.1", port: 0, holder: "energy", ...change }),
  );
}

async function registered({ url }: Holder): Promise<Participant> {
  const known = await relais.store.read((r) => r.participants.findByEntityId(url));
  const endpoints = { issuer: url, export: `${url}/export` };
  return known ?? accreditedParticipant(relais.store, { entityId: url, roles: ["holder"], endpoints });
}

const linkStart = ({ id }: Participant) => `${relais.origin}/link/${id}/start?next=/en/accounts`;

/** From the button of the holder's page, with the password where one is asked for, to our address that the answer is for; it is not opened. */
async function backFrom(holder: Participant): Promise<string> {
  const customer = accountsByPersona(SEED).find(({ persona }) => persona.customers.energy);
  const { email, password } = customer ?? assert.fail("nobody is a customer");
  let url = linkStart(holder);
  for (let hop = 0; hop < 8; hop += 1) {
    const page = await visit.get(url);
    url = page.location ?? (await visit.post(url, { email, password })).location ?? assert.fail(page.text);
    if (url.startsWith(`${relais.origin}/link/callback?`)) return url;
  }
  return assert.fail(`led on and on, to ${url}`);
}

/** The page that Sirene shows instead of a sign-in. */
async function lured(): Promise<ReturnType<typeof parse>> {
  const { location } = await visit.get(linkStart(await registered(sirene)));
  return parse((await visit.get(location ?? assert.fail("led nowhere"))).text);
}

const links = () => relais.store.read((r) => r.people.listLinks(personId));

async function provesNothing(url: string): Promise<void> {
  const answer = await visit.get(url);
  assert.ok([401, 502].includes(answer.status), `${answer.status} ${answer.text.slice(0, 300)}`);
  assert.match(parse(answer.text).querySelector("main")?.text ?? "", /\w+ \w+ \w+/);
  assert.deepEqual(await links(), []);
}

test("an honest holder, by the same steps: the account is proved", async () => {
  const back = await visit.get(await backFrom(await registered(honest)));
  assert.equal(back.location, `${relais.origin}/en/accounts`);
  assert.equal((await links()).length, 1);
});

describe("Girouette (mix-up, RFC 9700 §4.4)", () => {
  test("sends the person on to the honest one: its answer is not taken for hers, and no code comes to her", async () => {
    const back = new URL(await backFrom(await registered(girouette)));
    assert.equal(back.searchParams.get("iss"), honest.url, "the attack happened");
    await provesNothing(back.href);
    assert.deepEqual(girouette.caught, []);
  });

  test("nor where the answer says another name, or none", async () => {
    const holder = await registered(girouette);
    for (const change of [(url: URL) => url.searchParams.set("iss", girouette.url), (url: URL) => url.searchParams.delete("iss")]) {
      const back = new URL(await backFrom(holder));
      change(back);
      const before = girouette.caught.length;
      await provesNothing(back.href);
      const [caught] = girouette.caught.slice(before);
      // Whoever changes the answer in the browser has the code already; what she is shown is worth nothing without the other's key and address.
      if (caught) assert.equal((await redeemed(caught.what)).status, 401, JSON.stringify(caught));
    }
  });

  test("who signs in at home and answers in the honest one's name has proved nothing", async () => {
    const liar = await start({ persona: { ...HOSTILE_HOLDERS.girouette, faults: ["names-another"] }, victim: honest.url });
    const back = await backFrom(await registered(liar));
    assert.equal(new URL(back).searchParams.get("iss"), honest.url, "the attack happened");
    await provesNothing(back);
  });

  test("tells what she caught: a code that is brought to her is in it", async () => {
    await fetch(`${girouette.url}/token`, { method: "POST", body: new URLSearchParams({ code: "somebody’s" }) });
    const told = (await (await fetch(`${girouette.url}/caught`)).json()) as Holder["caught"];
    assert.deepEqual(told.at(-1), { at: "/token", what: { code: "somebody’s" } });
  });
});

/** What Girouette can do with what Relais sent her: show it to the honest one. */
function redeemed(caught: Record<string, string>): Promise<Response> {
  return fetch(`${honest.url}/token`, { method: "POST", body: new URLSearchParams(caught) });
}

describe("Sirene (open redirects, programs led away)", () => {
  test("her links into Relais lead nowhere but to our own pages", async () => {
    const addresses = (await lured()).querySelectorAll("li a").map((link) => link.getAttribute("href") ?? "");
    assert.ok(addresses.length >= 12);
    for (const address of addresses) {
      const shown = await visit.get(address.replaceAll("&#38;", "&"));
      const ways = parse(shown.text)
        .querySelectorAll("a[href], form[action], input[name=next]")
        .map((way) => way.getAttribute("href") ?? way.getAttribute("action") ?? way.getAttribute("value") ?? "");
      for (const way of [shown.location ?? "", ...ways]) {
        const { hostname, port } = new URL(way, relais.origin);
        assert.notEqual(`${hostname}:${port}`, new URL(sirene.url).host, `${address} leads to ${way}`);
      }
    }
  });

  test("her answers that lead our program elsewhere are not followed: no code, proof or token goes there", async () => {
    const leading = await start({ persona: { ...HOSTILE_HOLDERS.sirene, faults: ["turns-programs-away"] } });
    await provesNothing(await backFrom(await registered(leading)));
    assert.deepEqual(leading.caught, []);
    const answer = await fetch(`${leading.url}/token`, { method: "POST", body: new URLSearchParams({ code: "x" }) });
    assert.deepEqual([answer.status, leading.caught.length], [200, 1], "who does follow is caught");
  });

  test("nothing of ours can be shown in her frames", async () => {
    const frames = (await lured()).querySelectorAll("iframe.framed");
    assert.equal(frames.length, 3);
    for (const frame of frames)
      assert.match((await fetch(frame.getAttribute("src") ?? "")).headers.get("content-security-policy") ?? "", /frame-ancestors 'none'/);
  });
});

describe("the command", () => {
  const CLI = new URL("../../src/cli/relais.ts", import.meta.url).pathname;
  const run = (...words: string[]) => startNode([CLI, "sandbox", "holder", ...words], { env: { PATH: process.env["PATH"] } });

  test("starts each of them by its name, under a name and keys of its own", async () => {
    for (const persona of ["girouette", "sirene"] as const) {
      await using program = run("--relais", relais.origin, "--dir", join(folder, "command"), "--persona", persona, "--victim", honest.url);
      const [, url] = await program.line(/the holder is at (\S+)/);
      const text = await (await fetch(`${url}/.well-known/openid-federation`)).text();
      const { metadata } = JSON.parse(Buffer.from(text.split(".")[1] ?? "", "base64url").toString()) as {
        metadata: Record<string, { organization_name?: string }>;
      };
      assert.equal(metadata["federation_entity"]?.organization_name, HOSTILE_HOLDERS[persona].name);
      assert.deepEqual(await (await fetch(`${url}/caught`)).json(), []);
      assert.equal((await program.kill("SIGINT")).code, 0);
    }
  });

  test("says what is missing", async () => {
    for (const [words, said] of [
      [["--persona", "girouette"], /--victim is missing/],
      [["--persona", "passoire"], /there is no "passoire".*girouette, sirene/],
      [["--fault", "lies"], /there is no "lies".*mixes-up/],
    ] as const) {
      await using program = run("--relais", relais.origin, "--dir", join(folder, "none"), ...words);
      assert.notEqual((await program.ended).code, 0);
      assert.match(program.output(), said);
    }
  });
});
