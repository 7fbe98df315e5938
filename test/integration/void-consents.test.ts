import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { checkStanding } from "../../src/core/consent/check-consent.ts";
import type { Consent } from "../../src/core/consent/consent.ts";
import { RelaisError } from "../../src/core/errors.ts";
import type { Store } from "../../src/core/ports.ts";
import { refreshParticipants } from "../../src/core/register/refresh-participants.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { registerParticipant } from "../../src/core/register/register-participant.ts";
import { createEntityConfigurations } from "../../src/federation/entity-configuration.ts";
import { verifyEntityConfiguration } from "../../src/keys/verifier.ts";
import { networkFor } from "../../src/net/network.ts";
import { openDatabase, openPool } from "../../src/postgres/pool.ts";
import { createStore } from "../../src/postgres/store.ts";
import { freshDatabase } from "../support/database.ts";
import { seedPerson, type SeededPerson } from "../support/fault-relais.ts";
import { policy } from "../support/policy.ts";
import { realClock } from "../support/real-clock.ts";
import { publishingEntity, type PublishingEntity } from "../support/publishing-entity.ts";
import { accreditedParticipant, dataset, markFor } from "../support/register-fixtures.ts";

/** S-202: what was said yes to, and what a destination publishes later. */

const DATASET = "energy.bills";
const owned = new AsyncDisposableStack();
let store: Store;
let pool: ReturnType<typeof openPool>;
let entity: PublishingEntity;
let holder: Participant;
let platform: Participant;
let other: Participant;

before(async () => {
  const database = owned.use(await freshDatabase());
  pool = owned.adopt(openPool(database.url, 5), (open) => open.end());
  store = createStore(openDatabase(pool));
  entity = owned.use(await publishingEntity());
  const network = owned.use(networkFor({ allowLoopback: true }));
  ports = {
    store,
    clock: realClock,
    entityConfigurations: createEntityConfigurations({
      clock: realClock,
      fetchOrigin: network.fetchOrigin,
      verify: verifyEntityConfiguration,
    }),
  };
  publish({ country: "FR", processors: ["Hébergeur A", "Hébergeur B"] });
  platform = await registerParticipant(ports, { entityId: entity.entityId, confirmed: true });
  await pool.query("update participants set status = 'accredited' where id = $1", [platform.id]);
  await store.write((w) => w.register.addMark(markFor(platform.id)));
  holder = await accreditedParticipant(store, { entityId: "https://parc.example", roles: ["holder"], datasets: [dataset(DATASET)] });
  other = await accreditedParticipant(store, { entityId: "https://other.example", roles: ["platform"] });
});
after(() => owned.disposeAsync());

let ports: Parameters<typeof refreshParticipants>[0];
const publish = (about: object) => entity.publish({ metadata: entity.platform({ platform: about }) });

/** The platform publishes this, and its configuration is read when it is due. */
async function republish(about: object): Promise<void> {
  publish(about);
  await pool.query("update entity_configurations set next_at = now() - interval '1 hour' where participant_id = $1", [platform.id]);
  await refreshParticipants(ports, new AbortController().signal);
}

const person = (destination = platform): Promise<SeededPerson> =>
  seedPerson(store, { source: holder, destination, sourceAccount: "c-1", destinationAccount: `s-${Math.random()}` });
const present = ({ id }: Consent): Promise<Consent> => store.read((r) => r.consents.get(id));
const standing = (consent: Consent): Promise<string> =>
  store.read((r) =>
    checkStanding(r, consent, { policy, now: new Date() }).then(
      () => "allowed",
      (error: unknown) => (error instanceof RelaisError ? error.code : "other"),
    ),
  );

test("less than before, in another order or otherwise told: every permission stands", async () => {
  const given = await (await person()).consent([DATASET]);
  await republish({ country: "FR", processors: ["Hébergeur B"], privacy_contact: "new@nouveau.example" });
  await republish({ country: "FR", processors: ["Hébergeur B", "Hébergeur A"] });
  assert.deepEqual([(await present(given)).state, await standing(given)], ["active", "allowed"]);
});

