import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { decodeJwt } from "jose";
import type { Consent } from "../../src/core/consent/consent.ts";
import { refuseConsent } from "../../src/core/consent/decide-consent.ts";
import { tellChanges } from "../../src/core/consent/tell-changes.ts";
import { withdrawConsent } from "../../src/core/consent/withdraw-consent.ts";
import { createNoticeDelivery } from "../../src/core/events/deliver-notices.ts";
import { pollNotices } from "../../src/core/events/poll-notices.ts";
import { networkFor } from "../../src/net/network.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { startEngine, type Engine } from "../support/engine.ts";
import { fakeAccount, fakeAdapter } from "../support/fake-participants.ts";
import { testKey, type TestKey } from "../support/register-fixtures.ts";

const DATASET = "energy.bills";
const never = new AbortController().signal;
const owned = new AsyncDisposableStack();
let engine: Engine;
let pool: ReturnType<typeof openPool>;
let key: TestKey;
/** What the destination heard, in the order in which it came. */
let heard: Record<string, unknown>[] = [];
let status = 202;

before(async () => {
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      if (status === 202) heard.push(decodeJwt(body));
      response.writeHead(status).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  owned.defer(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });
  const entityId = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  engine = owned.use(await startEngine(fakeAdapter(fakeAccount(), fakeAccount()), [DATASET]));
  pool = owned.adopt(openPool(engine.url, 4), (open) => open.end());
  key = await testKey();
  await pool.query("update participants set entity_id = $2, endpoints = $3 where id = $1", [
    engine.destination.id,
    entityId,
    JSON.stringify({ inbox: `${entityId}/inbox`, events: `${entityId}/events` }),
  ]);
  await pool.query("update participants set keys = $2 where id = $1", [engine.source.id, JSON.stringify([key.publicJwk])]);
});
after(() => owned.disposeAsync());

const telling = () => ({ ...engine.ports, subjectFor: (entityId: string, personId: string) => `${entityId} calls ${personId.length}` });
const tell = () => tellChanges(telling(), never);
const network = networkFor({ allowLoopback: true });
owned.use(network);
const signer = () => ({ signDocument: key.sign, signRequest: async () => ({}) });
async function deliverAll(): Promise<void> {
  const lanes = createNoticeDelivery(
    { store: engine.store, clock: engine.ports.clock, signer: signer(), network, issuer: "https://relais.test" },
    never,
  );
  while ((await lanes.tick()) > 0) await lanes.settled();
}
const withdraw = ({ id }: Consent) => withdrawConsent(engine.ports, { consentId: id, personId: engine.personId });
const saysOf = (set: Record<string, unknown>) => {
  const [[uri, members] = ["", {}]] = Object.entries(set["events"] as Record<string, Record<string, unknown>>);
  return { event: uri.split("/").at(-1), ...members } as { event: string; consent: string; state: string; at: string };
};

test("both ends are told, signed and with nothing personal: one by push, one by poll; acknowledged, the time is kept", async () => {
  heard = [];
  const consent = await engine.consent([DATASET]);
  await withdraw(consent);
  await Promise.all([tell(), tell(), tell()]);
  await deliverAll();
  assert.deepEqual(
    heard.map(saysOf).map(({ event, state, consent: id }) => [event, state, id]),
    [
      ["consent-granted", "active", consent.id],
      ["consent-stopped", "withdrawn", consent.id],
    ],
  );
  const first = heard[0] ?? {};
  assert.deepEqual(Object.keys(saysOf(first)).sort(), ["at", "consent", "event", "state"]);
  assert.match(JSON.stringify(first["sub_id"]), /^\{"format":"opaque","id":"http:\/\/127/);
  for (const personal of [engine.personId, "account-1"]) assert.ok(!JSON.stringify(heard).includes(personal));
  const caller = { kind: "participant", participantId: engine.source.id, entityId: engine.source.entityId, name: "holder" } as const;
  const polled = await pollNotices({ ...engine.ports, events: signer() }, caller, { ack: [], maxEvents: null });
  assert.deepEqual(
    Object.values(polled.sets).map((jwt) => saysOf(decodeJwt(jwt) as Record<string, unknown>).event),
    ["consent-granted", "consent-stopped"],
  );
  const before = await engine.store.read((r) => r.outbox.ofConsent(consent.id));
  assert.deepEqual(
    before.filter(({ acknowledgedAt }) => acknowledgedAt !== null).map(({ recipientId }) => recipientId),
    [engine.destination.id, engine.destination.id],
  );
  await pollNotices({ ...engine.ports, events: signer() }, caller, { ack: Object.keys(polled.sets), maxEvents: null });
  const after = await engine.store.read((r) => r.outbox.ofConsent(consent.id));
  assert.ok(after.length === 4 && after.every(({ acknowledgedAt }) => acknowledgedAt !== null));
});

test("a refusal and a request that lapsed are told to neither end: nobody learns that a person was asked", async () => {
  heard = [];
  const [refused, lapsed] = [await engine.ask([DATASET]), await engine.ask([DATASET])];
  await refuseConsent(engine.ports, { consentId: refused.id, personId: engine.personId });
  await pool.query("update consents set expires_at = now() where id = $1", [lapsed.id]);
  await engine.store.write((w) => w.permissions.expire(new Date()));
  await tell();
  await deliverAll();
  assert.deepEqual(heard, []);
});

test("thousands that end at once keep no withdrawal waiting, and of one consent everything comes in its order, after a failure too", async () => {
  heard = [];
  status = 500;
  const many = await Promise.all(Array.from({ length: 30 }, () => engine.consent([DATASET])));
  await tell();
  await pool.query("update consents set state = 'revoked', ended_at = now(), ended_by = 'operator' where id = any ($1)", [
    many.map(({ id }) => id),
  ]);
  await tell();
  const other = await engine.consent([DATASET]);
  await withdraw(other);
  await tell();
  await deliverAll();
  assert.deepEqual(heard, [], "nobody heard yet");
  status = 202;
  await pool.query("update notices set acknowledged_at = now() where recipient_id = $1", [engine.source.id]);
  for (let left = 1; left > 0;) {
    await pool.query("update notices set due_at = now() - interval '1 second' where acknowledged_at is null");
    await deliverAll();
    left = await engine.store.read((r) => r.outbox.waiting());
  }
  const told = heard.map(saysOf);
  const of = ({ id }: Consent) => told.filter((one) => one.consent === id).map(({ state }) => state);
  assert.deepEqual(of(other), ["active", "withdrawn"]);
  for (const one of many) assert.deepEqual(of(one), ["active", "revoked"]);
  const place = (id: string, state: string) => told.findIndex((one) => one.consent === id && one.state === state);
  const lastOfMany = Math.max(...many.map(({ id }) => place(id, "revoked")));
  assert.ok(place(other.id, "withdrawn") < lastOfMany, "what somebody waits for comes before the last of many");
});
