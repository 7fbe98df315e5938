import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { AxeBuilder } from "@axe-core/playwright";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { newId } from "../../src/core/ids.ts";
import { SESSION_COOKIE, startSession } from "../../src/core/person/sessions.ts";
import { excludePlatform, liftExclusion } from "../../src/core/policy/exclude-platform.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { createHttpApp, listen, type Listening } from "../../src/http/server.ts";
import { createPages } from "../../src/pages/pages.ts";
import { renderProblem } from "../../src/pages/problems.ts";
import { openContext, press, startBrowser } from "../support/browser.ts";
import { REGISTER_PORTS } from "../support/charter.ts";
import { startEngine, type Engine } from "../support/engine.ts";
import { fakeAccount, fakeAdapter } from "../support/fake-participants.ts";
import { officesOf } from "../support/offices.ts";
import { freePort } from "../support/ports.ts";
import { accreditedParticipant } from "../support/register-fixtures.ts";
import { NO_STANDINGS } from "../support/no-standings.ts";

/** The holder's pages as those see them who act for a holder, for a platform, or watch over both: on a phone's width, in both languages. */
const DAILY = "energy.consumption.daily";
const BILLS = "energy.bills";
const ISSUER = "https://id.example";
const REASON = { fr: "Le comité l’a demandé.", en: "The committee asked for it." };
const owned = new AsyncDisposableStack();
let engine: Engine;
let origin = "";
let browser: Browser;
let folder: string;
const LANGUAGES = ["fr", "en"] as const;
/** A platform for each run through the pages. */
const others = {} as Record<(typeof LANGUAGES)[number], Participant>;
type Who = "stranger" | "holder" | "colleague" | "both" | "platform" | "first" | "second" | "authority";
const contexts = {} as Record<Who, BrowserContext>;

const staff = officesOf([
  { name: "Agrément A", office: "accreditor", person: { issuer: ISSUER, subject: "first" }, keys: [] },
  { name: "Agrément B", office: "accreditor", person: { issuer: ISSUER, subject: "second" }, keys: [] },
  { name: "Autorité", office: "authority", person: { issuer: ISSUER, subject: "authority" }, keys: [] },
]);

function unused(): never {
  throw new Error("not asked for here");
}

before(async () => {
  engine = owned.use(await startEngine(fakeAdapter(fakeAccount(), fakeAccount()), [DAILY, BILLS]));
  folder = owned.adopt(await mkdtemp(join(tmpdir(), "relais-holder-pages-")), (made) => rm(made, { recursive: true }));
  for (const lang of LANGUAGES) {
    const given = { entityId: `https://nuage-${lang}.example`, name: `Nuage <b>libre</b> ${lang}`, roles: ["platform" as const] };
    others[lang] = await accreditedParticipant(engine.store, given);
  }
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
    staff,
  };
  const app = createHttpApp(ports, {
    issuer: origin,
    mounted: [createPages(ports)],
    page: (error, { language, ...reader }) => renderProblem(error, { ...reader, lang: language === "en" ? "en" : "fr", operator: null }),
    log: () => undefined,
    onAnswer: () => undefined,
  });
  owned.use<Listening>(await listen(app, { host: "127.0.0.1", port }));
  browser = owned.adopt(await startBrowser(), (open) => open.close());
  const acts: Record<Who, Participant[]> = {
    stranger: [],
    holder: [engine.source],
    colleague: [engine.source],
    both: [engine.source, engine.destination],
    platform: Object.values(others),
    first: [],
    second: [],
    authority: [],
  };
  for (const [subject, participants] of Object.entries(acts) as [Who, Participant[]][]) {
    contexts[subject] = await openContext(browser, { viewport: { width: 320, height: 800 } });
    const { token } = await startSession(ports, { issuer: ISSUER, subject, displayName: subject });
    await contexts[subject].addCookies([{ name: SESSION_COOKIE, value: token, url: origin }]);
    await engine.store.write(async (w) => {
      const person = await w.accounts.signIn({ id: newId("person"), issuer: ISSUER, subject, createdAt: new Date() });
      for (const { id } of participants) await w.cases.addMembership({ personId: person.id, participantId: id, addedAt: new Date() });
    });
  }
  const consent = await engine.consent([DAILY]);
  await requestTransfer(engine.ports, { consentId: consent.id, personId: engine.personId });
});
after(() => owned.disposeAsync());

/** One heading, the page's language, small, nothing wider than a phone, nothing that axe finds, and nothing that a participant wrote as markup. */
async function meets(page: Page): Promise<void> {
  const path = new URL(page.url()).pathname;
  assert.equal(await page.locator("html").getAttribute("lang"), path.slice(1, 3), path);
  assert.equal(await page.locator("h1").count(), 1, path);
  assert.ok((await page.content()).length < 100_000, path);
  assert.equal(await page.locator("main b").count(), 0, path);
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= 320, `${path} is ${width} px wide`);
  const { violations } = await new AxeBuilder({ page }).setLegacyMode(true).analyze();
  assert.deepEqual(
    violations.map(({ id, nodes }) => `${path}: ${id} ${nodes[0]?.html}`),
    [],
  );
}

