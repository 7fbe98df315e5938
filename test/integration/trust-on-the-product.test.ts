import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { createHash, createPublicKey, verify, type JsonWebKey } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { inflateSync } from "node:zlib";
import { freePort } from "../../src/embedded/ports.ts";
import { startRelais, type RunningRelais } from "../support/relais.ts";
import { testKey, type TestKey } from "../support/register-fixtures.ts";

/**
 * The running product, judged by code that is not its own: node:crypto on the bytes, as somebody would write it who has nothing but OpenID Federation 1.0
 * and the Token Status List draft; openssl once, for another implementation of the mathematics.
 */
const CLI = fileURLToPath(new URL("../../src/cli/relais.ts", import.meta.url));
const CHARTERS = ["2026-11"];
const OWNER = "https://owner.example";
const owned = new AsyncDisposableStack();
let relais: RunningRelais;
let issuer: string;
/** The one that signs, before those of the past: what they delegated is in marks that are in force. */
let owners: TestKey[];
let ownerFile: string;

type Json = Record<string, unknown>;
interface Parts {
  header: Json;
  payload: Json;
  input: string;
  signature: Buffer;
}

function read(jwt: string): Parts {
  const [head = "", body = "", signature = ""] = jwt.split(".");
  const json = (part: string) => JSON.parse(Buffer.from(part, "base64url").toString()) as Json;
  return { header: json(head), payload: json(body), input: `${head}.${body}`, signature: Buffer.from(signature, "base64url") };
}

/** ES256 of this type, by exactly one key of this `kid` (RFC 7515 §5.2, RFC 7518 §3.4). */
function believe(jwt: string, typ: string, keys: JsonWebKey[]): Json {
  const { header, payload, input, signature } = read(jwt);
  assert.deepEqual([header["typ"], header["alg"]], [typ, "ES256"]);
  const named = keys.filter((key) => key["kid"] === header["kid"]);
  assert.equal(named.length, 1, "exactly one key has this kid");
  const key = createPublicKey({ key: named[0] as JsonWebKey, format: "jwk" });
  assert.ok(verify("sha256", Buffer.from(input), { key, dsaEncoding: "ieee-p1363" }, signature), `signature of ${typ}`);
  return payload;
}

const keysIn = (statement: Json) => (statement["jwks"] as { keys: JsonWebKey[] }).keys;
const text = async (url: string, init?: RequestInit): Promise<string> => {
  const answer = await fetch(url, init);
  assert.equal(answer.status, 200, url);
  return answer.text();
};

/** Self-signed, about itself, in time (§3.2). */
async function configurationOf(entity: string): Promise<Json> {
  const jwt = await text(`${entity}/.well-known/openid-federation`);
  const claims = believe(jwt, "entity-statement+jwt", keysIn(read(jwt).payload));
  assert.deepEqual([claims["iss"], claims["sub"]], [entity, entity]);
  assert.ok(Number(claims["exp"]) > Date.now() / 1000 && Number(claims["iat"]) <= Date.now() / 1000 + 60);
  return claims;
}

const endpointOf = (configuration: Json, name: string): string =>
  String((configuration["metadata"] as { federation_entity: Json }).federation_entity[`federation_${name}_endpoint`]);

async function historicalKeys(configuration: Json): Promise<(JsonWebKey & Json)[]> {
  const set = believe(await text(endpointOf(configuration, "historical_keys")), "jwk-set+jwt", keysIn(configuration));
  assert.equal(set["iss"], issuer);
  return set["keys"] as (JsonWebKey & Json)[];
}

async function statusOf(configuration: Json, mark: string): Promise<string> {
  const body = new URLSearchParams({ trust_mark: mark });
  const answer = await text(endpointOf(configuration, "trust_mark_status"), { method: "POST", body });
  const claims = believe(answer, "trust-mark-status-response+jwt", keysIn(configuration));
  assert.deepEqual([claims["iss"], claims["trust_mark"]], [issuer, mark]);
  return String(claims["status"]);
}

function cli(...words: string[]): Promise<{ code: number; out: string }> {
  const env = { PATH: process.env["PATH"], RELAIS_DATA_DIR: relais.dataDir };
  return new Promise((done) =>
    execFile(process.execPath, [CLI, ...words], { env }, (error, stdout, stderr) =>
      done({ code: error === null ? 0 : Number(error.code ?? 134), out: stdout + stderr }),
    ),
  );
}

async function writeOwner(changed: Json = {}): Promise<void> {
  const iat = Math.floor(Date.now() / 1000);
  const claims = (version: string) => ({ iss: OWNER, sub: issuer, trust_mark_type: `${issuer}/charter/${version}`, iat, ...changed });
  const [owner] = owners as [TestKey];
  const delegations = await Promise.all(CHARTERS.map((version) => owner.sign("trust-mark-delegation+jwt", claims(version))));
  await writeFile(ownerFile, JSON.stringify({ owner: OWNER, keys: owners.map(({ publicJwk }) => publicJwk), delegations }));
}

