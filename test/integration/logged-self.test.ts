import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { openApplication } from "../../src/core/register/open-application.ts";
import { logCharters } from "../../src/core/register/log-charters.ts";
import { createKeyLogging } from "../../src/core/register/log-own-keys.ts";
import { signCharter } from "../../src/core/register/sign-charter.ts";
import { openKeyring, publicRings } from "../../src/keys/keyring.ts";
import { RING_NAMES } from "../../src/keys/rings.ts";
import { charter, charters } from "../support/charter.ts";
import { CRITERIA, RegisterLife } from "../support/register-life.ts";

let life: RegisterLife;
before(async () => {
  life = await RegisterLife.start();
});
after(() => life[Symbol.asyncDispose]());

let from = 0;
beforeEach(async () => {
  from = await life.store.read((r) => r.ledger.size());
});

/** What was logged since the test began. */
async function logged(): Promise<Record<string, unknown>[]> {
  const to = await life.store.read((r) => r.ledger.size());
  const leaves = await life.store.read((r) => r.ledger.entries({ from, to }));
  return leaves.map((leaf) => {
    const { at: _, ...entry } = JSON.parse(leaf.toString()) as Record<string, unknown>;
    return entry;
  });
}

test("each version of the charter is logged once by any number of processes, and again when its dates of transition are set", async () => {
  life.charters = charters(charter("2026-11", CRITERIA), charter("2027-01", CRITERIA, { from: "2027-01-01" }));
  await Promise.all([1, 2, 3, 4].map(() => logCharters(life.ports)));
  await logCharters(life.ports);
  const first = { kind: "charter", version: "2026-11", digest: "digest-of-2026-11", from: "2020-01-01", until: null, valid_until: null };
  assert.deepEqual(await logged(), [first, { ...first, version: "2027-01", digest: "digest-of-2027-01", from: "2027-01-01" }]);
  life.charters = charters(charter("2026-11", CRITERIA, { until: "2027-03-31", validUntil: "2999-12-31" }));
  await Promise.all([1, 2, 3].map(() => logCharters(life.ports)));
  assert.deepEqual((await logged()).slice(2), [{ ...first, until: "2027-03-31", valid_until: "2999-12-31" }]);
});

test("a text that changed under a version that is logged stops the start, and says who restores what", async () => {
  life.charters = charters({ ...charter("2026-11", CRITERIA), digest: "another" });
  await assert.rejects(logCharters(life.ports), {
    code: "unavailable",
    message: /version 2026-11 .* changed after it was logged .*digest-of-2026-11.* operator must restore policies\/charter\/2026-11/,
  });
  assert.deepEqual(await logged(), []);
});

test("a signature of the charter is logged once, as a digest that whoever knows both sides can compute", async () => {
  life.charters = charters(charter("2026-11", CRITERIA));
  const caller = await life.newcomer();
  const { id } = await openApplication(life.ports, caller, 1);
  const sign = () => signCharter(life.ports, caller, id, { digest: "digest-of-2026-11", signer: "managing director" });
  await Promise.all([sign(), sign(), sign()]);
  const digest = createHash("sha256").update(`{"charter_digest":"digest-of-2026-11","participant":"${caller.name}"}`).digest("base64url");
  assert.deepEqual(await logged(), [{ kind: "signature", signature: digest }]);
});

test("the broker's keys are logged when they appear and when they are revoked, once, whatever process changed them", async () => {
  const dir = await mkdtemp(join(tmpdir(), "relais-keys-"));
  try {
    const web = await openKeyring(dir, "web");
    const worker = await openKeyring(dir, "worker");
    const process = () => createKeyLogging(life.ports, () => publicRings(web));
    const first = process();
    await Promise.all([first(), process()(), process()()]);
    const begun = await logged();
    assert.deepEqual(new Set(begun.map(({ own }) => own)), new Set(RING_NAMES));
    assert.equal(await first(), 0);
    const old = web.current("federation").kid;
    // As `relais keys` does, in a process of its own.
    const cli = await openKeyring(dir, "web");
    const { kid } = await cli.rotate("federation", 3600);
    await first();
    await cli.revoke("federation", old, "compromised");
    await Promise.all([first(), process()()]);
    const changes = (await logged()).slice(begun.length);
    assert.deepEqual(
      changes.map(({ kind, own, event, keys, reason }) => [kind, own, event, keys, reason]),
      [
        ["key", "federation", "introduced", [kid], undefined],
        ["key", "federation", "revoked", [old], "compromised"],
      ],
    );
    assert.ok(worker);
    assert.ok(!JSON.stringify(await logged()).includes('"d"'), "nothing private");
  } finally {
    await rm(dir, { recursive: true });
  }
});
