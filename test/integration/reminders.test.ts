import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { addEvidence } from "../../src/core/register/add-evidence.ts";
import { answerQuestions } from "../../src/core/register/answer-questions.ts";
import type { Application } from "../../src/core/register/application.ts";
import type { Charter } from "../../src/core/register/charter.ts";
import { logCharters } from "../../src/core/register/log-charters.ts";
import { openApplication } from "../../src/core/register/open-application.ts";
import { readCase } from "../../src/core/register/read-case.ts";
import { remind } from "../../src/core/register/remind.ts";
import { signCharter } from "../../src/core/register/sign-charter.ts";
import { submitApplication, withdrawApplication } from "../../src/core/register/submit-application.ts";
import { sweepAccreditations } from "../../src/core/register/sweep-accreditations.ts";
import { charter, charters, criterion } from "../support/charter.ts";
import { ACCREDITORS, AUDITED, CRITERIA, HOSTING, INBOX, question, RegisterLife, SIGNED, type Member } from "../support/register-life.ts";

const TERMS = { reviewDays: 10 };
let life: RegisterLife;

before(async () => {
  life = await RegisterLife.start();
});
after(() => life[Symbol.asyncDispose]());
beforeEach(async () => {
  await life.pool.query("delete from relais.probe_runs where concluded_at is null");
  // Earlier tests' participants are none of this one's.
  await life.pool.query("update relais.applications set until = '2999-01-01' where until is not null");
  await life.pool.query("update relais.applications set changed_at = '2999-01-01' where state in ('in_review', 'changes_requested')");
  await life.pool.query("delete from relais.criterion_results");
  life.now = new Date();
  life.charters = charters(charter("2026-11", CRITERIA));
});

const day = (at: Date): string => at.toISOString().slice(0, 10);
const reminded = async ({ participantId }: Member): Promise<string[]> => {
  const { rows } = await life.pool.query<{ kind: string }>(
    "select kind from relais.reminders where participant_id = $1 order by created_at, kind",
    [participantId],
  );
  return rows.map(({ kind }) => kind);
};
const eventsOf = async ({ participantId }: Member): Promise<{ type: string; details: Record<string, unknown> }[]> => {
  const { rows } = await life.pool.query<{ type: string; details: Record<string, unknown> }>(
    "select type, details from relais.notices where recipient_id = $1 and about_id = $1 and details ? 'reminder' order by created_at",
    [participantId],
  );
  return rows;
};
const file = (caller: Member, { id }: Pick<Application, "id">) => life.store.read((r) => readCase(r, life.charters, caller, id, life.now));
const openOf = ({ participantId }: Member) => life.store.read((r) => r.accreditations.findOpen(participantId));

