import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { inflateSync } from "node:zlib";
import express from "express";
import { decodeJwt, decodeProtectedHeader } from "jose";
import { noticeHash } from "../../src/core/consent/notice-hash.ts";
import type { Notice } from "../../src/core/consent/consent.ts";
import { readStatus, STATUS } from "../../src/core/federation/status-list.ts";
import { newId, type PersonId } from "../../src/core/ids.ts";
import type { Store } from "../../src/core/ports.ts";
import type { Ring } from "../../src/core/transfer/transfer-records.ts";
import { accreditParticipant } from "../../src/core/register/accredit-participant.ts";
import type { Participant, PublicJwk } from "../../src/core/register/participant.ts";
import { registerParticipant } from "../../src/core/register/register-participant.ts";
import { trustMarkType } from "../../src/core/register/trust-mark.ts";
import type { Transfer } from "../../src/core/transfer/transfer.ts";
import { createEntityConfigurations } from "../../src/federation/entity-configuration.ts";
import { createFederation } from "../../src/federation/federation.ts";
import { openKeyring, type Keyring } from "../../src/keys/keyring.ts";
import { signCompact } from "../../src/keys/signer.ts";
import { signedStatements, verifyCompact, verifyEntityConfiguration } from "../../src/keys/verifier.ts";
import { openDatabase, openPool } from "../../src/postgres/pool.ts";
import { createStore } from "../../src/postgres/store.ts";
import { clock, listen, type Listening } from "../support/authorization-server.ts";
import { PLAIN, REASONS, reinstate, suspend } from "../support/charter.ts";
import { freshDatabase } from "../support/database.ts";
import { accreditedParticipant, dataset, linkAccount, testKey, type TestKey } from "../support/register-fixtures.ts";
import { loopbackFetch } from "../support/web-fetch.ts";

const cleanUp: (() => Promise<unknown>)[] = [];
let relais: Listening;
let peer: Listening;
let store: Store;
let keyring: Keyring;
let key: TestKey;
let published: Record<string, unknown>;

before(async () => {
  [relais, peer, key] = await Promise.all([listen(), listen(), testKey()]);
  const database = await freshDatabase();
  const pool = openPool(database.url);
  const dir = await mkdtemp(join(tmpdir(), "relais-federation-"));
  store = createStore(openDatabase(pool));
  keyring = await openKeyring(dir, "web");
  const app = express();
  app.use(
    createFederation({
      issuer: relais.origin,
      store,
      clock,
      charterVersions: () => ["2026-11"],
      entityConfigurations,
      signed: signedStatements,
      keys: () => keyring.publicRing("federation"),
      sign,
    }),
  );
  relais.serve(app);
  published = configuration();
  const peerApp = express();
  peerApp.get("/.well-known/openid-federation", (_req, res) =>
    key.sign("entity-statement+jwt", published).then((jwt) => void res.type("application/entity-statement+jwt").end(jwt)),
  );
  peer.serve(peerApp);
  cleanUp.push(
    () => relais.close(),
    () => peer.close(),
    () => pool.end(),
    () => database.drop(),
    () => rm(dir, { recursive: true }),
  );
});
after(async () => {
  for (const end of cleanUp) await end();
});

const sign = async (type: string, payload: object) => signCompact(keyring.current("federation"), type, payload);
const verifyOwn = async (jwt: string, type: string) => verifyCompact(jwt, { type, keys: await keyring.publicRing("federation") });
const entityConfigurations = createEntityConfigurations({ clock, fetchOrigin: () => loopbackFetch, verify: verifyEntityConfiguration });
const registering = () => ({ store, clock, entityConfigurations });
const marking = () => ({ store, clock, issuer: relais.origin, statements: { signDocument: sign }, charters: PLAIN });

