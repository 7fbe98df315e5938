import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";
import { AxeBuilder } from "@axe-core/playwright";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { ADAPTERS } from "../../adapters/index.ts";
import { RelaisError } from "../../src/core/errors.ts";
import { newId } from "../../src/core/ids.ts";
import { SESSION_COOKIE, startSession } from "../../src/core/person/sessions.ts";
import type { Store } from "../../src/core/ports.ts";
import { SECTIONS } from "../../src/core/register/charter.ts";
import { concludeChecks } from "../../src/core/register/conclude-checks.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { PROBE_NAMES } from "../../src/core/conformance/probe-names.ts";
import { createHttpApp, listen, type Listening } from "../../src/http/server.ts";
import { createPages } from "../../src/pages/pages.ts";
import { renderProblem } from "../../src/pages/problems.ts";
import { openCharters } from "../../src/policies/charters.ts";
import { openDatabase, openPool } from "../../src/postgres/pool.ts";
import { createStore } from "../../src/postgres/store.ts";
import { openContext, press, startBrowser } from "../support/browser.ts";
import { freshDatabase } from "../support/database.ts";
import { documentCheck } from "../support/document-check.ts";
import { officesOf } from "../support/offices.ts";
import { freePort } from "../support/ports.ts";
import { policy } from "../support/policy.ts";
import { realClock } from "../support/real-clock.ts";
import { accreditedParticipant, testKey } from "../support/register-fixtures.ts";
import { REGISTER_PORTS } from "../support/charter.ts";
import { NO_STANDINGS } from "../support/no-standings.ts";

/** The register's pages as those see them who apply, decide and look on: on a phone’s width, in both languages. */

const LANGUAGES = ["fr", "en"] as const;
const ISSUER_OF_PEOPLE = "https://id.example";
const owned = new AsyncDisposableStack();
let origin = "";
let store: Store;
let browser: Browser;
let folder: string;
let contexts: Record<"nobody" | "stranger" | "member" | "first" | "second" | "authority", BrowserContext>;
let conclude: () => Promise<void>;

const staff = officesOf([
  { name: "Agrément A", office: "accreditor", person: { issuer: ISSUER_OF_PEOPLE, subject: "first" }, keys: [] },
  { name: "Agrément B", office: "accreditor", person: { issuer: ISSUER_OF_PEOPLE, subject: "second" }, keys: [] },
  { name: "Autorité", office: "authority", person: { issuer: ISSUER_OF_PEOPLE, subject: "authority" }, keys: [] },
]);

before(async () => {
  const database = owned.use(await freshDatabase());
  const pool = owned.adopt(openPool(database.url, 5), (open) => open.end());
  folder = owned.adopt(await mkdtemp(join(tmpdir(), "relais-register-pages-")), (made) => rm(made, { recursive: true }));
  store = createStore(openDatabase(pool));
  const port = await freePort();
  origin = `http://127.0.0.1:${port}`;
  const unreachable = async () => {
    throw new RelaisError("peer_unavailable", "Nobody answers.");
  };
  const key = await testKey();
  const ports = {
    store,
    policy,
    clock: realClock,
    queue: { ring: async () => undefined },
    issuer: origin,
    adapters: ADAPTERS,
    operator: null,
    network: { fetchFor: () => unreachable },
    sealer: { seal: unreachable, ephemeralProofs: () => unreachable },
    charters: openCharters(fileURLToPath(new URL("../../policies/charter", import.meta.url))),
    statements: { signDocument: key.sign },
    subjectFor: REGISTER_PORTS.subjectFor,
    events: { signDocument: key.sign },
    entityConfigurations: { fetch: unreachable },
    verify: (await documentCheck(store, origin)).verify,
    staff,
  };
  conclude = async () => void (await concludeChecks(ports));
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
  owned.use<Listening>(await listen(app, { host: "127.0.0.1", port }));
  browser = owned.adopt(await startBrowser(), (open) => open.close());
  const contextOf = async (subject: string | null): Promise<BrowserContext> => {
    const made = await openContext(browser, { viewport: { width: 320, height: 800 } });
    if (subject === null) return made;
    const { token } = await startSession(ports, { issuer: ISSUER_OF_PEOPLE, subject, displayName: subject });
    await made.addCookies([{ name: SESSION_COOKIE, value: token, url: origin }]);
    return made;
  };
  contexts = {
    nobody: await contextOf(null),
    stranger: await contextOf("stranger"),
    member: await contextOf("member"),
    first: await contextOf("first"),
    second: await contextOf("second"),
    authority: await contextOf("authority"),
  };
});
after(() => owned.disposeAsync());

