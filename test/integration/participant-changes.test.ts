import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import type { ProbeResult } from "../../src/core/conformance/probe.ts";
import type { Prober } from "../../src/core/conformance/probing.ts";
import { newId } from "../../src/core/ids.ts";
import type { Store } from "../../src/core/ports.ts";
import { accreditParticipant } from "../../src/core/register/accredit-participant.ts";
import { concludeChecks } from "../../src/core/register/conclude-checks.ts";
import { confirmKeys } from "../../src/core/register/confirm-keys.ts";
import type { Participant, PublicJwk } from "../../src/core/register/participant.ts";
import { refreshParticipants } from "../../src/core/register/refresh-participants.ts";
import { registerParticipant } from "../../src/core/register/register-participant.ts";
import { runChecks } from "../../src/core/register/run-checks.ts";
import { createEntityConfigurations } from "../../src/federation/entity-configuration.ts";
import { verifyEntityConfiguration } from "../../src/keys/verifier.ts";
import { networkFor, type Outbound } from "../../src/net/network.ts";
import { openDatabase, openPool } from "../../src/postgres/pool.ts";
import { createStore } from "../../src/postgres/store.ts";
import { PLAIN, REASONS, suspend } from "../support/charter.ts";
import { freshDatabase } from "../support/database.ts";
import { TestOffices } from "../support/offices.ts";
import { publishingEntity, type PublishingEntity } from "../support/publishing-entity.ts";
import { dataset, testKey, type TestKey } from "../support/register-fixtures.ts";

const owned = new AsyncDisposableStack();
const never = new AbortController().signal;
let store: Store;
let network: Outbound;
let entity: PublishingEntity;
let stranger: TestKey;
const offices = new TestOffices();
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
  staff: offices,
  clock,
  issuer: "https://relais.example",
  charters: PLAIN,
  queue: { ring: async () => undefined },
  statements: { signDocument: stranger.sign },
  entityConfigurations: createEntityConfigurations({ clock, fetchOrigin: network.fetchOrigin, verify: verifyEntityConfiguration }),
});
const register = () => registerParticipant(ports(), { entityId: entity.entityId });

async function accredited(level: 0 | 1 = 1): Promise<Participant> {
  const { id } = await register();
  await accreditParticipant(ports(), { participantId: id, level, reasons: REASONS });
  return present(id);
}
const present = (id: Participant["id"]) => store.read((r) => r.participants.get(id));
const record = (id: Participant["id"]) => store.read((r) => r.entities.find(id));

async function lastEntry(): Promise<Record<string, unknown>> {
  return store.read(async (r) => {
    const size = await r.ledger.size();
    const [leaf] = await r.ledger.entries({ from: size - 1, to: size });
    return JSON.parse(String(leaf)) as Record<string, unknown>;
  });
}

/** Every look that waits, with this outcome of the inbox; tells where it looked at this test's participant. */
async function look(outcome: ProbeResult["outcome"], during = async (): Promise<unknown> => undefined): Promise<(string | undefined)[]> {
  const looked: (string | undefined)[] = [];
  const prober: Prober = {
    probe: async ({ participant }) => {
      if (participant.entityId === entity.entityId && looked.push(participant.endpoints.inbox) === 1) await during();
      const words = { fr: "x", en: "x" };
      return [{ probe: "inbox.accepts", outcome, title: words, detail: words, reproduce: "curl", startedAt: now, milliseconds: 1 }];
    },
  };
  while (await runChecks({ store, clock, prober }, never));
  await concludeChecks(ports());
  return looked;
}

const confirm = (name: string, participantId: Participant["id"], person?: { issuer: string; subject: string }) =>
  confirmKeys(ports(), { kind: "accreditor", name, ...(person ? { person } : {}) }, { participantId, thumbprints: [entity.key.kid] });

const elsewhere = "https://elsewhere.example/inbox";
const moved = () => entity.publish({ metadata: entity.platform({ platform: { inbox_endpoint: elsewhere } }) });

