import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AxeBuilder } from "@axe-core/playwright";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { prepareBackend } from "../../src/bullmq/backend.ts";
import { createQueueBoard } from "../../src/bullmq/board.ts";
import { createTransferQueue } from "../../src/bullmq/transfer-queue.ts";
import { RelaisError } from "../../src/core/errors.ts";
import { SESSION_COOKIE, startSession } from "../../src/core/person/sessions.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { runTransfer } from "../../src/core/transfer/run-transfer.ts";
import type { Transfer } from "../../src/core/transfer/transfer.ts";
import { createHttpApp, listen, type Listening } from "../../src/http/server.ts";
import { BOARD_PATH, createBoardDoor } from "../../src/pages/operation/board.ts";
import { createPages } from "../../src/pages/pages.ts";
import { renderProblem } from "../../src/pages/problems.ts";
import { openQueuePool } from "../../src/postgres/pool.ts";
import { openContext, press, startBrowser } from "../support/browser.ts";
import { REGISTER_PORTS } from "../support/charter.ts";
import { startEngine, type Engine } from "../support/engine.ts";
import { fakeAccount, fakeAdapter, numberedItems } from "../support/fake-participants.ts";
import { officesOf } from "../support/offices.ts";
import { freePort } from "../support/ports.ts";
import { NO_STANDINGS } from "../support/no-standings.ts";

/** The operator's pages as the operator and others see them, on a phone's width, in both languages. */
const DATASET = "energy.consumption.daily";
const ISSUER = "https://id.example";
const LANGUAGES = ["fr", "en"] as const;
const owned = new AsyncDisposableStack();
const source = fakeAccount({ items: numberedItems(DATASET, 3) });
let engine: Engine;
let origin = "";
let browser: Browser;
let operator: BrowserContext;
let stranger: BrowserContext;
let nobody: BrowserContext;

const staff = officesOf([{ name: "Équipe", office: "operator", person: { issuer: ISSUER, subject: "operator" }, keys: [] }]);

function unused(): never {
  throw new Error("not asked for here");
}

before(async () => {
  engine = owned.use(await startEngine(fakeAdapter(source, fakeAccount()), [DATASET]));
  const port = await freePort();
  origin = `http://127.0.0.1:${port}`;
  const ports = {
    ...engine.ports,
    issuer: origin,
    operator: null,
    sealer: { seal: unused, ephemeralProofs: unused },
    standings: NO_STANDINGS,
    callers: { verify: unused, verifyRegister: unused },
    ...REGISTER_PORTS,
    staff,
  };
  const backend = { kind: "postgres" as const, pool: owned.adopt(openQueuePool(engine.url, 4), (pool) => pool.end()) };
  await prepareBackend(backend);
  await owned.use(createTransferQueue(backend)).ring([{ transferId: (await ask()).id, epoch: 0 }]);
  const board = owned.use(createQueueBoard(backend, BOARD_PATH));
  const app = createHttpApp(ports, {
    issuer: origin,
    mounted: [createBoardDoor(ports, board.look), createPages(ports)],
    page: (error, { language, ...reader }) => renderProblem(error, { ...reader, lang: language === "en" ? "en" : "fr", operator: null }),
    log: () => undefined,
    onAnswer: () => undefined,
  });
  owned.use<Listening>(await listen(app, { host: "127.0.0.1", port }));
  browser = owned.adopt(await startBrowser(), (open) => open.close());
  const context = async (subject: string | null) => {
    const made = await openContext(browser, { viewport: { width: 320, height: 800 } });
    if (subject === null) return made;
    const { token } = await startSession(ports, { issuer: ISSUER, subject, displayName: subject });
    await made.addCookies([{ name: SESSION_COOKIE, value: token, url: origin }]);
    return made;
  };
  [operator, stranger, nobody] = [await context("operator"), await context("stranger"), await context(null)];
});
after(() => owned.disposeAsync());

async function ask(): Promise<Transfer> {
  const consent = await engine.consent([DATASET]);
  return requestTransfer(engine.ports, { consentId: consent.id, personId: engine.personId });
}

/** The source refuses: this one fails for good. */
async function fail(): Promise<Transfer> {
  source.fault = () => {
    throw new RelaisError("peer_refused", "No.", { actor: "holder" });
  };
  const transfer = await ask();
  assert.deepEqual(await run(transfer), { kind: "ended", state: "failed" });
  delete source.fault;
  return transfer;
}

const run = ({ id, epoch }: Transfer) => runTransfer(engine.ports, { transferId: id, epoch }, engine.terms);
const transfers = () => engine.store.read((r) => r.transfers.list(engine.personId));

async function meets(page: Page): Promise<void> {
  const path = new URL(page.url()).pathname;
  assert.equal(await page.locator("html").getAttribute("lang"), path.slice(1, 3), path);
  assert.equal(await page.locator("h1").count(), 1, path);
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= 320, `${path} is ${width} px wide`);
  const { violations } = await new AxeBuilder({ page }).setLegacyMode(true).analyze();
  assert.deepEqual(
    violations.map(({ id, nodes }) => `${path}: ${id} ${nodes[0]?.html}`),
    [],
  );
}

async function look(path: string, status = 200): Promise<Page> {
  const page = await operator.newPage();
  assert.equal((await page.goto(origin + path))?.status(), status, path);
  await meets(page);
  return page;
}

const main = (page: Page) => page.locator("main").innerText();

