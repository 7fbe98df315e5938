import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AxeBuilder } from "@axe-core/playwright";
import type { Browser, BrowserContext, Page, Request } from "playwright-core";
import { ADAPTERS } from "../../adapters/index.ts";
import { grantConsent } from "../../src/core/consent/decide-consent.ts";
import { requestConsent } from "../../src/core/consent/request-consent.ts";
import { RelaisError } from "../../src/core/errors.ts";
import type { ConsentId, LinkId, PersonId } from "../../src/core/ids.ts";
import { SESSION_COOKIE, startSession } from "../../src/core/person/sessions.ts";
import type { Ports } from "../../src/core/ports.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { createHttpApp, listen, type Listening } from "../../src/http/server.ts";
import { createPages } from "../../src/pages/pages.ts";
import { renderProblem } from "../../src/pages/problems.ts";
import { openDatabase, openPool } from "../../src/postgres/pool.ts";
import { createStore } from "../../src/postgres/store.ts";
import { openContext, press, startBrowser } from "../support/browser.ts";
import { freshDatabase } from "../support/database.ts";
import { NOBODY } from "../../src/core/register/staff.ts";
import { REGISTER_PORTS } from "../support/charter.ts";
import { inDays } from "../support/engine.ts";
import { realClock } from "../support/real-clock.ts";
import { policy } from "../support/policy.ts";
import { accreditedParticipant, dataset, linkAccount } from "../support/register-fixtures.ts";
import { freePort } from "../support/ports.ts";
import { NO_STANDINGS } from "../support/no-standings.ts";

const LANGUAGES = ["fr", "en"] as const;
const owned = new AsyncDisposableStack();
let origin = "";
let browser: Browser;
let nobody: BrowserContext;
let newcomer: BrowserContext;
let person: BrowserContext;
let withoutScript: BrowserContext;
let givePermission: () => Promise<ConsentId>;
let places: Record<"holder" | "platform" | "folder", Participant>;

/** The pages on a real database behind the real guards. Nobody answers at the other end: its failure is one of the states to look at. */
before(async () => {
  const database = owned.use(await freshDatabase());
  const pool = owned.adopt(openPool(database.url, 5), (open) => open.end());
  const store = createStore(openDatabase(pool));
  const port = await freePort();
  origin = `http://127.0.0.1:${port}`;
  const unreachable = async () => {
    throw new RelaisError("peer_unavailable", "Nobody answers.");
  };
  const ports = {
    store,
    clock: realClock,
    policy,
    queue: { ring: async () => undefined },
    issuer: origin,
    adapters: ADAPTERS,
    operator: { name: "Région test", contact: "https://region.example/contact" },
    network: { fetchFor: () => unreachable },
    sealer: { seal: unreachable, ephemeralProofs: () => unreachable },
    ...REGISTER_PORTS,
    staff: NOBODY,
  };
  const app = createHttpApp(
    { ...ports, standings: NO_STANDINGS, callers: { verify: unreachable, verifyRegister: unreachable } },
    {
      issuer: origin,
      mounted: [createPages(ports)],
      page: (error, { language, ...reader }) =>
        renderProblem(error, { ...reader, lang: language === "en" ? "en" : "fr", operator: ports.operator }),
      log: () => undefined,
      onAnswer: () => undefined,
    },
  );
  owned.use<Listening>(await listen(app, { host: "127.0.0.1", port }));
  browser = owned.adopt(await startBrowser(), (open) => open.close());
  places = {
    holder: await accreditedParticipant(store, {
      entityId: "https://parc.example",
      roles: ["holder"],
      datasets: [dataset("energy.bills"), dataset("energy.consumption.daily")],
    }),
    platform: await accreditedParticipant(store, { entityId: "https://ancre.example", roles: ["platform"] }),
    folder: await accreditedParticipant(store, {
      entityId: "https://nuage.example",
      roles: ["platform"],
      adapter: "webdav",
      endpoints: { root: "https://nuage.example/dav/" },
    }),
  };
  const context = async (token: string | null, settings: object) => {
    const made = await openContext(browser, { viewport: { width: 320, height: 800 }, ...settings });
    if (token !== null) await made.addCookies([{ name: SESSION_COOKIE, value: token, url: origin }]);
    return made;
  };
  const full = await startSession(ports, { issuer: "https://id.example", subject: "full", displayName: "Camille" });
  const empty = await startSession(ports, { issuer: "https://id.example", subject: "empty", displayName: "Alix" });
  const source = await linkAccount(store, full.session.personId, places.holder.id, "customer-4821");
  const destination = await linkAccount(store, full.session.personId, places.platform.id, "ancre-77");
  givePermission = () => permissionWithoutTransfer(ports, full.session.personId, source.id, destination.id);
  nobody = await context(null, {});
  newcomer = await context(empty.token, {});
  person = await context(full.token, {});
  withoutScript = await context(full.token, { javaScriptEnabled: false });
});

