import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { AxeBuilder } from "@axe-core/playwright";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { decodeJwt } from "jose";
import { refuseConsent } from "../../src/core/consent/decide-consent.ts";
import { sealChanges } from "../../src/core/consent/seal-changes.ts";
import { tellChanges } from "../../src/core/consent/tell-changes.ts";
import { withdrawConsent } from "../../src/core/consent/withdraw-consent.ts";
import type { Consent } from "../../src/core/consent/consent.ts";
import { SESSION_COOKIE, startSession } from "../../src/core/person/sessions.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { openContext, press, startBrowser } from "../support/browser.ts";
import { seedPerson } from "../support/fault-relais.ts";
import { startPortal, type Portal } from "../support/portal.ts";
import { accreditedParticipant, dataset } from "../support/register-fixtures.ts";
import { realClock } from "../support/real-clock.ts";

/** The receipts of a person's permissions, and who was told of each change: on a phone's width, in both languages. */

const DATASET = "energy.bills";
const owned = new AsyncDisposableStack();
const never = new AbortController().signal;
let portal: Portal;
let browser: Browser;
let person: BrowserContext;
let stranger: BrowserContext;
let stopped: Consent;
let refused: Consent;

before(async () => {
  portal = owned.use(await startPortal());
  const { store, origin, keys } = portal;
  const ports = { store, clock: realClock };
  const [source, destination] = await ends();
  const seeded = await seedPerson(store, { source, destination, sourceAccount: "c-1", destinationAccount: "s-1" });
  const known = await store.read((r) => r.people.find(seeded.id));
  stopped = await seeded.consent([DATASET]);
  await withdrawConsent(ports, { consentId: stopped.id, personId: seeded.id });
  refused = await seeded.ask([DATASET]);
  await refuseConsent(ports, { consentId: refused.id, personId: seeded.id });
  await sealChanges(
    { ...ports, issuer: origin, signer: { signDocument: keys.documents.sign }, operator: null, pseudonymOf: (id) => `of ${id}` },
    never,
  );
  await tellChanges({ ...ports, subjectFor: () => "somebody" }, never);
  await portal.query("update relais.notices set acknowledged_at = now() where recipient_id = $1", [source.id]);
  browser = owned.adopt(await startBrowser(), (open) => open.close());
  const contextOf = async (issuer: string, subject: string): Promise<BrowserContext> => {
    const made = await openContext(browser, { viewport: { width: 320, height: 800 } });
    const { token } = await startSession(ports, { issuer, subject, displayName: "Camille" });
    await made.addCookies([{ name: SESSION_COOKIE, value: token, url: origin }]);
    return made;
  };
  person = await contextOf(String(known?.issuer), String(known?.subject));
  stranger = await contextOf("https://id.example", "somebody else");
});
after(() => owned.disposeAsync());

function ends(): Promise<[Participant, Participant]> {
  const endpoints = (name: string) => ({ events: `https://${name}.example/events` });
  return Promise.all([
    accreditedParticipant(portal.store, {
      entityId: "https://parc.example",
      name: "Parc",
      roles: ["holder"],
      datasets: [dataset(DATASET)],
      endpoints: endpoints("parc"),
    }),
    accreditedParticipant(portal.store, {
      entityId: "https://nuage.example",
      name: "Nuage",
      roles: ["platform"],
      endpoints: endpoints("nuage"),
    }),
  ]);
}