describe("an accredited participant that wants data sent elsewhere", () => {
  test("waits until a look at the new place has passed; the rest of what it says counts at once", async () => {
    const { id, endpoints } = await accredited();
    entity.publish({ metadata: entity.platform({ platform: { inbox_endpoint: elsewhere, country: "BE" } }) });
    await register();
    const waiting = await present(id);
    assert.deepEqual([waiting.endpoints, waiting.about.country], [endpoints, "BE"]);
    assert.equal((await record(id))?.candidate?.endpoints.inbox, elsewhere);
    assert.ok(
      (await store.read((r) => r.entities.inQuestion(99))).some(({ participantId, what }) => participantId === id && what === "change"),
    );
    assert.deepEqual(await look("passed"), [elsewhere]);
    assert.deepEqual([(await present(id)).endpoints.inbox, (await record(id))?.candidate], [elsewhere, null]);
    const { kind, changed, looked_at } = await lastEntry();
    assert.deepEqual({ kind, changed, looked_at }, { kind: "participant", changed: ["inbox"], looked_at: true });
  });

  for (const outcome of ["failed", "not_run"] as const)
    test(`stays where it was where the look says ${outcome}, and is itself again where it takes it back`, async () => {
      const { id, endpoints } = await accredited();
      moved();
      await register();
      await look(outcome);
      assert.deepEqual((await present(id)).endpoints, endpoints);
      assert.ok((await record(id))?.candidate);
      entity.publish();
      await register();
      assert.equal((await record(id))?.candidate, null);
      assert.deepEqual(await look("passed"), [endpoints.inbox], "and is looked at where it is");
    });

  test("is not moved by a look that was at another place", async () => {
    const { id, endpoints } = await accredited();
    moved();
    await register();
    const third = "https://third.example/inbox";
    const looked = await look("passed", () => {
      entity.publish({ metadata: entity.platform({ platform: { inbox_endpoint: third } }) });
      return register();
    });
    assert.deepEqual(looked, [elsewhere]);
    const { candidate } = (await record(id)) ?? {};
    assert.deepEqual([(await present(id)).endpoints, candidate?.endpoints.inbox], [endpoints, third]);
    now = new Date(now.getTime() + 1000);
    assert.deepEqual(await look("passed"), [third], "nobody has to ask for it");
    assert.equal((await present(id)).endpoints.inbox, third);
  });

  test("also in a role that it did not have: what it would give back does not exist before", async () => {
    const { id } = await accredited();
    const holder = { export_endpoint: `${entity.entityId}/export`, country: "FR", datasets: [dataset("energy.bills")] };
    entity.publish({ metadata: { ...entity.platform(), self_data_holder: holder } });
    await register();
    const { roles, datasets } = await present(id);
    assert.deepEqual([roles, datasets], [["platform"], []]);
  });

  test("while it is suspended too", async () => {
    const { id, endpoints } = await accredited();
    await suspend(store, id);
    moved();
    await register();
    assert.deepEqual((await present(id)).endpoints, endpoints);
    assert.deepEqual(await look("passed"), [elsewhere]);
    assert.deepEqual([(await present(id)).endpoints.inbox, (await present(id)).status], [elsewhere, "suspended"]);
  });

  test("at level 0 it moves at once: nobody's data goes there", async () => {
    const { id } = await accredited(0);
    moved();
    await register();
    assert.equal((await present(id)).endpoints.inbox, elsewhere);
  });

  test("an applicant that moves while it waits is looked at again, where it is now", async () => {
    const { id } = await accredited(0);
    const organisation = { id: newId("organisation"), name: "O", country: "FR", status: "active", createdAt: now } as const;
    await store.write(async (w) => {
      await w.cases.addOrganisation(organisation);
      await w.cases.attach(id, organisation.id);
      const open = { answers: {}, submittedAnswers: null, round: 1, createdAt: now, submittedAt: now, changedAt: now, until: null };
      const of = { id: newId("application"), participantId: id, organisationId: organisation.id, charterVersion: "2026-11" };
      await w.cases.addApplication({ ...of, level: 2, state: "in_review", ...open });
    });
    moved();
    await register();
    assert.deepEqual(await look("passed"), [elsewhere]);
  });

  test("two accreditors who asked it by another channel let it move without a look", async () => {
    const { id } = await accredited();
    moved();
    await register();
    assert.equal((await confirm("A", id)).isConfirmed, false);
    assert.equal((await confirm("B", id)).isConfirmed, true);
    assert.equal((await present(id)).endpoints.inbox, elsewhere);
    assert.equal((await lastEntry())["looked_at"], false);
  });

  test("what accreditors confirm is the place that they were shown, and never one that it names afterwards", async () => {
    const { id, endpoints } = await accredited();
    moved();
    await confirm("A", id);
    assert.equal((await confirm("B", id)).isConfirmed, true, "the keys are");
    assert.deepEqual([(await present(id)).endpoints, (await record(id))?.candidate?.endpoints.inbox], [endpoints, elsewhere]);
    await confirm("A", id);
    entity.publish({ metadata: entity.platform({ platform: { inbox_endpoint: "https://third.example/inbox" } }) });
    await register();
    assert.equal((await confirm("B", id)).isConfirmed, false, "the first word was about another place");
    assert.deepEqual((await present(id)).endpoints, endpoints);
  });

  test("nobody confirms the keys of a participant that they act for", async () => {
    const { id } = await accredited();
    const person = { issuer: "https://id.example", subject: id };
    await store.write(async (w) => {
      const { id: personId } = await w.accounts.signIn({ id: newId("person"), ...person, createdAt: now });
      await w.cases.addMembership({ personId, participantId: id, addedAt: now });
    });
    await assert.rejects(confirm("A", id, person), { code: "forbidden" });
    assert.equal((await confirm("B", id)).isConfirmed, false);
  });

  test("another name, or other keys of documents, count at once and stand in the public log", async () => {
    await accredited();
    entity.publish({ metadata: entity.platform({ organisation: { organization_name: "Autre nom" } }) });
    await register();
    assert.deepEqual((await lastEntry())["changed"], ["name"]);
    const organisation = { organization_name: "Autre nom" };
    entity.publish({ metadata: entity.platform({ organisation, client: { jwks: { keys: [stranger.publicJwk] } } }) });
    await register();
    const { kind, document_keys } = await lastEntry();
    assert.deepEqual({ kind, document_keys }, { kind: "key", document_keys: [stranger.kid] });
  });
});

