import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import type { ProbeResult } from "../../src/core/conformance/probe.ts";
import type { Prober } from "../../src/core/conformance/probing.ts";
import { newId, type ParticipantId } from "../../src/core/ids.ts";
import type { Ports, Store } from "../../src/core/ports.ts";
import type { Ring } from "../../src/core/transfer/transfer-records.ts";
import { addEvidence } from "../../src/core/register/add-evidence.ts";
import { answerQuestions } from "../../src/core/register/answer-questions.ts";
import type { Application, DecisionKind } from "../../src/core/register/application.ts";
import { askForLook, concludeChecks } from "../../src/core/register/conclude-checks.ts";
import { endStanding } from "../../src/core/register/change-standing.ts";
import type { Charters, Criterion, Question } from "../../src/core/register/charter.ts";
import { openApplication } from "../../src/core/register/open-application.ts";
import type { RegisterCaller } from "../../src/core/register/register-caller.ts";
import { changeStandingByAccreditor, reviewApplication, type Verdict } from "../../src/core/register/review-application.ts";
import { runChecks } from "../../src/core/register/run-checks.ts";
import { signCharter } from "../../src/core/register/sign-charter.ts";
import { reopenApplication, submitApplication, withdrawApplication } from "../../src/core/register/submit-application.ts";
import { sweepAccreditations } from "../../src/core/register/sweep-accreditations.ts";
import { openDatabase, openPool } from "../../src/postgres/pool.ts";
import { createStore } from "../../src/postgres/store.ts";
import { charter, charters, criterion, REASONS } from "../support/charter.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { TestOffices } from "../support/offices.ts";
import { accreditedParticipant, testKey } from "../support/register-fixtures.ts";

const words = (text: string) => ({ fr: text, en: text });
const question = (answer: string, type: Question["type"]): Question => ({ answer, type, label: words(answer), hint: null, options: [] });

const CRITERIA: Criterion[] = [
  criterion({
    id: "hosting-country",
    check: { kind: "one_of", fact: "answers.hosting.country", values: ["FR", "DE"] },
    questions: [question("hosting.country", "country")],
  }),
  criterion({ id: "charter-signed", check: { kind: "equals", fact: "answers.charter.signed", value: true } }),
  criterion({ id: "inbox", check: { kind: "probe", probes: ["inbox.accepts"] } }),
  criterion({ id: "security-page", check: { kind: "probe", probes: ["security.txt"] }, onFailure: { kind: "due", days: 7 } }),
  criterion({
    id: "audit",
    level: 2,
    check: { kind: "attested_by", evidence: "audit-report", issuers: null },
    evidence: { kind: "audit-report", title: words("Audit"), maxAgeDays: 400, issuer: null },
  }),
];
const ALL_PROBES = ["inbox.accepts", "security.txt"];
const ACCREDITORS: RegisterCaller[] = [
  { kind: "accreditor", name: "accreditor A" },
  { kind: "accreditor", name: "accreditor B" },
];
const ACCEPT: Verdict = { verdict: "accredit", withoutConflict: true, met: ["audit"], reasons: words("Read and found right.") };

let database: FreshDatabase;
let pool: ReturnType<typeof openPool>;
let store: Store;
let now: Date;
let rings: Ring[];
let versions: Charters;
let sign: (type: string, payload: object) => Promise<string>;
const clock = { now: () => now, sleep: async () => undefined };

before(async () => {
  database = await freshDatabase();
  pool = openPool(database.url, 10);
  store = createStore(openDatabase(pool));
  const key = await testKey();
  sign = key.sign;
});
after(async () => {
  await pool.end();
  await database.drop();
});
beforeEach(async () => {
  // Looks that an earlier test asked for are none of this one's.
  await pool.query("delete from relais.probe_runs where concluded_at is null");
  now = new Date();
  rings = [];
  versions = charters(charter("2026-11", CRITERIA), charter("2027-01", CRITERIA, { from: "2999-01-01" }));
});