for (const lang of LANGUAGES) {
  test(`${lang}: the queue stands as a picture and as a table with the same numbers, and each support id is explained`, async () => {
    const waiting = await ask();
    const page = await look(`/${lang}/operator/queue`);
    const table = await page.locator("tbody tr").evaluateAll((rows) => rows.map((row) => row.lastElementChild?.textContent));
    const chart = await page.locator(".rl-chart__number").evaluateAll((numbers) => numbers.map((one) => one.textContent));
    assert.deepEqual(table, chart);
    const live = (await transfers()).filter(({ endedAt }) => endedAt === null).length;
    assert.equal(Number(table[1]), live, "all of them are due");
    await page.locator("#id").fill("nothing");
    await press(page.locator("main form button"));
    await page.locator(".govuk-error-summary").waitFor();
    await meets(page);
    await page.locator("#id").fill(waiting.id);
    await press(page.locator("main form button"));
    await page.locator("[data-explanation]").waitFor();
    await meets(page);
    assert.match(await main(page), lang === "fr" ? /Aucun essai n’a encore commencé/ : /No attempt has begun yet/);
    const { accesses } = await engine.store.read(async (r) => ({ accesses: await r.account.accesses(engine.personId, 5) }));
    assert.match(accesses[0]?.what ?? "", new RegExp(waiting.id), "the person sees that an operator looked");
    await page.close();
  });

  test(`${lang}: what is given up is grouped by problem and brought back, one and all, as transfers of their own`, async () => {
    const empty = await look(`/${lang}/operator/dead-letters`);
    assert.match(await main(empty), lang === "fr" ? /Rien n’est abandonné/ : /Nothing is given up/);
    await empty.close();
    const failed = [await fail(), await fail(), await fail()];
    const page = await look(`/${lang}/operator/dead-letters`);
    assert.equal(await page.locator("main section").count(), 1);
    assert.match(await main(page), /^3 transfer/m);
    assert.match(await main(page), /holder/, "the organisation that can mend it is named");
    await press(page.locator("summary"));
    await meets(page);
    await press(page.locator(".rl-rows button").first());
    await page.locator("[role=status]").waitFor();
    assert.match(await main(page), /^2 transfer/m);
    await meets(page);
    await press(page.locator("main section > form button"));
    await page.locator(".rl-empty").waitFor();
    await meets(page);
    const replays = (await transfers()).filter(({ state }) => state === "queued").slice(0, 3);
    for (const one of replays) {
      const events = await engine.store.read((r) => r.transfers.events(one.id));
      const of = events.find(({ kind }) => kind === "replayed")?.details["of"];
      assert.ok(failed.some(({ id }) => id === of));
      assert.deepEqual(await run(one), { kind: "ended", state: "verified" });
    }
    const explained = await look(`/${lang}/operator/transfers/${replays[0]?.id}`);
    assert.match(await main(explained), lang === "fr" ? /demandé de nouveau après l’échec de trf_/ : /asked for it again after trf_/);
    assert.match(await main(explained), lang === "fr" ? /comparé élément par élément/ : /compared item by item/);
    await explained.close();
    // The same again gives nothing new.
    const count = (await transfers()).length;
    const again = await operator.request.post(`${origin}/${lang}/operator/dead-letters`, {
      form: { id: failed[0]?.id ?? "" },
      headers: { origin },
      maxRedirects: 0,
    });
    assert.equal(again.status(), 303);
    assert.equal((await transfers()).length, count);
    await page.close();
  });
}

test("nobody else finds these pages or the queue's own view", async () => {
  const { id } = await ask();
  for (const path of [
    "/en/operator/queue",
    `/en/operator/transfers/${id}`,
    "/en/operator/dead-letters",
    BOARD_PATH,
    `${BOARD_PATH}/api/queues`,
  ]) {
    assert.equal((await stranger.request.get(origin + path)).status(), 404, path);
    const answer = await nobody.request.get(origin + path, { maxRedirects: 0 });
    assert.equal(answer.status(), 303, path);
    assert.match(answer.headers()["location"] ?? "", /^\/(fr|en)\/sign-in\?next=/, path);
  }
});

test("the queue's own view shows jobs without data of people, changes nothing, and loads nothing from elsewhere", async () => {
  const page = await operator.newPage();
  const foreign: string[] = [];
  page.on("response", (answer) => answer.url().startsWith(origin) || foreign.push(answer.url()));
  await page.goto(`${origin}${BOARD_PATH}/queue/relais-transfers`);
  await page.getByText("relais-transfers").first().waitFor();
  assert.deepEqual(foreign, []);
  const jobs = await operator.request.get(
    `${origin}${BOARD_PATH}/api/queues?activeQueue=relais-transfers&status=waiting&page=1&jobsPerPage=10`,
  );
  const told = await jobs.text();
  assert.match(told, /trf_/);
  assert.match(told, /"readOnlyMode":true/);
  assert.doesNotMatch(told, /prs_|lnk_/);
  const act = await operator.request.put(`${origin}${BOARD_PATH}/api/queues/relais-transfers/pause`, { headers: { origin } });
  assert.equal(act.status(), 405);
  // Ours, before the view is asked at all: what it offers in a later release changes nothing.
  assert.match(await act.text(), /This view only looks/);
  const elsewhere = await operator.request.get(`${origin}/en/operator/queue`);
  assert.doesNotMatch(elsewhere.headers()["content-security-policy"] ?? "", /unsafe-inline/);
  await page.close();
});
