import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { parse } from "node-html-parser";
import { newId, type PersonId } from "../../src/core/ids.ts";
import { SESSION_COOKIE, startSession } from "../../src/core/person/sessions.ts";
import type { JointContract } from "../../src/core/person/joint-contract.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { realClock } from "../support/real-clock.ts";
import { accreditedParticipant, dataset, linkAccount } from "../support/register-fixtures.ts";
import { startPortal, type Portal } from "../support/portal.ts";

/** Several organisations in one journey, and contracts with several holders, by forms alone on the running pages. */
const owned = new AsyncDisposableStack();
let portal: Portal;
let holders: Participant[];
let platform: Participant;

before(async () => {
  portal = owned.use(await startPortal());
  const at = (name: string) => ({
    entityId: `https://${name}.example`,
    name: `Holder ${name}`,
    roles: ["holder" as const],
    datasets: [dataset("energy.bills"), dataset("energy.home")],
  });
  holders = [];
  for (const name of ["one", "two", "three"]) holders.push(await accreditedParticipant(portal.store, at(name)));
  platform = await accreditedParticipant(portal.store, { entityId: "https://space.example", name: "Space", roles: ["platform"] });
});
after(() => owned.disposeAsync());

interface Somebody {
  personId: PersonId;
  cookie: string;
}

async function somebody(name: string): Promise<Somebody> {
  const { token, session } = await startSession(
    { store: portal.store, clock: realClock },
    { issuer: "https://id.test", subject: newId("person"), displayName: name },
  );
  return { personId: session.personId, cookie: `${SESSION_COOKIE}=${token}` };
}

async function open({ cookie }: Somebody, path: string, form?: [string, string][]) {
  const body = form === undefined ? {} : { method: "POST", body: new URLSearchParams(form) };
  const answer = await fetch(`${portal.origin}${path}`, {
    ...body,
    redirect: "manual",
    headers: { cookie, origin: portal.origin, accept: "text/html" },
  });
  const text = await answer.text();
  return {
    status: answer.status,
    location: answer.headers.get("location") ?? "",
    text,
    document: parse(text),
    type: answer.headers.get("content-type") ?? "",
  };
}

/** Ticks what is named and answers, as the form of the page does. */
async function decide(who: Somebody, path: string, answer: "accept" | "refuse", datasets: string[] = []) {
  const { document } = await open(who, path);
  const hidden = document
    .querySelectorAll("form input[type=hidden]")
    .map((one): [string, string] => [one.getAttribute("name") ?? "", one.getAttribute("value") ?? ""]);
  const acts = ["mandate", "consent"]
    .filter((name) => document.querySelector(`input[name=${name}]`) !== null)
    .map((name): [string, string] => [name, "yes"]);
  return open(who, path, [
    ...hidden,
    ...(answer === "accept" ? acts : []),
    ...datasets.map((id): [string, string] => ["datasets", id]),
    ["answer", answer],
  ]);
}

async function linked(name: string, count: number) {
  const who = await somebody(name);
  const links = [];
  for (const holder of holders.slice(0, count)) links.push(await linkAccount(portal.store, who.personId, holder.id, newId("link")));
  const destination = await linkAccount(portal.store, who.personId, platform.id, newId("link"));
  return { who, links, destination };
}

const journeyOf = async (name: string, count = 3) => {
  const { who, links, destination } = await linked(name, count);
  const begun = await open(who, "/en/me/copy", [
    ...links.map(({ id }): [string, string] => ["source", id]),
    ["destination", destination.id],
  ]);
  assert.match(begun.location, /^\/en\/me\/journeys\/jrn_\w+$/);
  const steps = (await open(who, begun.location)).document.querySelectorAll("main ol a").map((one) => one.getAttribute("href") ?? "");
  return { who, path: begun.location, steps };
};

