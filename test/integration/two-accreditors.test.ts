import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { newId, type ParticipantId } from "../../src/core/ids.ts";
import { changeOrganisation, type OrganisationAct } from "../../src/core/register/change-organisation.ts";
import { changeStandingByAccreditor } from "../../src/core/register/review-application.ts";
import type { RegisterCaller } from "../../src/core/register/register-caller.ts";
import { PLAIN, REASONS } from "../support/charter.ts";
import { ACCREDITORS, RegisterLife, type Member } from "../support/register-life.ts";
import { startRegisterApi } from "../support/register-api.ts";

/** What takes two accreditors takes two who are accreditors, and impartial, when the second one acts. */
const [A, B, C] = ACCREDITORS as [RegisterCaller, RegisterCaller, RegisterCaller];
let life: RegisterLife;

before(async () => {
  life = await RegisterLife.start();
});
after(() => life[Symbol.asyncDispose]());
beforeEach(() => {
  life.offices.dismissed.clear();
  life.offices.people.clear();
});

const dismiss = ({ name }: RegisterCaller) => void life.offices.dismissed.add(name);
let people = 0;

/** Whoever holds this office begins to act for the participant, after they spoke. */
async function goesOver({ name }: RegisterCaller, participantId: ParticipantId): Promise<void> {
  const person = { issuer: "https://id.example", subject: `person ${(people += 1)}` };
  life.offices.people.set(name, person);
  await life.store.write(async (w) => {
    const { id: personId } = await w.accounts.signIn({ id: newId("person"), ...person, createdAt: life.now });
    await w.cases.addMembership({ personId, participantId, addedAt: life.now });
  });
}

/** Two ways in which a first word stops to count. */
const LOST: [how: string, lose: (member: Member) => Promise<void>][] = [
  ["left the office", async () => dismiss(A)],
  ["acts for the participant by then", ({ participantId }) => goesOver(A, participantId)],
];

async function inReview(): Promise<{ caller: Member; id: Awaited<ReturnType<typeof life.submitted>>["id"] }> {
  const caller = await life.newcomer();
  const { id } = await life.submitted(caller, 2);
  await life.lookAndConclude();
  return { caller, id };
}

const stand = async (who: RegisterCaller, { participantId }: Member, kind: "reinstate" | "revoke" | "reopen") =>
  (await changeStandingByAccreditor(life.ports, who, { participantId, kind, reasons: REASONS, remedy: null })).decision?.deciders.map(
    ({ name }) => name,
  ) ?? null;

for (const [how, lose] of LOST)
  describe(`the first of two ${how}`, () => {
    test("a review: it is kept, the second one is the first now, and a third decides with them", async () => {
      const { caller, id } = await inReview();
      await life.review(A, await life.application(id));
      await lose(caller);
      assert.equal((await life.review(B, await life.application(id))).decision, null);
      assert.equal((await life.application(id)).state, "in_review");
      const { decision } = await life.review(C, await life.application(id));
      assert.deepEqual(
        decision?.deciders.map(({ name }) => name),
        [B.name, C.name],
      );
      assert.equal((await life.store.read((r) => r.accreditations.reviews(id, 1))).length, 3);
    });

    test("what they found met does not count for the other two", async () => {
      const { caller, id } = await inReview();
      await life.review(A, await life.application(id));
      await lose(caller);
      await life.review(B, await life.application(id));
      await assert.rejects(life.review(C, await life.application(id), { met: [] }), { code: "conflict", message: /audit/ });
      assert.equal((await life.application(id)).state, "in_review");
    });

    test("a refusal", async () => {
      const { caller, id } = await inReview();
      const refuse = { verdict: "refuse" as const, met: [] };
      await life.review(A, await life.application(id), refuse);
      await lose(caller);
      assert.equal((await life.review(B, await life.application(id), refuse)).decision, null);
      assert.equal((await life.review(C, await life.application(id), refuse)).decision?.kind, "refuse");
    });

    for (const kind of ["reinstate", "revoke"] as const)
      test(`a proposal to ${kind} a participant`, async () => {
        const { caller } = await life.accredited();
        await changeStandingByAccreditor(life.ports, C, {
          participantId: caller.participantId,
          kind: "suspend",
          reasons: REASONS,
          remedy: null,
        });
        assert.equal(await stand(A, caller, kind), null);
        await lose(caller);
        assert.equal(await stand(B, caller, kind), null);
        assert.equal((await life.participant(caller.participantId)).status, "suspended");
        assert.equal(await stand(B, caller, kind), null, "twice the same accreditor is one");
        assert.deepEqual(await stand(C, caller, kind), [B.name, C.name]);
      });

    test("a proposal about an organisation", async () => {
      const { caller } = await life.accredited();
      const change = async (who: RegisterCaller, kind: OrganisationAct) =>
        (await changeOrganisation(life.ports, who, { organisationId: caller.organisationId, kind, reasons: REASONS, remedy: null }))
          .decided;
      assert.equal(await change(A, "revoke"), false);
      await lose(caller);
      assert.deepEqual([await change(B, "revoke"), (await life.participant(caller.participantId)).status], [false, "accredited"]);
      assert.deepEqual([await change(C, "revoke"), (await life.participant(caller.participantId)).status], [true, "revoked"]);
    });
  });

test("what two accreditors decided stays decided: a later look does not undo it because they left", async () => {
  const { caller } = await life.accredited(2);
  dismiss(A);
  dismiss(B);
  life.later(1);
  await life.askAgain(caller.participantId);
  await life.lookAndConclude();
  life.later(1);
  await life.askAgain(caller.participantId);
  await life.lookAndConclude();
  assert.equal((await life.participant(caller.participantId)).status, "accredited");
  assert.deepEqual(await life.decisions(caller.participantId), ["accredit"]);
});

test("over HTTP: an accreditor who lost the office is not one of the two that reinstate", async () => {
  await using api = await startRegisterApi(PLAIN);
  const { participant } = await api.platform("own");
  const [first, second, third] = [
    await api.staff("accreditor", "A"),
    await api.staff("accreditor", "B"),
    await api.staff("accreditor", "C"),
  ];
  const path = `/v1/participants/${participant.id}/standing`;
  const said = async (who: typeof first, kind: string) =>
    (
      await who.send<{ decision: { decided_by: { name: string }[] } | null }>("POST", path, { kind, reasons: REASONS })
    ).decision?.decided_by.map(({ name }) => name) ?? null;
  assert.deepEqual(await said(third, "suspend"), ["C"]);
  assert.equal(await said(first, "revoke"), null);
  api.dismiss("A");
  assert.equal(await said(second, "revoke"), null);
  assert.deepEqual(await said(third, "revoke"), ["B", "C"]);
});
