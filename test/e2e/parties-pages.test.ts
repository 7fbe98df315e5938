import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { AxeBuilder } from "@axe-core/playwright";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { answerAsParty } from "../../src/core/consent/answer-as-party.ts";
import { grantConsent } from "../../src/core/consent/decide-consent.ts";
import { requestConsent } from "../../src/core/consent/request-consent.ts";
import { newId, type ConsentId, type LinkId, type PersonId, type TransferId } from "../../src/core/ids.ts";
import { SESSION_COOKIE, startSession } from "../../src/core/person/sessions.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { openContext, press, startBrowser } from "../support/browser.ts";
import { inDays } from "../support/engine.ts";
import { policy } from "../support/policy.ts";
import { realClock } from "../support/real-clock.ts";
import { accreditedParticipant, dataset, linkAccount } from "../support/register-fixtures.ts";
import { startPortal, type Portal } from "../support/portal.ts";

/** Several organisations, joint contracts, mandates and proposals, as a person sees them: on a phone, in both languages. */
const LANGUAGES = ["fr", "en"] as const;
/** With PICTURES=folder each page is kept as a picture, for people to look at. */
const { PICTURES } = process.env;
const owned = new AsyncDisposableStack();
let portal: Portal;
let browser: Browser;
let holders: Participant[];
let space: Participant;

interface Somebody {
  personId: PersonId;
  context: BrowserContext;
  links: LinkId[];
  space: LinkId;
}
let owner: Somebody;
let other: Somebody;
let nobody: Somebody;

before(async () => {
  portal = owned.use(await startPortal());
  browser = owned.adopt(await startBrowser(), (open) => open.close());
  const names = ["Énergie du Parc", "Mutuelle des Quais", "Télécom du Vallon"];
  holders = [];
  for (const [place, name] of names.entries())
    holders.push(
      await accreditedParticipant(portal.store, {
        entityId: `https://holder-${place}.example`,
        name,
        roles: ["holder"],
        datasets: ["energy.bills", "energy.home"].map((id) => ({ ...dataset(id), acceptsProposals: true as const })),
        endpoints: { inbox: `https://holder-${place}.example/inbox` },
      }),
    );
  space = await accreditedParticipant(portal.store, { entityId: "https://ancre.example", name: "Ancre", roles: ["platform"] });
  [owner, other, nobody] = [await somebody("Inès"), await somebody("Paul"), await somebody("Zoé")];
  const reference = "contract-of-ines-and-paul";
  for (const [{ personId, links }, party, others] of [
    [owner, "party-ines", ["party-paul"]],
    [other, "party-paul", ["party-ines"]],
  ] as const) {
    const link = await portal.store.read((r) => r.people.getLink(links[0] as LinkId));
    assert.equal(link.personId, personId);
    await portal.store.write((w) =>
      w.accounts.putLink({ ...link, contract: { reference, party, others: [...others], rule: "all", safety: false } }),
    );
  }
});
after(() => owned.disposeAsync());

async function somebody(displayName: string): Promise<Somebody> {
  const ports = { store: portal.store, clock: realClock };
  const { token, session } = await startSession(ports, { issuer: "https://id.test", subject: newId("person"), displayName });
  const context = await openContext(browser, { viewport: { width: 320, height: 800 } });
  await context.addCookies([{ name: SESSION_COOKIE, value: token, url: portal.origin }]);
  const links: LinkId[] = [];
  for (const { id } of holders) links.push((await linkAccount(portal.store, session.personId, id, newId("link"))).id);
  return {
    personId: session.personId,
    context,
    links,
    space: (await linkAccount(portal.store, session.personId, space.id, newId("link"))).id,
  };
}

const ports = () => ({ store: portal.store, clock: realClock, policy, queue: { ring: async () => undefined } });

async function given({ personId, links, space: to }: Somebody, action: "copy" | "propose"): Promise<ConsentId> {
  const [sourceLinkId, destinationLinkId] = action === "copy" ? [links[0] as LinkId, to] : [to, links[0] as LinkId];
  const { id, noticeHash, notice } = await requestConsent(ports(), {
    personId,
    sourceLinkId,
    destinationLinkId,
    action,
    datasets: [],
    purpose: "https://w3id.org/dpv#RightsFulfilment",
    recurrence: null,
    expires: inDays(30),
    retention: null,
    language: "fr",
    requester: null,
  });
  await grantConsent(ports(), { consentId: id, personId, datasets: notice.datasets.map((one) => one.id), noticeHash, language: "fr" });
  return id;
}

/** A phone: one heading, no box ticked that nobody ticked, nothing wider than the screen, nothing that axe finds. */
async function meets(page: Page, name: string): Promise<void> {
  assert.equal(await page.locator("h1").count(), 1, name);
  const { violations } = await new AxeBuilder({ page }).setLegacyMode(true).analyze();
  assert.deepEqual(
    violations.map(({ id, nodes }) => `${name}: ${id} ${nodes[0]?.html}`),
    [],
  );
  const width = await page
    .locator("html")
    .evaluate((html) => html.scrollWidth)
    .catch(() => 320);
  assert.ok(width <= 320, `${name} is ${width} pixels wide`);
  if (PICTURES === undefined) return;
  await mkdir(PICTURES, { recursive: true });
  await page.screenshot({ path: join(PICTURES, `${name}-320.png`), fullPage: true });
  await page.setViewportSize({ width: 1200, height: 900 });
  await page.screenshot({ path: join(PICTURES, `${name}-1200.png`), fullPage: true });
  await page.setViewportSize({ width: 320, height: 800 });
}