async function visit(path: string, look: (page: Page) => Promise<void>): Promise<void> {
  const page = await person.newPage();
  try {
    await page.goto(`${portal.origin}${path}`);
    await look(page);
    const { violations } = await new AxeBuilder({ page }).analyze();
    assert.deepEqual(
      violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`),
      [],
      path,
    );
    assert.equal(await page.locator("h1").count(), 1, path);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= 320, `${path} is ${width} px wide`);
    if (process.env["PICTURES"])
      await page.screenshot({ path: join(process.env["PICTURES"], `${path.replaceAll("/", "_").slice(0, 40)}.png`), fullPage: true });
  } finally {
    await page.close();
  }
}

const receiptsOf = async ({ id }: Consent) => (await portal.store.read((r) => r.changes.of(id))).filter(({ receipt }) => receipt !== null);
const WORDS = {
  fr: {
    stopped: "autorisation arrêtée par vous",
    refused: "autorisation refusée par vous",
    answered: "A répondu",
    waits: "Pas encore de réponse",
    copies: "les copies déjà remises sont chez Nuage",
    mandate: "Votre mandat",
    asked: "Le mandat qui vous était demandé",
  },
  en: {
    stopped: "permission stopped by you",
    refused: "permission refused by you",
    answered: "Answered",
    waits: "No answer yet",
    copies: "copies that were delivered are at Nuage",
    mandate: "Your mandate",
    asked: "The mandate that was asked for",
  },
} as const;

for (const lang of ["fr", "en"] as const) {
  const word = WORDS[lang];
  test(`${lang}: the permission's page leads to each receipt, and says who was told, who answered, and what does not stop`, () =>
    visit(`/${lang}/permissions/${stopped.id}`, async (page) => {
      const text = await page.locator("main").innerText();
      for (const expected of [word.stopped, word.answered, word.waits, word.copies])
        assert.ok(text.includes(expected), `${expected} in ${text}`);
      await press(page.getByRole("link", { name: word.stopped }));
      assert.ok((await page.locator("h1").innerText()).includes(word.stopped));
    }));

  test(`${lang}: a receipt says mandate and agreement apart, how to stop, and the hash of the notice that was on the screen; a refusal has one too`, async () => {
    for (const [consent, title] of [
      [stopped, word.stopped],
      [refused, word.refused],
    ] as const) {
      const last = (await receiptsOf(consent)).at(-1);
      await visit(`/${lang}/permissions/${consent.id}/receipts/${last?.id}`, async (page) => {
        const text = await page.locator("main").innerText();
        for (const expected of [title, consent === refused ? word.asked : word.mandate, consent.noticeHash, "CNIL", "Nuage"])
          assert.ok(text.includes(expected), expected);
      });
    }
  });
}

test("the signed file, its JSON-LD and the Kantara export are the same receipt; nobody else finds it, nor under another permission", async () => {
  const [given] = await receiptsOf(stopped);
  const at = `${portal.origin}/en/permissions/${stopped.id}/receipts/${given?.id}`;
  const [jws, json, kantara] = await Promise.all(
    ["jws", "json", "kantara"].map(async (format) => (await person.request.get(`${at}/file?format=${format}`)).text()),
  );
  assert.equal(jws, given?.receipt);
  assert.deepEqual(JSON.parse(String(json)), decodeJwt(String(jws))["receipt"]);
  const { version, consentReceiptID, services } = JSON.parse(String(kantara)) as {
    version: string;
    consentReceiptID: string;
    services: { purposes: object[] }[];
  };
  assert.deepEqual([version, consentReceiptID, services[0]?.purposes.length], ["KI-CR-v1.1.0", given?.id, 1]);
  const [no] = await receiptsOf(refused);
  const statuses = await Promise.all(
    [
      person.request.get(`${portal.origin}/en/permissions/${refused.id}/receipts/${no?.id}/file?format=kantara`),
      person.request.get(`${at}/file?format=xml`),
      person.request.get(`${portal.origin}/en/permissions/${refused.id}/receipts/${given?.id}`),
      stranger.request.get(at),
      stranger.request.get(`${at}/file`),
    ].map(async (answer) => (await answer).status()),
  );
  assert.deepEqual(statuses, [404, 404, 404, 404, 404]);
  const verdict = await (
    await person.request.post(`${portal.origin}/v1/verifications`, {
      data: Buffer.from(String(jws)),
      headers: { "content-type": "text/plain" },
    })
  ).json();
  assert.deepEqual(
    [verdict.kind, verdict.finding, verdict.details.state, verdict.details.standing],
    ["consent_receipt", "holds", "active", "ended"],
  );
  assert.deepEqual(
    verdict.checks.map(({ holds }: { holds: boolean }) => holds),
    [true, true, true],
  );
});