/** A platform that somebody acts for. */
async function platformOf(subject: string): Promise<Participant> {
  const participant = await accreditedParticipant(store, {
    entityId: `https://${newId("participant").toLowerCase()}.example`,
    name: "Nuage <b>libre</b>",
    roles: ["platform"],
    status: "registered",
    about: { country: "FR", privacyContact: "dpo@nuage.example" },
  });
  const organisationId = newId("organisation");
  await store.write(async (w) => {
    await w.register.revokeMarks(participant.id, new Date());
    await w.cases.addOrganisation({ id: organisationId, name: "Nuage", country: "FR", status: "active", createdAt: new Date() });
    await w.cases.attach(participant.id, organisationId);
    const person = await w.accounts.signIn({ id: newId("person"), issuer: ISSUER_OF_PEOPLE, subject, createdAt: new Date() });
    await w.cases.addMembership({ personId: person.id, participantId: participant.id, addedAt: new Date() });
  });
  return participant;
}

/** One heading, the page's language, small, nothing wider than a phone, nothing that axe finds. */
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

async function look(context: BrowserContext, path: string, status = 200): Promise<Page> {
  const page = await context.newPage();
  const answer = await page.goto(origin + path);
  assert.equal(answer?.status(), status, path);
  await meets(page, path);
  return page;
}

async function leaveBy(page: Page, selector: string): Promise<void> {
  const arrived = page.waitForEvent("framenavigated");
  await press(page.locator(selector));
  await arrived;
  await page.waitForLoadState();
}

/** Answers every question of a section as the charter asks for it. */
async function fill(page: Page): Promise<void> {
  for (const box of await page.locator('input[type="radio"][value="yes"]').all()) await box.check();
  for (const box of await page.locator('input[name="processing.sale"][value="no"]').all()) await box.check();
  const texts: Record<string, string> = {
    "hosting.availability": "99,5",
    "incidents.hours": "24",
    "incidents.drill": "2026-10-01",
    "support.days": "10",
    "leaving.roadmap": "https://nuage.example/roadmap",
  };
  for (const [name, value] of Object.entries(texts))
    for (const field of await page.locator(`input[name="${name}"]`).all()) await field.fill(value);
  for (const name of ["hosting.kind", "services.api", "profile.decentralised", "profile.own_space", "profile.apps"])
    for (const box of await page
      .locator(`input[name="${name}"]`)
      .all()
      .then((all) => all.slice(0, 1)))
      await box.check();
  for (const box of await page.locator('input[name="sign"]').all()) {
    await page.locator('input[name="signer"]').fill("directrice");
    await box.check();
  }
}

async function probesPass(): Promise<void> {
  const words = { fr: "Vu.", en: "Seen." };
  for (let run = await store.write((w) => w.cases.claimRun(60)); run !== null; run = await store.write((w) => w.cases.claimRun(60))) {
    const { id } = run;
    const results = PROBE_NAMES.map((probe) => ({
      probe,
      outcome: "passed" as const,
      title: words,
      detail: words,
      reproduce: `curl -si https://nuage.example/${probe}`,
      startedAt: new Date(),
      milliseconds: 3,
    }));
    await store.write((w) => w.cases.endRun(id, new Date(), results));
  }
  await conclude();
}