describe("reminders", () => {
  test("60, 30 and 7 days before the end, each once, whatever number of processes looks, and each as an event to the participant alone", async () => {
    const { caller, application } = await life.accredited(2);
    const round = () => Promise.all([1, 2, 3].map(() => remind(life.ports, TERMS)));
    for (const days of [304, 1.5, 29, 2, 20, 4, 3]) {
      life.later(days);
      await round();
      await round();
    }
    assert.deepEqual(await reminded(caller), ["ends_in_60_days", "ends_in_30_days", "ends_in_7_days"]);
    const events = await eventsOf(caller);
    assert.deepEqual(
      events.map(({ type, details }) => [type, details["kind"], details["occasion_at"]]),
      ["ends_in_60_days", "ends_in_30_days", "ends_in_7_days"].map((kind) => [
        "accreditation-ending",
        kind,
        application.until?.toISOString(),
      ]),
    );
    assert.equal(
      await life.count("relais.notices where about_id = $1 and recipient_id <> $1 and details ? 'reminder'", [caller.participantId]),
      0,
    );
    const { reminders } = await file(caller, application);
    assert.deepEqual(
      reminders.map(({ kind }) => kind),
      ["ends_in_7_days", "ends_in_30_days", "ends_in_60_days"],
    );
  });

  test("found late (nobody ran for weeks), the nearest one alone is said", async () => {
    const { caller } = await life.accredited();
    life.later(340);
    await remind(life.ports, TERMS);
    assert.deepEqual(await reminded(caller), ["ends_in_30_days"]);
  });

  test("renewed: what was reminded of holds no more, and the next year has reminders of its own", async () => {
    const { caller, application } = await life.accredited();
    life.later(310);
    await remind(life.ports, TERMS);
    assert.equal((await eventsOf(caller))[0]?.details["renewal"], "automatic");
    await life.askAgain(caller.participantId);
    await life.lookAndConclude();
    assert.deepEqual(await life.decisions(caller.participantId), ["accredit", "renew"]);
    assert.deepEqual((await file(caller, application)).reminders, []);
    life.later(330);
    await remind(life.ports, TERMS);
    assert.deepEqual(await reminded(caller), ["ends_in_60_days", "ends_in_60_days"]);
  });

  test("before the due date of a criterion, and not for a failure that is only to be confirmed", async () => {
    const { caller, application } = await life.accredited();
    life.later(1);
    await life.askAgain(caller.participantId);
    await life.lookAndConclude(["security.txt", "inbox.accepts"]);
    await remind(life.ports, TERMS);
    assert.deepEqual(await reminded(caller), []);
    await life.askAgain(caller.participantId);
    await life.lookAndConclude(["security.txt"]);
    life.later(14);
    await remind(life.ports, TERMS);
    await remind(life.ports, TERMS);
    const [event, ...more] = await eventsOf(caller);
    assert.deepEqual([event?.type, event?.details["criterion"], more.length], ["criterion-due", "security-page", 0]);
    assert.deepEqual(
      (await file(caller, application)).reminders.map(({ subject }) => subject),
      ["security-page"],
    );
    await life.askAgain(caller.participantId);
    await life.lookAndConclude();
    assert.deepEqual((await file(caller, application)).reminders, [], "mended: nothing to be reminded of");
  });

  test("changes that nobody makes for 14 days, and an application that accreditors leave lying", async () => {
    const first = await life.newcomer();
    const second = await life.newcomer();
    const sent = await life.submitted(first, 1);
    await life.lookAndConclude(["inbox.accepts"]);
    const waiting = await life.submitted(second, 2);
    await life.lookAndConclude();
    life.later(9.9);
    await remind(life.ports, TERMS);
    assert.deepEqual([await reminded(first), await reminded(second)], [[], []]);
    life.later(4.2);
    await remind(life.ports, TERMS);
    await remind(life.ports, TERMS);
    assert.deepEqual([await reminded(first), await reminded(second)], [["changes_waiting"], ["review_waiting"]]);
    assert.deepEqual(
      (await eventsOf(first)).map(({ type }) => type),
      ["changes-waiting"],
    );
    assert.deepEqual(await eventsOf(second), [], "accreditors are reminded, not the applicant");
    assert.deepEqual(await life.store.read((r) => r.reminders.waitingForReview()), [waiting.id]);
    for (const reviewer of ACCREDITORS.slice(0, 2)) await life.review(reviewer, await life.application(waiting.id));
    assert.deepEqual(await life.store.read((r) => r.reminders.waitingForReview()), []);
    await withdrawApplication(life.ports, first, sent.id);
    assert.deepEqual((await file(first, sent)).reminders, []);
  });
});

describe("renewal at level 2", () => {
  test("is prepared 60 days before the end with everything that is known; the accreditation stands meanwhile, and nothing is asked twice", async () => {
    const { caller, application } = await life.accredited(2);
    life.later(306);
    await Promise.all([1, 2, 3].map(() => remind(life.ports, TERMS)));
    const renewal = await openOf(caller);
    assert.ok(renewal);
    assert.deepEqual([renewal.state, renewal.level, renewal.answers], ["draft", 2, { "hosting.country": "FR" }]);
    assert.equal((await eventsOf(caller))[0]?.details["renewal_application"], renewal.id);
    const prepared = await file(caller, renewal);
    assert.ok(prepared.signed, "the text is the same: its signature stands");
    assert.deepEqual(
      prepared.evidence.map(({ kind }) => kind),
      ["audit-report"],
    );
    assert.deepEqual(prepared.requirements.currentlyDue, [], "nothing is left to be given");
    assert.equal((await life.participant(caller.participantId)).status, "accredited");
    await submitApplication(life.ports, caller, renewal.id);
    await life.lookAndConclude();
    for (const reviewer of ACCREDITORS.slice(0, 2)) await life.review(reviewer, await life.application(renewal.id));
    const renewed = await life.application(renewal.id);
    assert.equal(renewed.state, "accredited");
    assert.ok(Number(renewed.until) > Number(application.until));
    assert.equal((await life.application(application.id)).state, "expired");
    assert.equal((await life.participant(caller.participantId)).status, "accredited");
  });

  test("evidence that is too old by then is asked for again", async () => {
    const caller = await life.newcomer();
    const { id } = await openApplication(life.ports, caller, 2);
    await answerQuestions(life.ports, caller, id, { "hosting.country": "FR" });
    await signCharter(life.ports, caller, id, { digest: "digest-of-2026-11", signer: "director" });
    await addEvidence(life.ports, caller, id, life.audit(300));
    await submitApplication(life.ports, caller, id);
    await life.lookAndConclude();
    for (const reviewer of ACCREDITORS.slice(0, 2)) await life.review(reviewer, await life.application(id));
    life.later(306);
    await remind(life.ports, TERMS);
    const renewal = await openOf(caller);
    assert.ok(renewal);
    const { requirements } = await file(caller, renewal);
    assert.deepEqual(
      requirements.currentlyDue.map(({ criterion: due }) => due),
      ["audit"],
    );
  });

  test("an application that is open already is the renewal; one that was withdrawn is not prepared again by the same reminder", async () => {
    const { caller } = await life.accredited(2);
    const mine = await openApplication(life.ports, caller, 2);
    life.later(306);
    await remind(life.ports, TERMS);
    assert.equal((await openOf(caller))?.id, mine.id);
    await withdrawApplication(life.ports, caller, mine.id);
    await remind(life.ports, TERMS);
    assert.equal(await openOf(caller), null);
  });
});

