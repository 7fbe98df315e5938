import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { newId } from "../../src/core/ids.ts";
import type { Ports } from "../../src/core/ports.ts";
import { excludePlatform, liftExclusion } from "../../src/core/policy/exclude-platform.ts";
import { moveInMatrix } from "../../src/core/policy/move-in-matrix.ts";
import { recordReview } from "../../src/core/policy/record-review.ts";
import { resumeAllowed } from "../../src/core/policy/resume-allowed.ts";
import { setConditions, unsetConditions } from "../../src/core/policy/set-conditions.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { runTransfer } from "../../src/core/transfer/run-transfer.ts";
import { startEngine, type Engine } from "../support/engine.ts";
import { fakeAccount, fakeAdapter, numberedItems, type FakeAccount } from "../support/fake-participants.ts";
import { accreditedParticipant, dataset } from "../support/register-fixtures.ts";

const DAILY = "energy.consumption.daily";
const BILLS = "energy.bills";
const REASON = { fr: "La commission de sécurité l’a demandé.", en: "The security committee asked for it." };
const slow = async (call: string) => void (call === "put" && (await sleep(20)));

let engine: Engine;
let destination: FakeAccount;
let on: { caller: Engine["source"]["id"]; holderId: Engine["source"]["id"] };
let platformId: Engine["destination"]["id"];

async function start(items = 3): Promise<void> {
  destination = fakeAccount({ fault: items > 100 ? slow : async () => undefined });
  engine = await startEngine(fakeAdapter(fakeAccount({ items: numberedItems(DAILY, items) }), destination), [DAILY, BILLS]);
  on = { caller: engine.source.id, holderId: engine.source.id };
  platformId = engine.destination.id;
}

const request = async (datasets = [DAILY]) => {
  const consent = await engine.consent(datasets);
  return requestTransfer(engine.ports, { consentId: consent.id, personId: engine.personId });
};
const reasonsOf = async (work: Promise<unknown>) => {
  try {
    await work;
    return [];
  } catch (error) {
    const { code, details } = error as { code: string; details: { reasons: string[] } };
    assert.equal(code, "condition_unmet");
    return details.reasons;
  }
};
const asked = (change: object) => ({ dataset: "*", minimumLevel: 1 as const, regions: [], certificates: [], reason: REASON, ...change });
const access = (state: "closed" | "in_discussion" | "test" | "open", testAccounts: string[] = []) =>
  moveInMatrix(engine.ports, on, { platformId, state, reason: state === "open" ? null : REASON, testAccounts });
const present = (id: Parameters<typeof runTransfer>[1]["transferId"]) => engine.store.read((r) => r.transfers.get(id));
const set = (change: object) => setConditions(engine.ports, on, asked(change));
const hds = (validUntil: string) => ({
  platformId,
  certificate: "hds" as const,
  validUntil,
  issuer: "A body",
  acceptedAt: new Date(),
  logIndex: null,
});
const setMark = (level: 0 | 1 | 2) =>
  engine.store.write((w) =>
    w.register.addMark({
      id: newId("trustMark"),
      participantId: platformId,
      type: "https://relais.test/charter",
      level,
      jwt: `level ${level}`,
      issuedAt: new Date(),
      expiresAt: new Date(Date.now() + 86_400_000),
      revokedAt: null,
      statusIndex: null,
    }),
  );