before(async () => {
  const dir = owned.adopt(await mkdtemp(join(tmpdir(), "relais-owner-")), (folder) => rm(folder, { recursive: true }));
  owners = [await testKey()];
  const port = await freePort();
  issuer = `http://localhost:${port}`;
  ownerFile = join(dir, "owner.json");
  await writeOwner();
  relais = owned.use(await startRelais({ env: { RELAIS_PORT: String(port), RELAIS_CHARTER_OWNER_FILE: ownerFile }, withSolid: false }));
});
after(() => owned.disposeAsync());

/** A participant of the sandbox that is in the chain, and its mark. */
async function marked(configuration: Json): Promise<{ sub: string; mark: string }> {
  const [sub = ""] = JSON.parse(await text(`${endpointOf(configuration, "list")}?trust_marked=true`)) as string[];
  const [type = ""] = Object.keys(configuration["trust_mark_issuers"] as Json);
  const query = new URLSearchParams({ sub, trust_mark_type: type });
  return { sub, mark: await text(`${endpointOf(configuration, "trust_mark")}?${query}`) };
}

test("a chain: the subject's configuration, our statement about it, our configuration", async () => {
  const anchor = await configurationOf(issuer);
  const { sub } = await marked(anchor);
  const subject = await configurationOf(sub);
  const about = believe(
    await text(`${endpointOf(anchor, "fetch")}?${new URLSearchParams({ sub })}`),
    "entity-statement+jwt",
    keysIn(anchor),
  );
  assert.deepEqual([about["iss"], about["sub"]], [issuer, sub]);
  believe(await text(`${sub}/.well-known/openid-federation`), "entity-statement+jwt", keysIn(about));
  assert.deepEqual(
    keysIn(about).map(({ x }) => x),
    keysIn(subject).map(({ x }) => x),
  );
  const query = new URLSearchParams({ sub, trust_anchor: issuer });
  const resolved = believe(await text(`${endpointOf(anchor, "resolve")}?${query}`), "resolve-response+jwt", keysIn(anchor));
  const [own = "", ours = "", last = ""] = resolved["trust_chain"] as string[];
  believe(
    own,
    "entity-statement+jwt",
    keysIn(believe(ours, "entity-statement+jwt", keysIn(believe(last, "entity-statement+jwt", keysIn(anchor))))),
  );
});

test("a mark, and its owner's delegation (§7.2.2, §7.3), and the list of their states", async () => {
  const anchor = await configurationOf(issuer);
  const { sub, mark } = await marked(anchor);
  const claims = believe(mark, "trust-mark+jwt", keysIn(anchor));
  const type = String(claims["trust_mark_type"]);
  assert.deepEqual([claims["iss"], claims["sub"], (anchor["trust_mark_issuers"] as Json)[type]], [issuer, sub, [issuer]]);
  const { sub: ownerId, jwks } = (anchor["trust_mark_owners"] as Record<string, { sub: string; jwks: { keys: JsonWebKey[] } }>)[type]!;
  const delegation = believe(String(claims["delegation"]), "trust-mark-delegation+jwt", jwks.keys);
  assert.deepEqual([ownerId, delegation["iss"], delegation["sub"], delegation["trust_mark_type"]], [OWNER, OWNER, issuer, type]);
  const { idx, uri } = (claims["status"] as { status_list: { idx: number; uri: string } }).status_list;
  const list = believe(await text(uri), "statuslist+jwt", keysIn(anchor));
  const { bits, lst } = list["status_list"] as { bits: number; lst: string };
  const bytes = inflateSync(Buffer.from(lst, "base64url"));
  assert.deepEqual([list["sub"], bits, ((bytes[idx >> 2] ?? 255) >> ((idx & 3) * 2)) & 3], [uri, 2, 0]);
  assert.equal(await statusOf(anchor, mark), "active");
});

const OPENSSL = "openssl";
test("openssl says the same of a mark's signature", async () => {
  const anchor = await configurationOf(issuer);
  const { header, input, signature } = read((await marked(anchor)).mark);
  const jwk = keysIn(anchor).find(({ kid }) => kid === header["kid"]) as JsonWebKey;
  const folder = owned.adopt(await mkdtemp(join(tmpdir(), "relais-openssl-")), (one) => rm(one, { recursive: true }));
  await writeFile(join(folder, "key.pem"), createPublicKey({ key: jwk, format: "jwk" }).export({ format: "pem", type: "spki" }));
  await writeFile(join(folder, "signature"), asDer(signature));
  await writeFile(join(folder, "input"), input);
  const judge = (file: string) =>
    spawnSync(OPENSSL, ["dgst", "-sha256", "-verify", "key.pem", "-signature", "signature", file], { cwd: folder })
      .stdout.toString()
      .trim();
  await writeFile(join(folder, "forged"), `${input}x`);
  assert.deepEqual([judge("input"), judge("forged")], ["Verified OK", "Verification failure"]);
});

