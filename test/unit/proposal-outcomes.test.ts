import assert from "node:assert/strict";
import { test } from "node:test";
import { RelaisError } from "../../src/core/errors.ts";
import { outcomesOf } from "../../src/core/transfer/proposal.ts";
import { sha256, type Manifest, type Receipt, type ReceiptItem } from "../../src/core/transfer/manifest.ts";
import type { TransferItem } from "../../src/core/transfer/transfer.ts";

/** What an organisation may say of what was proposed to it, and what it may not: each lie has its row. */
const DATASET = "energy.home";
const item = (key: string): ReceiptItem => ({ dataset: DATASET, key, bytes: key.length, "sha-256": sha256(key) });
const manifest = {
  items: ["a", "b"].map((key) => ({ ...item(key), media_type: "application/json" })),
  omissions: [{ dataset: DATASET, key: "left", reason: "unsafe_name" }],
} as unknown as Manifest;
const left = { dataset: DATASET, key: "left", reason: "unsafe_name" } as const;
const no = (key: string) => ({ dataset: DATASET, key, reason: "not_plausible" as const });
const accepted = (key: string) => ({ ...item(key), outcome: "accepted" as const });
const waiting = (key: string) => ({ ...item(key), outcome: "waiting" as const });
const before = (key: string, state: TransferItem["state"]) => ({ dataset: DATASET, key, state });

interface Case {
  says: string;
  items: ReceiptItem[];
  omissions?: Receipt["omissions"];
  known?: ReturnType<typeof before>[];
  /** Outcomes of a and b, or the flaw. */
  means: string | RegExp;
}

// oxfmt-ignore
const CASES: Case[] = [
  { says: "both accepted",                       items: [accepted("a"), accepted("b")],                      means: "accepted accepted" },
  { says: "one accepted, one waits",             items: [accepted("a"), waiting("b")],                       means: "accepted waiting" },
  { says: "one accepted, one refused",           items: [accepted("a")], omissions: [no("b")],               means: "accepted refused" },
  { says: "what waited is accepted now",         items: [accepted("a"), accepted("b")], known: [before("a", "stored"), before("b", "sent")], means: "accepted accepted" },
  { says: "an item that nobody proposed",        items: [accepted("a"), accepted("b"), accepted("c")],       means: /not proposed/ },
  { says: "the other item twice",                items: [accepted("a"), accepted("a")],                      means: /exactly one/ },
  { says: "nothing of one item",                 items: [accepted("a")],                                     means: /exactly one/ },
  { says: "accepted and refused at once",        items: [accepted("a"), accepted("b")], omissions: [no("b")], means: /exactly one/ },
  { says: "other content than was proposed",     items: [accepted("a"), { ...accepted("b"), "sha-256": sha256("else") }], means: /other content/ },
  { says: "another length",                      items: [accepted("a"), { ...accepted("b"), bytes: 99 }],    means: /other content/ },
  { says: "stored, as a platform says it",       items: [accepted("a"), item("b")],                          means: /does not say whether/ },
  { says: "a refusal of what was not proposed",  items: [accepted("a"), accepted("b")], omissions: [no("c")], means: /not proposed/ },
  { says: "accepted, and now refused",           items: [accepted("b")], omissions: [no("a")], known: [before("a", "stored")], means: /takes back/ },
  { says: "accepted, and now waiting",           items: [waiting("a"), accepted("b")], known: [before("a", "stored")], means: /takes back/ },
  { says: "refused, and now accepted",           items: [accepted("a"), accepted("b")], known: [before("b", "omitted")], means: /takes back/ },
];

for (const { says, items, omissions = [], known = [], means } of CASES)
  test(`an organisation says: ${says}`, () => {
    const receipt = { items, omissions: [left, ...omissions] } as unknown as Receipt;
    if (means instanceof RegExp)
      return assert.throws(
        () => outcomesOf(manifest, receipt, known),
        (error: unknown) =>
          error instanceof RelaisError && error.code === "peer_protocol" && error.actor === "holder" && means.test(error.message),
      );
    const outcomes = new Map(outcomesOf(manifest, receipt, known).map(({ key, outcome }) => [key, outcome]));
    return assert.equal(`${outcomes.get("a")} ${outcomes.get("b")}`, means);
  });
