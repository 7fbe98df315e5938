import assert from "node:assert/strict";
import type { Locator, Page } from "playwright-core";
import { press } from "../support/browser.ts";

/** How a person uses a page. `steps` counts what they do: a choice, a click, a text typed. */
export interface Hands {
  page: Page;
  steps: number;
  /** A link or a button. */
  press(target: Locator): Promise<void>;
  /** A radio button or a box. */
  choose(target: Locator): Promise<void>;
  write(target: Locator, text: string): Promise<void>;
}

export function mouse(page: Page): Hands {
  const hands: Hands = {
    page,
    steps: 0,
    press: async (target) => step(hands, () => press(target)),
    choose: async (target) => step(hands, () => target.check()),
    write: async (target, text) => step(hands, () => target.fill(text)),
  };
  return hands;
}

/** Tab, arrows, Space and Enter: never a pointer. Fails where the keyboard does not get to the target. */
export function keyboard(page: Page): Hands {
  const hands: Hands = {
    page,
    steps: 0,
    press: async (target) => {
      await walkTo(page, target);
      await step(hands, () => leaveBy(page, "Enter"));
    },
    choose: async (target) => {
      await walkTo(page, target);
      if (!(await target.isChecked())) await page.keyboard.press("Space");
      assert.ok(await target.isChecked());
      hands.steps += 1;
    },
    write: async (target, text) => {
      await walkTo(page, target);
      await step(hands, () => page.keyboard.type(text));
    },
  };
  return hands;
}

async function step(hands: Hands, act: () => Promise<void>): Promise<void> {
  hands.steps += 1;
  await act();
}

/** Waits for the page that follows. */
async function leaveBy(page: Page, key: string): Promise<void> {
  const arrived = page.waitForEvent("framenavigated", { timeout: 120_000 });
  await page.keyboard.press(key);
  await arrived;
  await page.waitForLoadState();
}

const MOST_TABS = 90;

/** Tab from where the focus is; inside a group of radio buttons the arrows go on. */
async function walkTo(page: Page, target: Locator): Promise<void> {
  await target.waitFor();
  const isRadio = (await target.getAttribute("type")) === "radio";
  for (let tabs = 0; tabs < MOST_TABS; tabs++) {
    if (await hasFocus(target)) return await isSeen(target);
    const isInGroup =
      isRadio &&
      (await target.evaluate(
        (element) => (document.activeElement as HTMLInputElement | null)?.name === (element as HTMLInputElement).name,
      ));
    await page.keyboard.press(isInGroup ? "ArrowDown" : "Tab");
  }
  assert.fail(`the keyboard does not reach ${target}`);
}

function hasFocus(target: Locator): Promise<boolean> {
  return target.evaluate((element) => element === document.activeElement);
}

/** What has the focus shows it (WCAG 2.4.7): an outline, a shadow, or that of the label which stands for the field. */
async function isSeen(target: Locator): Promise<void> {
  const marks = await target.evaluate((element) => {
    const label = (element as HTMLInputElement).labels?.[0];
    const looks = [getComputedStyle(element), ...(label ? [getComputedStyle(label, "::before")] : [])];
    return looks.map(({ outlineStyle, boxShadow }) => outlineStyle !== "none" || boxShadow !== "none");
  });
  assert.ok(marks.includes(true), `the focus on ${target} is not visible`);
}
