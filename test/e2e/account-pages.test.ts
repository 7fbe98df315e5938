import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AxeBuilder } from "@axe-core/playwright";
import type { Browser, BrowserContext, CDPSession, Page } from "playwright-core";
import { newId } from "../../src/core/ids.ts";
import { openContext, press, startBrowser } from "../support/browser.ts";
import { startIdentityApp, type IdentityApp } from "../support/identity-app.ts";
import { accreditedParticipant } from "../support/register-fixtures.ts";
import { startTinyProvider, type TinyProvider } from "../support/tiny-provider.ts";

/** An account without a provider, by a real browser whose authenticators are virtual: opened, left, opened again, kept in order, and deleted. */

const owned = new AsyncDisposableStack();
let relais: IdentityApp;
let provider: TinyProvider;
let browser: Browser;

before(async () => {
  provider = owned.adopt(await startTinyProvider(() => relais.origin), (one) => one.listening.close());
  const upstream = { id: "default", name: null, issuer: provider.origin, clientId: "relais-client", least: null };
  relais = owned.use(await startIdentityApp({ upstreams: [upstream] }));
  browser = owned.adopt(await startBrowser(), (open) => open.close());
});
after(() => owned.disposeAsync());

interface Device {
  context: BrowserContext;
  page: Page;
  cdp: CDPSession;
  authenticator: string;
}

const AUTHENTICATOR = {
  protocol: "ctap2",
  transport: "internal",
  hasResidentKey: true,
  hasUserVerification: true,
  isUserVerified: true,
  automaticPresenceSimulation: true,
} as const;

async function device(width = 320): Promise<Device> {
  const context = await openContext(browser, { viewport: { width, height: 800 } });
  const page = await context.newPage();
  const cdp = await context.newCDPSession(page);
  await cdp.send("WebAuthn.enable");
  const { authenticatorId } = await cdp.send("WebAuthn.addVirtualAuthenticator", { options: AUTHENTICATOR });
  return { context, page, cdp, authenticator: authenticatorId };
}

/** One heading, in the page's language, no wider than the phone, and nothing that axe finds. */
async function meets(page: Page, lang: string): Promise<void> {
  const path = new URL(page.url()).pathname;
  assert.equal(await page.locator("html").getAttribute("lang"), lang, path);
  assert.equal(await page.locator("h1").count(), 1, path);
  assert.equal(
    await page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"),
    true,
    `${path} is wider`,
  );
  const { violations } = await new AxeBuilder({ page }).setLegacyMode(true).analyze();
  assert.deepEqual(
    violations.map(({ id, nodes }) => `${path}: ${id} ${nodes[0]?.html}`),
    [],
  );
}

async function open(page: Page, lang: string, path: string): Promise<void> {
  await page.goto(`${relais.origin}/${lang}${path}`);
  await meets(page, lang);
}

/** A new account; returns the codes that were shown. */
async function newAccount({ page }: Device, lang: string, name: string): Promise<string[]> {
  await open(page, lang, "/sign-in");
  await page.locator("#name").fill(name);
  await press(page.locator("#passkey-create button"));
  await page.waitForURL(/\/me\/account\/codes/);
  await meets(page, lang);
  await press(page.locator("main form button"));
  await page.locator(".rl-codes").waitFor();
  await meets(page, lang);
  return page.locator(".rl-codes code").allTextContents();
}

/** As if everybody had signed in eleven minutes ago. */
const age = () => relais.query("update relais.sessions set authenticated_at = now() - interval '11 minutes'");

/** For whoever looks over the pages: `PICTURES=<folder>`. */
async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env["PICTURES"];
  if (folder !== undefined) await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
}

async function signOut({ page }: Device): Promise<void> {
  await press(page.locator('header form[action="/sign-out"] button'));
  await page.waitForURL(/\/(fr|en)\/$/);
}