test("three organisations, three questions: each has its own yes or no, and the address brings the person back to what is left", async () => {
  const { who, path, steps } = await journeyOf("Ana");
  assert.equal(steps.length, 3);
  assert.match((await open(who, path)).text, /0 of 3 answered[\s\S]*You have until/);
  const first = await decide(who, steps[0] as string, "accept", ["energy.bills"]);
  assert.equal(first.location, path);
  const refused = await decide(who, steps[1] as string, "refuse");
  assert.equal(refused.location, path);
  const between = await open(who, path);
  assert.match(between.text, /2 of 3 answered/);
  assert.equal(between.document.querySelector(".rl-actions a")?.getAttribute("href"), steps[2]);
  await decide(who, steps[2] as string, "accept", ["energy.bills", "energy.home"]);
  const summary = await open(who, path);
  assert.match(summary.document.querySelector("h1")?.text ?? "", /Your answers/);
  assert.match(summary.text, /You allow 1 of 2 data sets[\s\S]*You refused[\s\S]*You allow 2 of 2 data sets/);
  const consents = await portal.store.read((r) => r.consents.list(who.personId));
  assert.deepEqual(consents.map(({ state }) => state).sort(), ["active", "active", "refused"]);
  assert.equal(new Set(consents.map(({ sourceId }) => sourceId)).size, 3, "a consent of its own for each organisation");
});

test("stopping one of them leaves the others", async () => {
  const { who, steps } = await journeyOf("Bea", 2);
  for (const step of steps) await decide(who, step, "accept", ["energy.bills"]);
  const [stopped] = steps.map((step) => step.replace("/decide", "/stop"));
  await open(who, stopped as string, []);
  const states = (await portal.store.read((r) => r.consents.list(who.personId))).map(({ state }) => state).sort();
  assert.deepEqual(states, ["active", "withdrawn"]);
});

test("a journey is one person's: for somebody else it does not exist, and its questions neither", async () => {
  const { path, steps } = await journeyOf("Cleo", 2);
  const other = await somebody("Dan");
  for (const address of [path, ...steps]) assert.equal((await open(other, address)).status, 404, address);
});

test("after its time nothing can be answered; what was answered before stays", async () => {
  const { who, path, steps } = await journeyOf("Eve", 2);
  await decide(who, steps[0] as string, "accept", ["energy.bills"]);
  await portal.query("update relais.journeys set expires_at = now() - interval '1 minute' where person_id = $1", [who.personId]);
  const late = await decide(who, steps[1] as string, "accept", ["energy.bills"]);
  assert.ok(late.status >= 400, String(late.status));
  const page = await open(who, path);
  assert.match(page.text, /Not answered[\s\S]*permission/i);
  assert.equal((await portal.store.read((r) => r.consents.list(who.personId))).filter(({ state }) => state === "active").length, 1);
});

test("several organisations, of which one has no proved account: the proof comes first, and the choices are kept", async () => {
  const { who, links, destination } = await linked("Fay", 1);
  const sources: [string, string][] = [
    ["source", links[0]?.id ?? ""],
    ["source", holders[1]?.id ?? ""],
  ];
  const { location } = await open(who, "/fr/me/copy", [...sources, ["destination", destination.id]]);
  assert.match(location, new RegExp(`^/fr/accounts/${holders[1]?.id}\\?next=`));
  const next = new URL(location, portal.origin).searchParams.get("next") ?? "";
  const back = (await open(who, next)).document;
  assert.equal(back.querySelectorAll("input[name=source][checked]").length, 2);
  assert.equal(back.querySelectorAll("input[name=destination][checked]").length, 1);
});

const CONTRACT = "contract-of-two-people";
async function couple(rule: JointContract["rule"], safety = false) {
  const reference = `${CONTRACT}-${newId("link")}`;
  const contractOf = (party: string, others: string[], isAtRisk: boolean): JointContract => ({
    reference,
    party,
    others: isAtRisk ? [] : others,
    rule,
    safety: isAtRisk,
  });
  const [owner, other] = [await linked("Gil", 1), await linked("Hal", 1)];
  for (const [{ links }, party, others, isAtRisk] of [
    [owner, "party-first", ["party-other"], safety],
    [other, "party-other", ["party-first"], false],
  ] as const)
    await portal.store.write((w) =>
      w.accounts.putLink({ ...(links[0] as (typeof links)[number]), contract: contractOf(party, [...others], isAtRisk) }),
    );
  return { owner, other };
}

async function give({ who, links, destination }: Awaited<ReturnType<typeof linked>>) {
  const begun = await open(who, "/en/me/copy", [
    ["source", links[0]?.id ?? ""],
    ["destination", destination.id],
  ]);
  return decide(who, begun.location, "accept", ["energy.bills"]);
}

