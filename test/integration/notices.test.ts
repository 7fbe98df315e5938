import assert from "node:assert/strict";
import { createServer, type IncomingMessage } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { after, before, beforeEach, describe, test } from "node:test";
import jose from "node-jose";
import { createNoticeDelivery } from "../../src/core/events/deliver-notices.ts";
import { newId, type ParticipantId } from "../../src/core/ids.ts";
import type { Signer, Store } from "../../src/core/ports.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { networkFor } from "../../src/net/network.ts";
import { openDatabase, openPool } from "../../src/postgres/pool.ts";
import { createStore } from "../../src/postgres/store.ts";
import { eventRoutes } from "../../src/sandbox/peer/events.ts";
import { relaisAt } from "../../src/sandbox/peer/relais.ts";
import express from "express";
import { listen } from "../support/authorization-server.ts";
import { suspend } from "../support/charter.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { realClock } from "../support/real-clock.ts";
import { accreditedParticipant, testKey, type TestKey } from "../support/register-fixtures.ts";
import { startTinyRelais, type TinyRelais } from "../support/tiny-relais.ts";

const ISSUER = "https://relais.example";
const network = networkFor({ allowLoopback: true });
let database: FreshDatabase;
let pool: ReturnType<typeof openPool>;
let store: Store;
let key: TestKey;
let signer: Signer;

before(async () => {
  database = await freshDatabase();
  pool = openPool(database.url, 20);
  store = createStore(openDatabase(pool));
  key = await testKey();
  signer = { signDocument: key.sign, signRequest: async () => ({}) };
});
after(async () => {
  await network[Symbol.asyncDispose]();
  await pool.end();
  await database.drop();
});
beforeEach(() => pool.query("delete from relais.notices"));

interface Receiver extends AsyncDisposable {
  participant: Participant;
  /** Bodies in the order in which they came. */
  heard: string[];
  status: number;
}

async function receiver(given: { status?: number; hold?: Promise<void> } = {}): Promise<Receiver> {
  const server = createServer(
    (request: IncomingMessage, response) => void answer(request).then((status) => response.writeHead(status).end()),
  );
  const answer = async (request: IncomingMessage): Promise<number> => {
    made.heard.push(await text(request));
    await given.hold;
    return made.status;
  };
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const entityId = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const participant = await accreditedParticipant(store, {
    entityId,
    roles: ["holder"],
    keys: [key.publicJwk],
    endpoints: { events: `${entityId}/events` },
  });
  const made: Receiver = {
    participant,
    heard: [],
    status: given.status ?? 202,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await pool.query("update relais.participants set status = 'suspended' where id = $1", [participant.id]);
    },
  };
  return made;
}

const delivery = () => createNoticeDelivery({ store, clock: realClock, signer, network, issuer: ISSUER }, new AbortController().signal);

async function deliverAll(): Promise<void> {
  const lanes = delivery();
  while ((await lanes.tick()) > 0) await lanes.settled();
}

async function about(): Promise<ParticipantId> {
  return (await accreditedParticipant(store, { entityId: `https://${newId("participant")}.example`, roles: ["platform"] })).id;
}

const noticesAbout = (id: ParticipantId) => store.read((r) => r.outbox.about(id, 100));
const soon = () => pool.query("update relais.notices set due_at = now() - interval '1 second' where acknowledged_at is null");