for (const lang of ["fr", "en"] as const) {
  test(`${lang}: an account is opened by a passkey, left, opened again, given a second one, and deleted`, async () => {
    const phone = await device();
    const codes = await newAccount(phone, lang, "Camille");
    assert.equal(codes.length, 10);
    await signOut(phone);
    await open(phone.page, lang, "/sign-in");
    await press(phone.page.locator("#passkey-sign-in button"));
    await phone.page.waitForURL(/\/me$/);
    assert.match(String(await phone.page.textContent("h1")), /Camille/);

    await open(phone.page, lang, "/me/account");
    await phone.page.locator("#label").fill("x");
    await press(phone.page.locator("#passkey-add button"));
    await phone.page.locator("#passkey-add [data-said]:not([hidden])").waitFor();
    await meets(phone.page, lang);
    // The same account on another device, by a code; there a second passkey.
    const laptop = await device(1100);
    await open(laptop.page, lang, "/sign-in/recovery");
    await laptop.page.locator("#code").fill("nothing");
    await press(laptop.page.locator("main form button"));
    await laptop.page.waitForURL(/refused/);
    await meets(laptop.page, lang);
    await laptop.page.locator("#code").fill(codes[0] ?? "");
    await press(laptop.page.locator("main form button"));
    await laptop.page.waitForURL(/\/me\/account\?news=recovered/);
    await laptop.page.locator("#label").fill("Laptop");
    await press(laptop.page.locator("#passkey-add button"));
    await laptop.page.waitForURL(/news=passkeyAdded/);
    await meets(laptop.page, lang);
    assert.equal(await laptop.page.locator('form[action$="/remove"] button').count(), 2, "none is the last");
    assert.equal(await laptop.page.locator('form[action*="/sessions/ses_"] button').count(), 1, "the phone is signed in, too");
    await press(laptop.page.locator('form[action$="/sessions/end"] button'));
    await laptop.page.waitForURL(/news=sessionsEnded/);
    await phone.page.goto(`${relais.origin}/${lang}/me`);
    assert.match(phone.page.url(), /\/sign-in\?next=/, "out with its next request");
    await laptop.page.locator('form[action$="/name"]').first().locator("input").fill("");
    await press(laptop.page.locator('form[action$="/name"]').first().locator("button"));
    await laptop.page.locator(".govuk-error-summary").waitFor();
    await meets(laptop.page, lang);

    await open(laptop.page, lang, "/me/account/delete");
    await press(laptop.page.locator("main form button"));
    await laptop.page.locator(".govuk-error-summary").waitFor();
    await meets(laptop.page, lang);
    await laptop.page.locator("#sure").check();
    await press(laptop.page.locator("main form button"));
    await laptop.page.waitForURL(/\/deleted$/);
    await meets(laptop.page, lang);
    assert.deepEqual(await relais.query("select 1 from relais.people where display_name = 'Camille'"), []);
    for (const one of [phone, laptop]) await one.context.close();
  });

  test(`${lang}: long after a sign-in, the person signs in again before what cannot be undone, and comes back`, async () => {
    const phone = await device();
    await newAccount(phone, lang, "Alix");
    const { page } = phone;
    await page.goto(`${relais.origin}/${lang}/me/account`);
    await age();
    // The page was open all the while: its form for a new passkey leads to the sign-in, too.
    await press(page.locator("#passkey-add button"));
    await page.waitForURL(/sign-in\/again/);
    await meets(page, lang);
    await picture(page, `again-${lang}`);
    await press(page.locator("#passkey-again button"));
    await page.waitForURL(/\/me\/account$/);
    await page.locator("#passkey-add button").waitFor();
    await age();
    for (const path of ["/me/account", "/me/mail"]) await open(page, lang, path);
    await page.locator('a[href*="/sign-in/again"]').first().waitFor();
    await page.goto(`${relais.origin}/${lang}/me/account`);
    await picture(page, `stale-account-${lang}`);
    await press(page.locator('a[href$="/me/account/delete"]'));
    await page.waitForURL(/sign-in\/again/);
    await press(page.locator("#passkey-again button"));
    await page.waitForURL(/\/me\/account\/delete$/);
    await age();
    await page.locator("#sure").check();
    await press(page.locator("main form button"));
    await page.waitForURL(/sign-in\/again/);
    await press(page.locator("#passkey-again button"));
    await page.waitForURL(/\/me\/account\/delete$/);
    await phone.context.close();
  });

  test(`${lang}: the same at a provider, without JavaScript`, async () => {
    const context = await openContext(browser, { viewport: { width: 320, height: 800 }, javaScriptEnabled: false });
    const page = await context.newPage();
    provider.state.subject = `again-${lang}`;
    await page.goto(`${relais.origin}/sign-in/start?lang=${lang}&next=/${lang}/me/account`);
    await age();
    await press(page.locator('a[href$="/me/account/export"]'));
    await page.waitForURL(/sign-in\/again/);
    await press(page.locator('a[href*="/sign-in/start"]'));
    await page.waitForURL(/\/me\/account\?news=again/);
    await page.locator("[role=status]").waitFor();
    const download = page.waitForEvent("download");
    await press(page.locator('a[href$="/me/account/export"]'));
    assert.match((await download).suggestedFilename(), /^relais-[\d-]+\.json$/);
    await context.close();
  });

  test(`${lang}: a full account, and one without JavaScript`, async () => {
    const context = await openContext(browser, { viewport: { width: 320, height: 800 }, javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(`${relais.origin}/${lang}/sign-in?next=/${lang}/me/account`);
    assert.ok(await page.locator("[data-passkey-script]").isVisible(), "it says that passkeys need a script");
    assert.ok(!(await page.locator("#passkey-create button").isVisible()));
    provider.state.subject = `full-${lang}`;
    await press(page.locator('a[href*="/sign-in/start"]'));
    await page.waitForURL(/\/me\/account/);
    const [{ id: personId } = { id: "" }] = await relais.query("select id from relais.people where subject = $1", [`full-${lang}`]);
    const platform = await accreditedParticipant(relais.store, {
      entityId: `https://${lang}.example`,
      roles: ["platform"],
      name: "Ancre <b>",
    });
    const linkId = newId("link");
    await relais.query(
      "insert into relais.account_links (id, person_id, participant_id, account, method, proved_at) values ($1, $2, $3, 'space-12345', 'signed_in', now())",
      [linkId, personId, platform.id],
    );
    await relais.query(
      "insert into relais.person_accesses (person_id, viewer, office, what, participant_id, at) values ($1, 'Agrément A', 'accreditor', $2, $3, now())",
      [personId, `/accreditation/participants/${platform.id}`, platform.id],
    );
    const scripted = await openContext(browser, { viewport: { width: 320, height: 800 }, storageState: await context.storageState() });
    const full = await scripted.newPage();
    await open(full, lang, "/me/account");
    await open(full, lang, "/accounts");
    await open(full, lang, `/me/account/links/${linkId}/remove`);
    await page.goto(`${relais.origin}/${lang}/me/account/links/${linkId}/remove`);
    await press(page.locator("main form button"));
    await page.waitForURL(/news=unlinked/);
    const download = full.waitForEvent("download");
    await open(full, lang, "/me/account");
    await press(full.locator('a[href$="/me/account/export"]').first());
    assert.match((await download).suggestedFilename(), /^relais-[\d-]+\.json$/);
    for (const one of [context, scripted]) await one.close();
  });
}
