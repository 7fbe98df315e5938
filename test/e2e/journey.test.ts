import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { TONGUES } from "../../src/pages/tongue.ts";
import { openContext, startBrowser } from "../support/browser.ts";
import { startRelais, type RunningRelais } from "../support/relais.ts";
import { keyboard, mouse, type Hands } from "./hands.ts";
import {
  accept,
  askForCopy,
  giveCredentials,
  nameOfPods,
  persona,
  podKeys,
  signIn,
  untilVerified,
  type Lang,
  type Persona,
} from "./person.ts";
import { consentPageIsFair, shownHash } from "./permission-page.ts";
import { consentRecord, downloadProofs, relaisVerify, type Downloaded } from "./proofs.ts";

const ENERGY = "Énergie du Parc";
const owned = new AsyncDisposableStack();
let relais: RunningRelais;
let browser: Browser;

before(async () => {
  browser = owned.adopt(await startBrowser(), (open) => open.close());
  relais = owned.use(await startRelais());
});
after(() => owned.disposeAsync());

interface Traveller {
  lang: Lang;
  /** False: JavaScript off, and the keyboard alone. */
  isScripted: boolean;
  id: string;
}

const TRAVELLERS: Traveller[] = [
  { lang: "fr", isScripted: true, id: "camille" },
  { lang: "en", isScripted: false, id: "jeanne" },
];

for (const { lang, isScripted, id } of TRAVELLERS) {
  describe(`${lang}, ${isScripted ? "with JavaScript and a mouse" : "without JavaScript, by keyboard"}`, () => {
    let context: BrowserContext;
    let page: Page;
    let hands: Hands;
    let who: Persona;
    let copied: Downloaded;
    let wrong: string[];

    before(async () => {
      who = await persona(relais, id);
      context = await openContext(browser, { javaScriptEnabled: isScripted, locale: lang === "fr" ? "fr-FR" : "en-GB" });
      page = await context.newPage();
      wrong = complaintsOf(page);
      hands = isScripted ? mouse(page) : keyboard(page);
    });
    after(async () => context?.close());

    test("a copy, from the home page to receipts that verify without us", async () => {
      await signIn(hands, relais, lang, who);
      await askForCopy(hands, relais, lang, "copy", { from: ENERGY, to: "Ancre", who });
      await consentPageIsFair(page, lang);
      const shown = await shownHash(page);
      await acceptingNothingChangesNothing(hands, shown);
      const consent = idIn(page.url(), "cst");
      const ticked = await accept(hands, { withTraces: false });
      assert.match(page.url(), /\/me\/transfers\/trf_/);
      await page.evaluate(() => Object.assign(window, { isStillThisPage: true }));
      await untilVerified(page, isScripted);
      if (isScripted) assert.ok(await page.evaluate(() => "isStillThisPage" in window), "the page told the news itself");
      const record = await consentRecord(relais, consent);
      assert.deepEqual(record, { state: "active", hash: shown, recomputed: shown });
      copied = await downloadProofs(page, join(relais.dataDir, "proofs", lang, "copy"));
      assert.equal(copied.receipt.observed, false);
      assert.deepEqual(new Set(copied.receipt.items.map(({ dataset }) => dataset)), new Set(ticked), "what was not ticked did not move");
      const verified = await relaisVerify(copied);
      assert.equal(verified.code, 0, verified.said);
      assert.match(verified.said, new RegExp(`all ${copied.manifest.items.length} items that were sent are stored`));
      assert.deepEqual(wrong, []);
    });

    test("the space's own page shows what arrived", async () => {
      await page.goto(relais.sandbox.ancre);
      await giveCredentials(hands, who);
      assert.equal(await itemsAtAncre(page), copied.receipt.items.length);
    });

    test("a switch to a pod: verified first, and the old place closed as an act of its own", async () => {
      const [pods, keys] = await Promise.all([nameOfPods(relais), podKeys(relais, who.id)]);
      await askForCopy(hands, relais, lang, "switch", { from: "Ancre", to: pods, who, keys });
      await consentPageIsFair(page, lang);
      await accept(hands, { withTraces: true });
      const here = page.url();
      assert.match(here, /\/me\/switch\/swt_/);
      await untilOffered(page, 'a[href$="/close"]');
      await ancreHolds(copied.receipt.items.length, context);
      await hands.press(page.locator('main a[href*="/me/transfers/"]'));
      const switched = await downloadProofs(page, join(relais.dataDir, "proofs", lang, "switch"));
      assert.equal(switched.receipt.observed, true);
      assert.equal(switched.receipt.items.length, copied.receipt.items.length);
      const verified = await relaisVerify(switched);
      assert.equal(verified.code, 0, verified.said);
      await page.goto(here);
      await closeOldPlace(hands);
      assert.equal(page.url(), here);
      await untilGone(page, 'main a[href$="/close"], main li[aria-current="step"]');
      await ancreHolds(0, context);
      assert.deepEqual(wrong, []);
    });
  });
}

test("a refusal is kept, sends nothing, and costs nothing", async () => {
  await using person = await someone("fr", "jeanne");
  const { page, hands } = person;
  await askForCopy(hands, relais, "fr", "copy", { from: ENERGY, to: "Ancre", who: person.who });
  const consent = idIn(page.url(), "cst");
  await hands.press(page.locator('button[name="answer"][value="refuse"]'));
  assert.equal(await page.locator(".rl-news").count(), 1);
  assert.equal((await consentRecord(relais, consent)).state, "refused");
  assert.equal(await page.locator('main a[href*="/me/transfers/"]').count(), 0, "no transfer came of it");
  await page.goto(`${relais.url}/fr/permissions/${consent}/decide`);
  assert.doesNotMatch(page.url(), /decide/, "an answer is given once");
});