async function look(who: Who, path: string, status = 200): Promise<Page> {
  const page = await contexts[who].newPage();
  const answer = await page.goto(origin + path);
  assert.equal(answer?.status(), status, path);
  await meets(page);
  return page;
}

async function leaveBy(page: Page, selector: string): Promise<void> {
  const arrived = page.waitForEvent("framenavigated");
  await press(page.locator(selector).first());
  await arrived;
  await page.waitForLoadState();
  await meets(page);
}

const main = (page: Page) => page.locator("main").innerText();
const errors = (page: Page) => page.locator(".govuk-error-summary").count();
async function reasons(page: Page): Promise<void> {
  await page.locator("#reasonFr").fill(REASON.fr);
  await page.locator("#reasonEn").fill(REASON.en);
}
const SEND = "main form:has(#reasonFr) button.govuk-button";
const CONFIRM = 'button[name="step"][value="confirm"]';
const present = () => engine.store.read((r) => r.conditions.of(engine.source.id));
const state = async () => (await engine.store.read((r) => r.transfers.list(engine.personId)))[0]?.state;

for (const lang of LANGUAGES) {
  const other = (): Participant => others[lang];
  const of = (id: string, page: string) => `/${lang}/organisation/${id}/${page}`;

  test(`${lang}: a condition is previewed, confirmed, changed under somebody's hands, and taken back`, async () => {
    const here = of(engine.source.id, "conditions");
    const page = await look("holder", here);
    const late = await look("colleague", `${here}?dataset=${encodeURIComponent("*")}`);
    await page.goto(`${origin}${here}?dataset=${encodeURIComponent("*")}`);
    await page.locator("#level-2").check();
    await leaveBy(page, SEND);
    assert.equal(await errors(page), 1, "a reason is missing");
    assert.ok(await page.locator("#level-2").isChecked(), "what was chosen is not lost");
    await reasons(page);
    await leaveBy(page, SEND);
    assert.match(
      await main(page),
      lang === "fr"
        ? /1 transfert est mis en pause\.[\s\S]*3 espaces agréés recevraient moins/
        : /1 transfer pauses\.[\s\S]*3 accredited data spaces would receive less/,
    );
    assert.deepEqual([(await present()).conditions, await state()], [[], "queued"]);
    await leaveBy(page, CONFIRM);
    assert.equal(new URL(page.url()).pathname, here);
    assert.deepEqual([(await present()).conditions[0]?.minimumLevel, await state()], [2, "paused"]);
    await late.locator("#level-1").check();
    await leaveBy(late, SEND);
    assert.equal(await errors(late), 1, "it changed meanwhile");
    await leaveBy(page, 'form:has(input[value="unset"]) button');
    assert.match(await main(page), lang === "fr" ? /1 transfert qui attendait reprend/ : /1 transfer that waited goes on/);
    await leaveBy(page, CONFIRM);
    assert.deepEqual([(await present()).conditions, await state()], [[], "queued"]);
    await page.close();
    await late.close();
  });

  test(`${lang}: the matrix, one platform, an exclusion and its end, a move, a review`, async () => {
    const list = await look("holder", of(engine.source.id, "platforms"));
    await (await look("holder", `${of(engine.source.id, "platforms")}?name=zzz`)).close();
    const here = of(engine.source.id, `platforms/${other().id}`);
    await leaveBy(list, `a[href="${here}"]`);
    await leaveBy(list, 'a[href$="do=exclude#form"]');
    await leaveBy(list, SEND);
    assert.equal(await errors(list), 1);
    await reasons(list);
    await list.locator("#dataset").selectOption(BILLS);
    await leaveBy(list, SEND);
    await leaveBy(list, CONFIRM);
    assert.match(await main(list), new RegExp(lang === "fr" ? REASON.fr : REASON.en));
    await leaveBy(list, 'form:has(input[value="lift"]) button');
    await leaveBy(list, CONFIRM);
    assert.deepEqual((await present()).exclusions, []);
    await leaveBy(list, 'a[href$="do=access#form"]');
    await list.locator("#state-test").check();
    await list.locator("#testAccounts").fill("customer-1\n\ncustomer-2");
    await reasons(list);
    await leaveBy(list, SEND);
    await leaveBy(list, CONFIRM);
    assert.equal((await present()).access.find(({ platformId }) => platformId === other().id)?.testAccounts.length, 2);
    assert.doesNotMatch(await list.content(), /customer-/);
    await leaveBy(list, 'a[href$="do=review#form"]');
    await leaveBy(list, 'form[action$="/reviews"] button');
    assert.equal(await errors(list), 1);
    await list.locator("#date").fill("2026-03-12");
    await list.locator("#by").fill("Comité <b>sécurité</b>");
    await list.locator("#decision-accepted_with_conditions").check();
    await list.locator("#questions").fill("Où sont les sauvegardes ?\nQui les lit ?");
    await leaveBy(list, 'form[action$="/reviews"] button');
    assert.match(await main(list), /Comité <b>sécurité<\/b>/);
    await list.close();
  });

  test(`${lang}: a platform asks a holder to open, the holder answers, and both see it`, async () => {
    const asking = await look("platform", of(other().id, "holders"));
    await leaveBy(asking, 'a[href*="ask="]');
    await leaveBy(asking, "main form:has(#message) button");
    assert.equal(await errors(asking), 1);
    await asking.locator("#message").fill("Nous avons un <b>nouvel</b> audit.");
    await leaveBy(asking, "main form:has(#message) button");
    assert.match(await main(asking), lang === "fr" ? /Attend une réponse/ : /Waits for an answer/);
    const answering = await look("both", of(engine.source.id, "platforms"));
    await leaveBy(answering, `.rl-todo a[href$="${other().id}"]`);
    await leaveBy(answering, 'a[href$="do=answer#form"]');
    await answering.locator("#state-open").check();
    await leaveBy(answering, SEND);
    await leaveBy(answering, CONFIRM);
    await asking.reload();
    assert.match(await main(asking), lang === "fr" ? /Réponse du .*\s: Ouvert\./ : /Answered on .*: Open\./);
    await answering.close();
    await asking.close();
  });

  test(`${lang}: a certificate is handed in, taken back, handed in again, read by two, and counts`, async () => {
    const here = of(other().id, "certificates");
    const page = await look("platform", here);
    await leaveBy(page, 'form[enctype="multipart/form-data"] button');
    assert.equal(await errors(page), 1);
    const file = join(folder, "iso <1>.pdf");
    await writeFile(file, "%PDF-1.7 iso");
    const hand = async (kind: string) => {
      await page.locator("#certificate").selectOption(kind);
      await page.locator("#issuer").fill("Certificateur");
      await page.locator("#date").fill("2026-01-01");
      await page.locator("#validUntil").fill("2999-01-01");
      await page.locator("#file").setInputFiles(file);
      await leaveBy(page, 'form[enctype="multipart/form-data"] button');
    };
    const kind = lang === "fr" ? "iso-27001" : "hds";
    await hand(kind);
    await leaveBy(page, 'form[action$="/remove"] button');
    await hand(kind);
    const [claim] = await engine.store.read((r) => r.certificates.waiting(10));
    const at = `/${lang}/accreditation/certificates/${claim?.id}`;
    await (await look("authority", at)).close();
    await (await look("stranger", at, 404)).close();
    for (const who of ["first", "second"] as const) {
      const queue = await look(who, `/${lang}/accreditation`);
      await leaveBy(queue, `a[href="${at}"]`);
      await leaveBy(queue, "main form button");
      assert.equal(await errors(queue), 1);
      await queue.locator("#verdict").check();
      await reasons(queue);
      await queue.locator("#withoutConflict").check();
      await leaveBy(queue, "main form button");
      assert.equal(await errors(queue), 0);
      await queue.close();
    }
    await page.reload();
    assert.match(await main(page), lang === "fr" ? /ISO\/IEC 27001.*, jusqu’au 1er janvier 2999/ : /HDS.*, until 1 January 2999/);
    await page.close();
  });

  test(`${lang}: restrictions are before the eyes of accreditor and authority, and what the authority reads is written down`, async () => {
    const who = { caller: engine.source.id, holderId: engine.source.id };
    await excludePlatform(engine.ports, who, { platformId: other().id, dataset: "*", reason: REASON });
    for (const [reader, path] of [
      ["first", "/accreditation"],
      ["second", `/accreditation/participants/${other().id}`],
      ["authority", "/authority"],
      ["authority", "/accreditation"],
    ] as const) {
      const page = await look(reader, `/${lang}${path}`);
      assert.match(await page.locator("#restrictions + ul").innerText(), new RegExp(lang === "fr" ? REASON.fr : REASON.en), path);
      await page.close();
    }
    const views = await engine.store.read((r) => r.accreditations.authorityViews(10));
    assert.ok(views.some(({ what }) => what === "/authority"));
    await liftExclusion(engine.ports, who, { platformId: other().id, dataset: "*" });
  });

  test(`${lang}: who acts for two sees both, and nobody sees another one's`, async () => {
    const mine = await look("both", `/${lang}/organisation`);
    assert.equal(await mine.locator("main .rl-rows__row").count(), 2);
    await mine.close();
    for (const participant of [engine.source, engine.destination, other()])
      await (await look(participant === other() ? "platform" : "both", `/${lang}/organisation/${participant.id}`)).close();
    for (const path of [
      of(engine.source.id, "conditions"),
      of(engine.source.id, "platforms"),
      of(engine.source.id, `platforms/${other().id}`),
      of(other().id, "holders"),
      of(other().id, "certificates"),
    ])
      await (await look("stranger", path, 404)).close();
    await (await look("platform", of(other().id, "conditions"), 404)).close();
    await (await look("holder", of(engine.source.id, "holders"), 404)).close();
  });
}
