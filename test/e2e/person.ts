import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import type { RunningRelais } from "../support/relais.ts";
import type { Hands } from "./hands.ts";

/** One of the sandbox's invented people. */
export interface Persona {
  id: string;
  displayName: string;
  email: string;
  password: string;
}

export interface PodKeys {
  podRoot: string;
  clientId: string;
  clientSecret: string;
}

export type Lang = "fr" | "en";

export async function persona({ sandbox }: RunningRelais, id: string): Promise<Persona> {
  const people = (await (await fetch(`${sandbox.home}/personas.json`)).json()) as Persona[];
  const found = people.find((one) => one.id === id);
  assert.ok(found, `nobody in the sandbox is called ${id}`);
  return found;
}

export async function podKeys({ sandbox }: RunningRelais, id: string): Promise<PodKeys> {
  const answer = await fetch(`${sandbox.home}/personas/${id}/pod-keys`, { method: "POST", headers: { accept: "application/json" } });
  assert.equal(answer.status, 201);
  return (await answer.json()) as PodKeys;
}

/** From the home page to the person's own page, through the identity provider. */
export async function signIn(hands: Hands, relais: RunningRelais, lang: Lang, who: Persona): Promise<void> {
  const { page } = hands;
  await page.goto(`${relais.url}/${lang}/`);
  await hands.press(page.locator(`header a[href="/${lang}/sign-in"]`));
  await hands.press(page.locator('a[href*="/sign-in/start"]'));
  assert.ok(page.url().startsWith(relais.sandbox.identity), page.url());
  await giveCredentials(hands, who);
  assert.ok(page.url().startsWith(`${relais.url}/${lang}/`), page.url());
  await page.getByText(who.displayName).first().waitFor();
}

/** A sandbox program's own sign-in form. */
export async function giveCredentials(hands: Hands, { email, password }: Pick<Persona, "email" | "password">): Promise<void> {
  const { page } = hands;
  await hands.write(page.locator("#email"), email);
  await hands.write(page.locator("#password"), password);
  await hands.press(page.locator('form button[type="submit"]'));
}

interface Journey {
  from: string;
  to: string;
  who: Persona;
  keys?: PodKeys;
}

/** Two places chosen, both accounts proved where that is asked for, until the page that asks for the permission. */
export async function askForCopy(
  hands: Hands,
  relais: RunningRelais,
  lang: Lang,
  kind: "copy" | "switch",
  journey: Journey,
): Promise<void> {
  const { page } = hands;
  await page.goto(`${relais.url}/${lang}/me/${kind}`);
  for (let pages = 0; pages < 12 && !page.url().includes("/decide"); pages++) await nextPage(hands, relais, journey);
  assert.match(page.url(), /\/permissions\/cst_\w+\/decide/);
}

/** Does what the present page asks for, whichever of the way it is. */
async function nextPage(hands: Hands, relais: RunningRelais, { from, to, who, keys }: Journey): Promise<void> {
  const { page } = hands;
  const path = page.url().startsWith(relais.url) ? new URL(page.url()).pathname.slice(3) : "elsewhere";
  if (path === "elsewhere") return giveCredentials(hands, who);
  if (path.startsWith("/accounts/")) return proveAccount(hands, keys);
  if (path === "/me/switch/plan") return hands.press(page.locator("main form button"));
  await hands.choose(placeNamed(page, "source", from));
  await hands.choose(placeNamed(page, "destination", to));
  await hands.press(page.locator("main form button"));
}

/** The choice of this name; where the person has several accounts there, the first. */
export function placeNamed(page: Page, field: "source" | "destination", name: string) {
  return page.locator(".govuk-radios__item, .govuk-checkboxes__item").filter({ hasText: name }).locator(`input[name="${field}"]`).first();
}

async function proveAccount(hands: Hands, keys: PodKeys | undefined): Promise<void> {
  const { page } = hands;
  const start = page.locator('main a[href*="/link/"]');
  if ((await start.count()) > 0) return hands.press(start);
  assert.ok(keys, "this account is proved by keys");
  await hands.write(page.locator("#account"), keys.podRoot);
  await hands.write(page.locator("#clientId"), keys.clientId);
  await hands.write(page.locator("#clientSecret"), keys.clientSecret);
  await hands.press(page.locator("main form button"));
}

/** Ticks the data sets, those of traces excepted where they are many, and accepts. Returns the ids that were ticked. */
export async function accept(hands: Hands, { withTraces }: { withTraces: boolean }): Promise<string[]> {
  const { page } = hands;
  const ids = await page.locator('input[name="datasets"]').evaluateAll((boxes) => boxes.map((box) => (box as HTMLInputElement).value));
  const ticked = ids.filter((id) => withTraces || !id.includes("consumption"));
  for (const id of ticked) await hands.choose(page.locator(`input[name="datasets"][value="${id}"]`));
  for (const act of await page.locator('input[name="mandate"], input[name="consent"]').all()) await hands.choose(act);
  await hands.press(page.locator('button[name="answer"][value="accept"]'));
  return ticked;
}

/** Until the transfer's page says so itself: by its own live news, or, without JavaScript, by being opened again. */
export async function untilVerified(page: Page, isScripted: boolean): Promise<void> {
  const verified = page.locator("main .govuk-body-l .govuk-tag--green");
  const end = Date.now() + 240_000;
  while (!isScripted && Date.now() < end && (await verified.count()) === 0) await page.reload();
  await verified.waitFor({ timeout: 240_000 });
}

/** What the Solid server of the sandbox is called in the register. */
export async function nameOfPods({ url }: RunningRelais): Promise<string> {
  const { participants } = (await (await fetch(`${url}/v1/participants`)).json()) as { participants: { name: string; adapter: string }[] };
  const found = participants.find(({ adapter }) => adapter === "solid");
  assert.ok(found, "no Solid server is in the register");
  return found.name;
}
