import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { newId, type ParticipantId } from "../../src/core/ids.ts";
import type { Store } from "../../src/core/ports.ts";
import { accreditParticipant } from "../../src/core/register/accredit-participant.ts";
import type { OrganisationId } from "../../src/core/register/application.ts";
import { changeOrganisation, type OrganisationAct } from "../../src/core/register/change-organisation.ts";
import { endStanding } from "../../src/core/register/change-standing.ts";
import type { RegisterCaller } from "../../src/core/register/register-caller.ts";
import { openDatabase, openPool } from "../../src/postgres/pool.ts";
import { createStore } from "../../src/postgres/store.ts";
import { charter, charters, REASONS } from "../support/charter.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { TestOffices } from "../support/offices.ts";
import { realClock } from "../support/real-clock.ts";
import { accreditedParticipant, testKey } from "../support/register-fixtures.ts";

const A: RegisterCaller = { kind: "accreditor", name: "accreditor A" };
const B: RegisterCaller = { kind: "accreditor", name: "accreditor B" };
const REMEDY = { fr: "Publiez le rapport.", en: "Publish the report." };

let database: FreshDatabase;
let pool: ReturnType<typeof openPool>;
let store: Store;
let signDocument: (type: string, payload: object) => Promise<string>;

before(async () => {
  database = await freshDatabase();
  pool = openPool(database.url, 10);
  store = createStore(openDatabase(pool));
  signDocument = (await testKey()).sign;
});
after(async () => {
  await pool.end();
  await database.drop();
});

const ports = () => ({
  store,
  staff: new TestOffices(),
  clock: realClock,
  issuer: "https://relais.example",
  queue: { ring: async () => undefined },
  statements: { signDocument },
  charters: charters(charter("2026-11", [])),
});

let names = 0;

/** An organisation with so many accredited participants, and one that is only registered. */
async function organisationOf(accredited: number): Promise<{ id: OrganisationId; members: ParticipantId[]; registered: ParticipantId }> {
  const id = newId("organisation");
  await store.write((w) => w.cases.addOrganisation({ id, name: "Groupe", country: "FR", status: "active", createdAt: new Date() }));
  const members: ParticipantId[] = [];
  for (let index = 0; index <= accredited; index++) {
    const { id: participantId } = await accreditedParticipant(store, {
      entityId: `https://o${(names += 1)}.example`,
      roles: [index % 2 === 0 ? "platform" : "service"],
      status: "registered",
    });
    await store.write(async (w) => {
      await w.register.revokeMarks(participantId, new Date());
      await w.cases.attach(participantId, id);
    });
    members.push(participantId);
  }
  const registered = members.pop() as ParticipantId;
  for (const participantId of members) await accreditParticipant(ports(), { participantId, level: 1, reasons: REASONS });
  return { id, members, registered };
}

const change = (who: RegisterCaller, organisationId: OrganisationId, kind: OrganisationAct) =>
  changeOrganisation(ports(), who, { organisationId, kind, reasons: REASONS, remedy: REMEDY });
const standings = (ids: ParticipantId[]) => Promise.all(ids.map(async (id) => (await store.read((r) => r.participants.get(id))).status));
const inForce = async (id: ParticipantId) => (await store.read((r) => r.participants.findMark(id)))?.revokedAt === null;

describe("an organisation", () => {
  test("is suspended by one accreditor, at once and with all of its participants; what was said stands in each decision", async () => {
    const { id, members, registered } = await organisationOf(2);
    const done = await change(A, id, "suspend");
    assert.deepEqual([done.organisation.status, done.decided, done.cascaded], ["suspended", true, 2]);
    assert.deepEqual(await standings([...members, registered]), ["suspended", "suspended", "registered"]);
    for (const member of members) {
      assert.equal(await inForce(member), false);
      const [decision] = await store.read((r) => r.accreditations.decisions({ participantId: member, limit: 1 }));
      assert.deepEqual([decision?.kind, decision?.effects.cascaded, decision?.remedy], ["suspend", 1, REMEDY]);
      assert.ok(decision?.appeal);
    }
    await assert.rejects(accreditParticipant(ports(), { participantId: registered, level: 1, reasons: REASONS }), /suspended/);
  });

  test("comes back by two different accreditors, and brings back whom it took along, nobody else", async () => {
    const { id, members } = await organisationOf(3);
    const [own, ...others] = members as [ParticipantId, ...ParticipantId[]];
    await endStanding(ports(), "suspend", { participantId: own, deciders: [], reasons: REASONS });
    await change(A, id, "suspend");
    const asked = await change(A, id, "reinstate");
    assert.deepEqual([asked.decided, asked.organisation.status], [false, "suspended"]);
    assert.equal((await change(A, id, "reinstate")).decided, false);
    assert.deepEqual(await standings(others), ["suspended", "suspended"]);
    const done = await change(B, id, "reinstate");
    assert.deepEqual([done.decided, done.cascaded, done.organisation.status], [true, 2, "active"]);
    assert.deepEqual(await standings(members), ["suspended", "accredited", "accredited"]);
    assert.deepEqual(await store.read((r) => r.accreditations.organisationProposals(id)), []);
  });

  test("is revoked by two, with everybody; its return gives nobody an accreditation back", async () => {
    const { id, members, registered } = await organisationOf(1);
    await change(A, id, "revoke");
    assert.deepEqual(await standings(members), ["accredited"]);
    assert.equal((await change(B, id, "revoke")).cascaded, 2);
    assert.deepEqual(await standings([...members, registered]), ["revoked", "revoked"]);
    await assert.rejects(change(A, id, "suspend"), /is revoked/);
    await change(A, id, "reinstate");
    assert.equal((await change(B, id, "reinstate")).cascaded, 0);
    assert.deepEqual(await standings([...members, registered]), ["revoked", "revoked"]);
  });

  test("is nobody's to change but accreditors'", async () => {
    const { id, registered } = await organisationOf(0);
    for (const caller of [
      { kind: "participant", participantId: registered, entityId: "https://x.example", name: "x" },
      { kind: "authority", name: "y" },
    ] as RegisterCaller[])
      await assert.rejects(change(caller, id, "suspend"), { code: "forbidden" });
  });

  test("suspended by two at the same moment is suspended once", async () => {
    for (let round = 0; round < 10; round++) {
      const { id, members } = await organisationOf(1);
      const both: PromiseSettledResult<unknown>[] = await Promise.allSettled([change(A, id, "suspend"), change(B, id, "suspend")]);
      assert.deepEqual(both.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
      const kinds = (await store.read((r) => r.accreditations.decisions({ participantId: members[0] as ParticipantId, limit: 9 }))).map(
        ({ kind }) => kind,
      );
      assert.deepEqual(kinds, ["suspend", "accredit"]);
    }
  });
});
