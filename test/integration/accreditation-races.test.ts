import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { RelaisError } from "../../src/core/errors.ts";
import { newId } from "../../src/core/ids.ts";
import { answerQuestions } from "../../src/core/register/answer-questions.ts";
import type { Application } from "../../src/core/register/application.ts";
import { GIVEN } from "../../src/core/register/application.ts";
import { changeOrganisation } from "../../src/core/register/change-organisation.ts";
import { concludeChecks } from "../../src/core/register/conclude-checks.ts";
import type { RegisterCaller } from "../../src/core/register/register-caller.ts";
import { remind } from "../../src/core/register/remind.ts";
import { changeStandingByAccreditor } from "../../src/core/register/review-application.ts";
import { submitApplication, withdrawApplication } from "../../src/core/register/submit-application.ts";
import { sweepAccreditations } from "../../src/core/register/sweep-accreditations.ts";
import { REASONS } from "../support/charter.ts";
import { ACCREDITORS, RegisterLife, type Member } from "../support/register-life.ts";

/**
 * Decisions that meet: each pair in real parallel transactions, many times over. Whoever wins, there is one clear outcome: the invariants hold,
 * and every refusal is one that says what to do.
 */
const ROUNDS = 20;
const [A, B, C] = ACCREDITORS as [RegisterCaller, RegisterCaller, RegisterCaller];
let life: RegisterLife;

before(async () => {
  life = await RegisterLife.start();
});
after(() => life[Symbol.asyncDispose]());
beforeEach(async () => {
  await life.pool.query("delete from relais.probe_runs where concluded_at is null");
  life.now = new Date();
});

/** All at once; a refusal must be one that the caller can understand. */
async function together(...acts: (() => Promise<unknown>)[]): Promise<("done" | RelaisError)[]> {
  const outcomes = await Promise.allSettled(acts.map((act) => act()));
  return outcomes.map((outcome) => {
    if (outcome.status === "fulfilled") return "done";
    assert.ok(outcome.reason instanceof RelaisError, String(outcome.reason));
    assert.equal(outcome.reason.code, "conflict", outcome.reason.message);
    return outcome.reason;
  });
}

const done = (outcomes: unknown[]): number => outcomes.filter((outcome) => outcome === "done").length;

/** What holds after whatever happened to this participant. */
async function holds({ participantId, organisationId }: Member): Promise<void> {
  const { status } = await life.participant(participantId);
  const organisation = await life.store.read((r) => r.accreditations.getOrganisation(organisationId));
  const applications = await life.store.read((r) => r.accreditations.applicationsOf(participantId));
  const given = applications.filter(({ state }) => (GIVEN as readonly string[]).includes(state));
  const marks = await life.count("relais.trust_marks where participant_id = $1 and revoked_at is null", [participantId]);
  assert.equal(marks, status === "accredited" ? 1 : 0, `${status} with ${marks} marks in force`);
  assert.ok(given.length <= 1);
  if (status === "accredited")
    assert.ok(["accredited", "reinstated"].includes(String(given[0]?.state)), `accredited, and ${given[0]?.state}`);
  if (status === "suspended") assert.ok(given.length === 0 || given[0]?.state === "suspended");
  if (["registered", "expired", "revoked"].includes(status)) assert.equal(given.length, 0, `${status}, and ${given[0]?.state}`);
  if (organisation.status !== "active") assert.notEqual(status, "accredited", "accredited under an organisation that is not active");
  const { rows: decisions } = await life.pool.query<{ id: string; logIndex: string; entry: string }>(
    `select d.id, d.log_index as "logIndex", convert_from(e.leaf, 'UTF8') as entry from relais.decisions d join relais.log_entries e on e.index = d.log_index where d.participant_id = $1`,
    [participantId],
  );
  assert.equal(decisions.length, await life.count("relais.decisions where participant_id = $1", [participantId]));
  for (const { id, entry } of decisions) assert.equal((JSON.parse(entry) as { decision: string }).decision, id);
  assert.equal(new Set(decisions.map(({ logIndex }) => logIndex)).size, decisions.length);
  const told = await life.count(
    "(select recipient_id, details ->> 'decision' from relais.notices where about_id = $1 and details ? 'decision' group by 1, 2 having count(*) > 1) twice",
    [participantId],
  );
  assert.equal(told, 0, "somebody was told twice of one decision");
}