for (const lang of LANGUAGES) {
  test(`${lang}: what everybody sees of the register`, async () => {
    for (const path of ["/register", "/register?name=zzz", "/charter", "/charter?role=holder&level=1", "/charter/2026-11", "/charter/diff"])
      await (await look(contexts.nobody, `/${lang}${path}`)).close();
    await (await look(contexts.nobody, `/${lang}/charter/1999-01`, 404)).close();
  });

  test(`${lang}: level 2 from the first page to the decision, by two accreditors, with the errors on the way`, async () => {
    const participant = await platformOf("member");
    const here = `/${lang}/organisation/${participant.id}`;
    await (await look(contexts.member, `/${lang}/organisation`)).close();
    const page = await look(contexts.member, here);
    await leaveBy(page, 'button[name="level"][value="2"]');
    await meets(page, here);
    await leaveBy(page, `form[action="${here}/submit"] button`);
    await meets(page, here);
    // Names of criteria are of programs: in French the summary says where they stand in words.
    const summary = await page.locator(".govuk-error-summary").innerText();
    assert.match(summary, lang === "fr" ? /À fournir maintenant/ : /hosting-kind/);
    for (const section of SECTIONS) {
      const path = `${here}/section/${section}`;
      await page.goto(origin + path);
      await meets(page, path);
      await fill(page);
      await leaveBy(page, "main form .govuk-button");
      assert.equal(new URL(page.url()).pathname, here, path);
    }
    await uploadAll(page, lang, `${here}/evidence`);
    await page.goto(origin + here);
    await leaveBy(page, `form[action="${here}/submit"] button`);
    assert.equal(await page.locator(".govuk-error-summary").count(), 0, await page.locator("main").innerText());
    await (await look(contexts.member, `${here}/checks`)).close();
    await probesPass();
    await (await look(contexts.member, `${here}/checks`)).close();
    await reviewByTwo(lang, participant);
    await page.goto(origin + here);
    await meets(page, here);
    assert.match(await page.locator("main").innerText(), lang === "fr" ? /Agréé/ : /Accredited/);
    await page.close();
    await standings(lang, participant);
  });

  test(`${lang}: a stranger sees nothing of it, and says nothing in it`, async () => {
    const participant = await platformOf("member");
    for (const path of [
      `/organisation/${participant.id}`,
      `/organisation/${participant.id}/evidence`,
      "/accreditation",
      `/accreditation/participants/${participant.id}`,
      "/authority",
    ])
      await (await look(contexts.stranger, `/${lang}${path}`, 404)).close();
    await (await look(contexts.first, `/${lang}/authority`, 404)).close();
    const used = await look(contexts.stranger, `/${lang}/invitation?word=wrong`);
    await leaveBy(used, "main form button");
    assert.equal(await used.locator("h1").count(), 1);
    await used.close();
  });
}

async function uploadAll(page: Page, lang: string, path: string): Promise<void> {
  await page.goto(origin + path);
  await meets(page, path);
  const [good, bad] = [join(folder, "preuve <1>.pdf"), join(folder, "page.html")];
  await writeFile(good, "%PDF-1.7 audit");
  await writeFile(bad, "<script>alert(1)</script>");
  const send = async (kind: string, file: string): Promise<void> => {
    await page.locator("#kind").selectOption(kind);
    await page.locator("#issuer").fill("Auditeurs réunis");
    await page.locator("#date").fill("2026-06-01");
    await page.locator("#file").setInputFiles(file);
    await leaveBy(page, 'form[enctype="multipart/form-data"] button');
  };
  await send("security-audit", bad);
  await meets(page, path);
  assert.equal(await page.locator(".govuk-error-summary").count(), 1, lang);
  for (const kind of ["security-audit", "hosting-certificate", "business-model"]) await send(kind, good);
  await meets(page, path);
  assert.equal(await page.locator(".rl-rows__row").count(), 3);
  assert.doesNotMatch(await page.content(), /<1>/);
}

