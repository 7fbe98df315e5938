import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AxeBuilder } from "@axe-core/playwright";
import type { BrowserContext, Page } from "playwright-core";
import type { Consent } from "../../src/core/consent/consent.ts";
import type { TransferId } from "../../src/core/ids.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { press } from "../support/browser.ts";
import { journalLibrary } from "../support/journal-library.ts";
import { startSandboxWorld, type SandboxWorld } from "../support/sandbox-world.ts";
import { startWorldPortal } from "../support/world-portal.ts";

/** What a person reads of deliveries that bring what is new: real ones, between the sandbox's holder and Ancre. */

const SET = "energy.contract";
const library = journalLibrary();
const owned = new AsyncDisposableStack();
let world: SandboxWorld;
let consent: Consent;
let context: BrowserContext;
let origin: string;
let deliver: () => Promise<TransferId>;

before(async () => {
  world = owned.use(await startSandboxWorld("increment-pages", library));
  const person = await world.resident("camille");
  for (let n = 1; n <= 12; n++) library.put(SET, `item-${n}`, { n });
  consent = await world.recurring(person, [SET]);
  deliver = async () => {
    const { id } = await requestTransfer(world.ports, { consentId: consent.id, personId: person.personId });
    await world.run(id);
    return id;
  };
  const portal = owned.use(await startWorldPortal(world, person));
  origin = portal.origin;
  context = await portal.context({ viewport: { width: 320, height: 800 } });
});
after(() => owned.disposeAsync());

/** The text of the page's main part; axe finds nothing on it, and nothing is wider than a phone. */
async function look(path: string): Promise<{ page: Page; text: string }> {
  const page = await context.newPage();
  const answer = await page.goto(origin + path);
  assert.equal(answer?.status(), 200, path);
  const { violations } = await new AxeBuilder({ page }).setLegacyMode(true).analyze();
  assert.deepEqual(
    violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`),
    [],
    path,
  );
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 320, path);
  return { page, text: await page.locator("main").innerText() };
}

test("a delivery says what it brought, corrected and deleted, on its own page and on the permission's, in both languages", async () => {
  await deliver();
  library.put(SET, "item-1", { n: 100 });
  library.put(SET, "item-13", { n: 13 });
  library.remove(SET, "item-2");
  const id = await deliver();
  const french = (await look(`/fr/me/transfers/${id}`)).text;
  assert.match(french, /ce qui est nouveau depuis le .*: 2 éléments nouveaux ou corrigés, comparés chez Ancre\./);
  assert.match(french, /Énergie du Parc a supprimé un élément\. Ancre a retiré sa copie\./);
  assert.match(french, /Énergie du Parc a listé ce qui est nouveau/);
  assert.match(french, /Éléments (enregistrés|stockés|gardés).*: 2 sur 2|2 sur 2/);
  assert.match((await look(`/en/me/transfers/${id}`)).text, /2 new or corrected items, compared at Ancre\./);
  assert.match(
    (await look(`/en/permissions/${consent.id}`)).text,
    /Verified\. This delivery brought what is new since .*: 2 new or corrected items/,
  );
});

test("one with nothing new says so in plain words", async () => {
  const id = await deliver();
  assert.match(
    (await look(`/en/me/transfers/${id}`)).text,
    /Nothing new since .*Ancre has confirmed this delivery\.[\s\S]*Nothing new to bring\./,
  );
  assert.match((await look(`/fr/me/transfers/${id}`)).text, /Rien de nouveau depuis le /);
});

test("a person asks for everything again by a button, and everything comes", async () => {
  const { page } = await look(`/en/permissions/${consent.id}`);
  await press(page.getByRole("button", { name: "Bring everything again" }));
  await page.waitForURL(/\/me\/transfers\//);
  const id = new URL(page.url()).pathname.split("/").at(-1) as TransferId;
  assert.deepEqual(await world.run(id), { kind: "ended", state: "verified" });
  const [row] = await world.store.read((r) => r.transfers.progress(id));
  assert.equal(row?.verified, 12);
  assert.match((await look(`/en/me/transfers/${id}`)).text, /Every item that you allowed is stored/);
});
