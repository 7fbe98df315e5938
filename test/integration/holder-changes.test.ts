import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { versionOf, type ConditionPorts, type Effect } from "../../src/core/policy/change-conditions.ts";
import { answerMeeting } from "../../src/core/policy/answer-meeting.ts";
import { askToOpen } from "../../src/core/policy/ask-to-open.ts";
import { excludePlatform, liftExclusion } from "../../src/core/policy/exclude-platform.ts";
import { moveInMatrix } from "../../src/core/policy/move-in-matrix.ts";
import { previewChange } from "../../src/core/policy/preview-change.ts";
import { readMatrixOf, readMatrixPage } from "../../src/core/policy/read-matrix.ts";
import { setConditions, unsetConditions } from "../../src/core/policy/set-conditions.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import type { RegisterCaller } from "../../src/core/register/register-caller.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { startEngine, type Engine } from "../support/engine.ts";
import { fakeAccount, fakeAdapter } from "../support/fake-participants.ts";
import { accreditedParticipant, testKey } from "../support/register-fixtures.ts";

const DAILY = "energy.consumption.daily";
const BILLS = "energy.bills";
const REASON = { fr: "La commission de sécurité l’a demandé.", en: "The security committee asked for it." };

let engine: Engine;
let other: Participant;
let platformId: Participant["id"];
const who = (version?: string) => ({ caller: engine.source.id, holderId: engine.source.id, version });

async function start(): Promise<void> {
  engine = await startEngine(fakeAdapter(fakeAccount(), fakeAccount()), [DAILY, BILLS]);
  platformId = engine.destination.id;
  other = await accreditedParticipant(engine.store, {
    entityId: "https://suisse.test",
    name: "Un autre espace",
    roles: ["platform"],
    keys: [(await testKey()).publicJwk],
    about: { country: "CH", privacyContact: "dpo@suisse.test" },
  });
}

const asked = (change: object) => ({ dataset: "*", minimumLevel: 1 as const, regions: [], certificates: [], reason: REASON, ...change });
const said = () => engine.store.read((r) => r.conditions.of(engine.source.id));

/** Everything that a change may touch. */
async function everything() {
  return engine.store.read(async (r) => ({
    said: await r.conditions.of(engine.source.id),
    log: await r.ledger.size(),
    transfers: await r.transfers.list(engine.personId),
    events: await Promise.all((await r.transfers.list(engine.personId)).map(({ id }) => r.transfers.events(id))),
    told: await r.outbox.waiting(),
    meetings: await r.meetings.list({ limit: 100 }),
  }));
}

