import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AxeBuilder } from "@axe-core/playwright";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { ADAPTERS } from "../../adapters/index.ts";
import { RelaisError } from "../../src/core/errors.ts";
import { SESSION_COOKIE, startSession } from "../../src/core/person/sessions.ts";
import type { Store } from "../../src/core/ports.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { refreshParticipants } from "../../src/core/register/refresh-participants.ts";
import { registerParticipant } from "../../src/core/register/register-participant.ts";
import { createEntityConfigurations } from "../../src/federation/entity-configuration.ts";
import { createHttpApp, listen } from "../../src/http/server.ts";
import { verifyEntityConfiguration } from "../../src/keys/verifier.ts";
import { networkFor } from "../../src/net/network.ts";
import { createPages } from "../../src/pages/pages.ts";
import { renderProblem } from "../../src/pages/problems.ts";
import { openDatabase, openPool } from "../../src/postgres/pool.ts";
import { createStore } from "../../src/postgres/store.ts";
import { openContext, press, startBrowser } from "../support/browser.ts";
import { REGISTER_PORTS } from "../support/charter.ts";
import { freshDatabase } from "../support/database.ts";
import { policy } from "../support/policy.ts";
import { officesOf } from "../support/offices.ts";
import { freePort } from "../support/ports.ts";
import { publishingEntity, type PublishingEntity } from "../support/publishing-entity.ts";
import { testKey, type TestKey } from "../support/register-fixtures.ts";
import { NO_STANDINGS } from "../support/no-standings.ts";

/** Keys that were lost, as two accreditors and the authority see them: on a phone's width, in both languages. */
const PEOPLE = "https://id.example";
const owned = new AsyncDisposableStack();
const staff = officesOf(
  (["first", "second", "authority"] as const).map((subject) => ({
    name: `Office ${subject}`,
    office: subject === "authority" ? "authority" : "accreditor",
    person: { issuer: PEOPLE, subject },
    keys: [],
  })),
);
let now = new Date();
const clock = { now: () => now, sleep: async () => undefined };
let origin: string;
let store: Store;
let entity: PublishingEntity;
let lost: TestKey;
let participant: Participant;
let contexts: Record<"first" | "second" | "authority", BrowserContext>;

before(async () => {
  const database = owned.use(await freshDatabase());
  const pool = owned.adopt(openPool(database.url, 4), (open) => open.end());
  store = createStore(openDatabase(pool));
  const port = await freePort();
  origin = `http://127.0.0.1:${port}`;
  const network = owned.use(networkFor({ allowLoopback: true }));
  const unreachable = async (): Promise<never> => {
    throw new RelaisError("peer_unavailable", "Nobody answers.");
  };
  const ports = {
    store,
    clock,
    policy,
    issuer: origin,
    adapters: ADAPTERS,
    operator: null,
    network: { fetchFor: () => unreachable },
    queue: { ring: async () => undefined },
    sealer: { seal: unreachable, ephemeralProofs: () => unreachable },
    ...REGISTER_PORTS,
    entityConfigurations: createEntityConfigurations({ clock, fetchOrigin: network.fetchOrigin, verify: verifyEntityConfiguration }),
    staff,
  };
  const app = createHttpApp(
    { ...ports, standings: NO_STANDINGS, callers: { verify: unreachable, verifyRegister: unreachable } },
    {
      issuer: origin,
      mounted: [createPages(ports)],
      page: (error, { language, ...reader }) => renderProblem(error, { ...reader, lang: language === "en" ? "en" : "fr", operator: null }),
      log: () => undefined,
      onAnswer: () => undefined,
    },
  );
  owned.use(await listen(app, { host: "127.0.0.1", port }));
  entity = owned.use(await publishingEntity(clock.now));
  lost = await testKey();
  entity.publish({ jwks: { keys: [lost.publicJwk] } }, lost);
  participant = await registerParticipant(ports, { entityId: entity.entityId });
  now = new Date(now.getTime() + 6 * 3_600_000);
  entity.publish();
  await refreshParticipants(ports, new AbortController().signal);
  const browser = owned.adopt(await startBrowser(), (open) => open.close());
  contexts = {
    first: await contextOf(browser, "first"),
    second: await contextOf(browser, "second"),
    authority: await contextOf(browser, "authority"),
  };

  async function contextOf(open: Browser, subject: string): Promise<BrowserContext> {
    const made = await openContext(open, { viewport: { width: 320, height: 800 } });
    const { token } = await startSession(ports, { issuer: PEOPLE, subject, displayName: subject });
    await made.addCookies([{ name: SESSION_COOKIE, value: token, url: origin }]);
    return made;
  }
});
after(() => owned.disposeAsync());

async function openPage(who: keyof typeof contexts, path: string): Promise<Page> {
  const page = await contexts[who].newPage();
  await page.goto(origin + path);
  await meets(page);
  return page;
}

async function meets(page: Page): Promise<void> {
  assert.equal(await page.locator("h1").count(), 1);
  const isWide = await page.locator("html").evaluate((html) => html.scrollWidth > html.clientWidth);
  assert.equal(isWide, false, "nothing is wider than a phone");
  const { violations } = await new AxeBuilder({ page }).setLegacyMode(true).analyze();
  assert.deepEqual(
    violations.map(({ id, nodes }) => `${page.url()}: ${id} ${nodes[0]?.html}`),
    [],
  );
}

const known = async () => (await store.read((r) => r.participants.get(participant.id))).federationKeys?.map(({ kid }) => kid);

test("the first page lists who waits; the participant's page shows known and published keys, and the authority reads the same", async () => {
  for (const lang of ["fr", "en"]) {
    const queue = await openPage("first", `/${lang}/accreditation`);
    await press(queue.getByRole("link", { name: participant.name }));
    await meets(queue);
    const main = await queue.locator("main").innerText();
    assert.ok(main.includes(lost.kid) && main.includes(entity.key.kid));
    await queue.close();
    const read = await openPage("authority", `/${lang}/accreditation/participants/${participant.id}`);
    assert.ok((await read.locator("main").innerText()).includes(entity.key.kid));
    assert.equal(await read.locator("input[name=asked]").count(), 0);
    await read.close();
  }
});

test("who did not ask the participant confirms nothing; two who did put the keys in force", async () => {
  const path = `/fr/accreditation/participants/${participant.id}`;
  const first = await openPage("first", path);
  await press(first.getByRole("button", { name: "Confirmer" }));
  await meets(first);
  assert.ok((await first.locator(".govuk-error-summary").innerText()).includes("par un autre moyen"));
  await first.locator("input[name=asked]").check();
  await press(first.getByRole("button", { name: "Confirmer" }));
  await meets(first);
  assert.deepEqual([await known(), (await first.locator("main").innerText()).includes("Confirmé par Office first")], [[lost.kid], true]);
  await first.close();
  const second = await openPage("second", path);
  await second.locator("input[name=asked]").check();
  await press(second.getByRole("button", { name: "Confirmer" }));
  await meets(second);
  assert.deepEqual(await known(), [entity.key.kid]);
  assert.equal(await second.locator("input[name=asked]").count(), 0, "nothing waits any more");
});
