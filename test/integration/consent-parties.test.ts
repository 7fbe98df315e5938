import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { answerAsParty, stopSharingFrom, type PartyAnswer } from "../../src/core/consent/answer-as-party.ts";
import { checkStanding } from "../../src/core/consent/check-consent.ts";
import type { Consent } from "../../src/core/consent/consent.ts";
import { grantConsent } from "../../src/core/consent/decide-consent.ts";
import { requestConsent } from "../../src/core/consent/request-consent.ts";
import { withdrawConsent } from "../../src/core/consent/withdraw-consent.ts";
import { RelaisError, type ErrorCode } from "../../src/core/errors.ts";
import { newId, type PersonId } from "../../src/core/ids.ts";
import type { JointContract } from "../../src/core/person/joint-contract.ts";
import type { AccountLink } from "../../src/core/person/person.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { policy } from "../support/policy.ts";
import { startEngine, inDays, type Engine } from "../support/engine.ts";
import { fakeAccount, fakeAdapter } from "../support/fake-participants.ts";
import { accreditedParticipant, dataset, linkAccount } from "../support/register-fixtures.ts";

/** Contracts that several people hold, on a real database: who is asked, who is told, who may answer, and who never learns anything. */
const DATASET = "energy.bills";
let engine: Engine;
let holder: Participant;
let platform: Participant;

before(async () => {
  engine = await startEngine(fakeAdapter(fakeAccount(), fakeAccount()), [DATASET]);
  holder = await accreditedParticipant(engine.store, {
    entityId: "https://holder.joint.example",
    roles: ["holder"],
    datasets: [dataset(DATASET)],
  });
  platform = await accreditedParticipant(engine.store, { entityId: "https://platform.joint.example", roles: ["platform"] });
});
after(() => engine[Symbol.asyncDispose]());

interface Somebody {
  personId: PersonId;
  link: AccountLink;
}

/** A person with an account at the holder; `contract`: what the holder says of it. */
async function somebody(contract: JointContract | null, at: Participant = holder): Promise<Somebody> {
  const personId = newId("person");
  await engine.store.write((w) =>
    w.accounts.signIn({ id: personId, issuer: "https://idp.example", subject: personId, createdAt: new Date() }),
  );
  const link = await linkAccount(engine.store, personId, at.id, newId("link"));
  return { personId, link: await engine.store.write((w) => w.accounts.putLink({ ...link, contract })) };
}

/** People on one contract, each with an account of their own. */
async function couple(terms: Partial<JointContract> = {}, size = 2): Promise<Somebody[]> {
  const reference = newId("link");
  const parties = Array.from({ length: size }, (_, place) => `party-${reference}-${place}`);
  const contractFor = (party: string, isFirst: boolean): JointContract => ({
    reference,
    party,
    others: isFirst && terms.safety ? [] : parties.filter((one) => one !== party),
    rule: terms.rule ?? "all",
    safety: isFirst ? (terms.safety ?? false) : false,
  });
  const people: Somebody[] = [];
  for (const [place, party] of parties.entries()) people.push(await somebody(contractFor(party, place === 0)));
  return people;
}

async function yes({ personId, link }: Somebody): Promise<Consent> {
  const destination = await linkAccount(engine.store, personId, platform.id, newId("link"));
  const asked = await requestConsent(engine.ports, {
    personId,
    sourceLinkId: link.id,
    destinationLinkId: destination.id,
    action: "copy",
    datasets: [DATASET],
    purpose: "https://w3id.org/dpv#PersonalisedBenefits",
    recurrence: "P1D",
    expires: inDays(30),
    retention: null,
    language: "fr",
    requester: null,
  });
  return grantConsent(engine.ports, { consentId: asked.id, personId, datasets: [DATASET], noticeHash: asked.noticeHash, language: "fr" });
}

const stateOf = async ({ id }: Consent) => (await engine.store.read((r) => r.consents.get(id))).state;
const sharedWith = async ({ personId }: Somebody) => engine.store.read((r) => r.parties.shared(personId));
const answer = (consent: Consent, { personId }: Somebody, said: PartyAnswer) =>
  answerAsParty(engine.ports, { consentId: consent.id, personId, answer: said });
const mayMove = (consent: Consent) =>
  engine.store
    .read(async (r) => checkStanding(r, await r.consents.get(consent.id), { policy, now: new Date() }))
    .then(
      () => true,
      (error: RelaisError) => error.code,
    );
const refusedAs = (code: ErrorCode) => (error: unknown) => error instanceof RelaisError && error.code === code;

/** The table: what the holder says, what the others are, and what the yes of one of them is worth. */
// oxfmt-ignore
const RULES = [
  { says: "nobody else",        terms: null,                            state: "active",    others: [] },
  { says: "any of two",         terms: { rule: "any" },                 state: "active",    others: ["told"] },
  { says: "all of two",         terms: { rule: "all" },                 state: "suspended", others: ["asked"] },
  { says: "all of two, unsafe", terms: { rule: "all", safety: true },   state: "active",    others: [] },
  { says: "any of two, unsafe", terms: { rule: "any", safety: true },   state: "active",    others: [] },
] as const;

