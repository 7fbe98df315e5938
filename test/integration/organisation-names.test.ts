import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { newId, type ParticipantId } from "../../src/core/ids.ts";
import type { Store } from "../../src/core/ports.ts";
import { confirmKeys } from "../../src/core/register/confirm-keys.ts";
import { joinRegister } from "../../src/core/register/join-register.ts";
import { refreshParticipants } from "../../src/core/register/refresh-participants.ts";
import { registerParticipant } from "../../src/core/register/register-participant.ts";
import { createEntityConfigurations } from "../../src/federation/entity-configuration.ts";
import { verifyEntityConfiguration } from "../../src/keys/verifier.ts";
import { networkFor, type Outbound } from "../../src/net/network.ts";
import { openDatabase, openPool } from "../../src/postgres/pool.ts";
import { createStore } from "../../src/postgres/store.ts";
import { PLAIN } from "../support/charter.ts";
import { freshDatabase } from "../support/database.ts";
import { TestOffices } from "../support/offices.ts";
import { publishingEntity, type PublishingEntity } from "../support/publishing-entity.ts";
import { accreditedParticipant, markFor, testKey, type TestKey } from "../support/register-fixtures.ts";

/** What the register says of an organisation is what its participant publishes, and nobody else has a word in it. */
const owned = new AsyncDisposableStack();
let store: Store;
let network: Outbound;
let entity: PublishingEntity;
let stranger: TestKey;
let now = new Date();
const clock = { now: () => now, sleep: async () => undefined };

before(async () => {
  const database = owned.use(await freshDatabase());
  const pool = owned.adopt(openPool(database.url), (open) => open.end());
  store = createStore(openDatabase(pool));
  network = owned.use(networkFor({ allowLoopback: true }));
  stranger = await testKey();
});
after(() => owned.disposeAsync());
beforeEach(async () => {
  now = new Date(now.getTime() + 1000);
  entity = owned.use(await publishingEntity(clock.now));
  entity.publish();
});

const ports = () => ({
  store,
  clock,
  issuer: "https://relais.example",
  charters: PLAIN,
  staff: new TestOffices(),
  statements: { signDocument: stranger.sign },
  entityConfigurations: createEntityConfigurations({ clock, fetchOrigin: network.fetchOrigin, verify: verifyEntityConfiguration }),
});
const join = async (): Promise<ParticipantId> => (await joinRegister(ports(), { entityId: entity.entityId })).id;
const elsewhere = () => entity.platform({ organisation: { organization_name: "Autre nom" }, platform: { country: "BE" } });

/** A day later, when its configuration is due. */
async function refresh(): Promise<void> {
  now = new Date(now.getTime() + 86_400_000);
  await refreshParticipants(ports(), new AbortController().signal);
}

async function organisationOf(id: ParticipantId): Promise<string[]> {
  const found = await store.read((r) => r.accreditations.findOrganisationOf(id));
  return [found?.name ?? "", found?.country ?? ""];
}

test("it follows what its only participant publishes, once that is accepted", async () => {
  const id = await join();
  assert.deepEqual(await organisationOf(id), ["Nouveau", "FR"]);
  now = new Date(now.getTime() + 86_400_000);
  entity.publish({ metadata: elsewhere() });
  await refreshParticipants(ports(), new AbortController().signal);
  assert.deepEqual(await organisationOf(id), ["Autre nom", "BE"]);
});

test("the public log tells of it where the participant is accredited, and of nobody else", async () => {
  const entries = async () => {
    const leaves = await store.read(({ ledger }) => ledger.entries({ from: 0, to: 10_000 }));
    const read = leaves.map((leaf) => JSON.parse(leaf.toString()) as Record<string, unknown>);
    return read.filter(({ kind, participant }) => kind === "organisation" && participant === entity.entityId);
  };
  const publishes = async (claims = {}) => {
    now = new Date(now.getTime() + 86_400_000);
    entity.publish(claims);
    await refreshParticipants(ports(), new AbortController().signal);
  };
  const id = await join();
  await publishes({ metadata: elsewhere() });
  assert.deepEqual([await organisationOf(id), await entries()], [["Autre nom", "BE"], []]);
  await store.write(async (w) => {
    await w.register.setStatus(id, "accredited");
    await w.register.addMark({ ...markFor(id), issuedAt: now });
  });
  await publishes();
  await publishes();
  const named = { name: "Nouveau", country: "FR", before: { name: "Autre nom", country: "BE" } };
  assert.deepEqual(await organisationOf(id), ["Nouveau", "FR"]);
  assert.deepEqual(
    (await entries()).map(({ at, ...entry }) => [typeof at, entry]),
    [["string", { kind: "organisation", participant: entity.entityId, ...named }]],
    "once",
  );
});

test("and takes back a name that somebody else once gave it", async () => {
  const { id } = await registerParticipant(ports(), { entityId: entity.entityId });
  const organisationId = newId("organisation");
  await store.write(async (w) => {
    await w.cases.addOrganisation({ id: organisationId, name: "Ministère", country: "DE", status: "active", createdAt: now });
    await w.cases.attach(id, organisationId);
  });
  entity.publish();
  await registerParticipant(ports(), { entityId: entity.entityId });
  assert.deepEqual(await organisationOf(id), ["Nouveau", "FR"]);
});

test("it does not follow what nobody accepted, and does once two accreditors confirmed the keys", async () => {
  const id = await join();
  entity.publish({ metadata: elsewhere(), jwks: { keys: [stranger.publicJwk] } }, stranger);
  await refresh();
  assert.deepEqual(await organisationOf(id), ["Nouveau", "FR"]);
  entity.publish({ metadata: elsewhere(), jwks: { keys: [stranger.publicJwk] } }, stranger);
  for (const name of ["A", "B"])
    await confirmKeys(ports(), { kind: "accreditor", name }, { participantId: id, thumbprints: [stranger.kid] });
  assert.deepEqual(await organisationOf(id), ["Autre nom", "BE"]);
});

test("of several participants none speaks for the others: it keeps its name", async () => {
  const id = await join();
  const other = await accreditedParticipant(store, { entityId: `https://other-${id}.example`, roles: ["service"] });
  const organisation = await store.read((r) => r.accreditations.findOrganisationOf(id));
  await store.write((w) => w.cases.attach(other.id, organisation?.id ?? newId("organisation")));
  entity.publish({ metadata: elsewhere() });
  await registerParticipant(ports(), { entityId: entity.entityId });
  assert.deepEqual(await organisationOf(id), ["Nouveau", "FR"]);
  assert.equal((await store.read((r) => r.participants.get(id))).name, "Autre nom");
});

test("a participant without an organisation has none by being read again", async () => {
  const { id } = await registerParticipant(ports(), { entityId: entity.entityId });
  entity.publish({ metadata: elsewhere() });
  await registerParticipant(ports(), { entityId: entity.entityId });
  assert.equal(await store.read((r) => r.accreditations.findOrganisationOf(id)), null);
});
