import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { AxeBuilder } from "@axe-core/playwright";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { openContext, press, startBrowser } from "../support/browser.ts";
import { startRelais, type RunningRelais } from "../support/relais.ts";
import { mouse } from "./hands.ts";
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

/**
 * The whole system as a newcomer starts it, on a phone, in both languages. Every page is looked at; axe looks at those whose content comes
 * from real participants and real transfers, as `pages-a11y.test.ts` shows it the others.
 */

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const LANGUAGES: Lang[] = ["fr", "en"];
const PHONE = { width: 320, height: 800 };
const LARGEST_PAGE = 100_000;
const owned = new AsyncDisposableStack();
let relais: RunningRelais;
let browser: Browser;

before(async () => {
  browser = owned.adopt(await startBrowser(), (open) => open.close());
  relais = owned.use(await startRelais());
});
after(() => owned.disposeAsync());

async function phone(lang: Lang): Promise<BrowserContext> {
  return openContext(browser, { viewport: PHONE, locale: lang === "fr" ? "fr-FR" : "en-GB" });
}

/** Opens an address and looks. `status` is that of the answer. */
async function visit(page: Page, url: string, status = 200): Promise<void> {
  await glance(page, url, status);
  await look(page);
}

/** The same without axe. */
async function glance(page: Page, url: string, status = 200): Promise<void> {
  const answer = await page.goto(url);
  assert.equal(answer?.status(), status, url);
  await isSound(page);
}

async function look(page: Page): Promise<void> {
  await isSound(page);
  // Without frames of other origins, axe needs no second page to put its results together: half the time.
  const { violations } = await new AxeBuilder({ page }).withTags(TAGS).setLegacyMode(true).analyze();
  assert.deepEqual(
    violations.map(({ id, nodes }) => `${page.url()}: ${id} ${nodes.map((node) => node.html).join(" | ")}`.slice(0, 600)),
    [],
  );
}

/** What every page meets. */
async function isSound(page: Page): Promise<void> {
  const at = page.url();
  const html = await page.content();
  assert.ok(html.length < LARGEST_PAGE, `${at} has ${html.length} characters`);
  assert.equal(await page.locator("h1").count(), 1, `${at}: one heading`);
  const { scrollWidth, wide } = await page.evaluate(widthOfPage);
  assert.ok(scrollWidth <= PHONE.width, `${at} is ${scrollWidth} wide: ${wide}`);
}

/** The width that would have to be scrolled, and who needs it. */
function widthOfPage(): { scrollWidth: number; wide: string } {
  const { scrollWidth, clientWidth } = document.documentElement;
  const wide = [...document.querySelectorAll("body *")]
    .filter((element) => element.getBoundingClientRect().right > clientWidth + 1)
    .slice(0, 3);
  return { scrollWidth, wide: wide.map((element) => element.outerHTML.slice(0, 120)).join(" | ") };
}

/** What a browser says when a page breaks its own rules, and every request to another machine. */
function complaintsOf(page: Page): string[] {
  const said: string[] = [];
  page.on("pageerror", (error) => said.push(error.message));
  page.on("console", (message) => /content security|refused to/i.test(message.text()) && said.push(`${page.url()}: ${message.text()}`));
  page.on("request", (request) => !["127.0.0.1", "localhost"].includes(new URL(request.url()).hostname) && said.push(request.url()));
  return said;
}

const PUBLIC = [
  "/",
  "/register",
  "/register?role=holder",
  "/register?role=platform",
  "/sign-in",
  "/problems",
  "/accessibility",
  "/legal",
  "/understand",
  "/privacy",
];
const OWN = ["/me", "/me/copy", "/me/switch", "/me/transfers", "/accounts", "/permissions"];