const ports = (): Pick<Ports, "store" | "clock" | "queue" | "issuer"> & {
  statements: { signDocument: typeof sign };
  charters: Charters;
  staff: TestOffices;
} => ({
  store,
  staff: new TestOffices(),
  clock,
  issuer: "https://relais.example",
  queue: { ring: async (more) => void rings.push(...more) },
  statements: { signDocument: sign },
  charters: versions,
});

const PARTICIPANT = { name: "participant", role: "participant" } as const;
let names = 0;

/** A platform that is registered and not accredited, with its organisation. */
async function newcomer(): Promise<Extract<RegisterCaller, { kind: "participant" }>> {
  const entityId = `https://p${(names += 1)}.example`;
  const participant = await accreditedParticipant(store, { entityId, roles: ["platform"], status: "registered" });
  const organisation = { id: newId("organisation"), name: entityId, country: "FR", status: "active", createdAt: now } as const;
  await store.write(async (w) => {
    await w.register.revokeMarks(participant.id, now);
    await w.cases.addOrganisation(organisation);
    await w.cases.attach(participant.id, organisation.id);
  });
  return { kind: "participant", participantId: participant.id, entityId, name: entityId };
}

async function submitted(caller: Extract<RegisterCaller, { kind: "participant" }>, level: 1 | 2): Promise<Application> {
  const { id } = await openApplication(ports(), caller, level);
  await answerQuestions(ports(), caller, id, { "hosting.country": "FR" });
  await signCharter(ports(), caller, id, { digest: versions.current(now).digest, signer: "director" });
  if (level === 2) await addEvidence(ports(), caller, id, AUDIT());
  return submitApplication(ports(), caller, id);
}

const AUDIT = () => ({
  kind: "audit-report",
  fileName: "../../etc/pass\u202ewd.pdf",
  date: now.toISOString().slice(0, 10),
  issuer: "Auditors",
  sha256: null,
  content: Buffer.from("%PDF-1.7 an audit"),
});

/** The looks that wait, as the worker would end them: each probe passed, but for these. */
async function look(failing: string[] = []): Promise<void> {
  for (;;) {
    const run = await store.write((w) => w.cases.claimRun(60));
    if (run === null) break;
    const results = ALL_PROBES.map((probe): ProbeResult => ({
      probe,
      outcome: failing.includes(probe) ? "failed" : "passed",
      title: words(probe),
      detail: words("seen"),
      reproduce: "curl",
      startedAt: now,
      milliseconds: 1,
    }));
    await store.write((w) => w.cases.endRun(run.id, now, results));
  }
}

/** The looks that wait, by the worker's own code, all passed. Returns which inboxes they were at. */
async function lookForReal(): Promise<(string | undefined)[]> {
  const looked: (string | undefined)[] = [];
  const seen = { outcome: "passed", title: words("x"), detail: words("seen"), reproduce: "curl", milliseconds: 1 } as const;
  const prober: Prober = {
    probe: async ({ participant }) => {
      looked.push(participant.endpoints.inbox);
      return ALL_PROBES.map((probe) => ({ probe, startedAt: now, ...seen }));
    },
  };
  while (await runChecks({ store, clock, prober }, new AbortController().signal));
  return looked;
}

async function lookAndConclude(failing: string[] = []): Promise<void> {
  await look(failing);
  while ((await concludeChecks(ports())) > 0);
}

async function askAgain(participantId: ParticipantId): Promise<void> {
  await store.write(async (w) => askForLook(w, { participantId, application: await w.accreditations.findGiven(participantId), at: now }));
}

const later = (days: number): void => void (now = new Date(now.getTime() + days * 86_400_000));
const stateOf = async ({ id }: Application) => (await store.read((r) => r.accreditations.getApplication(id))).state;
const statusOf = async (id: ParticipantId) => (await store.read((r) => r.participants.get(id))).status;
const decided = async (participantId: ParticipantId): Promise<DecisionKind[]> =>
  (await store.read((r) => r.accreditations.decisions({ participantId, limit: 50 }))).map(({ kind }) => kind).toReversed();

