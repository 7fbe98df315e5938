import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Agent, type Page } from "../../src/cli/agent.ts";
import { startRelais, type RunningRelais } from "../support/relais.ts";

/** The platform asks first: Ancre as an OAuth client of a whole running system, with a person who has never been at Relais. */

interface Persona {
  id: string;
  email: string;
  password: string;
}

let relais: RunningRelais;
let ancre: string;
let personas: Persona[];
const visited: string[] = [];

before(async () => {
  subscribe("undici:request:create", noteVisit);
  relais = await startRelais({ withSolid: false });
  ancre = relais.sandbox.ancre;
  personas = (await (await fetch(`${relais.sandbox.home}/personas.json`)).json()) as Persona[];
});
after(async () => {
  unsubscribe("undici:request:create", noteVisit);
  await relais[Symbol.asyncDispose]();
});

/** Every address that this process asks for, redirects included. */
function noteVisit(message: unknown): void {
  const { request } = message as { request: { origin: string; path: string } };
  visited.push(request.origin + request.path);
}

const ENERGY = "Énergie du Parc";
const [DAILY, BILLS] = ["energy.consumption.daily", "energy.bills"];

interface Person {
  agent: Agent;
  persona: Persona;
}

async function atAncre(id: string): Promise<Person & { home: Page }> {
  const persona = personas.find((one) => one.id === id);
  assert.ok(persona);
  const agent = new Agent();
  const home = await signIn({ agent, persona }, await agent.get(`${ancre}/`));
  assert.equal(home.status, 200, home.text);
  return { agent, persona, home };
}

function signIn({ agent, persona: { email, password } }: Person, page: Page): Promise<Page> {
  return agent.submit(page, 'input[type="password"]', { email, password });
}

/** The form of a holder on the person's page at Ancre. */
function formOf(page: Page, holder: string): string {
  const id = page.document
    .querySelectorAll("details")
    .find((one) => one.querySelector("summary")?.text === holder)
    ?.querySelector('input[name="holder"]')
    ?.getAttribute("value");
  assert.ok(id, `${holder} is not offered: ${page.text}`);
  return `input[value="${id}"]`;
}

/** Signs in and proves accounts wherever Relais asks for it, up to the page of the permission. */
async function walkToDecision(person: Person, from: Page): Promise<Page> {
  let page = from;
  for (let steps = 0; steps < 10 && !page.url.includes("/decide"); steps++) {
    assert.ok(page.status < 400, `${page.url}: ${page.status} ${page.text}`);
    const onward = page.document.querySelector('a[href*="/sign-in/start"]') ?? page.document.querySelector('a[href*="/link/"]');
    if (page.document.querySelector('input[type="password"]')) page = await signIn(person, page);
    else page = await person.agent.get(new URL(String(onward?.getAttribute("href")).replaceAll("&amp;", "&"), page.url).href);
  }
  assert.match(page.url, /\/en\/permissions\/cst_\w+\/decide/);
  return page;
}

function decide({ agent }: Person, page: Page, answer: "accept" | "refuse", datasets: string[]): Promise<Page> {
  return agent.submit(page, 'input[name="datasets"]', { datasets, mandate: "yes", consent: "yes" }, { name: "answer", value: answer });
}

async function untilEnded({ agent }: Person, url: string): Promise<{ state: string; page: Page }> {
  for (const end = Date.now() + 240_000; Date.now() < end; await sleep(300)) {
    const page = await agent.get(url);
    const state = page.document.querySelector("[data-state]")?.getAttribute("data-state") ?? "";
    if (["verified", "partial", "failed", "cancelled", "expired"].includes(state)) return { state, page };
  }
  throw new Error(`The transfer did not end in time:\n${relais.output()}`);
}

test("a person asks at the platform, allows less at Relais, and finds verified items at the platform", async () => {
  const person = await atAncre("camille");
  const asked = await person.agent.submit(person.home, formOf(person.home, ENERGY), { datasets: [DAILY, BILLS] });
  assert.ok(asked.url.startsWith(relais.url), asked.url);
  const decision = await walkToDecision(person, asked);
  assert.match(decision.text, /<strong>Ancre<\/strong>/, "who asks is named");
  assert.equal(decision.document.querySelectorAll('input[name="datasets"]').length, 2, "what was asked for, and no more");

  const begun = await decide(person, decision, "accept", [BILLS]);
  assert.match(begun.url, new RegExp(`^${ancre}/bring/[0-9a-f-]{36}$`), `${begun.url} ${begun.text}`);
  const { state, page } = await untilEnded(person, begun.url);
  assert.equal(state, "verified", page.text);
  assert.deepEqual(
    page.document.querySelectorAll("[data-dataset]").map((row) => row.getAttribute("data-dataset")),
    [BILLS],
  );
  const [allowed = 0, ...arrived] = page.document.querySelectorAll("[data-count]").map((count) => Number(count.text));
  assert.ok(allowed > 0);
  assert.deepEqual(arrived, [allowed, allowed], "stored and verified, nothing left out");

  const home = await person.agent.get(`${ancre}/`);
  assert.match(home.text, new RegExp(`/items/${BILLS}/`));
  assert.doesNotMatch(home.text, new RegExp(`/items/${DAILY}/`), "what was not allowed did not come");
  const atRelais = page.document.querySelector(`a[href^="${relais.url}/en/me/transfers/trf_"]`)?.getAttribute("href");
  assert.equal((await person.agent.get(String(atRelais))).status, 200, "the same transfer, at Relais");

  await replay(person, begun);
  await withdraw(person, decision.url);
  assert.match((await person.agent.get(begun.url)).text, /Your permission has ended/);
});

