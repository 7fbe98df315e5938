import assert from "node:assert/strict";
import { createConnection } from "node:net";
import { networkInterfaces } from "node:os";
import { after, before, test } from "node:test";
import { AxeBuilder } from "@axe-core/playwright";
import express from "express";
import type { Browser } from "playwright-core";
import { newId } from "../../src/core/ids.ts";
import { createMailer } from "../../src/events/mail.ts";
import { createLetters } from "../../src/pages/mail/letters.ts";
import { createOfficeLetters } from "../../src/pages/mail/office-letters.ts";
import { startMailSink } from "../../src/sandbox/mailbox/mail-sink.ts";
import { mailboxRoutes } from "../../src/sandbox/mailbox/pages.ts";
import { openPort } from "../../src/sandbox/peer/open-port.ts";
import { answerNotFound, answerProblems } from "../../src/sandbox/peer/problems.ts";
import { planSandbox } from "../../src/sandbox/plan.ts";
import { openContext, startBrowser } from "../support/browser.ts";
import { freePort } from "../support/ports.ts";

/** The letters that people would have got, as whoever tries the sandbox reads them; sent by the mailer of the product. */

const RELAIS = "https://relais.example";
const ADDRESS = "zephyrine@kanarienvogel.example";
const owned = new AsyncDisposableStack();
let port: number;
let origin: string;
let browser: Browser;
let hand: ReturnType<typeof createMailer>["hand"];

before(async () => {
  port = await freePort();
  const sink = owned.use(await startMailSink(port));
  const home = owned.use(await openPort("127.0.0.1", 0));
  home.serve(
    express().use(
      mailboxRoutes({ sink, relais: RELAIS }),
      answerNotFound,
      answerProblems(() => undefined),
    ),
  );
  origin = home.url;
  browser = owned.adopt(await startBrowser(), (open) => open.close());
  ({ hand } = owned.use(createMailer({ url: `smtp://127.0.0.1:${port}`, from: "relais@sandbox.example", replyTo: null })));
});
after(() => owned.disposeAsync());

const site = { issuer: RELAIS, operator: null };
const send = (letter: Parameters<typeof hand>[0]["letter"], to = ADDRESS) =>
  hand({ id: newId("mail"), at: new Date(), to, letter, language: "fr" });

async function look(path: string, lang: "fr" | "en") {
  const context = await openContext(browser, { viewport: { width: 320, height: 800 }, locale: lang });
  const page = await context.newPage();
  await page.goto(`${origin}${path}`);
  assert.equal(await page.locator("html").getAttribute("lang"), lang);
  assert.equal(await page.locator("h1").count(), 1);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${path} is wider than a phone`);
  const { violations } = await new AxeBuilder({ page }).setLegacyMode(true).analyze();
  assert.deepEqual(
    violations.map(({ id, nodes }) => `${path}: ${id} ${nodes[0]?.html}`),
    [],
  );
  const { RELAIS_PICTURES: folder } = process.env;
  if (folder !== undefined && folder !== "1")
    await page.screenshot({ path: `${folder}/mailbox-${path.replaceAll("/", "")}-${lang}.png`, fullPage: true });
  const seen = {
    text: await page.locator("main").innerText(),
    links: await page.locator("main a").evaluateAll((all) => all.map((one) => one.getAttribute("href"))),
  };
  await context.close();
  return seen;
}

test("it is empty at first, and says how to get a letter", async () => {
  assert.match((await look("/mailbox", "fr")).text, /Aucun courriel ne part d’ici.*Rien encore/s);
  assert.match((await look("/mailbox", "en")).text, /No mail leaves this place.*Nothing yet/s);
});

test("each letter can be read as it was written, newest first, and only links to Relais are links", async () => {
  const proof = createLetters(site).letterOf({ kind: "address-proof", token: "t".repeat(43) }, "fr");
  assert.deepEqual(await send(proof), { kind: "taken" });
  const office = createOfficeLetters(site).letterOf({ participantId: null, waiting: 2 });
  assert.deepEqual(
    await send({ ...office, text: `${office.text}\nhttps://elsewhere.example/x <script>alert(1)</script>` }, "dpo@parc.example"),
    { kind: "taken" },
  );
  for (const lang of ["fr", "en"] as const) {
    const { text, links } = await look("/mailbox", lang);
    assert.match(text, /A report waits.*dpo@parc\.example.*confirmez.*zephyrine@kanarienvogel\.example/s);
    assert.deepEqual(links, ["/mailbox/2", "/mailbox/1", `${RELAIS}/${lang}/me/mail`, "/"]);
    const first = await look("/mailbox/1", lang);
    assert.ok(first.text.includes(ADDRESS) && first.links.includes(`${RELAIS}/fr/mail/prove/${"t".repeat(43)}`), first.text);
    for (const line of proof.text.trim().split("\n"))
      assert.ok(first.text.replaceAll("\u00a0", " ").includes(line.replaceAll("\u00a0", " ")), line);
    const second = await look("/mailbox/2", lang);
    assert.ok(second.text.includes("<script>alert(1)</script>") && second.text.includes("https://elsewhere.example/x"));
    assert.ok(!second.links.some((href) => href?.includes("elsewhere")));
  }
  assert.equal((await fetch(`${origin}/mailbox/9`)).status, 404);
});

test("the newest 200 are kept", async () => {
  const letter = createLetters(site).letterOf({ kind: "address-test" }, "en");
  for (let count = 0; count < 205; count += 1) await send(letter, `${count}@kanarienvogel.example`);
  const html = await (await fetch(`${origin}/mailbox`)).text();
  assert.deepEqual([html.match(/href="\/mailbox\/\d+"/g)?.length, html.includes("204@"), html.includes("zephyrine")], [200, true, false]);
});

test("it listens on this machine alone, and there is none where others reach the sandbox or where mail has a server", async () => {
  const outside = Object.values(networkInterfaces())
    .flat()
    .find((one) => one?.family === "IPv4" && !one.internal)?.address;
  if (outside !== undefined)
    await assert.rejects(
      new Promise<void>((open, fail) => {
        const socket = createConnection({ host: outside, port }, () => {
          socket.destroy();
          open();
        });
        socket.once("error", fail);
      }),
    );
  const plan = (host: string, withMailbox: boolean) =>
    planSandbox({ dataDir: "/nowhere", seed: "x", relais: RELAIS, host, withMailbox, portOf: async () => 1234 });
  assert.deepEqual((await plan("127.0.0.1", true)).mail, { url: "smtp://127.0.0.1:1234", from: "relais@sandbox.example" });
  for (const [host, withMailbox] of [
    ["0.0.0.0", true],
    ["192.0.2.1", true],
    ["127.0.0.1", false],
  ] as const) {
    const { mail, settings } = await plan(host, withMailbox);
    assert.deepEqual([mail, settings.mailPort], [null, null], host);
  }
});