describe("a suspension is told", () => {
  test("to every accredited participant, signed, and the time of the acknowledgement is kept", async () => {
    await using first = await receiver();
    await using second = await receiver();
    const suspended = await about();
    const decision = await suspend(store, suspended);
    await deliverAll();
    const told = await noticesAbout(suspended);
    const acknowledged = new Set(told.filter(({ acknowledgedAt }) => acknowledgedAt !== null).map(({ recipientId }) => recipientId));
    for (const one of [first, second]) {
      assert.equal(one.heard.length, 1);
      assert.ok(acknowledged.has(one.participant.id));
    }
    // By software that is not ours.
    const verified = await jose.JWS.createVerify(await jose.JWK.asKey(key.publicJwk)).verify(String(first.heard[0]));
    const set = JSON.parse(verified.payload.toString()) as Record<string, unknown>;
    assert.equal((verified.header as { typ?: string }).typ, "secevent+jwt");
    assert.deepEqual(
      [set["iss"], set["aud"], set["txn"], set["sub"], set["exp"]],
      [ISSUER, first.participant.entityId, decision.id, undefined, undefined],
    );
    assert.deepEqual(Object.keys(set["events"] as object), [`${ISSUER}/events/accreditation-suspended`]);
  });

  test("who is only in the sandbox hears of itself alone, and nobody else hears of it", async () => {
    await using full = await receiver();
    await using newcomer = await receiver();
    await pool.query("update relais.trust_marks set level = 0 where participant_id = $1", [newcomer.participant.id]);
    await suspend(store, await about());
    await deliverAll();
    assert.deepEqual([full.heard.length, newcomer.heard.length], [1, 0]);
    await suspend(store, newcomer.participant.id);
    await deliverAll();
    assert.deepEqual([full.heard.length, newcomer.heard.length], [1, 1]);
  });

  test("one that refuses hears the same event again, later, and is given up in the end; sent by hand it goes again", async () => {
    await using strict = await receiver({ status: 400 });
    const suspended = await about();
    await suspend(store, suspended);
    await deliverAll();
    assert.equal(strict.heard.length, 1);
    await soon();
    await deliverAll();
    assert.equal(strict.heard.length, 2);
    const ids = strict.heard.map(
      (jws) => (JSON.parse(Buffer.from(String(jws.split(".")[1]), "base64url").toString()) as { jti: string }).jti,
    );
    assert.equal(ids[0], ids[1]);
    await pool.query("update relais.notices set created_at = now() - interval '80 hours'");
    await soon();
    await deliverAll();
    const [notice] = (await noticesAbout(suspended)).filter(({ recipientId }) => recipientId === strict.participant.id);
    assert.ok(notice?.givenUpAt);
    assert.match(String(notice.lastFailure), /400/);
    await soon();
    await deliverAll();
    assert.equal(strict.heard.length, 3, "nobody tries any more");
    strict.status = 202;
    await store.write((w) => w.notices.retry(notice.id, new Date()));
    await deliverAll();
    assert.equal(strict.heard.length, 4);
  });

  test("one that hangs delays nobody else", async () => {
    const held = Promise.withResolvers<void>();
    await using slow = await receiver({ hold: held.promise });
    await using quick = await receiver();
    const lanes = delivery();
    for (const _ of [1, 2, 3]) await suspend(store, await about());
    for (
      const end = Date.now() + 60_000;
      quick.heard.length < 3 && Date.now() < end;
      await realClock.sleep(20, new AbortController().signal)
    )
      await lanes.tick();
    assert.deepEqual([quick.heard.length, slow.heard.length], [3, 1]);
    held.resolve();
    await lanes.settled();
  });

  test("two workers never send the same one at the same time, and each participant hears in order", async () => {
    await using one = await receiver();
    for (const _ of [1, 2, 3, 4, 5]) await suspend(store, await about());
    const workers = [delivery(), delivery(), delivery()];
    for (let rounds = 0; rounds < 20; rounds++) {
      await Promise.all(workers.map((worker) => worker.tick()));
      await Promise.all(workers.map((worker) => worker.settled()));
    }
    const ids = one.heard.map((jws) => (JSON.parse(Buffer.from(String(jws.split(".")[1]), "base64url").toString()) as { jti: string }).jti);
    assert.equal(ids.length, 5);
    assert.equal(new Set(ids).size, 5);
  });

  test("nothing of it is told where the suspension itself was refused", async () => {
    await using one = await receiver();
    const suspended = await about();
    await suspend(store, suspended);
    await assert.rejects(suspend(store, suspended), { code: "conflict" });
    await deliverAll();
    assert.equal(one.heard.length, 1);
  });
});

describe("a participant of the sandbox takes events", () => {
  let relais: TinyRelais;
  let origin: string;
  let close: () => Promise<void>;
  const ENTITY = "https://ancre.example";

  before(async () => {
    relais = await startTinyRelais();
    const server = await listen();
    origin = server.origin;
    close = () => server.close();
    const app = express();
    app.use("/events", eventRoutes({ relais: relaisAt(relais.issuer), entityId: ENTITY }));
    server.serve(app);
  });
  after(async () => {
    await close();
    await relais[Symbol.asyncDispose]();
  });

  const push = async (jws: string): Promise<number> => (await fetch(`${origin}/events`, { method: "POST", body: jws })).status;
  const set = (changed: object = {}) => ({
    iss: relais.issuer,
    aud: ENTITY,
    iat: 1,
    jti: newId("event"),
    sub_id: { format: "uri", uri: "https://p.example" },
    events: { [`${relais.issuer}/events/accreditation-suspended`]: {} },
    ...changed,
  });

  test("signed by Relais and for itself: 202; forged, foreign or broken: 400; twice is once", async () => {
    const good = relais.sign("secevent+jwt", set());
    assert.deepEqual([await push(good), await push(good)], [202, 202]);
    assert.equal(((await (await fetch(`${origin}/events`)).json()) as unknown[]).length, 1);
    const cases = [
      await key.sign("secevent+jwt", set()),
      relais.sign("secevent+jwt", set({ aud: "https://other.example" })),
      relais.sign("trust-mark+jwt", set()),
      relais.sign("secevent+jwt", set({ jti: undefined })),
      "nothing",
    ];
    for (const jws of cases) assert.equal(await push(jws), 400, jws.slice(0, 40));
  });
});
