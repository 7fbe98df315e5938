import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import express from "express";
import nodeJose from "node-jose";
import type pg from "pg";
import { readStatus, STATUS } from "../../src/core/federation/status-list.ts";
import type { TrustMarkOwner } from "../../src/core/federation/statement.ts";
import type { Store } from "../../src/core/ports.ts";
import { accreditParticipant } from "../../src/core/register/accredit-participant.ts";
import type { Participant, PublicJwk } from "../../src/core/register/participant.ts";
import { registerParticipant } from "../../src/core/register/register-participant.ts";
import { trustMarkType } from "../../src/core/register/trust-mark.ts";
import { createEntityConfigurations } from "../../src/federation/entity-configuration.ts";
import { createFederation } from "../../src/federation/federation.ts";
import { openKeyring, type Keyring } from "../../src/keys/keyring.ts";
import { signCompact } from "../../src/keys/signer.ts";
import { signedStatements, verifyEntityConfiguration } from "../../src/keys/verifier.ts";
import { openDatabase, openPool } from "../../src/postgres/pool.ts";
import { createStore } from "../../src/postgres/store.ts";
import { verifyTrustMark, type MarkStanding } from "../../src/sdk/trust-marks.ts";
import { clock, listen, type Listening } from "../support/authorization-server.ts";
import { PLAIN, REASONS, reinstate, suspend } from "../support/charter.ts";
import { freshDatabase } from "../support/database.ts";
import { dataset, testKey, type TestKey } from "../support/register-fixtures.ts";
import { loopbackFetch } from "../support/web-fetch.ts";
import { realClock } from "../support/real-clock.ts";

const cleanUp: (() => Promise<unknown>)[] = [];
const CLI = fileURLToPath(new URL("../../src/cli/relais.ts", import.meta.url));
const TYPE = (issuer: string) => trustMarkType(issuer, "2026-11");
let relais: Listening;
let peer: Listening;
let store: Store;
let pool: pg.Pool;
let keyring: Keyring;
let key: TestKey;
let dir: string;
let participant: Participant;
let owners: Record<string, TrustMarkOwner> | undefined;
let delegation: string | undefined;
/** What the participant calls itself. */
let organisation = "Énergie du Parc";
/** Where its data is fetched, where it is not at its own address. */
let movedTo: string | null = null;

const sign = async (type: string, payload: object) => signCompact(keyring.current("federation"), type, payload);
const entityConfigurations = createEntityConfigurations({ clock, fetchOrigin: () => loopbackFetch, verify: verifyEntityConfiguration });
const marking = () => ({
  store,
  clock,
  issuer: relais.origin,
  statements: { signDocument: sign },
  charters: PLAIN,
  queue: { ring: async () => undefined },
  delegationOf: async () => delegation,
});

before(async () => {
  [relais, peer, key] = await Promise.all([listen(), listen(), testKey()]);
  const database = await freshDatabase();
  pool = openPool(database.url);
  dir = await mkdtemp(join(tmpdir(), "relais-marks-"));
  store = createStore(openDatabase(pool));
  keyring = await openKeyring(dir, "web");
  const ports = {
    issuer: relais.origin,
    store,
    clock,
    charterVersions: () => ["2026-11"],
    entityConfigurations,
    signed: signedStatements,
    keys: () => keyring.publicRing("federation"),
    sign,
  };
  const [plain, owned] = [createFederation(ports), createFederation({ ...ports, trustMarkOwners: async () => owners ?? {} })];
  relais.serve(express().use((req, res, next) => (owners ? owned : plain)(req, res, next)));
  const app = express();
  app.get("/.well-known/openid-federation", (_req, res) =>
    key.sign("entity-statement+jwt", configuration(peer.origin)).then((jwt) => void res.type("application/entity-statement+jwt").end(jwt)),
  );
  peer.serve(app);
  cleanUp.push(
    () => relais.close(),
    () => peer.close(),
    () => pool.end(),
    () => database.drop(),
    () => rm(dir, { recursive: true }),
  );
  participant = await registerParticipant({ store, clock: realClock, entityConfigurations }, { entityId: peer.origin });
});
after(async () => {
  for (const end of cleanUp) await end();
});

function configuration(entityId: string): Record<string, unknown> {
  const iat = Math.floor(Date.now() / 1000);
  const life = { iat, exp: iat + 600, jwks: { keys: [key.publicJwk] }, authority_hints: [relais.origin] };
  return {
    iss: entityId,
    sub: entityId,
    ...life,
    metadata: {
      federation_entity: { organization_name: organisation, contacts: ["dpo@parc.example"] },
      oauth_client: { redirect_uris: ["https://parc.example/callback/"] },
      self_data_holder: { export_endpoint: movedTo ?? `${entityId}/export`, country: "FR", datasets: [dataset("energy.bills")] },
    },
  };
}

const accredit = async () => (await accreditParticipant(marking(), { participantId: participant.id, level: 1, reasons: REASONS })).jwt;
const standing = async (jwt: string, more: Partial<Parameters<typeof verifyTrustMark>[1]> = {}): Promise<MarkStanding> =>
  (await verifyTrustMark(jwt, { anchor: { entityId: relais.origin }, ...more })).standing;
