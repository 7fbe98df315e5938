import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AxeBuilder } from "@axe-core/playwright";
import { decodeJwt } from "jose";
import type { BrowserContext, Page } from "playwright-core";
import type { Consent } from "../../src/core/consent/consent.ts";
import { grantConsent } from "../../src/core/consent/decide-consent.ts";
import { requestConsent } from "../../src/core/consent/request-consent.ts";
import { sealChanges } from "../../src/core/consent/seal-changes.ts";
import { asId } from "../../src/core/ids.ts";
import { TONGUES } from "../../src/pages/tongue.ts";
import { press } from "../support/browser.ts";
import { inDays } from "../support/engine.ts";
import { journalLibrary } from "../support/journal-library.ts";
import { testKey } from "../support/register-fixtures.ts";
import { startSandboxWorld, type Resident, type SandboxWorld } from "../support/sandbox-world.ts";
import { startWorldPortal } from "../support/world-portal.ts";
import { consentPageIsFair, shownHash } from "./permission-page.ts";
import type { Lang } from "./person.ts";

/** A copy in a common form is the person's choice: offered unticked, said on every page as it was chosen, and changed like another term. */

const SET = "energy.contract";
const library = journalLibrary();
const owned = new AsyncDisposableStack();
let world: SandboxWorld;
let person: Resident;
let contexts: Record<"phone" | "withScript", BrowserContext>;
let origin: string;

before(async () => {
  world = owned.use(await startSandboxWorld("forms-pages", library));
  person = await world.resident("camille");
  library.put(SET, "one", { kWh: 1.5, period: { from: "2026-01-01" } });
  library.put(SET, "two", [1, 2]);
  const portal = owned.use(await startWorldPortal(world, person));
  origin = portal.origin;
  const size = { viewport: { width: 320, height: 800 } };
  contexts = { phone: await portal.context({ ...size, javaScriptEnabled: false }), withScript: await portal.context(size) };
});
after(() => owned.disposeAsync());

const ask = (language: Lang, more: { forms?: "csv"[] } = {}): Promise<Consent> =>
  requestConsent(world.ports, {
    personId: person.personId,
    sourceLinkId: person.from,
    destinationLinkId: person.to,
    action: "copy",
    datasets: [SET],
    purpose: "https://w3id.org/dpv#PersonalisedBenefits",
    recurrence: "P1D",
    expires: inDays(30),
    retention: null,
    language,
    requester: null,
    ...more,
  });
const present = (id: string): Promise<Consent> => world.store.read((r) => r.consents.get(asId("consent", id)));
const idIn = (page: Page, part: number): string => new URL(page.url()).pathname.split("/")[part] ?? "";