function configuration(changed: Record<string, unknown> = {}): Record<string, unknown> {
  const iat = Math.floor(Date.now() / 1000);
  return {
    iss: peer.origin,
    sub: peer.origin,
    iat,
    exp: iat + 600,
    jwks: { keys: [key.publicJwk] },
    metadata: {
      federation_entity: { organization_name: "Énergie du Parc", contacts: ["dpo@parc.example"] },
      oauth_client: { redirect_uris: ["https://parc.example/callback/"], jwks: { keys: [key.publicJwk] } },
      self_data_holder: {
        export_endpoint: `${peer.origin}/export/`,
        issuer: `${peer.origin}/`,
        country: "FR",
        datasets: [dataset("energy.bills")],
      },
      ...changed,
    },
  };
}

async function get(path: string): Promise<{ status: number; type: string | null; text: string }> {
  const response = await fetch(`${relais.origin}${path}`);
  return { status: response.status, type: response.headers.get("content-type"), text: await response.text() };
}

async function statusOf(mark: string): Promise<{ code: number; status: unknown }> {
  const response = await fetch(`${relais.origin}/federation/trust-mark-status`, {
    method: "POST",
    body: new URLSearchParams({ trust_mark: mark }),
  });
  const text = await response.text();
  if (response.status !== 200) return { code: response.status, status: JSON.parse(text).error };
  const payload = await verifyOwn(text, "trust-mark-status-response+jwt");
  assert.equal(response.headers.get("content-type"), "application/trust-mark-status-response+jwt");
  assert.equal(payload.trust_mark, mark);
  return { code: 200, status: payload.status };
}

const query = (values: Record<string, string>) => `?${new URLSearchParams(values)}`;