describe("a participant is not brought back, taken over or made twice", () => {
  test("by an older configuration of its own", async () => {
    const { id } = await register();
    const iat = Math.floor(now.getTime() / 1000);
    entity.publish({ iat: iat - 61, metadata: entity.platform({ organisation: { organization_name: "Avant" } }) });
    await assert.rejects(register(), { code: "peer_protocol", message: /older/ });
    assert.equal((await present(id)).name, "Nouveau");
  });

  test("by two that register it at the same moment", async () => {
    const both = await Promise.all([register(), register(), register(), register()]);
    assert.equal(new Set(both.map(({ id }) => id)).size, 1);
    assert.ok(await record(both[0].id));
  });

  test("where the operator described it, by what its server publishes", async () => {
    const described: Participant = { ...(await register()), adapter: "webdav", federationKeys: [] };
    await store.write((w) => w.register.put(described));
    await assert.rejects(register(), { code: "conflict" });
    assert.equal((await present(described.id)).adapter, "webdav");
  });

  for (const spelling of [
    (id: string) => `${id}/`,
    (id: string) => id.replace("http", "HTTP"),
    (id: string) => `${id}?a`,
    (id: string) => `${id}#a`,
  ])
    test(`by another spelling of its identifier: ${spelling("http://x")}`, async () => {
      await assert.rejects(registerParticipant(ports(), { entityId: spelling(entity.entityId) }), { code: "invalid" });
    });
});

const nested = (depth: number): unknown => JSON.parse("[".repeat(depth) + "]".repeat(depth));
const privateJwk = (): PublicJwk => ({ ...entity.key.publicJwk, d: "AAAA" });

describe("what accreditors confirm together", () => {
  test("takes two who are accreditors when the second one speaks: whoever left is replaced by whoever comes next", async () => {
    const { id } = await register();
    entity.publish({ jwks: { keys: [stranger.publicJwk] } }, stranger);
    const by = async (name: string) =>
      (await confirmKeys(ports(), { kind: "accreditor", name }, { participantId: id, thumbprints: [stranger.kid] })).isConfirmed;
    const confirmer = async () => (await store.read((r) => r.entities.findConfirmation(id)))?.confirmer ?? null;
    assert.equal(await by("leaves"), false);
    offices.dismissed.add("leaves");
    assert.deepEqual([await by("A"), await confirmer()], [false, "A"]);
    assert.deepEqual(
      (await present(id)).federationKeys?.map(({ kid }) => kid),
      [entity.key.kid],
      "the old keys are in force",
    );
    assert.deepEqual([await by("B"), await confirmer()], [true, null]);
    assert.deepEqual(
      (await present(id)).federationKeys?.map(({ kid }) => kid),
      [stranger.kid],
    );
  });

  test("nor does the word of somebody count who acts for the participant by then", async () => {
    const { id } = await register();
    const person = { issuer: "https://id.example", subject: "goes over" };
    offices.people.set("goes over", person);
    entity.publish({ jwks: { keys: [stranger.publicJwk] } }, stranger);
    const by = async (name: string) =>
      (await confirmKeys(ports(), { kind: "accreditor", name }, { participantId: id, thumbprints: [stranger.kid] })).isConfirmed;
    await by("goes over");
    await store.write(async (w) => {
      const { id: personId } = await w.accounts.signIn({ id: newId("person"), ...person, createdAt: now });
      await w.cases.addMembership({ personId, participantId: id, addedAt: now });
    });
    assert.deepEqual([await by("A"), await by("B")], [false, true]);
  });
});