/** By both ways to ask. */
const standings = async (jwt: string): Promise<MarkStanding[]> => [await standing(jwt), await standing(jwt, { live: "list" })];
const twice = (what: MarkStanding) => [what, what];

describe("an outsider verifies a trust mark", () => {
  test("and tells apart active, suspended, revoked, expired, forged, and somebody else's", async () => {
    const mark = await accredit();
    assert.deepEqual(await standings(mark), twice("active"));
    assert.equal(await standing(mark, { subject: peer.origin }), "active");
    assert.equal(await standing(mark, { subject: "https://other.example" }), "other_subject");
    await suspend(store, participant.id);
    assert.deepEqual(await standings(mark), twice("suspended"));
    await reinstate(marking(), participant.id);
    assert.deepEqual(await standings(mark), twice("revoked"), "a new mark is in force, the old one stays out");
    const present = await accredit();
    const iat = Math.floor(Date.now() / 1000);
    const claims = { iss: relais.origin, sub: peer.origin, trust_mark_type: TYPE(relais.origin), iat: iat - 20, exp: iat - 10, level: 2 };
    assert.equal(await standing(await sign("trust-mark+jwt", claims)), "expired");
    const lasting = { ...claims, exp: iat + 600 };
    assert.equal(await standing(await key.sign("trust-mark+jwt", lasting)), "forged", "another key");
    assert.equal(await standing(await sign("trust-mark+jwt", lasting)), "forged", "signed here, and in no table");
    assert.equal(await standing(await sign("entity-statement+jwt", lasting)), "forged", "another type");
    assert.equal(await standing(await sign("trust-mark+jwt", { ...lasting, iss: peer.origin })), "forged", "another issuer");
    assert.equal(await standing("x"), "forged");
    assert.equal(await standing(`${present.slice(0, -6)}AAAAAA`), "forged");
  });

  test("with keys of the anchor that were learnt elsewhere", async () => {
    const mark = await accredit();
    const keys = [keyring.current("federation").publicJwk];
    assert.equal(await standing(mark, { anchor: { entityId: relais.origin, keys } }), "active");
    const stranger = { anchor: { entityId: relais.origin, keys: [key.publicJwk] } };
    await assert.rejects(verifyTrustMark(mark, stranger), { name: "VerificationError" });
    await assert.rejects(verifyTrustMark(mark, { anchor: { entityId: "http://127.0.0.1:1" } }), /does not answer/);
  });

  test("also after our key was rotated; a compromised key proves nothing any more", async () => {
    const mark = await accredit();
    const old = keyring.current("federation").kid;
    await keyring.rotate("federation", 1);
    assert.deepEqual(await standings(mark), twice("active"));
    await new Promise((done) => setTimeout(done, 1100));
    assert.notEqual(keyring.current("federation").kid, old);
    assert.deepEqual(await standings(mark), twice("active"), "by the keys of the past");
    await keyring.revoke("federation", old, "compromised");
    assert.equal(await standing(mark), "forged");
  });

  test("of a type that somebody else owns only with the owner's delegation", async () => {
    const owner = await testKey();
    const type = TYPE(relais.origin);
    owners = { [type]: { sub: "https://owner.example", jwks: { keys: [owner.publicJwk] } } };
    assert.equal(await standing(await accredit()), "forged");
    const claims = { iss: "https://owner.example", sub: relais.origin, trust_mark_type: type, iat: Math.floor(Date.now() / 1000) };
    delegation = await owner.sign("trust-mark-delegation+jwt", claims);
    assert.equal(await standing(await accredit()), "active");
    owners = delegation = undefined;
  });

  test("on the command line", async () => {
    const mark = await accredit();
    const file = join(dir, "mark.jwt");
    await writeFile(file, `${mark}\n`);
    const run = (...words: string[]) => spawnCli(["verify", file, ...words]);
    const good = await run("--anchor", relais.origin);
    assert.deepEqual([good.code, /verified .*\n.*trust mark, active/.test(good.out)], [0, true], good.out);
    assert.equal((await run("--anchor", relais.origin, "--subject", "https://other.example")).code, 3);
    assert.equal((await run()).code, 2, "whom to trust must be said");
  });
});

/** Not `spawnSync`: this process has to answer what it asks. */
async function spawnCli(words: string[]): Promise<{ code: number | null; out: string }> {
  const child = spawn(process.execPath, [CLI, ...words], { stdio: ["ignore", "pipe", "inherit"] });
  let out = "";
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  const code = await new Promise<number | null>((done) => child.once("close", done));
  return { code, out };
}