test("a permission stopped from the page while its transfer runs", async () => {
  await using person = await someone("en", "loic-francois");
  const { page, hands, who } = person;
  await askForCopy(hands, relais, "en", "copy", { from: ENERGY, to: "Ancre", who });
  // The shortest way to grant: two places chosen, one button; a data set, two acts and one button follow. Proving the accounts comes on top.
  hands.steps = 3;
  for (const box of ["#datasets", "#mandate", "#consent"]) await hands.choose(page.locator(box));
  const thaw = await relais.freezeSandbox();
  try {
    await hands.press(page.locator('button[name="answer"][value="accept"]'));
    const granted = hands.steps;
    const transfer = page.url();
    await page.locator(".rl-timeline__line").nth(1).waitFor();
    hands.steps = 0;
    await hands.press(page.locator('main a[href*="/permissions/cst_"]'));
    await hands.press(page.locator('main a[href$="/stop"]'));
    await hands.press(page.locator('main form[action$="/stop"] button'));
    assert.ok(hands.steps <= granted, `${hands.steps} steps to stop, ${granted} to grant`);
    assert.equal(await page.locator(".rl-news").count(), 1);
    await page.goto(transfer);
    await page.locator("main .rl-why").waitFor();
    assert.equal(await stateOn(page), TONGUES.en.t("transfer.state.cancelled"));
  } finally {
    thaw();
  }
  await sleep(1_500);
  await page.reload();
  assert.equal(await stateOn(page), TONGUES.en.t("transfer.state.cancelled"), "thawed, it stays stopped");
  await page.goto(relais.sandbox.ancre);
  await giveCredentials(hands, who);
  assert.equal(await itemsAtAncre(page), 0);
});

async function stateOn(page: Page): Promise<string> {
  return (await page.locator("main .govuk-body-l .govuk-tag").textContent()) ?? "";
}

/** Someone who has signed in with JavaScript on; disposing ends the browser's context. */
async function someone(lang: Lang, id: string) {
  const who = await persona(relais, id);
  const context = await openContext(browser, { locale: lang });
  const page = await context.newPage();
  const hands = mouse(page);
  await signIn(hands, relais, lang, who);
  return { who, page, hands, [Symbol.asyncDispose]: () => context.close() };
}

/** What a browser says when a page breaks its own rules: content security policy, failed scripts, requests to elsewhere. */
function complaintsOf(page: Page): string[] {
  const said: string[] = [];
  page.on("pageerror", (error) => said.push(error.message));
  page.on("console", (message) => /content security|refused to/i.test(message.text()) && said.push(message.text()));
  page.on("request", (request) => !["127.0.0.1", "localhost"].includes(new URL(request.url()).hostname) && said.push(request.url()));
  return said;
}

async function acceptingNothingChangesNothing(hands: Hands, hash: string): Promise<void> {
  const { page } = hands;
  const consent = idIn(page.url(), "cst");
  await hands.press(page.locator('button[name="answer"][value="accept"]'));
  assert.equal(await page.locator(".govuk-error-summary").count(), 1);
  assert.equal(await shownHash(page), hash);
  assert.equal((await consentRecord(relais, consent)).state, "requested");
}

function idIn(url: string, prefix: "cst" | "trf"): string {
  const [id] = new RegExp(`${prefix}_\\w+`).exec(url) ?? [];
  assert.ok(id, url);
  return id;
}

async function closeOldPlace(hands: Hands): Promise<void> {
  const { page } = hands;
  await hands.press(page.locator('main a[href$="/close"]'));
  await hands.press(page.locator("main form button"));
  assert.equal(await page.locator(".govuk-error-summary").count(), 1, "it takes a tick");
  await hands.choose(page.locator("#confirmed"));
  await hands.press(page.locator("main form button"));
}

/** The page of a switch has no live news: it is opened again. */
async function untilOffered(page: Page, selector: string): Promise<void> {
  for (const end = Date.now() + 240_000; Date.now() < end; await sleep(400)) {
    if ((await page.locator(selector).count()) > 0) return;
    await page.reload();
  }
  assert.fail(`${selector} did not come: ${await page.locator("main").innerText()}`);
}

async function untilGone(page: Page, selector: string): Promise<void> {
  for (const end = Date.now() + 240_000; Date.now() < end; await sleep(400)) {
    if ((await page.locator(selector).count()) === 0) return;
    await page.reload();
  }
  assert.fail(`${selector} stayed: ${await page.locator("main").innerText()}`);
}

/** Ancre's own page for the person who is signed in there, in a tab of its own. */
async function ancreHolds(items: number, context: BrowserContext): Promise<void> {
  const tab = await context.newPage();
  await tab.goto(relais.sandbox.ancre);
  assert.equal(await itemsAtAncre(tab), items);
  await tab.close();
}

/** The sum of the column "items" of the first table. */
async function itemsAtAncre(page: Page): Promise<number> {
  const cells = await page.locator(".wide table tbody tr td:nth-of-type(2)").allTextContents();
  return cells.reduce((sum, cell) => sum + Number(cell.replace(/\D/g, "")), 0);
}
