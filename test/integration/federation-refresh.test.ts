import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, beforeEach, describe, test } from "node:test";
import type { Store } from "../../src/core/ports.ts";
import { confirmKeys, readKeys } from "../../src/core/register/confirm-keys.ts";
import { refreshParticipants } from "../../src/core/register/refresh-participants.ts";
import type { EntityRecord } from "../../src/core/register/entity-record.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { registerParticipant } from "../../src/core/register/register-participant.ts";
import { createEntityConfigurations } from "../../src/federation/entity-configuration.ts";
import { verifyEntityConfiguration } from "../../src/keys/verifier.ts";
import { networkFor, type Outbound } from "../../src/net/network.ts";
import { openDatabase, openPool } from "../../src/postgres/pool.ts";
import { createStore } from "../../src/postgres/store.ts";
import { freshDatabase } from "../support/database.ts";
import { TestOffices } from "../support/offices.ts";
import { accreditedParticipant, dataset, testKey, type TestKey } from "../support/register-fixtures.ts";

const cleanUp: (() => Promise<unknown>)[] = [];
const TYPE = { "content-type": "application/entity-statement+jwt" };
let store: Store;
let network: Outbound;
let entityId: string;
let answer: RequestListener;
let [first, second, thief] = [] as unknown as [TestKey, TestKey, TestKey];
/** Time goes on by hand: a look is due when the record says so. */
let now = new Date();
const clock = { now: () => now, sleep: async () => undefined };
const never = new AbortController().signal;

before(async () => {
  [first, second, thief] = await Promise.all([testKey(), testKey(), testKey()]);
  const database = await freshDatabase();
  const pool = openPool(database.url);
  store = createStore(openDatabase(pool));
  network = networkFor({ allowLoopback: true, timeouts: { metadata: 2000 } });
  const server = createServer((req, res) => answer(req, res));
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  entityId = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  cleanUp.push(
    async () => server.closeAllConnections(),
    async () => new Promise((done) => server.close(done)),
    async () => network[Symbol.asyncDispose](),
    () => pool.end(),
    () => database.drop(),
  );
});
after(async () => {
  for (const end of cleanUp) await end();
});

const ports = () => ({
  store,
  staff: new TestOffices(),
  clock,
  entityConfigurations: createEntityConfigurations({ clock, fetchOrigin: network.fetchOrigin, verify: verifyEntityConfiguration }),
});

interface Published {
  signer?: TestKey;
  keys?: TestKey[];
  name?: string;
  metadata?: object;
}

async function configuration({ signer = first, keys = [first], name = "Énergie du Parc", metadata }: Published = {}): Promise<string> {
  const iat = Math.floor(now.getTime() / 1000);
  return signer.sign("entity-statement+jwt", {
    iss: entityId,
    sub: entityId,
    iat,
    exp: iat + 7200,
    jwks: { keys: keys.map((key) => key.publicJwk) },
    metadata: metadata ?? {
      federation_entity: { organization_name: name, contacts: ["dpo@parc.example"] },
      oauth_client: { jwks: { keys: [thief.publicJwk] } },
      self_data_holder: { export_endpoint: `${entityId}/export`, country: "FR", datasets: [dataset("energy.bills")] },
    },
  });
}

const publish = (published: Published = {}): void => {
  answer = (_req, res) => void configuration(published).then((jwt) => res.writeHead(200, TYPE).end(jwt));
};

/** Looks when the next look is due, and tells what it left. */
async function look(): Promise<{ participant: Participant; record: EntityRecord }> {
  const before = await left();
  now = new Date(before.record.nextAt.getTime() + 1);
  assert.equal(await refreshParticipants(ports(), never), 1);
  return left();
}

async function left(): Promise<{ participant: Participant; record: EntityRecord }> {
  return store.read(async (r) => {
    const participant = await r.participants.findByEntityId(entityId);
    assert.ok(participant);
    const record = await r.entities.find(participant.id);
    assert.ok(record);
    return { participant, record };
  });
}

const kids = ({ federationKeys = [] }: Participant) => federationKeys.map(({ kid }) => kid);

beforeEach(async () => {
  publish();
  await registerParticipant(ports(), { entityId, confirmed: true });
});