describe("a change is tried before it is made", () => {
  before(start);
  after(() => engine[Symbol.asyncDispose]());

  // In this order: each row stands on what the rows above changed.
  // oxfmt-ignore
  const CHANGES: [what: string, change: (ports: ConditionPorts) => Promise<Effect>, shutOut: [name: string, datasets: string[], reasons: string[]][], letIn: [name: string, datasets: string[]][], effect: Effect][] = [
    ["a level", (on) => setConditions(on, who(), asked({ minimumLevel: 2 })), [["platform", [DAILY, BILLS], ["below-minimum-level"]], ["Un autre espace", [DAILY, BILLS], ["below-minimum-level"]]], [], { paused: 1, resumed: 0 }],
    ["less than that, for one data set", (on) => setConditions(on, who(), asked({ dataset: DAILY, minimumLevel: 1 })), [], [["platform", [DAILY]], ["Un autre espace", [DAILY]]], { paused: 0, resumed: 1 }],
    ["a region", (on) => setConditions(on, who(), asked({ dataset: DAILY, regions: ["EEA"] })), [["Un autre espace", [DAILY], ["outside-hosting-regions"]]], [], { paused: 0, resumed: 0 }],
    ["an exclusion", (on) => excludePlatform(on, who(), { platformId, dataset: DAILY, reason: REASON }), [["platform", [DAILY], ["excluded-by-holder"]]], [], { paused: 1, resumed: 0 }],
    ["its end", (on) => liftExclusion(on, who(), { platformId, dataset: DAILY }), [], [["platform", [DAILY]]], { paused: 0, resumed: 1 }],
    ["a closed door", (on) => moveInMatrix(on, who(), { platformId, state: "closed", reason: REASON, testAccounts: [] }), [["platform", [DAILY], ["not-open-yet"]]], [], { paused: 1, resumed: 0 }],
    ["an open one", (on) => moveInMatrix(on, who(), { platformId, state: "open", reason: null, testAccounts: [] }), [], [["platform", [DAILY]]], { paused: 0, resumed: 1 }],
    ["nothing asked any more", (on) => unsetConditions(on, who(), { dataset: "*" }), [], [["platform", [BILLS]], ["Un autre espace", [BILLS]]], { paused: 0, resumed: 0 }],
  ];

  before(async () => {
    const consent = await engine.consent([DAILY]);
    await requestTransfer(engine.ports, { consentId: consent.id, personId: engine.personId });
  });
  for (const [what, change, shutOut, letIn, effect] of CHANGES)
    test(`${what}: what is foretold is what happens, and foretelling changes nothing`, async () => {
      const before = await everything();
      engine.rings.length = 0;
      const preview = await previewChange(engine.ports, who(), change);
      assert.deepEqual(await everything(), before);
      assert.deepEqual(engine.rings, []);
      const byName = <T extends unknown[]>(list: T[]) => list.toSorted((a, b) => String(a[0]).localeCompare(String(b[0])));
      assert.deepEqual(byName(preview.shutOut.map(({ name, datasets, reasons }) => [name, datasets, reasons])), byName(shutOut));
      assert.deepEqual(byName(preview.letIn.map(({ name, datasets }) => [name, datasets])), byName(letIn));
      assert.deepEqual({ paused: preview.paused, resumed: preview.resumed }, effect);
      assert.deepEqual(await change(engine.ports), effect);
    });

  test("what would be refused is refused when it is tried", async () => {
    await assert.rejects(
      previewChange(engine.ports, who(), (on) => setConditions(on, who(), asked({ dataset: "bank.accounts" }))),
      { code: "invalid" },
    );
    const stranger = { caller: platformId, holderId: engine.source.id };
    await assert.rejects(
      previewChange(engine.ports, stranger, (on) => setConditions(on, stranger, asked({}))),
      { code: "forbidden" },
    );
  });

  test("of two people who decide on the same version, the second is told, and writes over nothing", async () => {
    const version = versionOf(await said());
    await setConditions(engine.ports, who(version), asked({ regions: ["FR"] }));
    const written = await said();
    for (const late of [
      () => setConditions(engine.ports, who(version), asked({ minimumLevel: 2 })),
      () => unsetConditions(engine.ports, who(version), { dataset: "*" }),
      () => excludePlatform(engine.ports, who(version), { platformId, dataset: "*", reason: REASON }),
      () => moveInMatrix(engine.ports, who(version), { platformId, state: "closed", reason: REASON, testAccounts: [] }),
      () => previewChange(engine.ports, who(version), (on) => unsetConditions(on, who(version), { dataset: "*" })),
    ])
      await assert.rejects(late, { code: "stale" });
    assert.deepEqual(await said(), written);
    await unsetConditions(engine.ports, who(versionOf(written)), { dataset: "*" });
    const racing = versionOf(await said());
    const outcomes = await Promise.allSettled([1, 2, 3, 4].map(() => setConditions(engine.ports, who(racing), asked({ regions: ["FR"] }))));
    assert.deepEqual(outcomes.map(({ status }) => status).toSorted(), ["fulfilled", "rejected", "rejected", "rejected"]);
  });

  test("the matrix says of every platform what the conditions come to, in pages", async () => {
    await setConditions(engine.ports, who(), asked({ regions: ["EEA"] }));
    await accreditedParticipant(engine.store, { entityId: "https://aaa.test", name: "Aaa", roles: ["platform"], status: "suspended" });
    const rows = await engine.store.read(async (r) => {
      const matrix = await readMatrixOf(r, engine.ports.policy, engine.source.id, new Date());
      const first = await readMatrixPage(r, matrix, { limit: 2 });
      const last = first.at(-1)!.platform.participant;
      return [...first, ...(await readMatrixPage(r, matrix, { limit: 2, after: { name: last.name, id: last.id } }))];
    });
    assert.deepEqual(
      new Map(rows.map(({ platform, standing, refused }) => [platform.participant.name, [standing, ...(refused[0]?.reasons ?? [])]])),
      new Map<string, string[]>([
        ["Aaa", ["suspended", "never-not-accredited"]],
        ["platform", ["accredited"]],
        ["Un autre espace", ["accredited", "outside-hosting-regions"]],
      ]),
    );
  });
});