async function withdraw({ agent }: Person, decision: string): Promise<void> {
  const [permission] = /^.*\/permissions\/cst_\w+/.exec(decision) ?? [];
  const stopped = await agent.submit(await agent.get(`${permission}/stop`), 'form[action$="/stop"]');
  assert.match(stopped.url, /news=stopped/, stopped.text);
}

/** The answer of Relais once more: in the same browser, in another one, and in that of somebody else. */
async function replay(person: Person, delivery: Page): Promise<void> {
  const callback = visited.find((url) => url.startsWith(`${ancre}/bring/callback?`) && url.includes("code="));
  assert.ok(callback);
  assert.equal(new URL(callback).searchParams.get("iss"), relais.url);
  const again = await person.agent.get(callback);
  assert.deepEqual([again.status, again.document.querySelector("h1")?.text], [400, "This request is no longer open"]);
  assert.equal((await new Agent().get(callback)).status, 403);
  const other = await atAncre("karim");
  assert.equal((await other.agent.get(callback)).status, 400);
  assert.equal((await other.agent.get(delivery.url)).status, 404, "a delivery is shown to its person alone");
  const home = await person.agent.get(`${ancre}/`);
  assert.equal(home.document.querySelectorAll('a[href^="/bring/"]').length, 1, "no second delivery came of it");
}

test("a refusal at Relais is told in words, and nothing comes", async () => {
  const person = await atAncre("jeanne");
  const asked = await person.agent.submit(person.home, formOf(person.home, ENERGY), { datasets: [BILLS] });
  const refused = await decide(person, await walkToDecision(person, asked), "refuse", []);
  assert.ok(refused.url.startsWith(`${ancre}/bring/callback?`), refused.url);
  assert.equal(refused.document.querySelector("h1")?.text, "Nothing was allowed");
  const home = await person.agent.get(`${ancre}/`);
  assert.doesNotMatch(home.text, /href="\/(items|bring)\//);
  assert.equal((await person.agent.get(refused.url)).status, 400, "a refusal is used up as well");
});

test("data that comes to another account of the platform is not shown as if it came to this one", async () => {
  const camille = await atAncre("camille");
  const persona = personas.find(({ id }) => id === "jeanne") as Persona;
  const jeanne = { agent: camille.agent, persona };
  const asked = await camille.agent.submit(camille.home, formOf(camille.home, ENERGY), { datasets: [BILLS] });
  const begun = await decide(jeanne, await walkToDecision(jeanne, asked), "accept", [BILLS]);
  const { page } = await untilEnded(camille, begun.url);
  assert.match(page.document.querySelector(".error")?.text ?? "", /another Ancre account/);
});

test("someone who has no account where they were sent goes back, and Relais goes on", async () => {
  const agent = new Agent();
  const form = await agent.get(`${relais.url}/sign-in/start?lang=en`);
  const back = form.document.querySelector('a[href$="/cancel"]')?.getAttribute("href");
  assert.ok(back, form.text);
  const returned = await agent.get(new URL(back, form.url).href);
  assert.equal(returned.status, 200);
  assert.ok(returned.url.startsWith(`${relais.url}/en/sign-in`), returned.url);
});

test("a form without a tick comes back with words, and a form of another site is refused", async () => {
  const person = await atAncre("camille");
  const back = await person.agent.submit(person.home, formOf(person.home, ENERGY), { datasets: [] });
  assert.equal(back.document.querySelector("[role=alert]")?.text, "Tick at least one data set.");
  const { email, password } = person.persona;
  const entered = await fetch(`${ancre}/enter`, { method: "POST", body: new URLSearchParams({ email, password }), redirect: "manual" });
  const cookie = String(entered.headers.getSetCookie()[0]?.split(";")[0]);
  const holder = person.home.document.querySelector('input[name="holder"]')?.getAttribute("value") ?? "";
  const send = (headers: Record<string, string>) =>
    fetch(`${ancre}/bring`, { method: "POST", headers, body: new URLSearchParams({ holder, datasets: DAILY }), redirect: "manual" });
  assert.equal((await send({ cookie, origin: ancre })).status, 303);
  assert.equal((await send({ cookie, origin: "https://elsewhere.example" })).status, 400);
  assert.equal((await send({ origin: ancre })).status, 403, "nobody is signed in");
});

test("the entity configuration names where Relais sends people back to", async () => {
  const statement = await (await fetch(`${ancre}/.well-known/openid-federation`)).text();
  const { metadata } = JSON.parse(Buffer.from(String(statement.split(".")[1]), "base64url").toString()) as {
    metadata: { oauth_client: object };
  };
  assert.partialDeepStrictEqual(metadata.oauth_client, {
    redirect_uris: [`${ancre}/bring/callback`],
    token_endpoint_auth_method: "private_key_jwt",
  });
});