async function inReview(): Promise<{ caller: Member; application: Application }> {
  const caller = await life.newcomer();
  const { id } = await life.submitted(caller, 2);
  await life.lookAndConclude();
  return { caller, application: await life.application(id) };
}

async function rounds(round: (index: number) => Promise<void>, count = ROUNDS): Promise<void> {
  for (let index = 0; index < count; index += 1) await round(index);
}

const standing = (who: RegisterCaller, { participantId }: Member, kind: "suspend" | "reinstate" | "revoke") =>
  changeStandingByAccreditor(life.ports, who, { participantId, kind, reasons: REASONS, remedy: null });

test("two accreditors accredit at the same moment: one decision by both", () =>
  rounds(async () => {
    const { caller, application } = await inReview();
    assert.equal(
      done(
        await together(
          () => life.review(A, application),
          () => life.review(B, application),
        ),
      ),
      2,
    );
    assert.deepEqual(await life.decisions(caller.participantId), ["accredit"]);
    await holds(caller);
  }));

test("one accredits and one refuses: nothing is decided; two and two: the first pair decides, and the others are told to read again", () =>
  rounds(async () => {
    const { caller, application } = await inReview();
    const refuse = { verdict: "refuse" } as const;
    const outcomes = await together(
      () => life.review(A, application),
      () => life.review(B, application, refuse),
      () => life.review(C, application),
      () => life.review({ kind: "accreditor", name: "accreditor D" }, application, refuse),
    );
    assert.ok(done(outcomes) >= 2);
    const decided = await life.decisions(caller.participantId);
    assert.equal(decided.length, 1);
    assert.equal((await life.application(application.id)).state, decided[0] === "accredit" ? "accredited" : "refused");
    await holds(caller);
  }));

test("the same accreditor twice is one word", () =>
  rounds(async () => {
    const { caller, application } = await inReview();
    assert.equal(
      done(
        await together(
          () => life.review(A, application),
          () => life.review(A, application),
        ),
      ),
      1,
    );
    assert.deepEqual(await life.decisions(caller.participantId), []);
    assert.equal((await life.application(application.id)).state, "in_review");
    await holds(caller);
  }));

test("sanctions that meet: two suspensions are one, and a revocation by two against a suspension ends in one of the two", () =>
  rounds(async (index) => {
    const { caller } = await life.accredited();
    if (index % 2 === 0) {
      assert.equal(
        done(
          await together(
            () => standing(A, caller, "suspend"),
            () => standing(B, caller, "suspend"),
          ),
        ),
        1,
      );
      assert.deepEqual(await life.decisions(caller.participantId), ["accredit", "suspend"]);
      await together(
        () => standing(A, caller, "reinstate"),
        () => standing(B, caller, "reinstate"),
        () => standing(A, caller, "reinstate"),
      );
    } else
      await together(
        () => standing(A, caller, "revoke"),
        () => standing(B, caller, "revoke"),
        () => standing(C, caller, "suspend"),
        () => standing(C, caller, "reinstate"),
      );
    await holds(caller);
  }));

test("a decision while the look of a new round concludes, and while an older look does", () =>
  rounds(async () => {
    const { caller, application } = await inReview();
    await life.askAgain(caller.participantId);
    await life.look();
    await together(
      () => life.review(A, application),
      () => concludeChecks(life.ports),
      () => life.review(B, application),
      () => concludeChecks(life.ports),
    );
    assert.deepEqual(await life.decisions(caller.participantId), ["accredit"]);
    await holds(caller);
  }));

test("looks that end are concluded once by any number of processes, also while the participant is suspended", () =>
  rounds(async () => {
    const caller = await life.newcomer();
    const { id } = await life.submitted(caller, 1);
    await life.look();
    await together(
      () => concludeChecks(life.ports),
      () => concludeChecks(life.ports),
      () => standing(A, caller, "suspend"),
      () => concludeChecks(life.ports),
    );
    await concludeChecks(life.ports);
    const { status } = await life.participant(caller.participantId);
    assert.equal(status, "suspended");
    assert.ok(["suspended", "changes_requested"].includes((await life.application(id)).state));
    await holds(caller);
  }));

