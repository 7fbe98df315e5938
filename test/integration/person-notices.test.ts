import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { withdrawConsent } from "../../src/core/consent/withdraw-consent.ts";
import { newId, type ParticipantId, type PersonId } from "../../src/core/ids.ts";
import { readNotice, tellPeople } from "../../src/core/person/tell-people.ts";
import { accreditParticipant } from "../../src/core/register/accredit-participant.ts";
import { endStanding } from "../../src/core/register/change-standing.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { PLAIN, REASONS, reinstate } from "../support/charter.ts";
import { startEngine, type Engine } from "../support/engine.ts";
import { fakeAccount, fakeAdapter } from "../support/fake-participants.ts";
import { realClock } from "../support/real-clock.ts";
import { testKey } from "../support/register-fixtures.ts";

const DATASET = "energy.bills";
let engine: Engine;
let pool: ReturnType<typeof openPool>;
let sign: (type: string, payload: object) => Promise<string>;

before(async () => {
  engine = await startEngine(fakeAdapter(fakeAccount(), fakeAccount()), [DATASET]);
  pool = openPool(engine.url, 4);
  sign = (await testKey()).sign;
});
after(async () => {
  await pool.end();
  await engine[Symbol.asyncDispose]();
});

const ports = () => ({
  store: engine.store,
  clock: realClock,
  charters: PLAIN,
  issuer: "https://relais.test",
  queue: engine.ports.queue,
  statements: { signDocument: sign },
});
const end = (kind: "suspend" | "revoke" | "expire" | "withdraw", participantId: ParticipantId) =>
  endStanding(ports(), kind, { participantId, deciders: [{ name: "test", role: "accreditor" }], reasons: REASONS });
const accredit = (participantId: ParticipantId) => accreditParticipant(ports(), { participantId, level: 1, reasons: REASONS });
const unread = (personId: PersonId) => engine.store.read((r) => r.personNotices.unread(personId));
const kinds = async (personId = engine.personId) => (await unread(personId)).map(({ kind }) => kind);

/** A person with a permission as another one has it. */
async function neighbour(of: string, change: { state?: string; ended?: string } = {}): Promise<PersonId> {
  const personId = newId("person");
  await engine.store.write((w) =>
    w.accounts.signIn({ id: personId, issuer: "https://idp.test", subject: personId, createdAt: new Date() }),
  );
  const links = [newId("link"), newId("link")];
  await pool.query(
    `insert into relais.account_links (id, person_id, participant_id, account, method, proved_at)
       select case l.id when c.source_link_id then $1 else $2 end, $3, l.participant_id, l.account, l.method, l.proved_at
       from relais.consents c join relais.account_links l on l.id in (c.source_link_id, c.destination_link_id) where c.id = $4`,
    [...links, personId, of],
  );
  await pool.query(
    `insert into relais.consents select $1, $2, coalesce($4, state), source_id, destination_id, $6, $7, switch_id, action,
       datasets, notice, notice_hash, language, requester_id, created_at, decided_at, $5::timestamptz, ended_by, expires_at from relais.consents where id = $3`,
    [newId("consent"), personId, of, change.state ?? null, change.ended ?? null, ...links],
  );
  return personId;
}

test("everybody with a live permission is told once, in the order of what was decided, and nobody else", async () => {
  const consent = await engine.consent([DATASET]);
  const other = await neighbour(consent.id);
  const gone = await neighbour(consent.id, { state: "withdrawn", ended: new Date(Date.now() - 1000).toISOString() });
  const asked = await neighbour(consent.id);
  await pool.query("update relais.consents set decided_at = null where person_id = $1", [asked]);
  const decision = await end("expire", engine.destination.id);
  assert.deepEqual(await kinds(), [], "told right after the decision, which waits for nobody");
  await Promise.all([tellPeople(ports()), tellPeople(ports()), tellPeople(ports())]);
  const [notice, ...more] = await unread(engine.personId);
  assert.deepEqual(
    [notice?.kind, notice?.participantId, notice?.decisionId, notice?.at.getTime(), more.length],
    ["expired", engine.destination.id, decision.id, decision.decidedAt.getTime(), 0],
  );
  assert.deepEqual([await kinds(other), await kinds(gone), await kinds(asked)], [["expired"], [], []]);

  await accredit(engine.destination.id);
  await tellPeople(ports());
  assert.deepEqual(await kinds(), ["returned"], "what was said before holds no more");
  await accredit(engine.destination.id);
  await tellPeople(ports());
  assert.deepEqual(await kinds(), ["returned"], "a renewal is nothing new for people");
});

test("told late, it is told to those whom it concerned at that moment", async () => {
  const consent = await engine.consent([DATASET]);
  await end("suspend", engine.destination.id);
  await withdrawConsent(engine.ports, { consentId: consent.id, personId: engine.personId });
  const later = await neighbour(consent.id, { state: "active" });
  await pool.query("update relais.consents set decided_at = now() + interval '1 minute' where person_id = $1", [later]);
  await tellPeople(ports());
  assert.deepEqual(await kinds(), ["suspended"]);
  assert.deepEqual(await kinds(later), []);
});

test("read, it is gone, with what was said of the same participant before; nothing else changes, and another person's stays", async () => {
  const consent = await engine.consent([DATASET]).catch(() => null);
  assert.equal(consent, null, "a suspended platform gets no new permission");
  const [notice] = await unread(engine.personId);
  assert.ok(notice);
  const stranger = newId("person");
  await assert.rejects(readNotice(ports(), { personId: stranger, decisionId: notice.decisionId }), { code: "not_found" });
  assert.deepEqual(await kinds(), ["suspended"]);
  const before = await engine.store.read((r) => r.consents.list(engine.personId));
  await readNotice(ports(), { personId: engine.personId, decisionId: notice.decisionId });
  assert.deepEqual(await kinds(), []);
  assert.deepEqual(await engine.store.read((r) => r.consents.list(engine.personId)), before);
});

test("a revocation ends permissions, and those whose permissions it ended are told; so are a holder's people", async () => {
  await reinstate(ports(), engine.destination.id);
  await tellPeople(ports());
  await engine.consent([DATASET]);
  await end("revoke", engine.source.id);
  await tellPeople(ports());
  const told = await unread(engine.personId);
  assert.deepEqual(
    told.map(({ kind, participantId }) => [kind, participantId]),
    [
      ["revoked", engine.source.id],
      ["returned", engine.destination.id],
    ],
  );
});

test("a decision that was refused is told to nobody", async () => {
  const before = await engine.store.read((r) => r.personNotices.waiting());
  await assert.rejects(end("revoke", engine.source.id), { code: "conflict" });
  assert.equal(await engine.store.read((r) => r.personNotices.waiting()), before);
});

test("a platform that gives its accreditation back leaves its people the way out", async () => {
  await end("withdraw", engine.destination.id);
  const { status } = await engine.store.read((r) => r.participants.get(engine.destination.id));
  assert.equal(status, "expired");
});