describe("level 1", () => {
  test("is given when everything is answered and every probe passed, with a mark, a decision, a place in the log and a notice", async () => {
    const caller = await newcomer();
    const before = await store.read((r) => r.ledger.size());
    const application = await submitted(caller, 1);
    assert.equal(application.state, "submitted");
    await lookAndConclude();
    assert.equal(await stateOf(application), "accredited");
    assert.equal(await statusOf(caller.participantId), "accredited");
    const [decision] = await store.read((r) => r.accreditations.decisions({ participantId: caller.participantId, limit: 1 }));
    assert.deepEqual([decision?.kind, decision?.level, decision?.deciders], ["accredit", 1, [{ name: "relais", role: "automatic" }]]);
    const mark = await store.read((r) => r.participants.findMark(caller.participantId));
    const claims = JSON.parse(Buffer.from(String(mark?.jwt.split(".")[1]), "base64url").toString());
    assert.deepEqual([claims.level, claims.charter_digest, claims.log_index], [1, "digest-of-2026-11", decision?.logIndex]);
    assert.ok((await store.read((r) => r.ledger.size())) > before);
    assert.ok((await store.read((r) => r.outbox.waiting())) > 0);
  });

  test("is not given where something is still due, and nothing is half done", async () => {
    const caller = await newcomer();
    const application = await openApplication(ports(), caller, 1);
    await assert.rejects(submitApplication(ports(), caller, application.id), /hosting-country, charter-signed/);
    assert.equal(await stateOf(application), "draft");
    assert.equal(await store.read((r) => r.accreditations.findRun(caller.participantId)), null);
  });

  test("a probe that fails sends it back with reason and remedy; mended and submitted again, it is given", async () => {
    const caller = await newcomer();
    const application = await submitted(caller, 1);
    await lookAndConclude(["inbox.accepts"]);
    assert.equal(await stateOf(application), "changes_requested");
    const [decision] = await store.read((r) => r.accreditations.decisions({ participantId: caller.participantId, limit: 1 }));
    assert.match(String(decision?.reasons.en), /inbox: Check failed: inbox.accepts/);
    assert.ok(decision?.remedy);
    later(0.1);
    await submitApplication(ports(), caller, application.id);
    await lookAndConclude();
    assert.equal(await stateOf(application), "accredited");
    assert.deepEqual(await decided(caller.participantId), ["request_changes", "accredit"]);
  });

  test("answers are taken together or not at all, and only to questions of the charter", async () => {
    const caller = await newcomer();
    const { id } = await openApplication(ports(), caller, 1);
    await assert.rejects(answerQuestions(ports(), caller, id, { "hosting.country": "FR", "hosting.planet": "Mars" }), { code: "invalid" });
    await assert.rejects(answerQuestions(ports(), caller, id, { "hosting.country": "France" }), /two capital letters/);
    await assert.rejects(answerQuestions(ports(), caller, id, JSON.parse('{"__proto__": "x"}') as object as never), { code: "invalid" });
    assert.deepEqual((await store.read((r) => r.accreditations.getApplication(id))).answers, {});
  });

  test("a second application takes the answers of the first one over; only one is open at a time", async () => {
    const caller = await newcomer();
    const first = await submitted(caller, 1);
    await lookAndConclude();
    const second = await openApplication(ports(), caller, 2);
    assert.notEqual(second.id, first.id);
    assert.deepEqual(second.answers, { "hosting.country": "FR" });
    assert.equal((await openApplication(ports(), caller, 2)).id, second.id);
    assert.equal(await stateOf(first), "accredited");
  });

  test("checks that passed at another place give nothing: where it is spoken to now is looked at first", async () => {
    const caller = await newcomer();
    const application = await submitted(caller, 1);
    await lookForReal();
    const before = await store.read((r) => r.participants.get(caller.participantId));
    await store.write((w) => w.register.put({ ...before, endpoints: { ...before.endpoints, inbox: "https://elsewhere.example/inbox" } }));
    while ((await concludeChecks(ports())) > 0);
    assert.deepEqual([await stateOf(application), await statusOf(caller.participantId)], ["submitted", "registered"]);
    assert.deepEqual(await lookForReal(), ["https://elsewhere.example/inbox"], "nobody has to ask for it");
    while ((await concludeChecks(ports())) > 0);
    assert.equal(await stateOf(application), "accredited");
  });

  test("withdrawn while a probe runs: the result changes nothing, and it can be taken up again", async () => {
    const caller = await newcomer();
    const application = await submitted(caller, 1);
    await look();
    await withdrawApplication(ports(), caller, application.id);
    while ((await concludeChecks(ports())) > 0);
    assert.equal(await stateOf(application), "withdrawn");
    assert.equal(await statusOf(caller.participantId), "registered");
    await reopenApplication(ports(), caller, application.id);
    await submitApplication(ports(), caller, application.id);
    await lookAndConclude();
    assert.equal(await stateOf(application), "accredited");
  });

  test("a charter that ended meanwhile: answers are kept, what is new is asked, and the old text is not signed for the new one", async () => {
    const caller = await newcomer();
    const { id } = await openApplication(ports(), caller, 1);
    await answerQuestions(ports(), caller, id, { "hosting.country": "FR" });
    await signCharter(ports(), caller, id, { digest: "digest-of-2026-11", signer: "director" });
    const ended = new Date(now.getTime() - 2 * 86_400_000).toISOString().slice(0, 10);
    versions = charters(charter("2026-11", CRITERIA, { until: ended }), charter("2027-01", CRITERIA));
    await assert.rejects(submitApplication(ports(), caller, id), /Version 2027-01/);
    await assert.rejects(submitApplication(ports(), caller, id), /Still due: charter-signed/);
    await assert.rejects(signCharter(ports(), caller, id, { digest: "digest-of-2026-11", signer: "director" }), { code: "conflict" });
    await signCharter(ports(), caller, id, { digest: "digest-of-2027-01", signer: "director" });
    await submitApplication(ports(), caller, id);
    await lookAndConclude();
    const mark = await store.read((r) => r.participants.findMark(caller.participantId));
    assert.equal(mark?.type, "https://relais.example/charter/2027-01");
  });
});