for (const { says, terms, state, others } of RULES)
  test(`${says}: a yes is ${state}, the others are [${others.join()}]`, async () => {
    const people = terms === null ? [await somebody(null)] : await couple(terms);
    const consent = await yes(people[0] as Somebody);
    assert.equal(consent.state, state);
    assert.deepEqual(
      (await engine.store.read((r) => r.parties.of(consent.id))).map((one) => one.state),
      others,
    );
    assert.equal(await mayMove(consent), state === "active" ? true : "consent_ended");
  });

test("joint consent of three: it stands when the last of them has approved, also where two answer at once", async () => {
  const [owner, second, third] = (await couple({}, 3)) as [Somebody, Somebody, Somebody];
  const consent = await yes(owner);
  await answer(consent, second, "approve");
  assert.equal(await stateOf(consent), "suspended");
  await answer(consent, second, "remove");
  await Promise.all([answer(consent, second, "approve"), answer(consent, third, "approve")]);
  assert.equal(await stateOf(consent), "active");
  for (let round = 0; round < 12; round += 1) {
    const several = await Promise.all([yes(owner), yes(owner), yes(owner)]);
    await Promise.all(several.flatMap((one) => [answer(one, second, "approve"), answer(one, third, "approve")]));
    for (const one of several) assert.equal(await stateOf(one), "active", "each of the two saw the other one's word");
  }
});