after(() => owned.disposeAsync());

/** What every page meets: the answer, its language, one heading, nothing from elsewhere, nothing wider than a phone, nothing that axe finds. */
async function look(context: BrowserContext, path: string, status = 200): Promise<void> {
  // One page for all: of hundreds that are opened and closed, Chromium does not close one now and then.
  const page = context.pages()[0] ?? (await context.newPage());
  const foreign: string[] = [];
  const note = (request: Request): void => void (request.url().startsWith(origin) || foreign.push(request.url()));
  page.on("request", note);
  const answer = await page.goto(origin + path);
  assert.equal(answer?.status(), status, path);
  await meets(page, path);
  assert.deepEqual(foreign, [], path);
  page.off("request", note);
}

async function meets(page: Page, path: string): Promise<void> {
  assert.equal(await page.locator("html").getAttribute("lang"), path.slice(1, 3), path);
  assert.equal(await page.locator("h1").count(), 1, path);
  assert.ok((await page.content()).length < 100_000, path);
  const { violations } = await new AxeBuilder({ page }).setLegacyMode(true).analyze();
  assert.deepEqual(
    violations.map(({ id, nodes }) => `${path}: ${id} ${nodes[0]?.html}`),
    [],
  );
}

for (const lang of LANGUAGES) {
  test(`${lang}: what everybody sees`, async () => {
    for (const path of [
      "/",
      "/register",
      `/register/${places.holder.id}`,
      `/register/${places.platform.id}`,
      "/register/compare",
      `/register/compare?a=${places.platform.id}&b=${places.folder.id}`,
      "/verify",
      "/sign-in",
      "/problems",
      "/problems/conflict",
      "/accessibility",
      "/legal",
      "/understand",
      "/privacy",
    ])
      await look(nobody, `/${lang}${path}`);
    await look(nobody, `/${lang}/nothing-here`, 404);
  });

  test(`${lang}: someone who has done nothing yet`, async () => {
    for (const path of ["/me", "/me/copy", "/me/switch", "/accounts", `/accounts/${places.holder.id}`, "/permissions", "/me/transfers"])
      await look(newcomer, `/${lang}${path}`);
  });

  test(`${lang}: a copy from choice to stop, with JavaScript off`, async () => {
    const page = await withoutScript.newPage();
    const grant = await giveConsent(page, lang);
    assert.equal(await page.locator("[data-refresh] a").count(), 1);
    const transfer = new URL(page.url()).pathname;
    const stopped = await stopSharing(page, lang);
    assert.ok(stopped <= grant, `${stopped} steps to stop, ${grant} to grant`);
    await page.close();
    for (const path of [
      transfer,
      ...["/me", "/me/copy", "/permissions", "/accounts", "/me/transfers", "/me/switch"].map((one) => `/${lang}${one}`),
    ])
      await look(person, path);
  });

  test(`${lang}: a permission whose transfer was never accepted, or was stopped, has a button that starts it`, async () => {
    const path = `/${lang}/permissions/${await givePermission()}`;
    await look(person, path);
    const page = await withoutScript.newPage();
    await page.goto(origin + path);
    await press(page.locator('form[action$="/start"] button'));
    const transfer = page.url();
    assert.match(transfer, new RegExp(`/${lang}/me/transfers/trf_`));
    await page.goto(origin + path);
    assert.equal(await page.locator('form[action$="/start"]').count(), 0, "one is under way");
    await page.goto(`${transfer}/cancel`);
    await press(page.locator("main form button"));
    await look(person, path);
    await page.goto(origin + path);
    await press(page.locator('form[action$="/start"] button'));
    assert.notEqual(page.url(), transfer, "stopped, it starts again as another one");
    await page.close();
  });

  test(`${lang}: keys that cannot be checked come back as an error, without the secret`, async () => {
    const page = await person.newPage();
    await page.goto(`${origin}/${lang}/accounts/${places.folder.id}`);
    await page.fill("#user", "camille");
    await page.fill("#password", "very-secret");
    await press(page.locator("main form button"));
    await meets(page, `/${lang}/accounts/`);
    assert.equal(await page.locator(".govuk-error-summary").count(), 1);
    assert.doesNotMatch(await page.content(), /very-secret/);
    await page.close();
  });
}