describe("level 2", () => {
  let caller: Extract<RegisterCaller, { kind: "participant" }>;
  let application: Application;

  const review = (reviewer: RegisterCaller, changed: Partial<Verdict> = {}, round = application.round) =>
    reviewApplication(ports(), reviewer, { applicationId: application.id, round, ...ACCEPT, ...changed });

  beforeEach(async () => {
    caller = await newcomer();
    application = await submitted(caller, 2);
    await lookAndConclude();
    assert.equal(await stateOf(application), "in_review");
  });

  test("takes two different accreditors without a conflict of interest", async () => {
    await assert.rejects(review(ACCREDITORS[0] as RegisterCaller, { withoutConflict: false }), { code: "invalid" });
    assert.equal((await review(ACCREDITORS[0] as RegisterCaller)).decision, null);
    await assert.rejects(review(ACCREDITORS[0] as RegisterCaller), { code: "conflict" });
    assert.equal(await stateOf(application), "in_review");
    const { decision } = await review(ACCREDITORS[1] as RegisterCaller);
    assert.deepEqual(
      decision?.deciders.map(({ name }) => name),
      ["accreditor A", "accreditor B"],
    );
    assert.equal(await stateOf(application), "accredited");
    assert.equal((await store.read((r) => r.participants.findMark(caller.participantId)))?.level, 2);
  });

  test("two at the same moment give one decision", async () => {
    const outcomes = await Promise.all(ACCREDITORS.map((reviewer) => review(reviewer)));
    assert.equal(outcomes.filter(({ decision }) => decision !== null).length, 1);
    assert.deepEqual(await decided(caller.participantId), ["accredit"]);
  });

  test("one accepts and one refuses: nothing is decided; a third one's word decides", async () => {
    await review(ACCREDITORS[0] as RegisterCaller);
    await review(ACCREDITORS[1] as RegisterCaller, { verdict: "refuse" });
    assert.equal(await stateOf(application), "in_review");
    const { decision } = await review({ kind: "accreditor", name: "accreditor C" }, { verdict: "refuse" });
    assert.equal(decision?.kind, "refuse");
    assert.ok(decision.appeal);
    assert.equal(await stateOf(application), "refused");
    await assert.rejects(reopenApplication(ports(), caller, application.id), /contest/);
    for (const reviewer of ACCREDITORS)
      await changeStandingByAccreditor(ports(), reviewer, {
        participantId: caller.participantId,
        kind: "reopen",
        reasons: REASONS,
        remedy: null,
      });
    assert.equal(await stateOf(application), "reopened");
  });

  test("is not given where it is spoken to elsewhere since the checks, until they ran there", async () => {
    later(0.01);
    await store.write(async (w) => askForLook(w, { participantId: caller.participantId, application, at: now }));
    await lookForReal();
    while ((await concludeChecks(ports())) > 0);
    const before = await store.read((r) => r.participants.get(caller.participantId));
    await store.write((w) => w.register.put({ ...before, endpoints: { ...before.endpoints, inbox: "https://elsewhere.example/inbox" } }));
    await review(ACCREDITORS[0] as RegisterCaller);
    await assert.rejects(review(ACCREDITORS[1] as RegisterCaller), { code: "conflict", message: /elsewhere/ });
    later(0.01);
    await store.write(async (w) => askForLook(w, { participantId: caller.participantId, application, at: now }));
    await lookForReal();
    await review(ACCREDITORS[1] as RegisterCaller);
    assert.equal(await stateOf(application), "accredited");
  });

  test("accepting without finding every criterion met gives nothing", async () => {
    await review(ACCREDITORS[0] as RegisterCaller, { met: [] });
    await assert.rejects(review(ACCREDITORS[1] as RegisterCaller, { met: [] }), /audit/);
    assert.equal(await stateOf(application), "in_review");
  });

  test("changes asked for by one; what was read before the new submission decides nothing", async () => {
    const old = application.round;
    await review(ACCREDITORS[0] as RegisterCaller, { verdict: "request_changes" });
    assert.equal(await stateOf(application), "changes_requested");
    later(0.1);
    application = await submitApplication(ports(), caller, application.id);
    await lookAndConclude();
    await assert.rejects(review(ACCREDITORS[1] as RegisterCaller, {}, old), /round 2/);
  });

  test("participants, the authority and the operator decide nothing", async () => {
    for (const who of [caller, { kind: "authority", name: "cnil" }, { kind: "operator", name: "op" }] as RegisterCaller[])
      await assert.rejects(review(who), { code: "forbidden" });
  });

  test("evidence is measured by its own bytes, and its name is harmless", async () => {
    const [kept] = await store.read((r) => r.accreditations.evidenceOf(application.id));
    assert.deepEqual([kept?.fileName, kept?.mediaType], [".._.._etc_pass_wd.pdf", "application/pdf"]);
    await assert.rejects(addEvidence(ports(), caller, application.id, AUDIT()), { code: "conflict" });
    await review(ACCREDITORS[0] as RegisterCaller, { verdict: "request_changes" });
    const cases: [Partial<ReturnType<typeof AUDIT>>, string][] = [
      [{ content: Buffer.from("<svg onload=alert(1)>") }, "unsupported"],
      [{ content: Buffer.concat([Buffer.from("%PDF-"), Buffer.alloc(11 * 1024 * 1024)]) }, "too_large"],
      [{ kind: "__proto__" }, "invalid"],
    ];
    for (const [changed, code] of cases)
      await assert.rejects(addEvidence(ports(), caller, application.id, { ...AUDIT(), ...changed }), { code });
  });
});