test("joint consent on pages: the yes waits, the other holder is asked, approves, and the delivery begins", async () => {
  const { owner, other } = await couple("all");
  const given = await give(owner);
  assert.match(given.location, /\/permissions\/cst_\w+\?news=waiting$/);
  const waiting = await open(owner.who, given.location);
  assert.match(
    waiting.text,
    /Who else is on this contract[\s\S]*Joint consent[\s\S]*Another holder of the contract[\s\S]*Not answered yet/,
  );
  const me = await open(other.who, "/en/me");
  const asked = me.document.querySelectorAll(".rl-todo a").find((one) => one.text.includes("asks you to approve"));
  const path = asked?.getAttribute("href") ?? "";
  const question = await open(other.who, path);
  assert.doesNotMatch(question.text, /Gil/, "no name");
  assert.equal((await open(other.who, path, [["answer", "approve"]])).location, path);
  const transfers = await portal.store.read((r) => r.transfers.list(owner.who.personId));
  assert.equal(transfers.length, 1);
  assert.match((await open(owner.who, given.location.replace(/\?.*/, ""))).text, /Approved/);
  assert.equal((await open(other.who, path, [["answer", "approve"]])).status, 409, "twice");
  assert.equal((await open(other.who, path, [["answer", "maybe"]])).status, 400);
});

test("single consent on pages: it starts at once, the other holder is told and can stop it for this contract", async () => {
  const { owner, other } = await couple("any");
  const given = await give(owner);
  assert.match(given.location, /\/me\/transfers\/trf_/);
  const contracts = await open(other.who, "/fr/me/contracts");
  assert.match(contracts.text, /Accord simple[\s\S]*Vous êtes prévenu/);
  const stop =
    contracts.document
      .querySelectorAll("a")
      .find((one) => one.text.includes("Arrêter tout partage depuis ce compte"))
      ?.getAttribute("href") ?? "";
  assert.match((await open(other.who, stop)).text, /Vous retirez votre accord/);
  await open(other.who, stop, []);
  const [consent] = await portal.store.read((r) => r.consents.list(owner.who.personId));
  assert.equal(consent?.state, "suspended");
  assert.match((await open(owner.who, `/fr/permissions/${consent?.id}`)).text, /un autre titulaire du contrat ne donne pas son accord/);
});

test("with the safety flag every page of the other holder is byte for byte what it was", async () => {
  const { owner, other } = await couple("all", true);
  const paths = ["/en/me", "/en/me/contracts", "/en/permissions", "/en/me/transfers", "/en/accounts"];
  const look = async () => Promise.all(paths.map(async (path) => (await open(other.who, path)).text.replaceAll(/nonce-\w+/g, "")));
  const before = await look();
  const given = await give(owner);
  assert.match(given.location, /\/me\/transfers\/trf_/);
  assert.deepEqual(await look(), before);
  const [consent] = await portal.store.read((r) => r.consents.list(owner.who.personId));
  for (const path of [`/en/me/contracts/shared/${consent?.id}`, `/en/permissions/${consent?.id}`]) {
    const [hidden, absent] = [await open(other.who, path), await open(other.who, path.replace(/cst_\w+/, newId("consent")))];
    assert.deepEqual([hidden.status, absent.status], [404, 404]);
  }
  assert.doesNotMatch((await open(owner.who, `/en/permissions/${consent?.id}`)).text, /Another holder/);
});

test("the mandate can be printed as a page and as a text: object, duration, who acts; nobody else's", async () => {
  const one = await linked("Ivo", 1);
  await give(one);
  const [consent] = await portal.store.read((r) => r.consents.list(one.who.personId));
  const page = await open(one.who, `/en/permissions/${consent?.id}/mandate`);
  for (const text of [/right to data portability/, /From .* to /, /Holder one/, /Ivo/]) assert.match(page.text, text);
  const file = await open(one.who, `/fr/permissions/${consent?.id}/mandate.txt`);
  assert.match(file.type, /^text\/plain/);
  assert.match(file.text, /OBJET\nDemander à Holder one[\s\S]*- energy\.bills[\s\S]*DURÉE\nDu /);
  assert.equal((await open(await somebody("Jo"), `/en/permissions/${consent?.id}/mandate`)).status, 404);
});
