import assert from "node:assert/strict";
import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { signedStatements } from "../../src/keys/verifier.ts";
import { openCharterOwner } from "../../src/policies/charter-owner.ts";
import { testKey, type TestKey } from "../support/register-fixtures.ts";

const ISSUER = "https://relais.example";
const OWNER = "https://owner.example";
const TYPE = `${ISSUER}/charter/2026-11`;
let dir: string;
let file: string;
let [key, other] = [] as unknown as [TestKey, TestKey];
let now = new Date();
let failures: unknown[] = [];
let written = 0;

before(async () => {
  dir = await mkdtemp(join(tmpdir(), "relais-owner-"));
  file = join(dir, "owner.json");
  [key, other] = await Promise.all([testKey(), testKey()]);
});
after(() => rm(dir, { recursive: true }));

const open = () =>
  openCharterOwner({
    path: file,
    issuer: ISSUER,
    clock: { now: () => now },
    signed: signedStatements,
    onFailure: (error) => failures.push(error),
  });
const seconds = () => Math.floor(now.getTime() / 1000);
const delegated = (changed: object = {}, signer = key, typ = "trust-mark-delegation+jwt") =>
  signer.sign(typ, { iss: OWNER, sub: ISSUER, trust_mark_type: TYPE, iat: seconds(), ...changed });

async function write(content: object): Promise<void> {
  await writeFile(file, JSON.stringify(content));
  written += 1;
  await utimes(file, written, written);
}
const whole = async (delegation: Promise<string>, changed: object = {}) =>
  write({ owner: OWNER, keys: [key.publicJwk], delegations: [await delegation], ...changed });

test("names the owner of each type that it delegated, and hands out the delegation", async () => {
  const jwt = await delegated();
  await whole(Promise.resolve(jwt));
  const owner = await open();
  assert.deepEqual(await owner.owners(), { [TYPE]: { sub: OWNER, jwks: { keys: [key.publicJwk] } } });
  assert.equal(await owner.delegationOf(TYPE), jwt);
  assert.equal(await owner.delegationOf(`${ISSUER}/charter/other`), undefined);
});

test("without a file Relais is its own owner", async () => {
  const owner = await openCharterOwner({
    path: null,
    issuer: ISSUER,
    clock: { now: () => now },
    signed: signedStatements,
    onFailure: () => assert.fail(),
  });
  assert.deepEqual([await owner.owners(), await owner.delegationOf(TYPE)], [{}, undefined]);
});

// oxfmt-ignore
const WRONG: [what: string, write: () => Promise<void>][] = [
  ["signed by another key",            () => whole(delegated({}, other))],
  ["of another type of document",      () => whole(delegated({}, key, "trust-mark+jwt"))],
  ["by another owner",                 () => whole(delegated({ iss: "https://other.example" }))],
  ["for another issuer",               () => whole(delegated({ sub: "https://other.example" }))],
  ["over",                             () => whole(delegated({ exp: seconds() - 1 }))],
  ["dated in the future",              () => whole(delegated({ iat: seconds() + 3600 }))],
  ["with a private key of the owner",  () => whole(delegated(), { keys: [{ ...key.publicJwk, d: "AAAA" }] })],
  ["with a member that nobody knows",  () => whole(delegated(), { more: 1 })],
  ["empty",                            () => write({})],
];
for (const [what, prepare] of WRONG)
  test(`a delegation that is ${what} stops the start, and later changes nothing but tells`, async () => {
    await prepare();
    await assert.rejects(open(), { code: "unavailable", message: /RELAIS_CHARTER_OWNER_FILE is wrong: ./ });
    await whole(delegated());
    const owner = await open();
    const good = await owner.owners();
    failures = [];
    await prepare();
    assert.deepEqual([await owner.owners(), await owner.owners()], [good, good]);
    assert.equal(failures.length, 1, "told once");
  });

test("nothing is issued on a delegation that came to its end meanwhile", async () => {
  await whole(delegated({ exp: seconds() + 60 }));
  const owner = await open();
  assert.ok(await owner.delegationOf(TYPE));
  now = new Date(now.getTime() + 61_000);
  await assert.rejects(owner.delegationOf(TYPE), { code: "unavailable" });
});
