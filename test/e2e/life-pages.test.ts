import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";
import { AxeBuilder } from "@axe-core/playwright";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { ADAPTERS } from "../../adapters/index.ts";
import { EVENT_TYPES } from "../../src/core/events/outbox.ts";
import { newId } from "../../src/core/ids.ts";
import { tellPeople } from "../../src/core/person/tell-people.ts";
import { SESSION_COOKIE, startSession } from "../../src/core/person/sessions.ts";
import { endStanding } from "../../src/core/register/change-standing.ts";
import { openApplication } from "../../src/core/register/open-application.ts";
import { sweepParticipation } from "../../src/core/register/sweep-participation.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { createHttpApp, listen, type Listening } from "../../src/http/server.ts";
import { createPages } from "../../src/pages/pages.ts";
import { renderProblem } from "../../src/pages/problems.ts";
import { openCharters } from "../../src/policies/charters.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { openContext, press, startBrowser } from "../support/browser.ts";
import { REASONS, REGISTER_PORTS } from "../support/charter.ts";
import { startEngine, type Engine } from "../support/engine.ts";
import { fakeAccount, fakeAdapter } from "../support/fake-participants.ts";
import { officesOf } from "../support/offices.ts";
import { freePort } from "../support/ports.ts";
import { testKey } from "../support/register-fixtures.ts";
import { NO_STANDINGS } from "../support/no-standings.ts";

/** What people, participants and accreditors see of what happens after an accreditation: on a phone's width, in both languages. */

const DATASET = "energy.bills";
const owned = new AsyncDisposableStack();
let engine: Engine;
let pool: ReturnType<typeof openPool>;
let origin = "";
let browser: Browser;
let person: BrowserContext;
let accreditor: BrowserContext;
let ids: { consent: string; transfer: string };

before(async () => {
  engine = owned.use(await startEngine(fakeAdapter(fakeAccount(), fakeAccount()), [DATASET]));
  pool = owned.adopt(openPool(engine.url, 3), (open) => open.end());
  const port = await freePort();
  origin = `http://127.0.0.1:${port}`;
  const key = await testKey();
  const refuse = async (): Promise<never> => {
    throw new Error("not asked for here");
  };
  const ports = {
    ...engine.ports,
    issuer: origin,
    adapters: ADAPTERS,
    operator: null,
    sealer: { seal: refuse, ephemeralProofs: (): never => assert.fail("not asked for here") },
    charters: openCharters(fileURLToPath(new URL("../../policies/charter", import.meta.url))),
    statements: { signDocument: key.sign },
    subjectFor: REGISTER_PORTS.subjectFor,
    events: { signDocument: key.sign },
    entityConfigurations: { fetch: refuse },
    verify: refuse,
    staff: officesOf([
      { name: "Agrément A", office: "accreditor", person: { issuer: "https://id.example", subject: "accreditor" }, keys: [] },
    ]),
  };
  const app = createHttpApp(
    { ...ports, standings: NO_STANDINGS, callers: { verify: refuse, verifyRegister: refuse } },
    {
      issuer: origin,
      mounted: [createPages(ports)],
      page: (error, { language, ...reader }) => renderProblem(error, { ...reader, lang: language === "en" ? "en" : "fr", operator: null }),
      log: () => undefined,
      onAnswer: () => undefined,
    },
  );
  owned.use<Listening>(await listen(app, { host: "127.0.0.1", port }));
  browser = owned.adopt(await startBrowser(), (open) => open.close());
  const contextOf = async (issuer: string, subject: string): Promise<BrowserContext> => {
    const made = await openContext(browser, { viewport: { width: 320, height: 800 } });
    const { token } = await startSession(ports, { issuer, subject, displayName: subject === "accreditor" ? "Agrément A" : "Camille" });
    await made.addCookies([{ name: SESSION_COOKIE, value: token, url: origin }]);
    return made;
  };
  const me = await engine.store.read((r) => r.people.find(engine.personId));
  person = await contextOf(String(me?.issuer), String(me?.subject));
  accreditor = await contextOf("https://id.example", "accreditor");
  const consent = await engine.consent([DATASET]);
  const transfer = await requestTransfer(engine.ports, { consentId: consent.id, personId: engine.personId });
  ids = { consent: consent.id, transfer: transfer.id };
  await remindedOrganisation(ports);
  await endStanding(ports, "suspend", {
    participantId: engine.destination.id,
    deciders: [{ name: "Agrément A", role: "accreditor" }],
    reasons: REASONS,
  });
  await tellPeople(engine.ports);
});
after(() => owned.disposeAsync());

