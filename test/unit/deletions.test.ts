import assert from "node:assert/strict";
import { test } from "node:test";
import { RelaisError } from "../../src/core/errors.ts";
import { deletionEvents, judgeDeletions } from "../../src/core/transfer/deletions.ts";
import type { Manifest, ToldDeletion } from "../../src/core/transfer/manifest.ts";

const manifest = (...keys: string[]) => ({ deletions: keys.map((key) => ({ dataset: "bills", key })) }) as Manifest;
const told = (key: string, outcome: ToldDeletion["outcome"], dataset = "bills"): ToldDeletion => ({ dataset, key, outcome });

// What was told, what the receipt says, and what stands.
// oxfmt-ignore
const JUDGED: [what: string, manifest: Manifest, receipt: ToldDeletion[] | undefined, judged: string[] | "broken"][] = [
  ["nothing was told, and nothing is said",    {} as Manifest,     undefined,                                 []],
  ["removed and kept",                         manifest("a", "b"), [told("a", "removed"), told("b", "kept")], ["a removed", "b kept"]],
  ["who does not know deletions kept it all",  manifest("a", "b"), undefined,                                 ["a kept", "b kept"]],
  ["what is not named was kept",               manifest("a", "b"), [told("b", "removed")],                    ["a kept", "b removed"]],
  ["of what was not told",                     manifest("a"),      [told("b", "removed")],                    "broken"],
  ["of another data set",                      manifest("a"),      [told("a", "removed", "home")],            "broken"],
  ["twice of one",                             manifest("a"),      [told("a", "removed"), told("a", "kept")], "broken"],
  ["of one where nothing was told",            {} as Manifest,     [told("a", "removed")],                    "broken"],
];

for (const [what, given, deletions, judged] of JUDGED)
  test(`a receipt's deletions: ${what}`, () => {
    if (judged === "broken")
      return assert.throws(
        () => judgeDeletions(given, { deletions }),
        (error) => error instanceof RelaisError && error.code === "peer_protocol",
      );
    assert.deepEqual(
      judgeDeletions(given, { deletions }).map(({ key, outcome }) => `${key} ${outcome}`),
      judged,
    );
  });

test("the timeline says what the destination did, and nothing where nothing was deleted", () => {
  assert.deepEqual(deletionEvents([], { observed: false }), []);
  assert.deepEqual(deletionEvents([told("a", "removed"), told("b", "kept"), told("c", "kept")], { observed: false }), [
    { kind: "deletions_told", actor: "platform", details: { removed: 1, kept: 2 } },
  ]);
});
