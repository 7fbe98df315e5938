import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import express from "express";
import { createFederation } from "../../src/federation/federation.ts";
import { openKeyring } from "../../src/keys/keyring.ts";
import { signCompact } from "../../src/keys/signer.ts";
import { signedStatements } from "../../src/keys/verifier.ts";
import { openDatabase, openPool } from "../../src/postgres/pool.ts";
import { createStore } from "../../src/postgres/store.ts";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clock, listen, type Listening } from "../support/authorization-server.ts";
import { freshDatabase } from "../support/database.ts";
import { testKey } from "../support/register-fixtures.ts";

const PARTICIPANTS = 10_000;
/** Of them, as many have a configuration here to be resolved. */
const RESOLVED = 100;
const BOUND_MILLISECONDS = 100;
const cleanUp: (() => Promise<unknown>)[] = [];
let relais: Listening;

before(async () => {
  relais = await listen();
  const [database, key, dir] = [await freshDatabase(), await testKey(), await mkdtemp(join(tmpdir(), "relais-thousands-"))];
  const pool = openPool(database.url);
  const keyring = await openKeyring(dir, "web");
  const sign = async (type: string, payload: object) => signCompact(keyring.current("federation"), type, payload);
  await pool.query(
    `insert into participants (id, entity_id, name, roles, adapter, endpoints, keys, federation_keys, datasets, about, client, status)
     select 'prt_' || n, 'https://p' || n || '.example', 'P' || n, array['platform'], 'self-data', '{}', '[]', $1, '[]', '{}', null,
       case when n % 100 = 0 then 'suspended' else 'accredited' end from generate_series(1, $2::int) n`,
    [JSON.stringify([key.publicJwk]), PARTICIPANTS],
  );
  await pool.query(
    `insert into trust_marks (id, participant_id, type, level, jwt, issued_at, expires_at, revoked_at, status_index)
     select 'tmk_' || n, 'prt_' || n, $1, 1, repeat('x', 700), now(), now() + interval '1 year', case when n % 100 = 0 then now() end, n
     from generate_series(1, $2::int) n`,
    [`${relais.origin}/charter/2026-11`, PARTICIPANTS],
  );
  const iat = Math.floor(Date.now() / 1000);
  for (let n = 1; n <= RESOLVED; n++) {
    const id = `https://p${n}.example`;
    const life = { iat, exp: iat + 7200, jwks: { keys: [key.publicJwk] }, authority_hints: [relais.origin] };
    const jwt = await key.sign("entity-statement+jwt", { iss: id, sub: id, ...life, metadata: { self_data_platform: {} } });
    await pool.query(
      `insert into entity_configurations (participant_id, jwt, expires_at, next_at, outcome) values ($1, $2, to_timestamp($3), now(), 'accepted')`,
      [`prt_${n}`, jwt, iat + 7200],
    );
  }
  await pool.query("analyze");
  const ports = {
    issuer: relais.origin,
    store: createStore(openDatabase(pool)),
    clock,
    charterVersions: () => ["2026-11"],
    entityConfigurations: { fetch: () => assert.fail("nobody needs to be asked") },
    signed: signedStatements,
    keys: () => keyring.publicRing("federation"),
    sign,
  };
  relais.serve(express().use(createFederation(ports)));
  cleanUp.push(
    () => relais.close(),
    () => pool.end(),
    () => database.drop(),
    () => rm(dir, { recursive: true }),
  );
});
after(async () => {
  for (const end of cleanUp) await end();
});

/** The time under which 95 of 100 answers stay, the first ones left out. */
async function p95(rounds: number, pathOf: (round: number) => string): Promise<number> {
  const times: number[] = [];
  for (let round = -5; round < rounds; round++) {
    const begun = performance.now();
    const answer = await fetch(`${relais.origin}${pathOf(round)}`);
    assert.equal(answer.status, 200);
    await answer.text();
    if (round >= 0) times.push(performance.now() - begun);
  }
  return times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.95)] ?? Infinity;
}

const type = () => encodeURIComponent(`${relais.origin}/charter/2026-11`);
const resolvable = (round: number) => (Math.abs(round) % (RESOLVED - 1)) + 1;
const PATHS: [name: string, pathOf: (round: number) => string][] = [
  ["list", () => "/federation/list"],
  ["list by type and mark", () => `/federation/list?entity_type=self_data_platform&trust_mark_type=${type()}`],
  ["trust mark list", () => `/federation/trust-mark-list?trust_mark_type=${type()}`],
  ["status list", () => "/status-lists/trust-marks"],
  ["resolve", (round) => `/federation/resolve?sub=https://p${resolvable(round)}.example&trust_anchor=${encodeURIComponent(relais.origin)}`],
];

for (const [name, pathOf] of PATHS) {
  test(`with 10 000 participants, ${name} answers in less than 100 ms (p95, warm)`, async (t) => {
    // Every subject once before: its chain is validated then, and kept until it ends.
    if (name === "resolve") await p95(RESOLVED, pathOf);
    // A machine that is busy with other tests may spoil a round, not three.
    let time = await p95(40, pathOf);
    for (let round = 0; round < 2 && time >= BOUND_MILLISECONDS; round++) time = Math.min(time, await p95(40, pathOf));
    t.diagnostic(`${name}: ${time.toFixed(1)} ms`);
    assert.ok(time < BOUND_MILLISECONDS, `${time.toFixed(1)} ms`);
  });
}

test("lists leave out who is suspended", async () => {
  const listed = (await (await fetch(`${relais.origin}/federation/list`)).json()) as string[];
  assert.deepEqual([listed.length, listed.includes("https://p100.example")], [9900, false]);
});