describe("a participant's way through the register", () => {
  let participant: Participant;

  test("registers from its own signed configuration, and keeps its id when it renews it", async () => {
    participant = await registerParticipant(registering(), { entityId: peer.origin });
    assert.deepEqual(
      {
        name: participant.name,
        roles: participant.roles,
        endpoints: participant.endpoints,
        status: participant.status,
        client: participant.client,
      },
      {
        name: "Énergie du Parc",
        roles: ["holder"],
        endpoints: { export: `${peer.origin}/export`, issuer: `${peer.origin}/` },
        status: "registered",
        client: { redirectUris: ["https://parc.example/callback/"] },
      },
    );
    assert.equal(participant.keys.length, 1);
    assert.equal((await registerParticipant(registering(), { entityId: peer.origin })).id, participant.id);
  });

  test("what is published wrongly is refused with the member's name", async () => {
    const cases: [RegExp, () => Record<string, unknown>][] = [
      [
        /export is not an https/,
        () => configuration({ self_data_holder: { export_endpoint: "http://evil.example", country: "FR", datasets: [dataset("a")] } }),
      ],
      [
        /datasets holds the same id twice/,
        () => configuration({ self_data_holder: { country: "FR", datasets: [dataset("a"), dataset("a")] } }),
      ],
      [/country/, () => configuration({ self_data_holder: { country: "France", datasets: [dataset("a")] } })],
      [/redirect_uris/, () => configuration({ oauth_client: { redirect_uris: ["javascript:alert(1)"] } })],
      [/another entity/, () => ({ ...configuration(), sub: "https://other.example" })],
    ];
    for (const [message, wrong] of cases) {
      published = wrong();
      await assert.rejects(registerParticipant(registering(), { entityId: peer.origin }), { code: "peer_protocol", message });
    }
    published = configuration();
    await assert.rejects(registerParticipant(registering(), { entityId: `${peer.origin}/nobody` }), { code: "peer_protocol" });
  });

  test("is accredited with a mark that anyone can verify", async () => {
    const type = trustMarkType(relais.origin, "2026-11");
    assert.equal((await get(`/federation/trust-mark${query({ trust_mark_type: type, sub: peer.origin })}`)).status, 404);
    const mark = await accreditParticipant(marking(), { participantId: participant.id, level: 1, reasons: REASONS });
    const answer = await get(`/federation/trust-mark${query({ trust_mark_type: type, sub: peer.origin })}`);
    assert.deepEqual([answer.status, answer.type, answer.text], [200, "application/trust-mark+jwt", mark.jwt]);
    const claims = await verifyOwn(mark.jwt, "trust-mark+jwt");
    assert.deepEqual([claims.iss, claims.sub, claims.trust_mark_type, claims.level], [relais.origin, peer.origin, type, 1]);
    assert.equal(Number(claims.exp) - Number(claims.iat), 365 * 86_400);
    assert.equal(decodeProtectedHeader(mark.jwt).kid, keyring.current("federation").kid);
    assert.deepEqual(await statusOf(mark.jwt), { code: 200, status: "active" });
  });

  test("a renewed mark replaces the earlier one", async () => {
    const before = await store.read((r) => r.participants.findMark(participant.id));
    const renewed = await accreditParticipant(marking(), { participantId: participant.id, level: 2, reasons: REASONS });
    assert.equal((await statusOf(String(before?.jwt))).status, "revoked");
    assert.equal((await statusOf(renewed.jwt)).status, "active");
  });

  test("resolves to what can be relied on: metadata under our policy, the chain, and the mark in force", async () => {
    const ask = (values: Record<string, string>) => get(`/federation/resolve${query(values)}`);
    const answer = await ask({ sub: peer.origin, trust_anchor: relais.origin });
    assert.deepEqual([answer.status, answer.type], [200, "application/resolve-response+jwt"]);
    const claims = await verifyOwn(answer.text, "resolve-response+jwt");
    const metadata = claims.metadata as Record<string, Record<string, unknown>>;
    assert.equal(metadata["oauth_client"]?.["token_endpoint_auth_method"], "private_key_jwt");
    assert.equal((claims.trust_chain as string[]).length, 3);
    const mark = await store.read((r) => r.participants.findMark(participant.id));
    assert.deepEqual(claims.trust_marks, [{ trust_mark_type: mark?.type, trust_mark: mark?.jwt }]);
    const narrowed = await verifyOwn(
      (await ask({ sub: peer.origin, trust_anchor: relais.origin, entity_type: "oauth_client" })).text,
      "resolve-response+jwt",
    );
    assert.deepEqual(Object.keys(narrowed.metadata as object), ["oauth_client"]);
    const refusals = await Promise.all([
      ask({ sub: "https://nobody.example", trust_anchor: relais.origin }),
      ask({ sub: peer.origin, trust_anchor: "https://other.example" }),
      ask({ sub: peer.origin }),
    ]);
    assert.deepEqual(
      refusals.map(({ status, text }) => [status, JSON.parse(text).error]),
      [
        [404, "invalid_subject"],
        [404, "invalid_trust_anchor"],
        [400, "invalid_request"],
      ],
    );
  });

  test("the status list says of each mark what the register says", async () => {
    const statusAt = async (jwt: string): Promise<number | null> => {
      const { status } = decodeJwt(jwt) as unknown as { status: { status_list: { idx: number; uri: string } } };
      const answer = await get(new URL(status.status_list.uri).pathname);
      assert.equal(answer.type, "application/statuslist+jwt");
      const { status_list: list, sub } = (await verifyOwn(answer.text, "statuslist+jwt")) as {
        status_list: { bits: number; lst: string };
        sub: string;
      };
      assert.deepEqual([list.bits, sub], [2, status.status_list.uri]);
      return readStatus(inflateSync(Buffer.from(list.lst, "base64url")), status.status_list.idx);
    };
    const before = String((await store.read((r) => r.participants.findMark(participant.id)))?.jwt);
    assert.equal(await statusAt(before), STATUS.valid);
    await suspend(store, participant.id);
    assert.equal(await statusAt(before), STATUS.suspended);
    await reinstate({ ...marking(), queue: { ring: async () => undefined } }, participant.id);
    const present = String((await store.read((r) => r.participants.findMark(participant.id)))?.jwt);
    assert.deepEqual([await statusAt(before), await statusAt(present)], [STATUS.invalid, STATUS.valid]);
  });

  test("a suspension shows at once everywhere, and ends", async () => {
    const mark = await store.read((r) => r.participants.findMark(participant.id));
    await suspend(store, participant.id);
    assert.equal((await statusOf(String(mark?.jwt))).status, "suspended");
    assert.equal((await get(`/federation/fetch${query({ sub: peer.origin })}`)).status, 404);
    assert.deepEqual(JSON.parse((await get("/federation/list")).text), []);
    await assert.rejects(accreditParticipant(marking(), { participantId: participant.id, level: 1, reasons: REASONS }), {
      code: "conflict",
    });
    const { mark: newMark } = await reinstate({ ...marking(), queue: { ring: async () => undefined } }, participant.id);
    assert.equal((await statusOf(newMark.jwt)).status, "active");
    assert.equal(newMark.level, 2);
    assert.equal((await statusOf(String(mark?.jwt))).status, "revoked");
    await assert.rejects(reinstate({ ...marking(), queue: { ring: async () => undefined } }, participant.id), { code: "conflict" });
  });

  test("lists answer their filters, and refuse those that are not known", async () => {
    const list = async (filter: string) => JSON.parse((await get(`/federation/list${filter}`)).text);
    assert.deepEqual(await list(""), [peer.origin]);
    assert.deepEqual(await list("?entity_type=self_data_holder&trust_marked=true"), [peer.origin]);
    assert.deepEqual(await list("?entity_type=self_data_platform"), []);
    assert.deepEqual(await list("?intermediate=true"), []);
    assert.equal((await list("?colour=red")).error, "unsupported_parameter");
    assert.deepEqual(
      JSON.parse((await get(`/federation/trust-mark-list${query({ trust_mark_type: trustMarkType(relais.origin, "2026-11") })}`)).text),
      [peer.origin],
    );
    assert.equal(JSON.parse((await get("/federation/trust-mark-list")).text).error, "invalid_request");
  });
});