describe("two versions of the charter side by side", () => {
  const LOGGING = criterion({
    id: "access-log",
    check: { kind: "equals", fact: "answers.access.log", value: true },
    questions: [question("access.log", "yes_no")],
  });
  /** The old version ends for new applications in 10 days, and altogether in 100; the new one asks one thing more, and one thing else. */
  const both = () => {
    const at = (days: number): string => day(new Date(life.now.getTime() + days * 86_400_000));
    const strict: Charter["criteria"][number] = { ...HOSTING, check: { kind: "one_of", fact: "answers.hosting.country", values: ["FR"] } };
    return charters(
      charter("2026-11", CRITERIA, { until: at(10), validUntil: at(100) }),
      charter("2027-01", [strict, SIGNED, INBOX, AUDITED, LOGGING], { from: at(5) }),
    );
  };

  test("opened under the old one and submitted after its end: what changed is named, answers are kept, only what is new is asked", async () => {
    life.charters = both();
    const caller = await life.newcomer();
    const { id, charterVersion } = await openApplication(life.ports, caller, 1);
    assert.equal(charterVersion, "2026-11");
    await answerQuestions(life.ports, caller, id, { "hosting.country": "FR" });
    await signCharter(life.ports, caller, id, { digest: "digest-of-2026-11", signer: "director" });
    life.later(11);
    await assert.rejects(submitApplication(life.ports, caller, id), {
      message: /2027-01.*2026-11.*new: access-log; changed: hosting-country; taken out: security-page/,
    });
    const moved = await file(caller, { id });
    assert.equal(moved.application.charterVersion, "2027-01");
    assert.deepEqual(
      moved.requirements.currentlyDue.map(({ criterion: due }) => due),
      ["charter-signed", "access-log"],
    );
    await answerQuestions(life.ports, caller, id, { "access.log": true });
    await signCharter(life.ports, caller, id, { digest: "digest-of-2027-01", signer: "director" });
    await submitApplication(life.ports, caller, id);
    await life.lookAndConclude();
    assert.equal((await life.application(id)).state, "accredited");
  });

  test("handed in before its end, it is decided under the old one, and ends with it", async () => {
    life.charters = both();
    const caller = await life.newcomer();
    const { id } = await life.submitted(caller, 1);
    life.later(11);
    await life.lookAndConclude();
    const { state, charterVersion, until } = await life.application(id);
    assert.deepEqual([state, charterVersion], ["accredited", "2026-11"]);
    assert.equal(until?.toISOString().slice(0, 10), life.charters.get("2026-11").validUntil);
    life.later(90);
    await sweepAccreditations(life.ports, { recheckHours: 24 });
    assert.equal((await life.participant(caller.participantId)).status, "expired");
  });

  test("given before the dates were set, it ends with its version too: application, mark and token alike", async () => {
    const { caller, application } = await life.accredited();
    life.charters = both();
    await logCharters(life.ports);
    const end = life.charters.get("2026-11").validUntil;
    assert.equal((await life.application(application.id)).until?.toISOString().slice(0, 10), end);
    const mark = await life.store.read((r) => r.participants.findMark(caller.participantId));
    assert.equal(mark?.expiresAt.toISOString().slice(0, 10), end);
  });

  test("renewal moves to the new version, asks only what is new, and is not repeated under the old one", async () => {
    life.charters = both();
    const { caller, application } = await life.accredited();
    life.later(45);
    await life.askAgain(caller.participantId);
    await life.lookAndConclude();
    await sweepAccreditations(life.ports, { recheckHours: 24 });
    assert.deepEqual(await life.decisions(caller.participantId), ["accredit"], "nothing is renewed under a version that takes no new ones");
    await remind(life.ports, TERMS);
    const renewal = await openOf(caller);
    assert.deepEqual([renewal?.charterVersion, renewal?.level, renewal?.answers], ["2027-01", 1, { "hosting.country": "FR" }]);
    assert.ok(renewal);
    const { requirements } = await file(caller, renewal);
    assert.deepEqual(
      requirements.currentlyDue.map(({ criterion: due }) => due),
      ["charter-signed", "access-log"],
    );
    await answerQuestions(life.ports, caller, renewal.id, { "access.log": true });
    await signCharter(life.ports, caller, renewal.id, { digest: "digest-of-2027-01", signer: "director" });
    await submitApplication(life.ports, caller, renewal.id);
    await life.lookAndConclude();
    assert.equal((await life.application(application.id)).state, "expired");
    const mark = await life.store.read((r) => r.participants.findMark(caller.participantId));
    assert.equal(mark?.type, "https://relais.example/charter/2027-01");
    assert.equal((await life.participant(caller.participantId)).status, "accredited");
  });
});