test("the applicant edits and withdraws while accreditors decide", () =>
  rounds(async () => {
    const { caller, application } = await inReview();
    await life.review(A, application);
    const [, edited, withdrawn] = await together(
      () => life.review(B, application),
      () => answerQuestions(life.ports, caller, application.id, { "hosting.country": "DE" }),
      () => withdrawApplication(life.ports, caller, application.id),
    );
    assert.notEqual(edited, "done", "nothing is edited under the eyes of accreditors");
    const { state, answers } = await life.application(application.id);
    assert.equal(state, withdrawn === "done" ? "withdrawn" : "accredited");
    assert.deepEqual(answers, { "hosting.country": "FR" });
    await holds(caller);
  }));

test("submitted twice at once, or withdrawn meanwhile: one round, one look", () =>
  rounds(async () => {
    const caller = await life.newcomer();
    const { id } = await life.submitted(caller, 1);
    await life.lookAndConclude(["inbox.accepts"]);
    await together(
      () => submitApplication(life.ports, caller, id),
      () => submitApplication(life.ports, caller, id),
      () => withdrawApplication(life.ports, caller, id),
    );
    const { state, round } = await life.application(id);
    assert.ok(state === "withdrawn" || (state === "submitted" && round === 2), `${state} in round ${round}`);
    await life.lookAndConclude();
    assert.ok(["withdrawn", "accredited"].includes((await life.application(id)).state));
    await holds(caller);
  }));

test("submitted while a look for something else is under way: it has its own look afterwards", async () => {
  const { caller } = await life.accredited();
  await life.askAgain(caller.participantId);
  const run = await life.claim();
  const { id } = await life.submitted(caller, 2);
  await life.store.write((w) => w.cases.endRun(run?.id ?? newId("probeRun"), life.now, []));
  await concludeChecks(life.ports);
  await life.lookAndConclude();
  assert.equal((await life.application(id)).state, "in_review");
});

test("the organisation is suspended while its participant is being accredited", () =>
  rounds(async (index) => {
    const suspendAll = (caller: Member) => () =>
      changeOrganisation(life.ports, A, { organisationId: caller.organisationId, kind: "suspend", reasons: REASONS, remedy: null });
    if (index % 2 === 0) {
      const { caller, application } = await inReview();
      await life.review(A, application);
      await together(() => life.review(B, application), suspendAll(caller), suspendAll(caller));
      await holds(caller);
      return;
    }
    const caller = await life.newcomer();
    const { id } = await life.submitted(caller, 1);
    await life.look();
    await together(
      () => concludeChecks(life.ports),
      suspendAll(caller),
      () => concludeChecks(life.ports),
    );
    await concludeChecks(life.ports);
    const { state } = await life.application(id);
    assert.ok(["suspended", "changes_requested"].includes(state), state);
    await holds(caller);
  }));

test("the day on which it ends: sweeps of two processes, a renewal, and reminders", () =>
  rounds(async (index) => {
    const { caller, application } = await life.accredited();
    life.later(364.9);
    await life.askAgain(caller.participantId);
    await life.look();
    if (index % 2 === 0) life.later(0.2);
    const sweep = () => sweepAccreditations(life.ports, { recheckHours: 24 });
    await together(
      sweep,
      () => concludeChecks(life.ports),
      sweep,
      () => remind(life.ports, { reviewDays: 14 }),
      () => remind(life.ports, { reviewDays: 14 }),
    );
    const decided = await life.decisions(caller.participantId);
    assert.equal(decided.length, 2, decided.join());
    assert.equal((await life.application(application.id)).state, decided[1] === "renew" ? "accredited" : "expired");
    if (index % 2 === 1) assert.equal(decided[1], "renew", "nothing ends before its day");
    await holds(caller);
  }));

test("a revoked participant is accredited by nothing that was on its way", async () => {
  const { caller } = await life.accredited();
  const { id } = await life.submitted(caller, 2);
  await life.lookAndConclude();
  const application = await life.application(id);
  await life.review(A, application);
  for (const who of [A, B]) await standing(who, caller, "revoke");
  await assert.rejects(life.review(B, application), { code: "conflict" });
  assert.equal((await life.application(id)).state, "withdrawn");
  await holds(caller);
});
