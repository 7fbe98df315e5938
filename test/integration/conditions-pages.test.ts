import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { SESSION_COOKIE, startSession } from "../../src/core/person/sessions.ts";
import { excludePlatform } from "../../src/core/policy/exclude-platform.ts";
import { moveInMatrix } from "../../src/core/policy/move-in-matrix.ts";
import { setConditions } from "../../src/core/policy/set-conditions.ts";
import { createHttpApp, listen, type Listening } from "../../src/http/server.ts";
import { createPages } from "../../src/pages/pages.ts";
import { startEngine, type Engine } from "../support/engine.ts";
import { fakeAccount, fakeAdapter } from "../support/fake-participants.ts";
import { NOBODY } from "../../src/core/register/staff.ts";
import { REGISTER_PORTS } from "../support/charter.ts";
import { freePort } from "../support/ports.ts";
import { NO_STANDINGS } from "../support/no-standings.ts";

const DAILY = "energy.consumption.daily";
const BILLS = "energy.bills";
const REASON = { fr: "La commission de sécurité l’a demandé.", en: "The <security> committee asked for it." };
const owned = new AsyncDisposableStack();
let engine: Engine;
let origin = "";
let cookie = "";

before(async () => {
  engine = owned.use(await startEngine(fakeAdapter(fakeAccount(), fakeAccount()), [DAILY, BILLS]));
  const port = await freePort();
  origin = `http://127.0.0.1:${port}`;
  const ports = {
    ...engine.ports,
    issuer: origin,
    operator: null,
    sealer: { seal: unused, ephemeralProofs: unused },
    standings: NO_STANDINGS,
    callers: { verify: unused, verifyRegister: unused },
    ...REGISTER_PORTS,
    staff: NOBODY,
  };
  const app = createHttpApp(ports, {
    issuer: origin,
    mounted: [createPages(ports)],
    page: (error) => error.message,
    log: () => undefined,
    onAnswer: () => undefined,
  });
  owned.use<Listening>(await listen(app, { host: "127.0.0.1", port }));
  const { token } = await startSession(engine.ports, { issuer: "https://id.test", subject: "someone", displayName: "Someone" });
  cookie = `${SESSION_COOKIE}=${token}`;
});
after(() => owned.disposeAsync());

function unused(): never {
  throw new Error("not asked for here");
}

const on = () => ({ caller: engine.source.id, holderId: engine.source.id });
const page = async (path: string, init: { method?: string; body?: URLSearchParams } = {}) => {
  const response = await fetch(`${origin}${path}`, {
    redirect: "manual",
    ...init,
    headers: { accept: "text/html", cookie, origin },
  });
  return { status: response.status, location: response.headers.get("location"), text: await response.text() };
};
const conditionsOf = async (id: string) => {
  const response = await fetch(`${origin}/v1/participants/${id}/conditions`);
  return { status: response.status, body: (await response.json()) as Record<string, unknown[]> };
};
const choose = () =>
  page("/en/me/copy", {
    method: "POST",
    body: new URLSearchParams({ source: engine.source.id, destination: engine.destination.id }),
  });

test("a holder that asks for nothing says so", async () => {
  const { status, body } = await conditionsOf(engine.source.id);
  assert.deepEqual([status, body], [200, { holder: engine.source.id, conditions: [], exclusions: [], access: [] }]);
  assert.match((await page(`/en/register/${engine.source.id}`)).text, /asks for nothing more than the register does/);
  assert.equal((await conditionsOf(engine.destination.id)).status, 404);
  assert.doesNotMatch((await page(`/en/register/${engine.destination.id}`)).text, /What this organisation asks/);
});

test("what a holder asks for and restricts is public with its reason, by the API and on its page, in both languages", async () => {
  await setConditions(engine.ports, on(), { dataset: "*", minimumLevel: 1, regions: ["EEA", "CH"], certificates: [], reason: REASON });
  await moveInMatrix(engine.ports, on(), { platformId: engine.destination.id, state: "test", reason: REASON, testAccounts: ["account-1"] });
  await excludePlatform(engine.ports, on(), { platformId: engine.destination.id, dataset: BILLS, reason: REASON });
  const { body } = await conditionsOf(engine.source.id);
  assert.deepEqual(
    [body["conditions"], body["exclusions"], body["access"]].map((list) => (list as { reason: unknown }[]).map(({ reason }) => reason)),
    [[REASON], [REASON], [REASON]],
  );
  assert.doesNotMatch(JSON.stringify(body), /account/);
  const english = await page(`/en/register/${engine.source.id}`);
  assert.match(english.text, /Switzerland, the European Economic Area/);
  assert.match(english.text, /The &lt;security&gt; committee asked for it\./);
  assert.match(english.text, /Excluded: energy\.bills/);
  assert.match((await page(`/fr/register/${engine.source.id}`)).text, /Ouvert aux seuls comptes d’essai/);
});

test("what a holder does not send to a platform is said where places are chosen, and where the person decides", async () => {
  assert.match((await page("/en/me/copy")).text, /holder to platform: energy\.bills/);
  const { status, location } = await choose();
  assert.equal(status, 303);
  const decide = await page(String(location));
  assert.match(decide.text, /What is not sent to this data space/);
  assert.match(decide.text, /energy\.bills<\/strong> The organisation excluded this data space/);
  assert.doesNotMatch(decide.text, /value="energy\.bills"/);
});

test("a platform that gets nothing at all stays in the list, and choosing it says why", async () => {
  await excludePlatform(engine.ports, on(), { platformId: engine.destination.id, dataset: "*", reason: REASON });
  const { status, text } = await choose();
  assert.equal(status, 422);
  assert.match(text, /holder does not send your data to platform\. The organisation excluded this data space/);
  assert.match(text, /holder to platform: All its data/);
  assert.match((await page("/fr/me/copy")).text, /L’organisme a exclu cet espace/);
});