/** What is read; axe finds nothing on it, and nothing is wider than a phone. */
async function look(path: string): Promise<string> {
  const page = await contexts.withScript.newPage();
  const answer = await page.goto(origin + path);
  assert.equal(answer?.status(), 200, path);
  const { violations } = await new AxeBuilder({ page }).setLegacyMode(true).analyze();
  assert.deepEqual(
    violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`),
    [],
    path,
  );
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 320, path);
  const shots = process.env["RELAIS_SHOTS"];
  if (shots !== undefined) await page.screenshot({ path: `${shots}/${path.replaceAll("/", "_")}.png`, fullPage: true });
  const text = await page.locator("main").innerText();
  await page.close();
  return text;
}

for (const lang of ["fr", "en"] as const) {
  const { t } = TONGUES[lang];

  test(`${lang}: unticked, ticked, said the same by screen, record, receipt, mandate and pages, and taken back by a change`, async () => {
    const asked = await ask(lang);
    const page = await contexts.phone.newPage();
    const decide = `/${lang}/permissions/${asked.id}/decide`;
    assert.ok((await look(decide)).includes(t("forms.hint")));
    await page.goto(origin + decide);
    await consentPageIsFair(page, lang);
    assert.equal(await shownHash(page), asked.noticeHash);
    assert.equal(await page.locator('input[name="forms"]').count(), 1);
    await page.locator("#forms-csv").check();
    await press(page.locator('button[value="accept"]'));
    assert.ok(await page.locator("#forms-csv").isChecked(), "an error keeps the choice");
    for (const box of ["#datasets", "#mandate", "#consent"]) await page.locator(box).check();
    await press(page.locator('button[value="accept"]'));
    const given = await present(asked.id);
    assert.deepEqual([given.state, given.forms, given.noticeHash], ["active", ["csv"], asked.noticeHash]);

    const transfer = idIn(page, 4);
    assert.deepEqual(await world.run(asId("transfer", transfer)), { kind: "ended", state: "verified" });
    const told = await look(`/${lang}/me/transfers/${transfer}`);
    assert.ok(told.includes(t("forms.told", { copies: 1, many: "1" })), told);
    assert.ok(told.includes(t("forms.no_table", { count: 1 })), told);
    assert.ok((await look(`/${lang}/permissions/${asked.id}`)).includes(t("forms.yes")));
    assert.ok((await look(`/${lang}/permissions/${asked.id}/mandate`)).includes(t("forms.mandateText")));
    const seen = await contexts.withScript.newPage();
    await seen.goto(`${origin}/${lang}/permissions/${asked.id}/notice`);
    assert.ok(await seen.locator("#forms-csv").isChecked(), "as it was seen, and as it was ticked");
    await receiptSaysIt(lang, given);

    await page.goto(`${origin}/${lang}/permissions/${asked.id}/change`);
    assert.ok(await page.locator("#forms-csv").isChecked());
    await look(`/${lang}/permissions/${asked.id}/change`);
    await page.locator("#forms-csv").uncheck();
    await press(page.locator("main form button"));
    const changed = idIn(page, 3);
    const difference = await look(`/${lang}/permissions/${changed}/decide`);
    assert.ok(difference.includes(t("forms.yes")) && difference.includes(t("forms.no")), difference);
    for (const box of ["#mandate", "#consent"]) await page.locator(box).check();
    await press(page.locator('button[value="accept"]'));
    assert.deepEqual((await present(changed)).forms, []);
    assert.equal((await present(asked.id)).state, "superseded");
  });
}

/** The signed file, and the page of it. */
async function receiptSaysIt(lang: Lang, consent: Consent): Promise<void> {
  const { t } = TONGUES[lang];
  const key = await testKey();
  const sealing = { ...world.ports, signer: { signDocument: key.sign }, operator: null, pseudonymOf: () => "pseudonym" };
  await sealChanges(sealing, new AbortController().signal);
  const change = (await world.store.read((r) => r.changes.of(consent.id))).findLast(({ state }) => state === "active");
  const claims = decodeJwt(change?.receipt ?? "");
  assert.equal(claims["notice_hash"], consent.noticeHash);
  const text = JSON.stringify(claims["receipt"]);
  assert.ok(text.includes('"relais:forms":["csv"]') && text.includes('"dpv:hasProcessing":["dpv:Obtain","dpv:Transform"]'), text);
  const page = await look(`/${lang}/permissions/${consent.id}/receipts/${change?.id}`);
  assert.ok(page.includes(t("forms.mandate", { text: "" }).trim()), page);
}

test("without the choice the page says so, and a permission to which nothing was offered says nothing of it", async () => {
  const { id, noticeHash } = await ask("en");
  const page = await contexts.phone.newPage();
  await page.goto(`${origin}/en/permissions/${id}/decide`);
  for (const box of ["#datasets", "#mandate", "#consent"]) await page.locator(box).check();
  await press(page.locator('button[value="accept"]'));
  const given = await present(id);
  assert.deepEqual([given.forms, given.noticeHash], [[], noticeHash]);
  assert.ok((await look(`/en/permissions/${id}`)).includes(TONGUES.en.t("forms.no")));
  const plain = await ask("en", { forms: [] });
  const yes = { consentId: plain.id, personId: person.personId, datasets: [SET], noticeHash: plain.noticeHash, language: "en" as const };
  assert.ok(!(await look(`/en/permissions/${plain.id}/decide`)).includes(TONGUES.en.t("forms.title")));
  await grantConsent(world.ports, yes);
  assert.ok(!(await look(`/en/permissions/${plain.id}`)).includes(TONGUES.en.t("forms.label")));
});