describe("the trust anchor", () => {
  test("publishes itself, and statements about others that verify with its keys", async () => {
    const own = await get("/.well-known/openid-federation");
    assert.equal(own.type, "application/entity-statement+jwt");
    const anchor = await verifyEntityConfiguration(own.text, relais.origin, new Date());
    assert.ok(String(anchor.metadata.federation_entity?.federation_fetch_endpoint).startsWith(relais.origin));
    const statement = await verifyCompact((await get(`/federation/fetch${query({ sub: peer.origin })}`)).text, {
      type: "entity-statement+jwt",
      keys: anchor.keys,
    });
    assert.deepEqual(
      [statement.iss, statement.sub, (statement.jwks as { keys: PublicJwk[] }).keys[0]?.kid],
      [relais.origin, peer.origin, key.kid],
    );
    assert.equal(JSON.parse((await get(`/federation/fetch${query({ sub: relais.origin })}`)).text).error, "invalid_request");
    assert.equal(JSON.parse((await get("/federation/fetch")).text).error, "invalid_request");
    assert.equal(JSON.parse((await get("/federation/fetch?sub=a&sub=b")).text).error, "invalid_request");
  });

  test("forged marks are invalid, and marks of others unknown", async () => {
    const forged = await key.sign("trust-mark+jwt", {
      iss: relais.origin,
      sub: peer.origin,
      trust_mark_type: trustMarkType(relais.origin, "2026-11"),
      iat: 1,
      exp: 4e9,
    });
    assert.deepEqual(await statusOf(forged), { code: 200, status: "invalid" });
    const never = { sub: peer.origin, trust_mark_type: trustMarkType(relais.origin, "2026-11"), iat: 1, exp: 4e9, jti: newId("trustMark") };
    assert.deepEqual(await statusOf(await sign("trust-mark+jwt", { iss: relais.origin, ...never })), { code: 404, status: "not_found" });
    assert.deepEqual(await statusOf(await key.sign("trust-mark+jwt", { iss: "https://other.example", ...never })), {
      code: 404,
      status: "not_found",
    });
    assert.deepEqual(await statusOf("x"), { code: 404, status: "not_found" });
    const statement = (await get("/.well-known/openid-federation")).text;
    assert.deepEqual(await statusOf(statement), { code: 404, status: "not_found" }, "another type of ours");
  });

  test("after a rotation, old marks still verify and the old key is in the history", async () => {
    const mark = await store.read(async (r) =>
      r.participants.findMark((await r.participants.findByEntityId(peer.origin))?.id as Participant["id"]),
    );
    const old = keyring.current("federation").kid;
    await keyring.rotate("federation");
    const history = await get("/federation/historical-keys");
    assert.equal(history.type, "application/jwk-set+jwt");
    assert.deepEqual(
      (decodeJwt(history.text).keys as PublicJwk[]).map(({ kid, d }) => [kid, d]),
      [[old, undefined]],
    );
    const anchor = await verifyEntityConfiguration((await get("/.well-known/openid-federation")).text, relais.origin, new Date());
    assert.deepEqual(
      anchor.keys.map(({ kid }) => kid),
      [keyring.current("federation").kid],
    );
    assert.equal((await statusOf(String(mark?.jwt))).status, "active");
  });
});