describe("what a hostile configuration holds is refused by name, and is never a failure of ours", () => {
  // oxfmt-ignore
  const HOSTILE: [what: string, claims: () => object][] = [
    ["a private key among its own",       () => ({ jwks: { keys: [privateJwk()] } })],
    ["a private key of its client",       () => ({ metadata: entity.platform({ client: { jwks: { keys: [privateJwk()] } } }) })],
    ["a shared secret of its client",     () => ({ metadata: entity.platform({ client: { jwks: { keys: [{ kty: "oct", k: "AAAA", kid: "1" }] } } }) })],
    ["more keys than anybody needs",      () => ({ metadata: entity.platform({ client: { jwks: { keys: Array.from({ length: 21 }, (_, kid) => ({ ...stranger.publicJwk, kid: `${kid}` })) } } }) })],
    ["a key that is no key",              () => ({ metadata: entity.platform({ client: { jwks: { keys: [null] } } }) })],
    ["a kid that is no text",             () => ({ metadata: entity.platform({ client: { jwks: { keys: [{ ...stranger.publicJwk, kid: {} }] } } }) })],
    ["a name with a zero byte",           () => ({ metadata: entity.platform({ organisation: { organization_name: "a\u0000b" } }) })],
    ["a name that turns around",          () => ({ metadata: entity.platform({ organisation: { organization_name: "a\u202eb" } }) })],
    ["a name that is half a character",   () => ({ metadata: entity.platform({ organisation: { organization_name: "a\ud800" } }) })],
    ["a country that is none",            () => ({ metadata: entity.platform({ platform: { country: "f?" } }) })],
    ["an address with a zero byte",       () => ({ metadata: entity.platform({ platform: { inbox_endpoint: `${entity.entityId}/\u0000` } }) })],
    ["a data set that is nothing",        () => ({ metadata: { ...entity.platform(), self_data_holder: { country: "FR", datasets: [null] } } })],
    ["an end that no calendar has",       () => ({ exp: 1e300 })],
    ["a thousand levels",                 () => ({ metadata: { ...entity.platform(), x: { deep: nested(1000) } } })],
    ["a critical claim",                  () => ({ crit: ["x"], x: 1 })],
  ];
  for (const [what, claims] of HOSTILE)
    test(what, async () => {
      const { id, name } = await register();
      now = new Date(now.getTime() + 6 * 3_600_000);
      entity.publish(claims());
      await assert.rejects(register(), { code: "peer_protocol" });
      await refreshParticipants(ports(), never);
      assert.deepEqual([(await record(id))?.outcome, (await present(id)).name], ["refused", name]);
    });

  test("unknown kinds of key beside a good one do no harm, and private parts are never kept", async () => {
    const strange = { kty: "AKP", kid: "pq", pub: "AAAA", alg: "ML-DSA-44" };
    entity.publish({ jwks: { keys: [{ ...entity.key.publicJwk, x5c: ["\u0000"] }, strange] } });
    const { federationKeys } = await register();
    assert.deepEqual(federationKeys, [{ ...entity.key.publicJwk }]);
  });

  test("one that fails inside of us does not keep the others from being read", async () => {
    const { id } = await register();
    const other = owned.use(await publishingEntity(clock.now));
    other.publish();
    const second = await registerParticipant(ports(), { entityId: other.entityId });
    now = new Date(now.getTime() + 6 * 3_600_000);
    other.publish();
    const failing = {
      ...ports(),
      entityConfigurations: {
        fetch: async (entityId: string) =>
          entityId === entity.entityId ? Promise.reject(new TypeError("ours")) : ports().entityConfigurations.fetch(entityId),
      },
    };
    await assert.rejects(refreshParticipants(failing, never), { code: "internal" });
    assert.equal((await record(second.id))?.checkedAt?.getTime(), now.getTime());
    assert.equal((await record(id))?.outcome, "accepted", "it says nothing of the participant");
  });
});
