import { existsSync } from "node:fs";
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Locator } from "playwright-core";

const PLACES = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/** Quiet towards the rest of the world: the only addresses it opens are those of the test. */
const ARGUMENTS = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** The machine's own Chromium, without a screen. `CHROMIUM` names another one. */
export async function startBrowser(): Promise<Browser> {
  const executablePath = process.env["CHROMIUM"] ?? PLACES.find(existsSync);
  if (executablePath === undefined) throw new Error("There is no Chromium on this machine. Install it, or name one by CHROMIUM.");
  // Chromium refuses its sandbox to root.
  const asRoot = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath, args: [...ARGUMENTS, ...asRoot] });
}

const PATIENCE_MILLISECONDS = 120_000;

/** A window of its own. Its waits end with what they wait for; a slow machine is no defect of a page. */
export async function openContext(browser: Browser, options: BrowserContextOptions = {}): Promise<BrowserContext> {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(PATIENCE_MILLISECONDS);
  return context;
}

/** A click by itself waits until the page that follows begins. Whoever then counts what is on it needs all of it. */
export async function press(target: Locator): Promise<void> {
  await target.click();
  await target.page().waitForLoadState();
}
