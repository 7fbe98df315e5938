import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { amendConsent, type Amendment } from "../../src/core/consent/amend-consent.ts";
import type { Consent } from "../../src/core/consent/consent.ts";
import { grantConsent, refuseConsent } from "../../src/core/consent/decide-consent.ts";
import { presentConsent } from "../../src/core/consent/succession.ts";
import { withdrawConsent } from "../../src/core/consent/withdraw-consent.ts";
import { newId } from "../../src/core/ids.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { inDays, startEngine, type Engine } from "../support/engine.ts";
import { fakeAccount, fakeAdapter } from "../support/fake-participants.ts";

/** A permission that is changed or renewed: the old one holds until the yes, and never beside the new one. */

const [BILLS, DAILY] = ["energy.bills", "energy.consumption.daily"] as const;
let engine: Engine;
let given: Consent;

before(async () => {
  engine = await startEngine(fakeAdapter(fakeAccount(), fakeAccount()), [BILLS, DAILY]);
});
after(() => engine?.[Symbol.asyncDispose]());
beforeEach(async () => {
  given = await engine.consent([DAILY]);
});

const wish = (change: Partial<Amendment> = {}): Promise<Consent> =>
  amendConsent(engine.ports, {
    consentId: given.id,
    personId: engine.personId,
    datasets: [BILLS],
    recurrence: null,
    expires: inDays(30),
    retention: null,
    language: "fr",
    requester: null,
    ...change,
  });
const yes = (asked: Consent): Promise<Consent> =>
  grantConsent(engine.ports, {
    consentId: asked.id,
    personId: engine.personId,
    datasets: asked.notice.datasets.map(({ id }) => id),
    noticeHash: asked.noticeHash,
    language: "fr",
  });
const stateOf = async ({ id }: Pick<Consent, "id">) => (await engine.store.read((r) => r.consents.get(id))).state;

test("with the yes the old one is replaced, and its transfer under way stops; until then nothing changes", async () => {
  const transfer = await requestTransfer(engine.ports, { consentId: given.id, personId: engine.personId });
  const asked = await wish({ datasets: [BILLS, DAILY], expires: inDays(60) });
  assert.equal(asked.supersedes, given.id);
  assert.deepEqual(asked.notice.before, {
    consent: given.id,
    datasets: [{ id: DAILY, title: { fr: DAILY, en: DAILY } }],
    recurrence: null,
    expires: inDays(30),
    retention: null,
    askedBy: "person",
  });
  assert.equal(await stateOf(given), "active");
  assert.equal((await engine.store.read((r) => r.transfers.get(transfer.id))).state, "queued");
  await yes(asked);
  assert.equal(await stateOf(given), "superseded");
  assert.equal((await engine.store.read((r) => r.transfers.get(transfer.id))).state, "cancelled");
  assert.equal((await engine.store.read((r) => presentConsent(r, given.id))).id, asked.id, "who knew the old one finds the new one");
});

test("a no, and a withdrawal of the new one, bring nothing back and take nothing away", async () => {
  const asked = await wish();
  await refuseConsent(engine.ports, { consentId: asked.id, personId: engine.personId });
  assert.equal(await stateOf(given), "active");
  const again = await yes(await wish());
  await withdrawConsent(engine.ports, { consentId: again.id, personId: engine.personId });
  assert.equal(await stateOf(given), "superseded");
  assert.equal((await engine.store.read((r) => presentConsent(r, given.id))).state, "withdrawn");
});

test("what was stopped meanwhile is not brought back by a yes, and its proposals wait no more", async () => {
  const asked = await wish();
  await withdrawConsent(engine.ports, { consentId: given.id, personId: engine.personId });
  assert.equal(await stateOf(asked), "superseded");
  await assert.rejects(yes(asked), { code: "conflict" });
  await assert.rejects(wish(), { code: "conflict" });
  assert.equal(await stateOf(given), "withdrawn");
});

test("of several proposals the newest waits, and of parallel answers one counts", async () => {
  const first = await wish();
  const second = await wish({ expires: inDays(90) });
  assert.deepEqual(await Promise.all([stateOf(first), stateOf(second)]), ["superseded", "requested"]);
  const answers = await Promise.allSettled(Array.from({ length: 10 }, () => yes(second)));
  assert.equal(answers.filter(({ status }) => status === "fulfilled").length, 1);
  const successors = await engine.store.read((r) => r.consents.successors(given.id));
  assert.deepEqual(
    successors.map(({ state }) => state),
    ["active", "superseded"],
  );
});

test("a change changes something, is the person's own, and never of a participant that did not ask", async () => {
  await assert.rejects(wish({ datasets: [DAILY] }), { code: "conflict" });
  await assert.rejects(wish({ datasets: ["no.such"] }), { code: "invalid" });
  await assert.rejects(wish({ expires: inDays(500) }), { code: "invalid" });
  await assert.rejects(wish({ personId: newId("person") }), { code: "not_found" });
  await assert.rejects(wish({ requester: engine.destination.entityId }), { code: "forbidden" });
  assert.equal((await engine.store.read((r) => r.consents.successors(given.id))).length, 0, "nothing was written");
});