async function look({ context }: Somebody, path: string, name: string): Promise<Page> {
  const page = await context.newPage();
  const answer = await page.goto(portal.origin + path);
  assert.equal(answer?.status(), 200, path);
  await meets(page, name);
  return page;
}

for (const lang of LANGUAGES) {
  test(`${lang}: several organisations, from the choice to the summary, resumed in the middle`, async () => {
    const person = await somebody("Ana");
    const page = await look(person, `/${lang}/me/copy`, `copy-${lang}`);
    assert.equal(await page.locator("input:checked").count(), 0);
    for (const link of person.links) await page.locator(`input[name=source][value=${link}]`).check();
    await page.locator(`input[name=destination][value=${person.space}]`).check();
    await press(page.locator("main form button:not([formaction])"));
    const address = page.url();
    assert.match(address, /\/me\/journeys\/jrn_/);
    await meets(page, `journey-begun-${lang}`);
    for (const [place] of person.links.entries()) {
      await press(page.locator(".rl-actions a"));
      assert.match(page.url(), /\/decide$/);
      assert.equal(await page.locator("input:checked").count(), 0, "a yes to one is no yes to another");
      if (place === 1) await press(page.locator("button[value=refuse]"));
      else await accept(page);
      assert.equal(page.url(), address);
      if (place === 0) {
        await page.goto(portal.origin);
        await page.goto(address);
        await meets(page, `journey-resumed-${lang}`);
      }
    }
    await meets(page, `journey-over-${lang}`);
    assert.equal(await page.locator("main ol > li").count(), 3);
  });

  test(`${lang}: a joint contract: the one who waits, the one who is asked, the list, and the way to stop all of it`, async () => {
    const id = await given(owner, "copy");
    await (await look(owner, `/${lang}/permissions/${id}`, `permission-waiting-${lang}`)).close();
    const me = await look(other, `/${lang}/me`, `me-asked-${lang}`);
    await press(me.locator(`.rl-todo a[href$="${id}"]`));
    await meets(me, `shared-asked-${lang}`);
    await press(me.locator("button[value=approve]"));
    await meets(me, `shared-approved-${lang}`);
    await answerAsParty(ports(), { consentId: id, personId: other.personId, answer: "remove" });
    await (await look(owner, `/${lang}/permissions/${id}`, `permission-removed-${lang}`)).close();
    await me.goto(`${portal.origin}/${lang}/me/contracts`);
    await meets(me, `contracts-${lang}`);
    await given(other, "copy");
    await me.reload();
    await press(me.locator(`a[href$="${other.links[0]}/stop"]`));
    await meets(me, `contract-stop-${lang}`);
    await press(me.locator("form.rl-choice button"));
    await meets(me, `contracts-stopped-${lang}`);
    await (await look(nobody, `/${lang}/me/contracts`, `contracts-empty-${lang}`)).close();
    await (await look(owner, `/${lang}/permissions/${id}/mandate`, `mandate-${lang}`)).close();
  });

  test(`${lang}: a proposal: the choice, the screen that says its direction, and what became of each item`, async () => {
    const page = await look(owner, `/${lang}/me/propose`, `propose-${lang}`);
    await press(page.locator("main form button:not([formaction])"));
    await meets(page, `propose-error-${lang}`);
    await page.locator(`input[name=source][value=${owner.space}]`).check();
    await page.locator(`input[name=destination][value=${owner.links[1]}]`).check();
    await press(page.locator("main form button:not([formaction])"));
    await meets(page, `propose-decide-${lang}`);
    assert.match(await page.locator("main").innerText(), lang === "fr" ? /dans l’autre sens/ : /the other way/);
    const transfer = await received(await given(owner, "propose"));
    await (await look(owner, `/${lang}/me/transfers/${transfer}`, `proposals-${lang}`)).close();
  });
}

async function accept(page: Page): Promise<void> {
  await page.locator("input[name=datasets]").first().check();
  for (const act of ["mandate", "consent"]) await page.locator(`input[name=${act}]`).check();
  await press(page.locator("button[value=accept]"));
}

/** As the worker leaves it: one item accepted, one refused, one that waits. */
async function received(consentId: ConsentId): Promise<TransferId> {
  const { id } = await requestTransfer(ports(), { consentId, personId: owner.personId });
  const { records } = portal;
  const begun = await records.begin({ transferId: id, epoch: 0 }, { leaseSeconds: 60, at: new Date() });
  const epoch = begun?.transfer.epoch ?? 0;
  const items = ["home", "tank", "roof"].map((key) => ({
    dataset: "energy.home",
    key,
    mediaType: "application/json",
    bytes: 20,
    sha256: "x",
  }));
  await records.step({ id, epoch }, { events: [], expected: [{ dataset: "energy.home", items: 3, bytes: 60 }], listed: items }, new Date());
  await portal.store.write(async (w) => {
    await w.deliveries.markItems(id, epoch, [
      { dataset: "energy.home", key: "home", state: "stored" },
      { dataset: "energy.home", key: "tank", state: "omitted", reason: "proof_needed" },
      { dataset: "energy.home", key: "roof", state: "sent" },
    ]);
    for (const state of ["delivering", "delivered", "received"] as const) await w.deliveries.change(id, epoch, { state });
    await w.deliveries.addEvent(id, new Date(), { kind: "receipt_received", actor: "holder", details: { items: 2, waiting: 1 } });
    await w.deliveries.addEvent(id, new Date(), { kind: "proposal_decided", actor: "holder", details: { accepted: 1, refused: 1 } });
  });
  return id;
}
