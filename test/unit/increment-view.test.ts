import assert from "node:assert/strict";
import { test } from "node:test";
import type { TransferEvent, TransferState } from "../../src/core/transfer/transfer.ts";
import { viewOfIncrement } from "../../src/pages/transfers/increment-view.ts";
import { TONGUES } from "../../src/pages/tongue.ts";

const names = { source: "Énergie du Parc", destination: "Ancre" };
type Told = Pick<TransferEvent, "kind" | "details">;
const listed = (counts: object): Told => ({ kind: "changes_listed", details: { since: "2026-11-25T13:05:00.000Z", ...counts } });
const deletions = (removed: number, kept: number): Told => ({ kind: "deletions_told", details: { removed, kept } });
const ended = (stored: number): Told => ({ kind: "verified", details: { stored, omitted: 0, missing: 0 } });

// oxfmt-ignore
const SAID: [state: TransferState, events: Told[], en: RegExp, fr: RegExp][] = [
  ["verified",   [listed({ items: 0, gone: 0 })],                       /^Nothing new since .*Ancre has confirmed/,                       /^Rien de nouveau depuis le 25 novembre 2026/],
  ["verified",   [listed({ items: 1, gone: 0 })],                       /brought what is new since .*: one new or corrected item, compared at Ancre\.$/, /un élément nouveau ou corrigé, comparé chez Ancre\.$/],
  ["verified",   [listed({ items: 1200, gone: 0 })],                    /1,200 new or corrected items/,                                   /1\s200 éléments nouveaux ou corrigés, comparés/],
  ["verified",   [listed({}), ended(501)],                              /501 new or corrected items/,                                     /501 éléments/],
  ["verified",   [listed({ items: 0, gone: 2 }), deletions(1, 1)],      /no new item.*removed its copy\..*kept your copy/,                /aucun élément nouveau.*retiré sa copie\..*gardé votre copie/],
  ["partial",    [listed({ items: 3, gone: 0 })],                       /^This delivery brings .*3 new or corrected items\.$/,            /^Cet envoi apporte .*3 éléments/],
  ["delivering", [listed({})],                                          /^This delivery brings only what is new since/,                   /^Cet envoi apporte seulement/],
];

for (const [state, events, en, fr] of SAID)
  test(`${state}: ${en.source}`, () => {
    const said = (lang: "en" | "fr") => viewOfIncrement(TONGUES[lang], { transfer: { state }, events, names })?.sentences.join(" ") ?? "";
    assert.match(said("en"), en);
    assert.match(said("fr"), fr);
  });

test("of a delivery that listed everything nothing is said", () => {
  assert.equal(viewOfIncrement(TONGUES.en, { transfer: { state: "verified" }, events: [ended(3)], names }), null);
});