test("an approval counts once, for one consent", async () => {
  const [owner, other] = (await couple()) as [Somebody, Somebody];
  const [first, second] = [await yes(owner), await yes(owner)];
  const both = await Promise.allSettled([answer(first, other, "approve"), answer(first, other, "approve")]);
  assert.deepEqual(both.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  await assert.rejects(answer(first, other, "approve"), refusedAs("conflict"));
  assert.deepEqual([await stateOf(first), await stateOf(second)], ["active", "suspended"]);
});

test("taking an approval back stops this contract alone, at once; the other person's permissions for other accounts go on", async () => {
  const [owner, other] = (await couple({ rule: "any" })) as [Somebody, Somebody];
  const [joint, alone] = [
    await yes(owner),
    await yes({
      ...owner,
      link: await engine.store.write(async (w) =>
        w.accounts.putLink({ ...owner.link, id: newId("link"), account: newId("link"), contract: null }),
      ),
    }),
  ];
  const transfer = await requestTransfer(engine.ports, { consentId: joint.id, personId: owner.personId });
  await answer(joint, other, "remove");
  assert.deepEqual([await stateOf(joint), await stateOf(alone)], ["suspended", "active"]);
  assert.equal((await engine.store.read((r) => r.transfers.get(transfer.id))).state, "cancelled");
  assert.deepEqual([await mayMove(joint), await mayMove(alone)], ["consent_ended", true]);
  await answer(joint, other, "approve");
  assert.equal(await mayMove(joint), true);
});

test("a new yes is no way around another holder's no, also where one yes is enough", async () => {
  const [owner, other] = (await couple({ rule: "any" })) as [Somebody, Somebody];
  await answer(await yes(owner), other, "remove");
  const again = await yes(owner);
  assert.equal(again.state, "suspended");
  await answer(again, other, "approve");
  assert.deepEqual([await stateOf(again), (await yes(owner)).state], ["active", "active"]);
});

test("who has no part in the contract finds nothing: a stranger, another contract's holder, the same references elsewhere, the owner", async () => {
  const [owner, other] = (await couple()) as [Somebody, Somebody];
  const [neighbour] = (await couple()) as [Somebody];
  const elsewhere = await accreditedParticipant(engine.store, {
    entityId: `https://${newId("participant")}.example`,
    roles: ["holder"],
    datasets: [dataset(DATASET)],
  });
  const strangers = {
    stranger: await somebody(null),
    neighbour,
    "another holder says the same": await somebody(other.link.contract ?? null, elsewhere),
    "another party of nobody": await somebody({ ...(other.link.contract as JointContract), party: "party-of-nobody" }),
    owner,
  };
  const consent = await yes(owner);
  for (const [who, person] of Object.entries(strangers)) {
    assert.deepEqual(await sharedWith(person), [], who);
    for (const said of ["approve", "remove"] as const) await assert.rejects(answer(consent, person, said), refusedAs("not_found"), who);
  }
  assert.equal(await stateOf(consent), "suspended");
  assert.equal((await sharedWith(other)).length, 1);
});

test("where telling could harm, nobody else finds anything: no list, no answer, no error of its own, nothing in the database", async () => {
  const [atRisk, other] = (await couple({ safety: true })) as [Somebody, Somebody];
  const nothing = await sharedWith(other);
  const consent = await yes(atRisk);
  assert.deepEqual(await sharedWith(other), nothing);
  const unknown = newId("consent");
  const [hidden, absent] = await Promise.all(
    [consent.id, unknown].map((consentId) =>
      answerAsParty(engine.ports, { consentId, personId: other.personId, answer: "remove" }).catch(String),
    ),
  );
  assert.equal(hidden, absent, "a hidden consent and one that does not exist are refused in the same words");
  assert.equal(await stopSharingFrom(engine.ports, { linkId: other.link.id, personId: other.personId }), 0);
  assert.equal(await stateOf(consent), "active");
  assert.deepEqual(await engine.store.read((r) => r.parties.of(consent.id)), []);
});

test("a flag that the holder sets later hides what was told before", async () => {
  const [owner, other] = (await couple({ rule: "any" })) as [Somebody, Somebody];
  const consent = await yes(owner);
  assert.equal((await sharedWith(other)).length, 1);
  await engine.store.write((w) =>
    w.accounts.putLink({ ...owner.link, contract: { ...(owner.link.contract as JointContract), safety: true, others: [] } }),
  );
  assert.deepEqual(await sharedWith(other), []);
  await assert.rejects(answer(consent, other, "remove"), refusedAs("not_found"));
  assert.equal(await stateOf(consent), "active");
  await engine.store.write((w) => w.accounts.putLink({ ...owner.link, contract: null }));
  assert.deepEqual(await sharedWith(other), [], "also where the holder says nothing of the contract any more");
});

test("who unlinks the account on the contract has no say any more", async () => {
  const [owner, other] = (await couple()) as [Somebody, Somebody];
  const consent = await yes(owner);
  await engine.store.write((w) => w.belongings.removeLink(other.link.id, new Date()));
  assert.deepEqual(await sharedWith(other), []);
  await assert.rejects(answer(consent, other, "approve"), refusedAs("not_found"));
});

test("who leaves the contract keeps what they answered to read, and has no say any more", async () => {
  const [owner, other] = (await couple()) as [Somebody, Somebody];
  const [answered, open] = [await yes(owner), await yes(owner)];
  await answer(answered, other, "approve");
  await engine.store.write((w) => w.accounts.putLink({ ...other.link, contract: null }));
  const left = await sharedWith(other);
  assert.deepEqual(
    left.map(({ consent, linkId }) => [consent.id, linkId]),
    [[answered.id, null]],
  );
  await assert.rejects(answer(answered, other, "remove"), refusedAs("not_found"));
  await assert.rejects(answer(open, other, "approve"), refusedAs("not_found"));
});

test("stop all sharing from this account: own permissions end, the approval of the others' is taken back, other accounts go on", async () => {
  const [owner, other] = (await couple({ rule: "any" })) as [Somebody, Somebody];
  const [theirs, mine] = [await yes(owner), await yes(other)];
  const elsewhere = await yes({ personId: other.personId, link: (await somebodyElse(other.personId)).link });
  assert.equal(await stopSharingFrom(engine.ports, { linkId: other.link.id, personId: other.personId }), 2);
  assert.deepEqual([await stateOf(theirs), await stateOf(mine), await stateOf(elsewhere)], ["suspended", "withdrawn", "active"]);
  await assert.rejects(stopSharingFrom(engine.ports, { linkId: owner.link.id, personId: other.personId }), refusedAs("not_found"));
});

async function somebodyElse(personId: PersonId): Promise<Somebody> {
  return { personId, link: await linkAccount(engine.store, personId, holder.id, newId("link")) };
}

test("what has ended is not woken by an answer, and a permission that waits can be stopped", async () => {
  const [owner, other] = (await couple()) as [Somebody, Somebody];
  const consent = await yes(owner);
  await withdrawConsent(engine.ports, { consentId: consent.id, personId: owner.personId });
  await assert.rejects(answer(consent, other, "approve"), refusedAs("conflict"));
  assert.equal(await stateOf(consent), "withdrawn");
});

test("both acts are in the record, each with its own addressee, and neither changes afterwards", async () => {
  const owner = await somebody(null);
  const consent = await yes(owner);
  const [mandate, given] = consent.acts ?? [];
  assert.deepEqual(
    [mandate?.act, mandate?.towards, given?.act, given?.towards],
    ["mandate", holder.entityId, "consent", platform.entityId],
  );
  assert.deepEqual(mandate?.act === "mandate" && mandate.object, {
    exercise: "portability",
    datasets: [DATASET],
    deliverTo: platform.entityId,
  });
  assert.deepEqual(mandate?.act === "mandate" && mandate.duration.until, consent.notice.expires);
  await assert.rejects(
    engine.store.write((w) => w.permissions.move(consent.id, ["active"], "suspended", { acts: [] })),
    refusedAs("conflict"),
  );
});