describe("transfers of a suspended participant", () => {
  test("pause with an event, and go on after the suspension", async () => {
    const source = await accreditedParticipant(store, { entityId: "https://source.example", roles: ["holder"] });
    const destination = await accreditedParticipant(store, { entityId: "https://destination.example", roles: ["platform"] });
    const transfer = await queuedTransfer(source, destination);
    assert.equal((await suspend(store, destination.id)).effects.paused, 1);
    const paused = await store.read((r) => r.transfers.get(transfer.id));
    assert.deepEqual([paused.state, paused.reason, paused.actor], ["paused", "not_accredited", "platform"]);
    assert.equal((await store.read((r) => r.transfers.events(transfer.id))).at(-1)?.kind, "paused");
    const rings: Ring[] = [];
    const queue = { ring: async (list: Ring[]) => void rings.push(...list) };
    assert.equal((await reinstate({ ...marking(), queue }, destination.id)).resumed, 1);
    assert.equal((await store.read((r) => r.transfers.get(transfer.id))).state, "queued");
    assert.deepEqual(
      rings.map(({ transferId }) => transferId),
      [transfer.id],
    );
  });

  test("stay paused while the other end is suspended too", async () => {
    const source = await accreditedParticipant(store, { entityId: "https://source2.example", roles: ["holder"] });
    const destination = await accreditedParticipant(store, { entityId: "https://destination2.example", roles: ["platform"] });
    const transfer = await queuedTransfer(source, destination);
    for (const { id } of [source, destination]) await suspend(store, id);
    const ports = { ...marking(), queue: { ring: async () => undefined } };
    assert.equal((await reinstate(ports, source.id)).resumed, 0);
    assert.equal((await reinstate(ports, destination.id)).resumed, 1);
    assert.equal((await store.read((r) => r.transfers.get(transfer.id))).state, "queued");
  });
});

async function queuedTransfer(source: Participant, destination: Participant): Promise<Transfer> {
  const now = new Date();
  const personId: PersonId = newId("person");
  await store.write((w) => w.accounts.signIn({ id: personId, issuer: "https://idp.example", subject: personId, createdAt: now }));
  const [sourceLink, destinationLink] = [
    await linkAccount(store, personId, source.id, "a"),
    await linkAccount(store, personId, destination.id, "b"),
  ];
  const notice = { version: "2026-11" } as Notice;
  const consentId = newId("consent");
  const transfer: Transfer = {
    id: newId("transfer"),
    consentId,
    personId,
    sourceId: source.id,
    destinationId: destination.id,
    switchId: null,
    datasets: ["a"],
    state: "queued",
    reason: null,
    actor: null,
    epoch: 0,
    attempts: 0,
    leaseUntil: null,
    dueAt: now,
    expiresAt: new Date(now.getTime() + 3_600_000),
    createdAt: now,
    endedAt: null,
  };
  await store.write(async (w) => {
    await w.permissions.add({
      id: consentId,
      personId,
      state: "active",
      sourceId: source.id,
      destinationId: destination.id,
      sourceLinkId: sourceLink.id,
      destinationLinkId: destinationLink.id,
      switchId: null,
      journeyId: null,
      forms: [],
      acts: null,
      action: "copy",
      datasets: ["a"],
      notice,
      noticeHash: noticeHash(notice),
      language: "fr",
      requesterId: null,
      supersedes: null,
      createdAt: now,
      decidedAt: now,
      endedAt: null,
      endedBy: null,
      expiresAt: transfer.expiresAt,
    });
    await w.deliveries.add(transfer, 0);
  });
  return transfer;
}