describe("software that is not ours", () => {
  const text = async (path: string) => (await fetch(`${relais.origin}${path}`)).text();

  /** node-jose: another JOSE implementation, with the keys of our published configuration. */
  async function byNodeJose(jwt: string): Promise<{ header: Record<string, unknown>; payload: Record<string, unknown> }> {
    const [, body = ""] = (await text("/.well-known/openid-federation")).split(".");
    const { jwks } = JSON.parse(Buffer.from(body, "base64url").toString()) as { jwks: { keys: PublicJwk[] } };
    const store = await nodeJose.JWK.asKeyStore(jwks);
    const { header, payload } = await nodeJose.JWS.createVerify(store).verify(jwt);
    return { header: header as Record<string, unknown>, payload: JSON.parse(payload.toString()) as Record<string, unknown> };
  }

  test("verifies mark, resolve response, status response and status list", async () => {
    const mark = await accredit();
    const seen = await byNodeJose(mark);
    assert.deepEqual([seen.header["typ"], seen.payload["sub"], seen.payload["level"]], ["trust-mark+jwt", peer.origin, 1]);
    const resolved = await byNodeJose(
      await text(`/federation/resolve?${new URLSearchParams({ sub: peer.origin, trust_anchor: relais.origin })}`),
    );
    assert.equal(resolved.header["typ"], "resolve-response+jwt");
    assert.deepEqual(resolved.payload["trust_marks"], [{ trust_mark_type: TYPE(relais.origin), trust_mark: mark }]);
    for (const statement of (resolved.payload["trust_chain"] as string[]).slice(1)) await byNodeJose(statement);
    await assert.rejects(byNodeJose(await key.sign("trust-mark+jwt", seen.payload)));
  });

  test("inflates the list to the same values", async () => {
    const mark = await accredit();
    const { payload } = await byNodeJose(mark);
    const { idx, uri } = (payload["status"] as { status_list: { idx: number; uri: string } }).status_list;
    const list = await byNodeJose(await text(new URL(uri).pathname));
    const { lst } = list.payload["status_list"] as { lst: string };
    const program =
      "import sys,zlib,base64;d=sys.stdin.read();sys.stdout.buffer.write(zlib.decompress(base64.urlsafe_b64decode(d+'='*(-len(d)%4))))";
    const bytes = spawnSync("python3", ["-c", program], { input: lst, maxBuffer: 1 << 20 }).stdout;
    assert.equal(bytes.length, 32_768);
    assert.equal(readStatus(bytes, idx), STATUS.valid);
    const values = Array.from({ length: bytes.length * 4 }, (_, place) => readStatus(bytes, place));
    assert.ok(values.filter((value) => value === STATUS.invalid).length >= 5, "the marks that were replaced above");
  });

  test("is told that it has the newest list already", async () => {
    const url = `${relais.origin}/status-lists/trust-marks`;
    const etag = String((await fetch(url)).headers.get("etag"));
    const again = async () => (await fetch(url, { headers: { "if-none-match": etag } })).status;
    assert.equal(await again(), 304);
    await accredit();
    assert.equal(await again(), 200, "a mark was replaced");
    assert.equal((await fetch(`${url}?time=1`)).status, 501);
  });

  test("what the register accepted last is what the resolver says at once, though the chain before is still valid", async () => {
    const said = async () => {
      const { payload } = await byNodeJose(
        await text(`/federation/resolve?${new URLSearchParams({ sub: peer.origin, trust_anchor: relais.origin })}`),
      );
      return (payload["metadata"] as { federation_entity: Record<string, unknown> }).federation_entity["organization_name"];
    };
    assert.equal(await said(), "Énergie du Parc");
    organisation = "Parc";
    assert.equal(await said(), "Énergie du Parc", "what is published counts once the register has read it");
    await registerParticipant({ store, clock: realClock, entityConfigurations }, { entityId: peer.origin });
    assert.equal(await said(), "Parc");
  });

  test("nobody is led to a place that waits for a look, by the resolver or by the chain itself", async () => {
    movedTo = "https://elsewhere.example/export";
    await registerParticipant({ store, clock: realClock, entityConfigurations }, { entityId: peer.origin });
    assert.ok((await store.read((r) => r.entities.find(participant.id)))?.candidate, "it waits");
    const { payload } = await byNodeJose(
      await text(`/federation/resolve?${new URLSearchParams({ sub: peer.origin, trust_anchor: relais.origin })}`),
    );
    const { self_data_holder: holder } = payload["metadata"] as Record<string, Record<string, unknown>>;
    assert.equal(holder?.["export_endpoint"], `${peer.origin}/export`);
    const [, about] = payload["trust_chain"] as string[];
    const said = (await byNodeJose(String(about))).payload["metadata"] as Record<string, Record<string, unknown>>;
    assert.equal(said["self_data_holder"]?.["export_endpoint"], `${peer.origin}/export`);
    movedTo = null;
    await registerParticipant({ store, clock: realClock, entityConfigurations }, { entityId: peer.origin });
  });

  test("that asks for what names nothing is told so", async () => {
    for (const query of [
      "fetch?sub=%00",
      "list?trust_mark_type=%00",
      "list?entity_type=%ED%A0%80",
      "resolve?sub=%00&trust_anchor=x",
      "trust-mark?sub=%00&trust_mark_type=x",
    ]) {
      const answer = await fetch(`${relais.origin}/federation/${query}`);
      assert.deepEqual([answer.status, ((await answer.json()) as { error: string }).error], [400, "invalid_request"], query);
    }
  });
});