for (const lang of LANGUAGES) {
  describe(lang, () => {
    let context: BrowserContext;
    let page: Page;
    let complaints: string[];
    before(async () => {
      context = await phone(lang);
      page = await context.newPage();
      complaints = complaintsOf(page);
    });
    after(async () => {
      await context?.close();
      assert.deepEqual(complaints, []);
    });
    const at = (path: string) => `${relais.url}/${lang}${path}`;

    test("everybody's pages, and those that say no", async () => {
      for (const path of PUBLIC) await glance(page, at(path));
      for (const { id } of await participants()) await glance(page, at(`/register/${id}`));
      await visit(page, at("/register"));
      await visit(page, at(`/register/${(await participants())[0]?.id}`));
      await glance(page, at("/nothing-here"), 404);
      await glance(page, at("/problems/nothing-here"), 404);
      await visit(page, `${relais.url}/sign-in/callback?code=none&state=none`, 401);
    });

    test("someone who has done nothing yet", async () => {
      await signIn(mouse(page), relais, lang, await persona(relais, "theo"));
      for (const path of OWN) await glance(page, at(path));
      for (const { id } of await participants()) await glance(page, at(`/accounts/${id}`));
      for (const path of ["/me/transfers/none", "/permissions/none", "/me/switch/none"]) await glance(page, at(path), 404);
      await context.clearCookies();
    });

    test("a copy and a switch, page by page, with their errors", async () => {
      const who = await persona(relais, lang === "fr" ? "camille" : "jeanne");
      await signIn(mouse(page), relais, lang, who);
      await formsWithErrors(page, at);
      await copyPageByPage(page, lang, who);
      await switchPageByPage(page, lang, who);
      for (const path of OWN) await visit(page, at(path));
      for (const path of await linksOf(page, at("/permissions"), "/permissions/cst_")) await glance(page, path);
    });

    test("the sandbox's own pages", async () => {
      const { home, identity, energy, ancre } = relais.sandbox;
      await context.clearCookies();
      await visit(page, home);
      for (const program of [identity, energy]) await page.goto(program).then((answer) => (answer?.ok() ? look(page) : undefined));
      await visit(page, ancre);
      await giveCredentials(mouse(page), { email: "nobody@nowhere.example", password: "wrong" });
      await look(page);
      await giveCredentials(mouse(page), await persona(relais, lang === "fr" ? "camille" : "jeanne"));
      await look(page);
    });
  });
}

async function participants(): Promise<{ id: string }[]> {
  return ((await (await fetch(`${relais.url}/v1/participants`)).json()) as { participants: { id: string }[] }).participants;
}

/** Sent empty, each form comes back with what is missing. */
async function formsWithErrors(page: Page, at: (path: string) => string): Promise<void> {
  for (const path of ["/me/copy", "/me/switch"]) {
    await page.goto(at(path));
    await press(page.locator("main form button"));
    assert.equal(await page.locator(".govuk-error-summary a").count(), 2);
    await look(page);
  }
  const [pods] = (await participants()).filter((one) => "adapter" in one && one.adapter === "solid");
  await page.goto(at(`/accounts/${pods?.id}`));
  await press(page.locator("main form button"));
  await look(page);
}

async function copyPageByPage(page: Page, lang: Lang, who: Persona): Promise<void> {
  const hands = mouse(page);
  await askForCopy(hands, relais, lang, "copy", { from: "Énergie du Parc", to: "Ancre", who });
  await look(page);
  await press(page.locator('button[value="accept"]'));
  await look(page);
  // While the holder hangs the transfer is live; not for long, or the attempt gives up and waits before the next one.
  const thaw = await relais.freezeSandbox();
  try {
    await accept(hands, { withTraces: false });
    await look(page);
    await glance(page, `${page.url()}/cancel`);
    await page.goBack();
    await glance(page, await page.locator('main a[href*="/permissions/cst_"]').evaluate((link) => (link as HTMLAnchorElement).href));
    await glance(page, `${page.url()}/stop`);
    await page.goBack();
    await page.goBack();
  } finally {
    thaw();
  }
  await untilVerified(page, true);
  await look(page);
}

async function switchPageByPage(page: Page, lang: Lang, who: Persona): Promise<void> {
  const hands = mouse(page);
  await askForCopy(hands, relais, lang, "switch", {
    from: "Ancre",
    to: await nameOfPods(relais),
    who,
    keys: await podKeys(relais, who.id),
  });
  await look(page);
  await accept(hands, { withTraces: true });
  await look(page);
  const here = page.url();
  for (const end = Date.now() + 240_000; Date.now() < end && (await page.locator('main a[href$="/close"]').count()) === 0;)
    await page.reload();
  await look(page);
  await visit(page, `${here}/close`);
  await press(page.locator("main form button"));
  await look(page);
  for (const path of await linksOf(page, `${relais.url}/${lang}/me/transfers`, "/me/transfers/trf_")) await glance(page, path);
}

async function linksOf(page: Page, url: string, part: string): Promise<string[]> {
  await page.goto(url);
  return [
    ...new Set(await page.locator(`main a[href*="${part}"]`).evaluateAll((links) => links.map((link) => (link as HTMLAnchorElement).href))),
  ];
}