async function reviewByTwo(lang: string, participant: Participant): Promise<void> {
  const open = await store.read((r) => r.accreditations.findOpen(participant.id));
  const path = `/${lang}/accreditation/applications/${open?.id}`;
  assert.equal(open?.state, "in_review");
  await (await look(contexts.authority, path)).close();
  for (const who of ["first", "second"] as const) {
    const queue = await look(contexts[who], `/${lang}/accreditation`);
    await leaveBy(queue, `a[href="${path}"]`);
    await meets(queue, path);
    await leaveBy(queue, `form[action="${path}/review"] .govuk-button`);
    await meets(queue, path);
    assert.equal(await queue.locator(".govuk-error-summary").count(), 1, "nothing chosen");
    for (const box of await queue.locator('input[name="met"]').all()) await box.check();
    await queue.locator('input[name="verdict"][value="accredit"]').check();
    await queue.locator("#reasonFr").fill("Tout est en ordre.");
    await queue.locator("#reasonEn").fill("Everything is in order.");
    await queue.locator("#withoutConflict").check();
    await leaveBy(queue, `form[action="${path}/review"] .govuk-button`);
    assert.equal(await queue.locator(".govuk-error-summary").count(), 0, await queue.locator("main").innerText());
    await queue.close();
  }
  assert.equal((await store.read((r) => r.participants.get(participant.id))).status, "accredited");
}

async function standings(lang: string, participant: Participant): Promise<void> {
  const path = `/${lang}/accreditation/participants/${participant.id}`;
  const page = await look(contexts.first, path);
  await page.locator('input[name="kind"][value="suspend"]').check();
  await leaveBy(page, `form[action="${path}"] .govuk-button`);
  await meets(page, path);
  assert.equal(await page.locator(".govuk-error-summary").count(), 1, "reasons are missing");
  await page.locator('input[name="kind"][value="suspend"]').check();
  await page.locator("#reasonFr").fill("Incident grave.");
  await page.locator("#reasonEn").fill("A grave incident.");
  await leaveBy(page, `form[action="${path}"] .govuk-button`);
  assert.equal((await store.read((r) => r.participants.get(participant.id))).status, "suspended");
  await confirmedByTwo(lang, path, page);
  const [decision] = await store.read((r) => r.accreditations.decisions({ participantId: participant.id, limit: 1 }));
  for (const [who, where] of [
    ["nobody", `/decisions/${decision?.id}`],
    ["nobody", `/register/${participant.id}`],
    ["authority", "/authority"],
    ["authority", "/accreditation"],
    ["second", `/accreditation/participants/${participant.id}`],
  ] as const)
    await (await look(contexts[who], `/${lang}${where}`)).close();
}

/** What the first one asked for waits on the second one's first page, and is read there with its reasons before it is confirmed. */
async function confirmedByTwo(lang: string, path: string, first: Page): Promise<void> {
  const offered = await first.locator('input[name="kind"]').evaluateAll((all) => all.map((one) => (one as HTMLInputElement).value));
  assert.deepEqual(offered, ["reinstate", "revoke", "reopen"], "only what is possible for a suspended participant");
  await ask(first, path, ["Tout est réparé.", "All is mended."]);
  await first.close();
  const second = await look(contexts.second, `/${lang}/accreditation`);
  await leaveBy(second, `main a[href="${path}"]`);
  assert.match(await second.locator("main").innerText(), lang === "fr" ? /Agrément A.*Tout est réparé/s : /Agrément A.*All is mended/s);
  await meets(second, path);
  await ask(second, path, ["Tout est réparé.", "All is mended."]);
  assert.equal(await second.locator('input[value="suspend"]').count(), 1, "accredited again");
  await second.goto(`${origin}/${lang}/accreditation`);
  assert.equal(await second.locator(`main a[href="${path}"]`).count(), 0, "nothing waits any more");
  await second.close();
}

async function ask(page: Page, path: string, [fr, en]: [string, string]): Promise<void> {
  await page.locator('input[name="kind"][value="reinstate"]').check();
  await page.locator("#reasonFr").fill(fr);
  await page.locator("#reasonEn").fill(en);
  await leaveBy(page, `form[action="${path}"] .govuk-button`);
  assert.equal(await page.locator(".govuk-error-summary").count(), 0, await page.locator("main").innerText());
}
