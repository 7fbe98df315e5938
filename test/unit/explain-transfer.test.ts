import assert from "node:assert/strict";
import { test } from "node:test";
import type { Held } from "../../src/core/dispatch/hold-of.ts";
import { newId } from "../../src/core/ids.ts";
import { STATES, type Transfer, type TransferEvent, type TransferState } from "../../src/core/transfer/transfer.ts";
import { explain, type Explained } from "../../src/pages/operation/explain.ts";
import { holdIn } from "../../src/pages/operation/holds.ts";
import { TONGUES } from "../../src/pages/tongue.ts";

const AT = new Date("2026-11-25T13:05:00Z");
const later = (minutes: number) => new Date(AT.getTime() + minutes * 60_000);

function story(
  state: TransferState,
  change: Partial<Transfer> = {},
  events: Omit<TransferEvent, "transferId" | "sequence" | "at">[] = [],
): Explained {
  const id = newId("transfer");
  const transfer: Transfer = {
    id,
    consentId: newId("consent"),
    personId: newId("person"),
    sourceId: newId("participant"),
    destinationId: newId("participant"),
    switchId: null,
    datasets: ["energy.bills"],
    state,
    reason: null,
    actor: null,
    epoch: 1,
    attempts: 1,
    leaseUntil: null,
    dueAt: AT,
    expiresAt: later(1000),
    createdAt: AT,
    endedAt: null,
    ...change,
  };
  const requested = { kind: "requested", actor: "person", details: {} } as const;
  const lines = [requested, ...events].map((event, index) => ({ ...event, transferId: id, sequence: index, at: later(index) }));
  return { transfer, events: lines, source: "Parc Énergie", destination: "Ancre", isProposal: false, holds: [], now: later(30) };
}

const begun = { kind: "attempt_started", actor: "relais", details: { attempt: 1 } } as const;
const retry = { kind: "retry_planned", actor: "holder", details: { reason: "peer_unavailable", seconds: 4 } } as const;

// oxfmt-ignore
const EXPLAINED: [what: string, story: Explained, en: RegExp, fr: RegExp][] = [
  ["not begun", story("queued", { attempts: 0 }), /asked for on 25 November 2026 at 14:05 by the person, from Parc Énergie to Ancre\. No attempt has begun yet\. It has been due since/, /demandé le 25 novembre 2026 à 14\sh\s05 par la personne, de Parc Énergie vers Ancre\. Aucun essai n’a encore commencé\. Il est à faire depuis/],
  ["put off", story("queued", { attempts: 3, dueAt: later(60) }, [begun, retry, begun, retry]), /There were 3 attempts.*put off 2 times; the last reason was “.+”, which is for Parc Énergie to mend\. It now waits for its next attempt, on .*15:05/, /3 essais.*reporté 2 fois.*: Parc Énergie\. Il attend maintenant son prochain essai/],
  ["held", story("delivering", { leaseUntil: later(31) }, [begun, { kind: "source_counted", actor: "holder", details: { items: 12 } }]), /Parc Énergie counted 12 items\. An attempt is under way; it has to report by/, /Parc Énergie a compté 12 éléments\. Un essai est en cours/],
  ["left by a worker", story("fetching", { leaseUntil: later(20) }, [begun]), /No worker holds it/, /Personne ne le tient/],
  ["sent, without a receipt", story("delivered", { leaseUntil: later(31) }, [begun, { kind: "delivered", actor: "relais", details: {} }]), /Everything was sent to Ancre on .* its receipt has not come yet/, /son reçu n’est pas encore arrivé/],
  ["verified", story("verified", { endedAt: later(5) }, [begun, { kind: "receipt_received", actor: "platform", details: {} }]), /The receipt of Ancre came on .* everything is there/, /Le reçu de Ancre est arrivé.*tout est là/],
  ["in part", story("partial", { endedAt: later(5) }, [begun, { kind: "partial", actor: "relais", details: { omitted: 2, missing: 1 } }]), /2 items did not move, and 1 that was counted was never listed\./, /2 éléments n’ont pas bougé, et 1 élément compté n’a jamais été annoncé\./],
  ["paused", story("paused", { reason: "not_accredited", actor: "platform" }, [begun]), /paused since .*once Ancre has mended that/, /en pause depuis .*: Ancre\./],
  ["failed", story("failed", { reason: "peer_refused", actor: "holder", endedAt: later(5) }, [begun]), /It failed on .*for Parc Énergie to mend; then an operator can bring it back/, /Il a échoué le .*: Parc Énergie\. Ensuite, un opérateur/],
  ["a proposal that the organisation refused", { ...story("failed", { reason: "peer_refused", actor: "holder", endedAt: later(5) }, [begun]), isProposal: true }, /for Ancre to mend/, /: Ancre\. Ensuite/],
  ["brought back", story("queued", { attempts: 0 }, [{ kind: "replayed", actor: "operator", details: { of: "trf_before" } }]), /The operator asked for it again after trf_before had failed/, /L’opérateur l’a demandé de nouveau après l’échec de trf_before/],
];

for (const [what, told, en, fr] of EXPLAINED)
  test(`a transfer that is ${what} is explained in both languages`, () => {
    assert.match(explain(TONGUES.en, told), en);
    assert.match(explain(TONGUES.fr, told), fr);
  });

const PAUSED: Held = {
  participantId: newId("participant"),
  hold: "paused",
  until: null,
  pause: { by: "operator", reason: "Their certificate runs out.", dataset: "energy.bills", since: AT },
};
const BREAKER: Held = { ...PAUSED, hold: "breaker", until: later(60), pause: null };

test("what holds up a transfer that is due is told, and nothing of it where the transfer is not held up", () => {
  const names = new Map([[PAUSED.participantId, "Ancre"]]);
  const tell = (told: Explained, lang: "en" | "fr", held: Held) =>
    explain(TONGUES[lang], { ...told, holds: [holdIn(TONGUES[lang], held, names)] });
  const due = story("queued", { dueAt: AT });
  assert.match(tell(due, "en", PAUSED), /Ancre is paused \(energy\.bills\) by the operator since .*14:05: Their certificate runs out\.$/);
  assert.match(tell(due, "fr", PAUSED), /Ancre est en pause \(energy\.bills\) depuis .* Raison\s: Their certificate runs out\.$/);
  assert.match(
    tell(due, "en", BREAKER),
    /Ancre failed several times in a row\. Relais waits before it tries again, until .*15:05, and then tries once\.$/,
  );
  assert.match(tell(due, "fr", BREAKER), /Ancre a échoué plusieurs fois de suite/);
  for (const other of [
    story("queued", { dueAt: later(60) }),
    story("delivering", { leaseUntil: later(40) }),
    story("verified", { endedAt: later(5) }),
  ])
    assert.doesNotMatch(tell(other, "en", PAUSED), /certificate/);
});

test("every state is explained in one paragraph, with nobody's id in it", () => {
  for (const state of STATES)
    for (const tongue of Object.values(TONGUES)) {
      const told = story(state, { reason: state === "cancelled" ? "consent_ended" : null, actor: "person", endedAt: later(9) }, [begun]);
      const text = explain(tongue, told);
      assert.doesNotMatch(text, /[{}\n]|undefined|null|prs_|cst_|  /, `${state} ${text}`);
      assert.ok(text.length > 80 && text.endsWith("."), text);
    }
});

test("a reason that no table knows is told as ours, and breaks no page", () => {
  const told = story("failed", { reason: "of_another_release" as never, endedAt: later(5) }, [begun]);
  assert.match(explain(TONGUES.en, told), /It failed on/);
});
