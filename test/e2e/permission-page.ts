import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { TONGUES } from "../../src/pages/tongue.ts";
import type { Lang } from "./person.ts";

const NINE_POINTS = ["whoAsks", "whoSends", "what", "why", "howOften", "kept", "where", "ifRefuse", "stop"] as const;

/** The law of the permission page: every point said, nothing ticked, and both answers of the same weight. */
export async function consentPageIsFair(page: Page, lang: Lang): Promise<void> {
  const said = await page.locator("main").innerText();
  for (const point of NINE_POINTS) assert.ok(said.includes(TONGUES[lang].t(`decide.${point}`)), `${point} is missing`);
  assert.equal(await page.locator("input:checked").count(), 0, "nothing is ticked");
  assert.ok((await page.locator('input[name="datasets"]').count()) > 0);
  const [refuse, accept] = await Promise.all(["refuse", "accept"].map((answer) => looksOf(page, answer)));
  assert.deepEqual(refuse, accept);
}

const LOOKS = [
  "width",
  "height",
  "fontSize",
  "fontWeight",
  "fontFamily",
  "color",
  "backgroundColor",
  "borderTopWidth",
  "borderTopColor",
  "paddingTop",
  "marginTop",
  "textTransform",
  "opacity",
  "boxShadow",
] as const;

function looksOf(page: Page, answer: string) {
  return page.locator(`button[name="answer"][value="${answer}"]`).evaluate((button, names) => {
    const style = getComputedStyle(button);
    return {
      tag: button.tagName,
      top: button.getBoundingClientRect().top,
      ...Object.fromEntries(names.map((name) => [name, style[name]])),
    };
  }, LOOKS);
}

/** Of the notice: what is read under the details is what the form sends. */
export async function shownHash(page: Page): Promise<string> {
  const hash = await page.locator("main details code").textContent();
  assert.equal(hash, await page.locator('input[name="notice"]').inputValue());
  return hash ?? "";
}