/** As Relais leaves it where it ends between the yes and the transfer. */
async function permissionWithoutTransfer(
  ports: Pick<Ports, "store" | "clock" | "policy">,
  personId: PersonId,
  sourceLinkId: LinkId,
  destinationLinkId: LinkId,
): Promise<ConsentId> {
  const { id, noticeHash } = await requestConsent(ports, {
    personId,
    sourceLinkId,
    destinationLinkId,
    action: "copy",
    datasets: ["energy.bills"],
    purpose: "https://w3id.org/dpv#PersonalisedBenefits",
    recurrence: null,
    expires: inDays(30),
    retention: null,
    language: "fr",
    requester: null,
  });
  await grantConsent(ports, { consentId: id, personId, datasets: ["energy.bills"], noticeHash, language: "fr" });
  return id;
}

/** From the first page to a transfer under way; returns the steps (choices and clicks). */
async function giveConsent(page: Page, lang: string): Promise<number> {
  await page.goto(`${origin}/${lang}/me/copy`);
  assert.equal(await page.locator("input:checked").count(), 0);
  await page.locator("input[name=source]").first().check();
  // The place that is proved already: its value is the account's.
  await page.locator("input[name=destination][value^=lnk_]").check();
  await press(page.locator("main form button"));
  assert.equal(await page.locator("input:checked").count(), 0);
  await press(page.locator("button[value=accept]"));
  assert.equal(await page.locator(".govuk-error-summary").count(), 1, "nothing ticked");
  await sameStyle(page);
  for (const box of ["#datasets", "#mandate", "#consent"]) await page.locator(box).check();
  await press(page.locator("button[value=accept]"));
  assert.match(page.url(), /\/me\/transfers\/trf_/);
  return 7;
}

/** Refuse and Accept differ in their words alone. */
async function sameStyle(page: Page): Promise<void> {
  const boxes = await Promise.all(["refuse", "accept"].map((answer) => page.locator(`button[value=${answer}]`).boundingBox()));
  assert.deepEqual(
    [boxes[0]?.y, boxes[0]?.height, Math.round(boxes[0]?.width ?? 0)],
    [boxes[1]?.y, boxes[1]?.height, Math.round(boxes[1]?.width ?? 0)],
  );
  const classes = await Promise.all(["refuse", "accept"].map((answer) => page.locator(`button[value=${answer}]`).getAttribute("class")));
  assert.equal(classes[0], classes[1]);
}

async function stopSharing(page: Page, lang: string): Promise<number> {
  await page.goto(`${origin}/${lang}/permissions`);
  await press(page.locator(".rl-rows a").first());
  await press(page.locator("main a.govuk-button").first());
  await press(page.locator("main form button"));
  assert.equal(await page.locator(".rl-news").count(), 1);
  return 3;
}
