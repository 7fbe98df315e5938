import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { startHolder, type Holder } from "../../src/sandbox/holder/holder.ts";
import { HOSTILE_HOLDERS } from "../../src/sandbox/holder/personas.ts";
import { openContext, press, startBrowser } from "../support/browser.ts";
import { startOwnWorld, type OwnWorld } from "../support/own-world.ts";

/**
 * A real browser, signed in at Relais, on the page of the sandbox's Sirene: she sends its forms by script and by frame, and shows its pages in
 * frames. Both are on one host, so that the browser sends the session's cookie along: it is Relais that refuses.
 */

const owned = new AsyncDisposableStack();
let world: OwnWorld;
let sirene: Holder;
let browser: Browser;

before(async () => {
  world = owned.use(await startOwnWorld());
  const dataDir = owned.adopt(await mkdtemp(join(tmpdir(), "relais-sirene-")), (dir) => rm(dir, { recursive: true }));
  const where = { dataDir, seed: "hostile", relais: world.relais.origin, host: "localhost", port: 0 };
  sirene = owned.use(await startHolder({ ...where, holder: "energy", persona: HOSTILE_HOLDERS.sirene }));
  browser = owned.adopt(await startBrowser(), (open) => open.close());
});
after(() => owned.disposeAsync());

test("nothing that she sends in a person's name changes anything, and nothing of theirs is in her frames", async () => {
  const { cookie } = await world.owner("Camille");
  await using context = await openContext(browser);
  const pairs = cookie.split("; ").map((pair) => pair.split("=") as [string, string]);
  await context.addCookies(
    pairs.map(([name, value]) => ({ name, value, url: world.relais.origin, httpOnly: true, sameSite: "Lax" as const })),
  );
  const page = await context.newPage();
  await page.goto(`${world.relais.origin}/en/me/account`);
  assert.match(await page.innerText("main"), /key-of-Camille/, "signed in");

  const cookies: Promise<string | undefined>[] = [];
  page.on("request", (request) => {
    if (request.method() === "POST" && request.isNavigationRequest())
      cookies.push(request.allHeaders().then((headers) => headers["cookie"]));
  });
  const [before, line] = [await world.tables(), world.lines.length];
  await page.goto(`${sirene.url}/auth`);
  const done = await page.waitForSelector("body[data-done]");
  assert.equal(await done.getAttribute("data-done"), "15", "six forms, each twice, and three frames");
  const answer = page.waitForResponse((response) => response.request().method() === "POST");
  await press(page.locator("button").first());
  await answer;

  const answered = world.lines.slice(line).map((text) => JSON.parse(text) as { msg: string; method?: string; status: number });
  const posted = answered.filter(({ msg, method }) => msg === "request" && method === "POST").map(({ status }) => status);
  assert.deepEqual(
    posted,
    Array.from({ length: 13 }, () => 403),
  );
  for (const came of await Promise.all(cookies)) assert.match(came ?? "", /relais_session=/, "the browser did send the cookie");
  assert.ok(cookies.length >= 7);
  assert.deepEqual(await world.tables(), before);
  for (const frame of await page.locator("iframe.framed").all()) {
    const shown = await (await frame.elementHandle())?.contentFrame();
    assert.doesNotMatch((await shown?.content()) ?? "", /key-of-Camille|meter-Camille|govuk/);
    assert.match(shown?.url() ?? "", /^chrome-error:/);
  }
  await page.goto(`${world.relais.origin}/en/me/account`);
  assert.match(await page.innerText("main"), /key-of-Camille/, "still signed in");
});
