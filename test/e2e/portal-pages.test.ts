import assert from "node:assert/strict";
import { writeFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { AxeBuilder } from "@axe-core/playwright";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { excludePlatform } from "../../src/core/policy/exclude-platform.ts";
import { accreditParticipant } from "../../src/core/register/accredit-participant.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { SESSION_COOKIE } from "../../src/core/person/sessions.ts";
import { openContext, press, startBrowser } from "../support/browser.ts";
import { REASONS, suspend } from "../support/charter.ts";
import { policy } from "../support/policy.ts";
import { ANSWERS, startPortal, type Portal } from "../support/portal.ts";
import { realClock } from "../support/real-clock.ts";
import { accreditedParticipant, dataset, testKey } from "../support/register-fixtures.ts";

/** The public pages of one participant, of two, of a criterion, and the verify box: on a phone's width, in both languages. */

const LANGUAGES = ["fr", "en"] as const;
const LONG = "Nuage-libre-dont-le-nom-est-bien-plus-long-que-l’écran-d’un-petit-téléphone <b>";
const owned = new AsyncDisposableStack();
let portal: Portal;
let browser: Browser;
let nobody: BrowserContext;
let member: BrowserContext;
let withoutScript: BrowserContext;
let places: Record<"platform" | "other" | "suspended" | "holder", Participant>;
let mark: string;

before(async () => {
  portal = owned.use(await startPortal());
  browser = owned.adopt(await startBrowser(), (open) => open.close());
  const { publicJwk } = await testKey();
  const platform = await portal.platform(LONG, { federationKeys: [publicJwk] });
  const other = await portal.platform("Serveur", { about: { country: "DE", privacyContact: "dpo@serveur.example" } });
  await portal.apply(platform);
  await portal.apply(other, { answers: { ...ANSWERS, "profile.own_space": "shared" } });
  await portal.look();
  const { store } = portal;
  const suspended = await accreditedParticipant(store, { entityId: "https://pause.example", roles: ["platform"] });
  await suspend(store, suspended.id);
  const datasets = [dataset("energy.bills")];
  const holder = await accreditedParticipant(store, { entityId: "https://parc.example", roles: ["holder"], datasets });
  const ports = { store, clock: realClock, policy, queue: { ring: async () => undefined }, issuer: portal.origin };
  await excludePlatform(ports, { caller: holder.id, holderId: holder.id }, { platformId: platform.id, dataset: "*", reason: REASONS });
  const statements = { signDocument: portal.keys.federation.sign };
  mark = (
    await accreditParticipant({ ...ports, statements, charters: portal.charters }, { participantId: other.id, level: 1, reasons: REASONS })
  ).jwt;
  places = { platform, other, suspended, holder };
  const phone = { viewport: { width: 320, height: 800 } };
  nobody = await openContext(browser, phone);
  member = await openContext(browser, phone);
  withoutScript = await openContext(browser, { ...phone, javaScriptEnabled: false });
  const [name, value] = (await portal.member(platform)).split("=") as [string, string];
  assert.equal(name, SESSION_COOKIE);
  await member.addCookies([{ name, value, url: portal.origin }]);
});
after(() => owned.disposeAsync());

/** One heading, the page's language, small, nothing wider than a phone, nothing that axe finds. */
async function meets(page: Page, path: string): Promise<void> {
  assert.equal(await page.locator("html").getAttribute("lang"), path.slice(1, 3), path);
  assert.equal(await page.locator("h1").count(), 1, path);
  assert.ok((await page.content()).length < 100_000, path);
  const body = await page.locator("body").boundingBox();
  assert.ok((body?.width ?? 0) <= 320, path);
  const widest = await page.evaluate("document.documentElement.scrollWidth");
  assert.ok(Number(widest) <= 320, `${path} is ${String(widest)} wide`);
  const { violations } = await new AxeBuilder({ page }).setLegacyMode(true).analyze();
  assert.deepEqual(
    violations.map(({ id, nodes }) => `${path}: ${id} ${nodes[0]?.html}`),
    [],
  );
}

async function look(context: BrowserContext, path: string, status = 200): Promise<Page> {
  const page = await context.newPage();
  const answer = await page.goto(portal.origin + path);
  assert.equal(answer?.status(), status, path);
  await meets(page, path);
  return page;
}

for (const lang of LANGUAGES) {
  test(`${lang}: the page of a participant, with everything opened`, async () => {
    for (const one of Object.values(places)) {
      const page = await look(nobody, `/${lang}/register/${one.id}`);
      for (const summary of await page.locator("details summary").all()) await press(summary);
      await meets(page, `/${lang}/register/${one.id}`);
      await page.close();
    }
  });

  test(`${lang}: two platforms, chosen from lists`, async () => {
    const page = await look(nobody, `/${lang}/register/compare`);
    await page.locator("#a").selectOption(places.platform.id);
    await page.locator("#b").selectOption(places.other.id);
    await press(page.locator("main form button").first());
    await page.waitForURL(/b=prt_/);
    await meets(page, `/${lang}/register/compare`);
    assert.equal(await page.locator("main table").count(), 3);
    await press(page.locator("main details summary"));
    await meets(page, `/${lang}/register/compare`);
    await page.close();
    const { id } = places.platform;
    await (await look(nobody, `/${lang}/register/compare?a=${id}&b=${id}`, 422)).close();
    await (await look(nobody, `/${lang}/register/compare?a=${id}&b=${places.suspended.id}&name=zzz`)).close();
  });

  test(`${lang}: the verify box, by text and by file, with each kind of answer`, async () => {
    const page = await look(nobody, `/${lang}/verify`);
    const check = async (): Promise<void> => {
      await press(page.locator("main form button"));
      await page.waitForLoadState();
      await meets(page, `/${lang}/verify`);
    };
    await check();
    assert.equal(await page.locator(".govuk-error-summary").count(), 1, "nothing given");
    await page.locator("#document").fill(mark);
    await check();
    assert.match(await page.locator("main").innerText(), lang === "fr" ? /En vigueur[\s\S]*Serveur/ : /In force[\s\S]*Serveur/);
    await page.locator("#document").fill("<script>alert(1)</script>");
    await check();
    assert.match(await page.locator("main").innerText(), lang === "fr" ? /Illisible/ : /Not readable/);
    const folder = await mkdtemp(join(tmpdir(), "relais-verify-"));
    const file = join(folder, "mark.jwt");
    await writeFile(file, await (await testKey()).sign("trust-mark+jwt", { iss: portal.origin, trust_mark_type: "x" }));
    await page.locator("#file").setInputFiles(file);
    await check();
    assert.match(await page.locator("main").innerText(), lang === "fr" ? /Faux ou modifié/ : /Forged or changed/);
    await rm(folder, { recursive: true });
    await page.close();
  });

  test(`${lang}: with JavaScript off, platforms are compared and a mark is checked`, async () => {
    const page = await withoutScript.newPage();
    await page.goto(`${portal.origin}/${lang}/register/compare`);
    await page.locator("#a").selectOption(places.platform.id);
    await page.locator("#b").selectOption(places.other.id);
    await press(page.locator("main form button").first());
    assert.equal(await page.locator("main table").count(), 3);
    await page.goto(`${portal.origin}/${lang}/verify`);
    await page.locator("#document").fill(mark);
    await press(page.locator("main form button"));
    assert.match(await page.locator("main").innerText(), lang === "fr" ? /En vigueur/ : /In force/);
    await page.close();
  });

  test(`${lang}: criteria of each kind, from the charter`, async () => {
    await (await look(nobody, `/${lang}/charter/2026-11`)).close();
    for (const id of [
      "hosting-kind",
      "truthful-receipts",
      "security-audit",
      "charter-signature",
      "hosting-country",
      "interoperability-roadmap",
    ])
      await (await look(nobody, `/${lang}/charter/2026-11/${id}`)).close();
    await (await look(nobody, `/${lang}/charter/2026-11/none`, 404)).close();
  });

  test(`${lang}: what a participant sees of itself`, async () => {
    const here = `/${lang}/organisation/${places.platform.id}`;
    const page = await look(member, here);
    for (const path of ["preview", "keys"]) assert.equal(await page.locator(`a[href="${here}/${path}"]`).count(), 1);
    await page.close();
    for (const path of ["preview", "keys"]) {
      await (await look(member, `${here}/${path}`)).close();
      await (await look(member, `/${lang}/organisation/${places.other.id}/${path}`, 404)).close();
    }
  });
}