/** r and s, each an INTEGER of ASN.1. */
function asDer(signature: Buffer): Buffer {
  const integer = (bytes: Buffer): Buffer => {
    const from = bytes.findIndex((byte) => byte !== 0);
    const short = bytes.subarray(from);
    const value = (short[0] as number) & 0x80 ? Buffer.concat([Buffer.from([0]), short]) : short;
    return Buffer.concat([Buffer.from([2, value.length]), value]);
  };
  const body = Buffer.concat([integer(signature.subarray(0, 32)), integer(signature.subarray(32))]);
  return Buffer.concat([Buffer.from([0x30, body.length]), body]);
}

test("a new owner's file counts once it is right; a wrong one changes nothing", async () => {
  const ownersNow = async () => (await configurationOf(issuer))["trust_mark_owners"];
  const good = await ownersNow();
  await writeOwner({ sub: "https://other.example" });
  assert.deepEqual(await ownersNow(), good);
  owners.unshift(await testKey());
  await writeOwner();
  const changed = (await ownersNow()) as Record<string, { jwks: { keys: JsonWebKey[] } }>;
  assert.deepEqual(
    Object.values(changed).map(({ jwks }) => jwks.keys.map(({ kid }) => kid)),
    [owners.map(({ kid }) => kid)],
  );
});

test("a key is announced, then signs, then is of the past: nobody is refused meanwhile, and what was signed still verifies", async () => {
  const before = await configurationOf(issuer);
  const { sub, mark } = await marked(before);
  const fetched = `${endpointOf(before, "fetch")}?${new URLSearchParams({ sub })}`;
  const statement = await text(fetched);
  const old = String(read(mark).header["kid"]);
  let isOver = false;
  let asked = 0;
  const asking = (async () => {
    while (!isOver) {
      await Promise.all([
        text(fetched),
        configurationOf(issuer).then((now) => statusOf(now, mark)),
        text(`${issuer}/status-lists/trust-marks`),
      ]);
      asked += 1;
    }
  })();
  assert.equal((await cli("keys", "rotate", "federation")).code, 0);
  const announced = await configurationOf(issuer);
  assert.deepEqual(
    [keysIn(announced).length, read(await text(fetched)).header["kid"]],
    [2, old],
    "the lead time: both are known, the old one signs",
  );
  const next = String(keysIn(announced).find(({ kid }) => kid !== old)?.["kid"]);
  assert.equal((await cli("keys", "revoke", "federation", old, "--reason", "superseded")).code, 0);
  const after = await configurationOf(issuer);
  assert.deepEqual([keysIn(after).map(({ kid }) => kid), read(await text(fetched)).header["kid"]], [[next], next]);
  await sleep(300);
  isOver = true;
  await asking;
  assert.ok(asked > 3);
  const past = await historicalKeys(after);
  const [ended] = past.filter(({ kid }) => kid === old);
  assert.equal((ended?.["revoked"] as Json | undefined)?.["reason"], "superseded");
  believe(mark, "trust-mark+jwt", past);
  believe(statement, "entity-statement+jwt", past);
  assert.equal(await statusOf(after, mark), "active");
  const checked = await verifyByCommand(mark);
  assert.deepEqual([checked.code, /active/.test(checked.out)], [0, true], checked.out);
});

async function verifyByCommand(mark: string): Promise<{ code: number; out: string }> {
  const file = join(
    owned.adopt(await mkdtemp(join(tmpdir(), "relais-mark-")), (one) => rm(one, { recursive: true })),
    "mark.jwt",
  );
  await writeFile(file, mark);
  return cli("verify", file, "--anchor", issuer);
}

test("what a stolen key signed is told apart from an ended mark, and why is published", async () => {
  const { mark } = await marked(await configurationOf(issuer));
  const kid = String(read(mark).header["kid"]);
  assert.equal((await cli("keys", "revoke", "federation", kid, "--reason", "compromised")).code, 0);
  const { code, out } = await verifyByCommand(mark);
  assert.deepEqual([code, /forged/.test(out), /compromised/.test(out)], [3, true, true], out);
  const past = await historicalKeys(await configurationOf(issuer));
  const thumbprints = past.map(({ crv, kty, x, y }) => createHash("sha256").update(JSON.stringify({ crv, kty, x, y })).digest("base64url"));
  assert.ok(thumbprints.includes(kid));
  const listed = await cli("keys", "list");
  assert.match(listed.out, new RegExp(`federation +${kid} revoked`));
  assert.match(listed.out, /compromised/);
});
