import assert from "node:assert/strict";
import { existsSync, mkdirSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { after, before, describe, test } from "node:test";
import { AxeBuilder } from "@axe-core/playwright";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { grantConsent } from "../../src/core/consent/decide-consent.ts";
import { requestConsent } from "../../src/core/consent/request-consent.ts";
import type { Consent } from "../../src/core/consent/consent.ts";
import type { PersonId } from "../../src/core/ids.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { TONGUES } from "../../src/pages/tongue.ts";
import { dataSetsOf } from "../../src/sandbox/personas/catalogue.ts";
import { openContext, press, startBrowser } from "../support/browser.ts";
import { PLAIN } from "../support/charter.ts";
import { inDays } from "../support/engine.ts";
import { policy } from "../support/policy.ts";
import { realClock } from "../support/real-clock.ts";
import { accreditedParticipant, linkAccount } from "../support/register-fixtures.ts";
import { startWholeApp, UPSTREAM, type WholeApp } from "../support/whole-app.ts";
import { keyboard, type Hands } from "./hands.ts";
import { consentPageIsFair, shownHash } from "./permission-page.ts";
import type { Lang } from "./person.ts";

/**
 * A permission from the question to its end, on a phone, by keyboard and without JavaScript; every page of it, full, empty and in error, in both
 * languages. The pictures of `docs/consent.md` are made here, where they are missing or `RELAIS_PICTURES=1` asks for new ones.
 */

const PICTURES = fileURLToPath(new URL("../../docs/consent/", import.meta.url));
const LARGEST_PICTURE = 150_000;
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const owned = new AsyncDisposableStack();
let whole: WholeApp;
let browser: Browser;
let holder: Participant;
let platform: Participant;
let second: Participant;

before(async () => {
  browser = owned.adopt(await startBrowser(), (open) => open.close());
  whole = owned.use(await startWholeApp(PLAIN));
  const { store } = whole;
  holder = await accreditedParticipant(store, {
    entityId: "https://energie.example",
    name: "Énergie du Parc",
    roles: ["holder"],
    datasets: dataSetsOf("energy"),
  });
  platform = await accreditedParticipant(store, { entityId: "https://ancre.example", name: "Ancre", roles: ["platform"] });
  second = await accreditedParticipant(store, { entityId: "https://phare.example", name: "Phare", roles: ["platform"] });
});
after(() => owned.disposeAsync());

interface Person {
  personId: PersonId;
  /** A phone without JavaScript, the same with it (axe needs it), and a wide screen. */
  phone: Page;
  eyes: Page;
  wide: Page;
}

async function someone(subject: string): Promise<Person> {
  const { personId, cookie } = await whole.signIn(subject);
  const [name = "", value = ""] = cookie.split("=");
  const open = async (settings: object): Promise<Page> => {
    const context: BrowserContext = owned.adopt(await openContext(browser, settings), (made) => made.close());
    await context.addCookies([{ name, value, url: whole.origin }]);
    return context.newPage();
  };
  return {
    personId,
    phone: await open({ viewport: { width: 320, height: 800 }, javaScriptEnabled: false }),
    eyes: await open({ viewport: { width: 320, height: 800 } }),
    wide: await open({ viewport: { width: 1000, height: 800 } }),
  };
}

const ports = () => ({ store: whole.store, clock: realClock, policy });

async function ask({ personId }: Person, language: Lang, { to = platform, datasets = [] as string[] } = {}): Promise<Consent> {
  const [source, destination] = [
    await linkAccount(whole.store, personId, holder.id, "PDL-09114821"),
    await linkAccount(whole.store, personId, to.id, "space-77"),
  ];
  return requestConsent(ports(), {
    personId,
    sourceLinkId: source.id,
    destinationLinkId: destination.id,
    action: "copy",
    datasets,
    purpose: "https://w3id.org/dpv#PersonalisedBenefits",
    recurrence: "P1M",
    expires: inDays(90),
    retention: "P2Y",
    language,
    requester: null,
  });
}

function give({ id, personId, noticeHash, notice }: Consent, language: Lang): Promise<Consent> {
  const datasets = notice.datasets.slice(0, 2).map((one) => one.id);
  return grantConsent(ports(), { consentId: id, personId, datasets, acts: ["mandate", "consent"], noticeHash, language });
}

/** What the page on the phone meets, whatever is on it; axe looks at its very HTML. */
async function meets({ phone, eyes }: Person, lang: Lang): Promise<void> {
  await eyes.goto(`${whole.origin}/${lang}/legal`);
  await eyes.setContent(await phone.content(), { waitUntil: "load" });
  await isFit(eyes, lang, phone.url());
}

async function isFit(page: Page, lang: Lang, where: string): Promise<void> {
  assert.equal(await page.locator("html").getAttribute("lang"), lang, where);
  assert.equal(await page.locator("h1").count(), 1, where);
  assert.ok((await page.content()).length < 100_000, where);
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(wider <= 0, `${where} is ${wider} px wider than the screen`);
  const { violations } = await new AxeBuilder({ page }).withTags(TAGS).setLegacyMode(true).analyze();
  assert.deepEqual(
    violations.map(({ id, nodes }) => `${where}: ${id} ${nodes[0]?.html}`),
    [],
  );
  await steersNobody(page, lang);
}

/** Words that press, shame or flatter (EDPB 03/2022: stirring). */
const STIRRING = {
  fr: /dommage|ne manquez|profitez|vite|dernière chance|gratuitement|recommandé|conseillé|êtes-vous sûr|vraiment|hélas|malheureusement/i,
  en: /miss out|don.t miss|hurry|last chance|recommended|best choice|are you sure|really want|unfortunately|sorry|great|enjoy/i,
} as const;

async function steersNobody(page: Page, lang: Lang): Promise<void> {
  assert.doesNotMatch(await page.locator("main").innerText(), STIRRING[lang]);
}

async function picture(page: Page, name: string): Promise<void> {
  const path = `${PICTURES}${name}.jpg`;
  if (existsSync(path) && process.env["RELAIS_PICTURES"] !== "1") return;
  mkdirSync(PICTURES, { recursive: true });
  for (const quality of [60, 45, 30, 20]) {
    // The editor is long: its beginning shows what it is.
    await page.screenshot({ path, type: "jpeg", quality, fullPage: !name.startsWith("texts") });
    if (statSync(path).size < LARGEST_PICTURE) return;
  }
  assert.fail(`${name} is too large`);
}

async function look(person: Person, lang: Lang, path: string, name?: string): Promise<void> {
  const url = `${whole.origin}/${lang}${path}`;
  await Promise.all([person.phone.goto(url), person.eyes.goto(url), person.wide.goto(url)]);
  await isFit(person.eyes, lang, url);
  if (name?.startsWith("phone-")) await picture(person.phone, `${name}-${lang}`);
  else if (name !== undefined) await picture(person.wide, `${name}-${lang}`);
}

const button = (page: Page, answer: "accept" | "refuse") => page.locator(`button[name="answer"][value="${answer}"]`);

for (const lang of ["fr", "en"] as const) {
  const { t } = TONGUES[lang];
  /** Pictures in one language, but for the screen that all is about. */
  const only = (name: string) => (lang === "fr" ? name : undefined);

  describe(`${lang}: by keyboard, without JavaScript, at 320 px`, () => {
    let person: Person;
    let hands: Hands;
    let page: Page;
    let path: string;
    before(async () => {
      person = await someone(`journey-${lang}`);
      page = person.phone;
      hands = keyboard(page);
    });

    test("a yes takes a data set and two acts; nothing is ticked beforehand, and the two answers weigh the same", async () => {
      const asked = await ask(person, lang);
      path = `/permissions/${asked.id}`;
      await look(person, lang, `${path}/decide`, "decide");
      if (lang === "fr") await picture(page, "phone-decide-fr");
      await consentPageIsFair(person.wide, lang);
      await consentPageIsFair(page, lang);
      assert.equal(await shownHash(page), asked.noticeHash);
      await hands.press(button(page, "accept"));
      assert.equal(await page.locator(".govuk-error-summary a").count(), 3, "a data set, the mandate, the consent");
      await meets(person, lang);
      for (const link of await page.locator(".govuk-error-summary a").all())
        assert.equal(await page.locator(String(await link.getAttribute("href"))).count(), 1);
      hands.steps = 0;
      for (const box of ["#datasets", "#mandate", "#consent"]) await hands.choose(page.locator(box));
      await hands.press(button(page, "accept"));
      assert.match(page.url(), /\/me\/transfers\/trf_/);
    });

    test("it is found in two clicks, and stopped in no more steps than it was given", async () => {
      const granted = hands.steps;
      await page.goto(`${whole.origin}/${lang}/`);
      hands.steps = 0;
      await hands.press(page.locator(`nav a[href="/${lang}/permissions"]`));
      await hands.press(page.locator(`main a[href="/${lang}${path}"]`));
      assert.equal(hands.steps, 2);
      await look(person, lang, path, only("permission"));
      await look(person, lang, `${path}/stop`, only("phone-stop"));
      await page.goto(`${whole.origin}/${lang}${path}`);
      hands.steps = 0;
      await hands.press(page.locator('main a[href$="/stop"]'));
      await hands.press(page.locator('main form[action$="/stop"] button'));
      assert.ok(hands.steps <= granted, `${hands.steps} steps to stop, ${granted} to grant`);
      assert.equal(await page.locator(".rl-news").innerText(), t("permission.news.stopped"));
      await meets(person, lang);
    });

    test("a change begins with the present choice, shows its difference, and is answered like a request; a renewal changes the day alone", async () => {
      const given = await give(await ask(person, lang), lang);
      const here = `/permissions/${given.id}`;
      await look(person, lang, `${here}/change`, only("change"));
      assert.deepEqual(
        await page.locator('input[name="datasets"]:checked').evaluateAll((boxes) => boxes.map((box) => (box as HTMLInputElement).value)),
        given.datasets,
      );
      await page.goto(`${whole.origin}/${lang}${here}/change`);
      await hands.press(page.locator("main form button"));
      assert.equal(await page.locator(".govuk-error-summary").count(), 1, "nothing would change");
      await meets(person, lang);
      await page.locator('input[name="datasets"]:checked').first().uncheck();
      await page.locator('input[name="datasets"]').last().check();
      await hands.press(page.locator("main form button"));
      const decide = new URL(page.url()).pathname.slice(3);
      await look(person, lang, decide, only("change-decide"));
      await page.goto(`${whole.origin}/${lang}${decide}`);
      assert.equal(await page.locator("input:checked").count(), 0);
      await hands.press(button(page, "refuse"));
      assert.equal(await page.locator(".rl-news").innerText(), t("permission.news.kept"));
      await look(person, lang, `${here}/renew`);
      await page.goto(`${whole.origin}/${lang}${here}/renew`);
      await hands.choose(page.locator('input[name="expires"]').last());
      await hands.press(page.locator("main form button"));
      for (const box of ["#mandate", "#consent"]) await hands.choose(page.locator(box));
      await hands.press(button(page, "accept"));
      assert.equal(await page.locator(".rl-news").innerText(), t("permission.news.changed"));
      await look(person, lang, here);
      await look(person, lang, `${here}/notice`);
    });

    test("many permissions: filtered by place and state, stopped together in two screens; a problem has its route", async () => {
      const [one, other] = [await give(await ask(person, lang), lang), await give(await ask(person, lang, { to: second }), lang)];
      await look(person, lang, "/permissions", only("permissions"));
      await page.goto(`${whole.origin}/${lang}/permissions?to=${second.id}&state=active`);
      const shown = await page.locator("main section .rl-rows a").evaluateAll((links) => links.map((link) => link.getAttribute("href")));
      assert.deepEqual(shown, [`/${lang}/permissions/${other.id}`]);
      const from = `/permissions/stop?from=${holder.id}`;
      await look(person, lang, from, only("stop-all"));
      await look(person, lang, `/permissions/${one.id}/problem`, only("phone-problem"));
      await page.goto(`${whole.origin}/${lang}/permissions/${one.id}/problem`);
      await hands.press(page.locator('main form[action$="/problem"] button'));
      assert.equal(await page.locator(".govuk-error-summary a").count(), 2);
      await meets(person, lang);
      await page.goto(`${whole.origin}/${lang}${from}`);
      await hands.press(page.locator("main form button"));
      assert.match(await page.locator(".rl-news").innerText(), /\d/);
      await meets(person, lang);
      assert.equal(await page.locator("section[aria-labelledby=active] .rl-rows a").count(), 0);
    });

    test("nothing yet, a refusal that is remembered, and a long absence", async () => {
      const newcomer = await someone(`newcomer-${lang}`);
      await look(newcomer, lang, "/permissions");
      const asked = await ask(newcomer, lang);
      await newcomer.phone.goto(`${whole.origin}/${lang}/permissions/${asked.id}/decide`);
      await keyboard(newcomer.phone).press(button(newcomer.phone, "refuse"));
      await meets(newcomer, lang);
      await look(newcomer, lang, `/permissions/${(await ask(newcomer, lang)).id}/decide`);
      const date = TONGUES[lang].date(new Date());
      assert.ok((await newcomer.wide.locator("main").innerText()).includes(t("decide.refusedBefore", { date })));
      await give(await ask(newcomer, lang), lang);
      await whole.query(`update relais.people set previous_sign_in_at = now() - interval '91 days' where id = '${newcomer.personId}'`);
      await look(newcomer, lang, "/me", only("absence"));
      const links = newcomer.wide.locator("section[aria-labelledby=absence] a");
      const [review, stop] = await Promise.all(
        [0, 1].map((index) =>
          links.nth(index).evaluate((link) => [link.className, getComputedStyle(link).backgroundColor, link.getBoundingClientRect().top]),
        ),
      );
      assert.deepEqual(review, stop, "Review and Stop are equal links");
    });
  });
}

describe("offices and participants", () => {
  test("the operator writes, previews and publishes a text; a language that is missing leads to the other one", async () => {
    whole.staff.set("team", { name: "Équipe de Relais", office: "operator", person: { issuer: UPSTREAM, subject: "team" }, keys: [] });
    const [team, reader] = [await someone("team"), await someone("reader")];
    for (const lang of ["fr", "en"] as const) {
      await look(team, lang, "/operator/notices", lang === "fr" ? "texts" : undefined);
      await look(team, lang, "/operator/problems");
    }
    const { phone } = team;
    await phone.goto(`${whole.origin}/fr/organisation`);
    await press(phone.locator('main a[href="/fr/operator/notices"]'));
    await phone.locator("#fr-consent").fill("J’accepte.");
    await press(phone.locator('button[value="preview"]').first());
    assert.ok((await phone.locator(".govuk-error-summary a").count()) >= 2, "it has to name who receives and what for");
    await meets(team, "fr");
    await phone.goto(`${whole.origin}/fr/operator/notices`);
    for (const area of await phone.locator('textarea[name^="en-"]').all()) await area.fill("");
    await press(phone.locator('button[value="preview"]').first());
    await meets(team, "fr");
    await press(phone.locator('button[value="publish"]'));
    assert.equal(await phone.locator(".rl-news").count(), 1);
    const asked = await ask(reader, "fr");
    await look(reader, "en", `/permissions/${asked.id}/decide`, "unreadable");
    assert.equal(await button(reader.phone, "accept").count(), 0);
    await keyboard(reader.phone).press(reader.phone.locator("main a.govuk-button"));
    await consentPageIsFair(reader.phone, "fr");
  });

  test("who acts for a participant sees its requests and what became of them", async () => {
    const member = await someone("member");
    await whole.store.write((w) => w.cases.addMembership({ personId: member.personId, participantId: holder.id, addedAt: new Date() }));
    await whole.store.write((w) => w.cases.addMembership({ personId: member.personId, participantId: second.id, addedAt: new Date() }));
    for (const lang of ["fr", "en"] as const)
      await look(member, lang, `/organisation/${holder.id}/requests`, lang === "fr" ? "requests" : undefined);
    assert.ok((await member.wide.locator("tbody tr").count()) > 2);
  });
});