for (const [what, about, change] of [
  ["country", { country: "US", processors: ["Hébergeur A", "Hébergeur B"] }, { what: "country", before: ["FR"], after: ["US"] }],
  [
    "recipients",
    { country: "US", processors: ["Hébergeur A", "Hébergeur B", "Régie C"] },
    { what: "processors", before: ["Hébergeur A", "Hébergeur B"], after: ["Hébergeur A", "Hébergeur B", "Régie C"] },
  ],
  [
    "purposes",
    { country: "US", processors: ["Hébergeur A", "Hébergeur B", "Régie C"], purposes: ["https://w3id.org/dpv#Advertising"] },
    { what: "purposes", before: [], after: ["https://w3id.org/dpv#Advertising"] },
  ],
] as const)
  test(`another ${what}: permissions end with what changed, transfers stop, requests lapse, and others stand`, async () => {
    const [someone, elsewhere] = [await person(), await person(other)];
    const given = await someone.consent([DATASET]);
    const transfer = await someone.transfer(given);
    const [asked, unconcerned] = [await someone.ask([DATASET]), await elsewhere.consent([DATASET])];
    await republish(about);
    const states = await Promise.all([given, asked, unconcerned].map(async (one) => (await present(one)).state));
    assert.deepEqual(states, ["revoked", "expired", "active"]);
    const last = (await store.read((r) => r.changes.of(given.id))).at(-1);
    assert.deepEqual(
      [last?.state, last?.by, last?.because],
      ["revoked", "platform", { kind: "terms", participant: platform.id, changes: [change] }],
    );
    const stopped = await store.read((r) => r.transfers.get(transfer.id));
    assert.deepEqual([stopped.state, stopped.reason, stopped.actor], ["cancelled", "consent_ended", "platform"]);
    assert.equal(await standing(given), "consent_ended");
    const again = await someone.consent([DATASET]);
    assert.equal(await standing(again), "allowed", "a new yes, to what is published now");
  });

test("where only the register changed, by whatever way, no token of it is active all the same", async () => {
  const given = await (await person()).consent([DATASET]);
  await pool.query(`update participants set about = about || '{"country": "CN"}' where id = $1`, [platform.id]);
  assert.deepEqual([(await present(given)).state, await standing(given)], ["active", "consent_ended"]);
});

test("a platform that the operator describes is held to the same", async () => {
  const about = { country: "FR", privacyContact: "dpo@nuage.example", processors: ["Hébergeur A"] };
  const described = {
    entityId: "https://nuage.example",
    name: "Nuage",
    roles: ["platform" as const],
    adapter: "webdav" as const,
    endpoints: { root: "https://nuage.example/dav/" },
    keys: [],
    datasets: [],
    client: null,
  };
  const describe = (changed: object) => registerParticipant(ports, { description: { ...described, about: { ...about, ...changed } } });
  const nuage = await describe({});
  await pool.query("update participants set status = 'accredited' where id = $1", [nuage.id]);
  await store.write((w) => w.register.addMark(markFor(nuage.id)));
  const someone = await person(nuage);
  for (const [change, what] of [
    [{ processors: [] }, null],
    [{ country: "US", processors: [] }, "country"],
    [{ country: "US", processors: ["Régie C"] }, "processors"],
    [{ country: "US", processors: ["Régie C"], purposes: ["https://w3id.org/dpv#Advertising"] }, "purposes"],
  ] as const) {
    const [given, asked] = [await someone.consent([DATASET]), await someone.ask([DATASET])];
    const transfer = await someone.transfer(given);
    assert.equal((await describe(change)).id, nuage.id);
    const states = [(await present(given)).state, (await present(asked)).state];
    assert.deepEqual(states, what === null ? ["active", "requested"] : ["revoked", "expired"], String(what));
    const last = (await store.read((r) => r.changes.of(given.id))).at(-1);
    const named = last?.because?.kind === "terms" ? last.because.changes.map((one) => one.what) : [];
    assert.deepEqual(named, what === null ? [] : [what]);
    assert.equal((await store.read((r) => r.transfers.get(transfer.id))).state === "cancelled", what !== null);
  }
});
