import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { AxeBuilder } from "@axe-core/playwright";
import type { Browser, BrowserContext, Page } from "playwright-core";
import type { Consent } from "../../src/core/consent/consent.ts";
import { voidConsents } from "../../src/core/consent/void-consents.ts";
import { SESSION_COOKIE, startSession } from "../../src/core/person/sessions.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { openContext, press, startBrowser } from "../support/browser.ts";
import { seedPerson, type SeededPerson } from "../support/fault-relais.ts";
import { startPortal, type Portal } from "../support/portal.ts";
import { accreditedParticipant, dataset } from "../support/register-fixtures.ts";
import { realClock } from "../support/real-clock.ts";

/** A permission that ended without its person is told on their own page, until they have read it: in both languages, on a phone and on a desktop. */

const DATASET = "energy.bills";
const owned = new AsyncDisposableStack();
let portal: Portal;
let browser: Browser;
let source: Participant;
let number = 0;

before(async () => {
  portal = owned.use(await startPortal());
  browser = owned.adopt(await startBrowser(), (open) => open.close());
  source = await accreditedParticipant(portal.store, {
    entityId: "https://parc.example",
    name: "Parc",
    roles: ["holder"],
    datasets: [dataset(DATASET)],
  });
});
after(() => owned.disposeAsync());

const about = { country: "FR", privacyContact: "dpo@nuage.example" };

/** Somebody with a permission, which ended because the platform now has data processed elsewhere and by others. */
async function somebody(): Promise<{ seeded: SeededPerson; context: BrowserContext; consent: Consent }> {
  const { store, origin } = portal;
  const destination = await accreditedParticipant(store, {
    entityId: `https://nuage${++number}.example`,
    name: "Nuage",
    roles: ["platform"],
    about,
  });
  const seeded = await seedPerson(store, { source, destination, sourceAccount: `c-${number}`, destinationAccount: `s-${number}` });
  const consent = await seeded.consent([DATASET]);
  await store.write((w) => {
    const changed = { ...destination, about: { ...about, country: "US", processors: ["Hébergeur Untel", "Régie publicitaire <b>"] } };
    return voidConsents(w, destination, changed, new Date());
  });
  const known = await store.read((r) => r.people.find(seeded.id));
  const context = await openContext(browser, { viewport: { width: 320, height: 800 } });
  const { token } = await startSession(
    { store, clock: realClock },
    { issuer: String(known?.issuer), subject: String(known?.subject), displayName: "Camille" },
  );
  await context.addCookies([{ name: SESSION_COOKIE, value: token, url: origin }]);
  return { seeded, context, consent };
}

async function meets(page: Page, name: string): Promise<void> {
  for (const width of [1200, 320]) {
    await page.setViewportSize({ width, height: 800 });
    const { violations } = await new AxeBuilder({ page }).setLegacyMode(true).analyze();
    assert.deepEqual(
      violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`),
      [],
    );
    assert.equal(await page.locator("h1").count(), 1);
    assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= width);
    const folder = process.env["PICTURES"];
    if (folder) await page.screenshot({ path: join(folder, `${name}-${width}.png`), fullPage: true });
  }
}

const WORDS = {
  fr: {
    region: "Une autorisation a pris fin",
    reason: "Nuage a changé ce pour quoi vous aviez dit oui",
    country: "Avant : France. Maintenant : États-Unis.",
  },
  en: {
    region: "A permission has ended",
    reason: "Nuage changed what you had said yes to",
    country: "Before: France. Now: United States.",
  },
} as const;

for (const lang of ["fr", "en"] as const)
  test(`${lang}: with what changed, before and now; it leads to the permission, and goes once it is read`, async () => {
    const { context, consent } = await somebody();
    const page = await context.newPage();
    await page.goto(`${portal.origin}/${lang}/me`);
    const section = page.locator("section[aria-labelledby=ends]");
    const text = (await section.innerText()).replaceAll(/\s/g, " ");
    for (const expected of [WORDS[lang].region, WORDS[lang].reason, WORDS[lang].country, "Régie publicitaire <b>"])
      assert.ok(text.includes(expected), `${expected} in ${text}`);
    await meets(page, `ends-${lang}`);
    await press(section.getByRole("link"));
    await page.waitForURL(new RegExp(`/permissions/${consent.id}$`));
    await page.goto(`${portal.origin}/${lang}/me`);
    await press(section.getByRole("button"));
    await page.waitForURL(/\/me$/);
    assert.equal(await section.count(), 0);
    assert.equal((await portal.store.read((r) => r.consents.get(consent.id))).state, "revoked", "reading changes nothing else");
    await context.close();
  });

test("nobody reads what is somebody else's, or what ended otherwise, and after thirty days it is not told any more", async () => {
  const [one, other] = [await somebody(), await somebody()];
  const read = (consent: Pick<Consent, "id">) =>
    one.context.request.post(`${portal.origin}/en/permissions/${consent.id}/end/read`, {
      maxRedirects: 0,
      headers: { "sec-fetch-site": "same-origin" },
    });
  assert.equal((await read(other.consent)).status(), 404);
  assert.equal((await read(await one.seeded.consent([DATASET]))).status(), 404, "one that goes on");
  for (let time = 0; time < 2; time++) assert.equal((await read(one.consent)).status(), 303, "said twice, it is the same");
  const page = await other.context.newPage();
  const told = async () => {
    await page.goto(`${portal.origin}/en/me`);
    return page.locator("section[aria-labelledby=ends]").count();
  };
  assert.equal(await told(), 1);
  await portal.query("update relais.consents set ended_at = now() - interval '31 days' where id = $1", [other.consent.id]);
  assert.equal(await told(), 0);
  for (const { context } of [one, other]) await context.close();
});