describe("an accreditation that stands", () => {
  let caller: Extract<RegisterCaller, { kind: "participant" }>;
  let application: Application;

  beforeEach(async () => {
    caller = await newcomer();
    application = await submitted(caller, 1);
    await lookAndConclude();
  });

  test("a check that fails once is confirmed before it costs the accreditation; green again, it comes back by itself", async () => {
    later(1);
    await askAgain(caller.participantId);
    await lookAndConclude(["inbox.accepts"]);
    assert.equal(await statusOf(caller.participantId), "accredited");
    later(0.05);
    await sweepAccreditations(ports(), { recheckHours: 24 });
    await lookAndConclude(["inbox.accepts"]);
    assert.deepEqual([await statusOf(caller.participantId), await stateOf(application)], ["suspended", "suspended"]);
    later(0.1);
    await askAgain(caller.participantId);
    await lookAndConclude();
    assert.deepEqual([await statusOf(caller.participantId), await stateOf(application)], ["accredited", "reinstated"]);
    assert.deepEqual(await decided(caller.participantId), ["accredit", "suspend", "reinstate"]);
  });

  for (const [what, openAnother] of [
    ["is prepared", async () => openApplication(ports(), caller, 2)],
    ["is handed in again and again", async () => submitted(caller, 2)],
  ] as const)
    test(`looks that are asked for with another application, which ${what}, cost the accreditation as any other`, async () => {
      later(1);
      let { id, participantId, round } = await openAnother();
      for (let times = 0; times < 2; times += 1) {
        await store.write((w) => w.cases.addRun({ id: newId("probeRun"), participantId, applicationId: id, round, askedAt: now }));
        await lookAndConclude(["inbox.accepts"]);
        later(0.05);
        if (what !== "is prepared" && times === 0) ({ id, participantId, round } = await submitApplication(ports(), caller, id));
      }
      assert.equal(await statusOf(caller.participantId), "suspended");
    });

  test("a check with a due date warns first, and the date does not move", async () => {
    later(1);
    const dueOf = async () =>
      (await store.read((r) => r.accreditations.results(application.id, application.round))).find(
        ({ criterion: id }) => id === "security-page",
      )?.dueAt;
    await askAgain(caller.participantId);
    await lookAndConclude(["security.txt"]);
    const first = await dueOf();
    later(1);
    await askAgain(caller.participantId);
    await lookAndConclude(["security.txt"]);
    assert.deepEqual(await dueOf(), first);
    assert.equal(await statusOf(caller.participantId), "accredited");
    later(7);
    await askAgain(caller.participantId);
    await lookAndConclude(["security.txt"]);
    assert.equal(await statusOf(caller.participantId), "suspended");
  });

  test("what an accreditor suspended, green checks do not give back; giving back takes two", async () => {
    const asked = { participantId: caller.participantId, reasons: REASONS, remedy: null };
    await changeStandingByAccreditor(ports(), ACCREDITORS[0] as RegisterCaller, { ...asked, kind: "suspend" });
    assert.equal(await statusOf(caller.participantId), "suspended");
    later(1);
    await askAgain(caller.participantId);
    await lookAndConclude();
    assert.equal(await statusOf(caller.participantId), "suspended");
    for (const name of ["accreditor A", "accreditor A"])
      assert.equal(
        (await changeStandingByAccreditor(ports(), { kind: "accreditor", name }, { ...asked, kind: "reinstate" })).decision,
        null,
      );
    const { decision } = await changeStandingByAccreditor(ports(), ACCREDITORS[1] as RegisterCaller, { ...asked, kind: "reinstate" });
    assert.equal(decision?.kind, "reinstate");
    assert.equal(await statusOf(caller.participantId), "accredited");
  });

  for (const [how, leave] of [
    [
      "gives back",
      () => endStanding(ports(), "withdraw", { participantId: caller.participantId, reasons: REASONS, deciders: [PARTICIPANT] }),
    ],
    ["lets run out", async () => (later(400), sweepAccreditations(ports(), { recheckHours: 24 }))],
  ] as const)
    test(`what an accreditor suspended, no participant gets back alone that ${how} its accreditation and applies again`, async () => {
      const asked = { participantId: caller.participantId, reasons: REASONS, remedy: null };
      await changeStandingByAccreditor(ports(), ACCREDITORS[0] as RegisterCaller, { ...asked, kind: "suspend" });
      await leave();
      assert.equal(await statusOf(caller.participantId), "expired");
      const again = await openApplication(ports(), caller, 1);
      for (let round = 0; round < 2; round += 1) {
        later(0.1);
        await submitApplication(ports(), caller, again.id);
        await lookAndConclude();
        assert.deepEqual([await statusOf(caller.participantId), await stateOf(again)], ["expired", "changes_requested"]);
      }
      await withdrawApplication(ports(), caller, again.id);
      const { id, round } = await submitted(caller, 2);
      await lookAndConclude();
      for (const reviewer of ACCREDITORS) await reviewApplication(ports(), reviewer, { applicationId: id, round, ...ACCEPT });
      assert.equal(await statusOf(caller.participantId), "accredited", "two accreditors may");
    });

  test("renewed without anybody in its last weeks; otherwise it ends on its day", async () => {
    later(320);
    await sweepAccreditations(ports(), { recheckHours: 24 });
    await lookAndConclude();
    assert.deepEqual(await decided(caller.participantId), ["accredit", "renew"]);
    later(366);
    assert.ok((await sweepAccreditations(ports(), { recheckHours: 24 })) >= 1);
    assert.deepEqual([await statusOf(caller.participantId), await stateOf(application)], ["expired", "expired"]);
  });

  test("revoked by two: no way back but an appeal upheld by two", async () => {
    const asked = { participantId: caller.participantId, reasons: REASONS, remedy: null };
    for (const reviewer of ACCREDITORS) await changeStandingByAccreditor(ports(), reviewer, { ...asked, kind: "revoke" });
    assert.deepEqual([await statusOf(caller.participantId), await stateOf(application)], ["revoked", "revoked"]);
    await assert.rejects(openApplication(ports(), caller, 1), /revoked/);
    await assert.rejects(changeStandingByAccreditor(ports(), ACCREDITORS[0] as RegisterCaller, { ...asked, kind: "reinstate" }), {
      code: "conflict",
    });
    for (const reviewer of ACCREDITORS) await changeStandingByAccreditor(ports(), reviewer, { ...asked, kind: "reopen" });
    await submitApplication(ports(), caller, application.id);
    await lookAndConclude();
    assert.equal(await statusOf(caller.participantId), "accredited");
  });

  test("what was accredited under a version that is gone keeps nobody else from being looked at and decided, however many they are", async () => {
    const others = await Promise.all(Array.from({ length: 21 }, () => newcomer()));
    for (const other of others) await submitted(other, 1);
    await lookAndConclude();
    later(310);
    for (const other of others) await askAgain(other.participantId);
    await look(["inbox.accepts"]);
    const ids = others.map(({ participantId }) => participantId);
    await pool.query("update relais.applications set charter_version = 'gone' where participant_id = any ($1)", [ids]);
    later(0.01);
    await askAgain(caller.participantId);
    await look();
    await assert.rejects(concludeChecks(ports()), { code: "not_found" });
    assert.deepEqual(await decided(caller.participantId), ["accredit", "renew"]);
    later(1.1);
    await sweepAccreditations(ports(), { recheckHours: 24 });
    assert.equal((await store.read((r) => r.accreditations.findRun(caller.participantId)))?.endedAt, null, "its next look waits");
    await pool.query("update relais.applications set charter_version = '2026-11' where participant_id = any ($1)", [ids]);
    while ((await concludeChecks(ports())) > 0);
  });

  test("a decision is never changed, whoever asks", async () => {
    await assert.rejects(pool.query("update relais.decisions set kind = 'accredit'"), { code: "RE002" });
    await assert.rejects(pool.query("delete from relais.decisions"), { code: "RE002" });
    await assert.rejects(pool.query("update relais.applications set state = 'draft' where id = $1", [application.id]), { code: "RE001" });
  });
});