describe("a restricted platform is told, and may ask the holder to open", () => {
  before(start);
  after(() => engine[Symbol.asyncDispose]());
  const asPlatform = (): RegisterCaller => ({ kind: "participant", participantId: other.id, entityId: other.entityId, name: other.name });
  const move = (state: "closed" | "open" | "test") =>
    moveInMatrix(engine.ports, who(), { platformId: other.id, state, reason: state === "open" ? null : REASON, testAccounts: [] });
  const told = () => engine.store.read(async (r) => (await r.outbox.pending(other.id, 100)).map(({ notice }) => notice));
  const cell = async () => (await said()).access.find((one) => one.platformId === other.id);
  const ask = (message = "Nous avons corrigé ce que vous demandiez.") =>
    askToOpen(engine.ports, asPlatform(), { holderId: engine.source.id, message });

  test("a restriction is told once, with its reason and its place in the log; so is its end", async () => {
    await move("closed");
    await move("closed");
    await excludePlatform(engine.ports, who(), { platformId: other.id, dataset: BILLS, reason: REASON });
    await liftExclusion(engine.ports, who(), { platformId: other.id, dataset: BILLS });
    await move("open");
    const events = await told();
    assert.deepEqual(
      events.map(({ type, details }) => [type, details["state"]]),
      [
        ["restriction-set", "closed"],
        ["restriction-set", "excluded"],
        ["restriction-lifted", "lifted"],
        ["restriction-lifted", "open"],
      ],
    );
    assert.deepEqual(
      [events[0]?.details["holder"], events[0]?.details["reason"], typeof events[0]?.details["log_index"]],
      ["https://holder.test", REASON, "number"],
    );
  });

  test("whoever bears no mark is not told", async () => {
    const young = await accreditedParticipant(engine.store, { entityId: "https://young.test", roles: ["platform"], status: "registered" });
    await moveInMatrix(engine.ports, who(), { platformId: young.id, state: "closed", reason: REASON, testAccounts: [] });
    assert.deepEqual(await engine.store.read((r) => r.outbox.pending(young.id, 10)), []);
    await assert.rejects(
      askToOpen(
        engine.ports,
        { kind: "participant", participantId: young.id, entityId: young.entityId, name: "young" },
        { holderId: engine.source.id, message: "?" },
      ),
      { code: "not_accredited" },
    );
  });

  test("nobody asks where nothing is closed", async () => {
    await assert.rejects(ask(), { code: "conflict" });
    await move("closed");
    await assert.rejects(ask("  "), { code: "invalid" });
    await assert.rejects(askToOpen(engine.ports, asPlatform(), { holderId: platformId, message: "Open." }), { code: "invalid" });
  });

  test("a request puts a closed door in discussion and opens nothing; one waits at a time, and both see the history", async () => {
    const meeting = await ask();
    assert.equal((await cell())?.state, "in_discussion");
    assert.deepEqual((await cell())?.reason, REASON);
    await assert.rejects(ask(), { code: "conflict" });
    const stranger = { caller: platformId, holderId: platformId };
    await assert.rejects(answerMeeting(engine.ports, stranger, { meetingId: meeting.id, state: "open", reason: null, testAccounts: [] }), {
      code: "forbidden",
    });
    const answer = { meetingId: meeting.id, state: "test" as const, reason: REASON, testAccounts: ["customer-1"] };
    await answerMeeting(engine.ports, who(), answer);
    await assert.rejects(answerMeeting(engine.ports, who(), answer), { code: "conflict" });
    assert.equal((await cell())?.state, "test");
    const [seenByPlatform] = await engine.store.read((r) => r.meetings.list({ platformId: other.id, limit: 10 }));
    const [seenByHolder] = await engine.store.read((r) => r.meetings.list({ holderId: engine.source.id, limit: 10 }));
    assert.deepEqual(seenByPlatform, seenByHolder);
    assert.deepEqual([seenByHolder?.state, seenByHolder?.reason], ["test", REASON]);
  });

  test("asking again rests for a week after an answer, and a door in test stays in test", async () => {
    await assert.rejects(ask(), { code: "rate_limited" });
    const inAWeek = { ...engine.ports, clock: { ...engine.ports.clock, now: () => new Date(Date.now() + 8 * 86_400_000) } };
    await engine.store.write((w) => w.register.addMark({ ...longMark(other.id) }));
    await askToOpen(inAWeek, asPlatform(), { holderId: engine.source.id, message: "And now?" });
    assert.equal((await cell())?.state, "test");
  });

  test("of ten requests at the same moment one is taken", async () => {
    const third = await accreditedParticipant(engine.store, { entityId: "https://third.test", roles: ["platform"] });
    await moveInMatrix(engine.ports, who(), { platformId: third.id, state: "closed", reason: REASON, testAccounts: [] });
    const caller: RegisterCaller = { kind: "participant", participantId: third.id, entityId: third.entityId, name: third.name };
    const asks = await Promise.allSettled(
      Array.from({ length: 10 }, () => askToOpen(engine.ports, caller, { holderId: engine.source.id, message: "Open." })),
    );
    assert.equal(asks.filter(({ status }) => status === "fulfilled").length, 1);
  });
});

function longMark(participantId: Participant["id"]) {
  const issuedAt = new Date();
  return {
    id: `tmk_${"0".repeat(22)}` as const,
    participantId,
    type: "https://relais.test/charter",
    level: 1 as const,
    jwt: "mark",
    issuedAt,
    expiresAt: new Date(issuedAt.getTime() + 100 * 86_400_000),
    revokedAt: null,
    statusIndex: null,
  };
}