describe("conditions on the way of a request", () => {
  beforeEach(() => start());
  const ended = () => engine[Symbol.asyncDispose]();

  // oxfmt-ignore
  const REFUSED: [what: string, restrict: () => Promise<unknown>, reasons: string[], mend: () => Promise<unknown>][] = [
    ["a level that the platform has not", () => set({ minimumLevel: 2 }), ["below-minimum-level"], () => setMark(2)],
    ["a country that is not wanted", () => set({ regions: ["CH"] }), ["outside-hosting-regions"], () => set({ regions: ["CH", "EEA"] })],
    ["a certificate that was not shown", () => set({ certificates: ["hds"] }), ["missing-certificate"], () => engine.store.write((w) => w.rules.putCertificate(hds("2999-01-01")))],
    ["an exclusion", () => excludePlatform(engine.ports, on, { platformId, dataset: "*", reason: REASON }), ["excluded-by-holder"], () => liftExclusion(engine.ports, on, { platformId, dataset: "*" })],
    ["a closed door", () => access("closed"), ["not-open-yet"], () => access("open")],
    ["a discussion", () => access("in_discussion"), ["not-open-yet"], () => access("test", ["account-1"])],
    ["a test with other accounts", () => access("test", ["account-2"]), ["not-open-yet"], () => access("test", ["account-1"])],
    ["level 0 with real data", async () => { await set({ minimumLevel: 0, reason: null }); await setMark(0); }, ["synthetic-only"], () => engine.store.write((w) => w.register.put({ ...engine.source, about: { ...engine.source.about, synthetic: true } }))],
    ["all that is more than the default", () => set({ minimumLevel: 2 }), ["below-minimum-level"], () => unsetConditions(engine.ports, on, { dataset: "*" })],
  ];
  for (const [what, restrict, reasons, mend] of REFUSED) {
    test(`${what}: no consent is asked for, no transfer accepted, none runs; and once it is mended, all three`, async () => {
      const earlier = await request();
      const consent = await engine.consent([DAILY]);
      await restrict();
      assert.deepEqual(await reasonsOf(engine.consent([DAILY])), reasons);
      assert.deepEqual(await reasonsOf(requestTransfer(engine.ports, { consentId: consent.id, personId: engine.personId })), reasons);
      await runTransfer(engine.ports, { transferId: earlier.id, epoch: (await present(earlier.id)).epoch }, engine.terms);
      const paused = await present(earlier.id);
      assert.deepEqual([paused.state, paused.reason, destination.calls.length], ["paused", "condition_unmet", 0]);
      await mend();
      await resumeAllowed(engine.ports);
      const resumed = await present(earlier.id);
      assert.equal(resumed.state, "queued");
      assert.deepEqual(await runTransfer(engine.ports, { transferId: earlier.id, epoch: resumed.epoch }, engine.terms), {
        kind: "ended",
        state: "verified",
      });
      await requestTransfer(engine.ports, { consentId: consent.id, personId: engine.personId });
      await engine.consent([DAILY]);
      await ended();
    });
  }

  test("what one data set asks for is decided for that data set, and the notice says what is withheld and why", async () => {
    await set({ dataset: BILLS, minimumLevel: 2 });
    const { notice } = await engine.consent([DAILY]);
    assert.equal(notice.withheld, undefined);
    assert.deepEqual(await reasonsOf(engine.consent([BILLS])), ["below-minimum-level"]);
    const [link] = await engine.store.read((r) => r.people.listLinks(engine.personId));
    assert.ok(link);
    const both = await engine.ask([DAILY, BILLS]);
    assert.deepEqual(
      both.notice.datasets.map(({ id }) => id),
      [DAILY],
    );
    assert.deepEqual(
      both.notice.withheld?.map(({ id, because }) => [id, because.length]),
      [[BILLS, 1]],
    );
    await set({ dataset: "*", minimumLevel: 2 });
    await set({ dataset: DAILY, minimumLevel: 1 });
    await engine.consent([DAILY]);
    await ended();
  });

  test("a certificate that ran out is a certificate that was not shown", async () => {
    await set({ certificates: ["hds"] });
    await engine.store.write((w) => w.rules.putCertificate(hds("2020-01-01")));
    assert.deepEqual(await reasonsOf(engine.consent([DAILY])), ["missing-certificate"]);
    await ended();
  });
});

describe("a change while a transfer runs", () => {
  before(() => start(2000));
  after(() => engine[Symbol.asyncDispose]());

  test("pauses it within a second, says why, and lets it go on where it stood once lifted", async () => {
    const transfer = await request();
    const running = runTransfer(engine.ports, { transferId: transfer.id, epoch: 0 }, engine.terms);
    const puts = () => destination.calls.filter(({ call }) => call === "put");
    while (puts().length < 5) await sleep(10);
    assert.deepEqual(await excludePlatform(engine.ports, on, { platformId, dataset: DAILY, reason: REASON }), { paused: 1, resumed: 0 });
    const at = Date.now();
    await running;
    assert.ok(puts().every((call) => call.at <= at + 1000));
    assert.ok(puts().length < 2000);
    const paused = await present(transfer.id);
    assert.deepEqual([paused.state, paused.reason, paused.actor], ["paused", "condition_unmet", "holder"]);
    destination.fault = async () => undefined;
    engine.rings.length = 0;
    assert.deepEqual(await liftExclusion(engine.ports, on, { platformId, dataset: DAILY }), { paused: 0, resumed: 1 });
    assert.deepEqual(await runTransfer(engine.ports, engine.rings[0]!, engine.terms), { kind: "ended", state: "verified" });
    const events = await engine.store.read((r) => r.transfers.events(transfer.id));
    assert.deepEqual(
      events.filter(({ kind }) => kind === "paused" || kind === "resumed").map(({ kind, actor }) => [kind, actor]),
      [
        ["paused", "holder"],
        ["resumed", "holder"],
      ],
    );
  });
});

