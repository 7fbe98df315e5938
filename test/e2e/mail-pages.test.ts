import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AxeBuilder } from "@axe-core/playwright";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { remindPeople } from "../../src/core/person/remind-people.ts";
import { SESSION_COOKIE } from "../../src/core/person/sessions.ts";
import { openContext, press, startBrowser } from "../support/browser.ts";
import { linkIn, startMailWorld, type MailWorld } from "../support/mail-world.ts";

const ADDRESS = "zephyrine@kanarienvogel.example";
const owned = new AsyncDisposableStack();
let world: MailWorld;
let browser: Browser;
/** Signed in; and another browser, in which mails are read. */
let own: BrowserContext;
let other: BrowserContext;
/** A window with scripts, for axe. */
let copy: Page;

before(async () => {
  world = owned.use(await startMailWorld(["energy.bills"]));
  browser = owned.adopt(await startBrowser(), (open) => open.close());
  const phone = { viewport: { width: 320, height: 800 }, javaScriptEnabled: false };
  own = await openContext(browser, phone);
  await own.addCookies([{ name: SESSION_COOKIE, value: world.cookie.split("=")[1] ?? "", url: world.origin }]);
  other = await openContext(browser, phone);
  copy = await (await openContext(browser, { viewport: phone.viewport })).newPage();
  await copy.goto(`${world.origin}/en/problems`);
});
after(() => owned.disposeAsync());

const lastMail = () => world.smtp.mails.at(-1)?.text ?? "";

/** What every page meets. Axe needs scripts: it looks at what was printed, in a window that has them. */
async function meets(page: Page): Promise<void> {
  const path = new URL(page.url()).pathname;
  assert.equal(await page.locator("html").getAttribute("lang"), path.slice(1, 3), path);
  assert.equal(await page.locator("h1").count(), 1, path);
  await copy.setContent((await page.content()).replaceAll('href="/assets', `href="${world.origin}/assets`));
  assert.ok(await copy.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${path} is wider than a phone`);
  const { violations } = await new AxeBuilder({ page: copy }).setLegacyMode(true).analyze();
  assert.deepEqual(
    violations.map(({ id, nodes }) => `${path}: ${id} ${nodes[0]?.html}`),
    [],
  );
}

for (const lang of ["fr", "en"] as const)
  test(`${lang}: an address given, asked, confirmed in another browser, unreachable and removed, without JavaScript`, async () => {
    const page = await own.newPage();
    await page.goto(`${world.origin}/${lang}/me/mail`);
    await meets(page);
    await page.locator("#address").fill("no address");
    await press(page.locator('form[action$="/me/mail"] button'));
    await page.locator(".govuk-error-summary").waitFor();
    await meets(page);
    await page.locator("#address").fill(ADDRESS);
    await press(page.locator('form[action$="/me/mail"] button'));
    await page.getByRole("status").waitFor();
    await meets(page);
    await world.worker().tick();

    const reader = await other.newPage();
    await reader.goto(world.origin + linkIn(lastMail(), "/mail/prove/"));
    await meets(reader);
    await press(reader.locator("main form button"));
    await meets(reader);
    await reader.close();

    await world.pool.query("update relais.mail_addresses set unreachable_at = now()");
    await page.goto(`${world.origin}/${lang}/me/account`);
    assert.ok(await page.getByText("z…@k….example").isVisible());
    await meets(page);
    await press(page.locator('form[action$="/me/mail/test"] button'));
    await page.getByRole("status").waitFor();
    await meets(page);
    await press(page.locator('form[action$="/me/mail/remove"] button'));
    await page.getByRole("status").waitFor();
    assert.equal(await page.getByText("z…@k….example").count(), 0);
    await page.close();
  });

test("a reminder leads in two steps to a permission that is stopped, without signing in; Review and Stop look the same", async () => {
  await world.prove(ADDRESS, "en");
  await world.engine.consent(["energy.bills"]);
  await world.worker().tick();
  await world.pool.query("update relais.people set last_sign_in_at = now() - interval '91 days'");
  await remindPeople(world.engine.ports);
  await world.worker().tick();
  const page = await other.newPage();
  await page.goto(world.origin + linkIn(lastMail(), "/mail/permission/"));
  await meets(page);
  const looks = await page.locator("main .govuk-button").evaluateAll((buttons) =>
    buttons.map((button) => {
      const { backgroundColor, color, fontSize, fontWeight, lineHeight, padding } = getComputedStyle(button);
      return JSON.stringify({ backgroundColor, color, fontSize, fontWeight, lineHeight, padding });
    }),
  );
  assert.deepEqual([looks.length, new Set(looks).size], [2, 1]);
  await press(page.getByRole("link", { name: "Stop", exact: true }));
  await meets(page);
  await press(page.locator("main form button"));
  await meets(page);
  assert.match(await page.locator("h1").innerText(), /stopped/);
  const unsubscribe = linkIn(lastMail(), "/mail/unsubscribe/");
  await page.goto(world.origin + unsubscribe);
  await meets(page);
  await press(page.locator("main form button"));
  await meets(page);
});