/** The same person acts for the holder: reminded of an end, with a renewal that is open. */
async function remindedOrganisation(ports: Parameters<typeof openApplication>[0]): Promise<void> {
  const { source, store, personId } = engine;
  const organisation = newId("organisation");
  await store.write(async (w) => {
    await w.cases.addOrganisation({ id: organisation, name: "Énergie", country: "FR", status: "active", createdAt: new Date() });
    await w.cases.attach(source.id, organisation);
    await w.cases.addMembership({ personId, participantId: source.id, addedAt: new Date() });
  });
  await sweepParticipation(engine.ports);
  const caller = { kind: "participant", participantId: source.id, entityId: source.entityId, name: source.name } as const;
  const given = await openApplication(ports, caller, 2);
  for (const state of ["submitted", "checking", "in_review", "accredited"])
    await pool.query("update relais.applications set state = $2, until = '2027-01-15', created_at = '2026-01-15' where id = $1", [
      given.id,
      state,
    ]);
  await openApplication(ports, caller, 2);
  await pool.query("insert into relais.reminders values ('rem_1', $1, $2, 'ends_in_60_days', '', '2027-01-15', '2026-11-16')", [
    source.id,
    given.id,
  ]);
}

async function visit(context: BrowserContext, path: string, look: (page: Page) => Promise<void>): Promise<void> {
  const page = await context.newPage();
  try {
    await page.goto(`${origin}${path}`);
    await look(page);
    const axe = await new AxeBuilder({ page }).analyze();
    assert.deepEqual(
      axe.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`),
      [],
      path,
    );
    assert.equal(await page.locator("h1").count(), 1, path);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= 320, `${path} is ${width} px wide`);
  } finally {
    await page.close();
  }
}

const WORDS = {
  fr: {
    suspended: "est suspendu depuis le",
    way: "Reprenez vos données, choisissez un autre espace",
    ends: "L’agrément se termine le 15 janvier 2027",
  },
  en: {
    suspended: "was suspended on",
    way: "Take your data away, choose another platform",
    ends: "The accreditation ends on 15 January 2027",
  },
} as const;

for (const lang of ["fr", "en"] as const) {
  test(`${lang}: what was decided of a platform is told on the person's page, and on those of permission and transfer`, async () => {
    for (const path of ["/me", `/permissions/${ids.consent}`, `/me/transfers/${ids.transfer}`])
      await visit(person, `/${lang}${path}`, async (page) => {
        const notice = page.locator("section[aria-labelledby=told]");
        const text = await notice.innerText();
        assert.ok(text.includes(WORDS[lang].suspended) && text.includes(WORDS[lang].way), text);
        assert.ok(await notice.getByRole("link").first().isVisible());
      });
  });

  test(`${lang}: a participant sees its reminders, and how far its organisation takes part`, () =>
    visit(person, `/${lang}/organisation/${engine.source.id}`, async (page) => {
      const text = await page.locator("main").innerText();
      assert.ok(text.includes(WORDS[lang].ends), text);
      assert.match(text, lang === "fr" ? /demande de renouvellement est prête/ : /application for its renewal is prepared/);
      assert.match(text, lang === "fr" ? /Explorateur/ : /Explorer/);
      assert.match(text, lang === "fr" ? /Pour devenir «\s*Engagé\s*»/u : /To become “Engaged”/);
    }));

  test(`${lang}: each event has its page, where its address without a language leads, too`, async () => {
    for (const type of EVENT_TYPES)
      await visit(person, `/${lang}/events/${type}`, async (page) => assert.ok((await page.locator("h1").innerText()).includes(type)));
    const answer = await fetch(`${origin}/events/criterion-due`, { redirect: "manual", headers: { "accept-language": lang } });
    assert.equal(answer.headers.get("location"), `/${lang}/events/criterion-due`);
    assert.equal((await fetch(`${origin}/${lang}/events/nothing`)).status, 404);
  });
}

test("an accreditor sends again what was given up", () =>
  visit(accreditor, `/en/accreditation/participants/${engine.destination.id}`, async (page) => {
    assert.equal(await page.getByRole("button", { name: /Send again/ }).count(), 0, "on its way: nothing to be done");
    await pool.query(
      "update relais.notices set given_up_at = now(), attempts = 12, last_failure = 'The participant answers 500 instead of 202.'",
    );
    await page.reload();
    await press(page.getByRole("button", { name: /Send again/ }).first());
    const left = await pool.query("select from relais.notices where about_id = $1 and given_up_at is null", [engine.destination.id]);
    assert.equal(left.rowCount, 1);
  }));

test("read, it is gone from every page, and the person is back where they were; without a right, nobody sends again", async () => {
  await visit(person, `/fr/permissions/${ids.consent}`, async (page) => {
    await press(page.getByRole("button", { name: "J’ai lu ce message" }));
    assert.equal(new URL(page.url()).pathname, `/fr/permissions/${ids.consent}`);
    assert.equal(await page.locator("section[aria-labelledby=told]").count(), 0);
  });
  await visit(person, "/fr/me", async (page) => assert.equal(await page.locator("section[aria-labelledby=told]").count(), 0));
  const consent = await engine.store.read((r) => r.consents.list(engine.personId));
  assert.equal(consent[0]?.state, "active", "no right changed");
  const path = `/en/accreditation/participants/${engine.destination.id}/notices/${newId("event")}`;
  assert.equal((await person.request.post(`${origin}${path}`, { headers: { "sec-fetch-site": "same-origin" } })).status(), 404);
});