describe("who may, and what is kept", () => {
  before(() => start());
  after(() => engine[Symbol.asyncDispose]());

  test("another holder touches nothing, and a platform sets no condition of its own", async () => {
    const other = await accreditedParticipant(engine.store, {
      entityId: "https://other.test",
      roles: ["holder"],
      datasets: [dataset(DAILY)],
    });
    const held = await engine.store.read((r) => r.conditions.of(on.holderId));
    const logged = await engine.store.read((r) => r.ledger.size());
    for (const who of [
      { caller: other.id, holderId: on.holderId },
      { caller: platformId, holderId: on.holderId },
      { caller: platformId, holderId: platformId },
    ]) {
      const refused = { code: "forbidden" };
      await assert.rejects(setConditions(engine.ports, who, asked({})), refused);
      await assert.rejects(unsetConditions(engine.ports, who, { dataset: "*" }), refused);
      await assert.rejects(excludePlatform(engine.ports, who, { platformId, dataset: "*", reason: REASON }), refused);
      await assert.rejects(liftExclusion(engine.ports, who, { platformId, dataset: "*" }), refused);
      await assert.rejects(moveInMatrix(engine.ports, who, { platformId, state: "closed", reason: REASON, testAccounts: [] }), refused);
      await assert.rejects(recordReview(engine.ports, who, review()), refused);
    }
    assert.deepEqual(await engine.store.read((r) => r.conditions.of(on.holderId)), held);
    assert.equal(await engine.store.read((r) => r.ledger.size()), logged);
  });

  // oxfmt-ignore
  const WRONG: [what: string, work: (ports: Pick<Ports, "store" | "queue" | "clock" | "policy">) => Promise<unknown>][] = [
    ["a higher level without a reason", (ports) => setConditions(ports, on, asked({ minimumLevel: 2, reason: null }))],
    ["a reason in one language", (ports) => setConditions(ports, on, asked({ regions: ["FR"], reason: { fr: "Parce que.", en: " " } }))],
    ["a country that is none", (ports) => setConditions(ports, on, asked({ regions: ["France"] }))],
    ["a certificate that nobody checks", (ports) => setConditions(ports, on, asked({ certificates: ["gold"] }))],
    ["a data set that it has not", (ports) => setConditions(ports, on, asked({ dataset: "bank.accounts" }))],
    ["an exclusion without a reason", (ports) => excludePlatform(ports, on, { platformId, dataset: "*", reason: { fr: "", en: "" } })],
    ["an exclusion of itself", (ports) => excludePlatform(ports, on, { platformId: on.holderId, dataset: "*", reason: REASON })],
    ["a closed door without a reason", (ports) => moveInMatrix(ports, on, { platformId, state: "closed", reason: null, testAccounts: [] })],
    ["test accounts where nothing is tested", (ports) => moveInMatrix(ports, on, { platformId, state: "open", reason: null, testAccounts: ["a"] })],
    ["a review in the future", (ports) => recordReview(ports, on, review("2999-01-01"))],
  ];
  for (const [what, work] of WRONG)
    test(`${what} is refused`, async () => {
      await assert.rejects(work(engine.ports), { code: "invalid" });
    });

  test("each change has its place in the public log, without the words of its reason and without accounts", async () => {
    const size = () => engine.store.read((r) => r.ledger.size());
    const start = await size();
    await set({ minimumLevel: 2 });
    await excludePlatform(engine.ports, on, { platformId, dataset: BILLS, reason: REASON });
    await access("test", ["customer-4711"]);
    assert.equal((await size()) - start, 3);
    const { conditions, exclusions, access: cells } = await engine.store.read((r) => r.conditions.of(on.holderId));
    assert.deepEqual([conditions[0]?.logIndex, exclusions[0]?.logIndex, cells[0]?.logIndex], [start, start + 1, start + 2]);
    assert.deepEqual([conditions[0]?.reason, exclusions[0]?.reason, cells[0]?.reason], [REASON, REASON, REASON]);
    assert.doesNotMatch(JSON.stringify(cells), /4711/);
    const seen = await engine.store.read((r) => r.conditions.restrictions({ platformId, limit: 10 }));
    assert.deepEqual(
      seen.map(({ kind, dataset, reason }) => [kind, dataset, reason]),
      [
        ["test", "*", REASON],
        ["excluded", BILLS, REASON],
      ],
    );
  });

  test("a review is kept as it was recorded", async () => {
    const kept = await recordReview(engine.ports, on, review());
    assert.deepEqual(await engine.store.read((r) => r.conditions.reviews(on.holderId)), [kept]);
  });

  function review(date = "2026-03-12") {
    const questions = ["Where are the backups?"];
    return {
      platformId,
      date,
      questions,
      decision: "accepted_with_conditions" as const,
      conditions: ["A yearly audit"],
      by: "Security committee",
    };
  }
});