describe("a participant's configuration is read again", () => {
  test("statement keys stand apart from document and client keys", async () => {
    const { participant } = await left();
    assert.deepEqual([kids(participant), participant.keys.map(({ kid }) => kid)], [[first.kid], [thief.kid]]);
  });

  test("when it is due, and not before; what changed is taken over", async () => {
    publish({ name: "Parc Énergie" });
    assert.equal(await refreshParticipants(ports(), never), 0);
    const { participant, record } = await look();
    assert.equal(participant.name, "Parc Énergie");
    assert.deepEqual([record.outcome, record.failures], ["accepted", 0]);
    const half = record.nextAt.getTime() - now.getTime();
    assert.ok(half > 3_598_000 && half <= 3_600_000, "half of its two hours");
  });

  test("by one process only", async () => {
    let asked = 0;
    answer = (_req, res) => (asked++, void configuration().then((jwt) => res.writeHead(200, TYPE).end(jwt)));
    now = new Date((await left()).record.nextAt.getTime() + 1);
    const reads = await Promise.all([1, 2, 3, 4].map(() => refreshParticipants(ports(), never)));
    assert.deepEqual([reads.reduce((a, b) => a + b), asked], [1, 1]);
  });

  const bad: [name: string, outcome: EntityRecord["outcome"], serve: () => RequestListener][] = [
    ["huge", "refused", () => (_req, res) => res.writeHead(200, TYPE).end("x".repeat(70_000))],
    ["slow", "unreachable", () => () => undefined],
    ["redirecting", "refused", () => (_req, res) => res.writeHead(302, { location: "http://127.0.0.1:1/" }).end()],
    ["compressed", "refused", () => (_req, res) => res.writeHead(200, { ...TYPE, "content-encoding": "gzip" }).end("x")],
    ["of another media type", "refused", () => (_req, res) => res.writeHead(200, { "content-type": "text/html" }).end("<p>")],
    ["away", "unreachable", () => (req) => req.socket.destroy()],
    ["no JWT", "refused", () => (_req, res) => res.writeHead(200, TYPE).end("x")],
    ["signed by a key that is not its own", "refused", () => served({ signer: thief })],
    ["signed by a key of that name", "refused", () => served({ signer: { ...thief, sign: (typ, payload) => signedAs(typ, payload) } })],
    ["broken in its metadata", "refused", () => served({ metadata: { federation_entity: {} } })],
    ["of a new owner", "keys_unconfirmed", () => served({ signer: second, keys: [second] })],
    ["of a new owner who shows the old key too", "keys_unconfirmed", () => served({ signer: second, keys: [first, second] })],
  ];
  const served =
    (published: Published): RequestListener =>
    (_req, res) =>
      void configuration(published).then((jwt) => res.writeHead(200, TYPE).end(jwt));
  /** The thief's signature under the first key's id. */
  async function signedAs(typ: string, payload: object): Promise<string> {
    const [, body, signature] = (await thief.sign(typ, payload)).split(".");
    const header = Buffer.from(JSON.stringify({ alg: "ES256", kid: first.kid, typ })).toString("base64url");
    return [header, body, signature].join(".");
  }

  for (const [name, outcome, serve] of bad) {
    test(`one that is ${name} is ${outcome}, and changes nothing else`, async () => {
      const good = await left();
      answer = serve();
      const { participant, record } = await look();
      assert.deepEqual(participant, good.participant);
      assert.deepEqual([record.outcome, record.jwt, record.failures], [outcome, good.record.jwt, 1]);
      assert.match(String(record.says), /\w/);
      assert.ok(record.nextAt > now);
      const again = await look();
      assert.equal(again.record.failures, 2);
      publish();
      assert.deepEqual([(await look()).record.outcome, (await left()).record.failures], ["accepted", 0]);
    });
  }

  test("one at a private address is refused without a connection", async () => {
    const hidden = await accreditedParticipant(store, {
      entityId: "https://10.1.2.3",
      roles: ["holder"],
      federationKeys: [first.publicJwk],
    });
    assert.equal(await refreshParticipants(ports(), never), 1);
    const record = await store.read((r) => r.entities.find(hidden.id));
    assert.equal(record?.outcome, "refused");
    await store.write((w) => w.register.put({ ...hidden, federationKeys: [] }));
  });

  test("keys change where the old key signs the new set, step by step, and the public log tells", async () => {
    const size = await store.read((r) => r.ledger.size());
    publish({ keys: [first, second] });
    assert.deepEqual(kids((await look()).participant), [first.kid, second.kid]);
    publish({ signer: second, keys: [second] });
    assert.deepEqual(kids((await look()).participant), [second.kid]);
    assert.equal((await store.read((r) => r.ledger.size())) - size, 2);
  });

  test("keys that are lost are replaced only where somebody confirms the new ones, all of them", async () => {
    publish({ signer: second, keys: [second] });
    const { participant } = await look();
    await assert.rejects(registerParticipant(ports(), { entityId }), { code: "conflict" }, "nor by registering again");
    const asked = await store.read((r) => readKeys(r, participant.id));
    assert.deepEqual(
      [asked.known.map(({ thumbprint }) => thumbprint), asked.published?.map(({ thumbprint }) => thumbprint)],
      [[first.kid], [second.kid]],
    );
    const confirm = async (name: string, key: TestKey) =>
      (await confirmKeys(ports(), { kind: "accreditor", name }, { participantId: participant.id, thumbprints: [key.kid] })).isConfirmed;
    await assert.rejects(confirm("A", first), { code: "conflict" });
    await assert.rejects(
      confirmKeys(ports(), { kind: "authority", name: "C" }, { participantId: participant.id, thumbprints: [second.kid] }),
      { code: "forbidden" },
    );
    assert.deepEqual([await confirm("A", second), await confirm("A", second)], [false, false], "twice the same accreditor is one");
    assert.deepEqual(kids((await left()).participant), [first.kid]);
    publish({ signer: thief, keys: [thief] });
    assert.equal(await confirm("B", thief), false, "another key than the first accreditor confirmed");
    publish({ signer: second, keys: [second] });
    await confirm("A", second);
    assert.equal(await confirm("B", second), true);
    assert.deepEqual([kids((await left()).participant), (await left()).record.outcome], [[second.kid], "accepted"]);
  });
});
