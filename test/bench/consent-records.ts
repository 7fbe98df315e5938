import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sealChanges } from "../../src/core/consent/seal-changes.ts";
import { tellChanges } from "../../src/core/consent/tell-changes.ts";
import { withdrawConsent } from "../../src/core/consent/withdraw-consent.ts";
import { startEmbeddedPostgres } from "../../src/embedded/postgres.ts";
import { openKeyring } from "../../src/keys/keyring.ts";
import { documentSigner } from "../../src/keys/signer.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { suspend } from "../support/charter.ts";
import { startEngine } from "../support/engine.ts";
import { fakeAccount, fakeAdapter } from "../support/fake-participants.ts";
import { SERVER_VARIABLE } from "../support/postgres-server.ts";
import { accreditedParticipant } from "../support/register-fixtures.ts";
import { median, timed } from "./measure.ts";

/**
 * What it costs when everything that a platform has ends at once: `node test/bench/consent-records.ts [consents]`. Receipts, leaves of the public log
 * and events are made afterwards, while the register decides about others and a person withdraws.
 */
const CONSENTS = Number(process.argv[2] ?? 100_000);
const never = new AbortController().signal;
const folder = await mkdtemp(join(tmpdir(), "relais-bench-"));
const database = await startEmbeddedPostgres({ dataDir: folder, log: () => undefined });
process.env[SERVER_VARIABLE] = database.url;
{
  await using engine = await startEngine(fakeAdapter(fakeAccount(), fakeAccount()), ["energy.bills"]);
  const pool = openPool(engine.url, 4);
  const keys = await openKeyring(join(folder, "keys"), "worker");
  const ports = { store: engine.store, clock: engine.ports.clock, issuer: "https://relais.test" };
  const sealing = {
    ...ports,
    signer: documentSigner(() => keys.current("documents")),
    operator: null,
    pseudonymOf: (id: string) => `of ${id}`,
  };
  const telling = { ...ports, subjectFor: (entityId: string) => `somebody at ${entityId}` };
  const consent = await engine.consent(["energy.bills"]);
  const other = await accreditedParticipant(engine.store, { entityId: "https://other.example", roles: ["platform"] });
  await pool.query('update participants set endpoints = endpoints || \'{"events": "https://nobody.example/events"}\'');
  const own = await Promise.all(Array.from({ length: 20 }, () => engine.consent(["energy.bills"])));
  await sealChanges(sealing, never);
  await tellChanges(telling, never);
  console.log(
    `adding ${CONSENTS} consents                     ${(
      await timed(() =>
        pool.query(
          `insert into consents (id, person_id, state, source_id, destination_id, source_link_id, destination_link_id, action, datasets, notice, notice_hash,
             language, created_at, decided_at, expires_at)
           select 'cst_' || n, person_id, 'requested', source_id, $2, source_link_id, destination_link_id, action,
             datasets, notice, notice_hash, language, created_at, decided_at, expires_at from consents cross join generate_series(1, $3::int) n where id = $1`,
          [consent.id, other.id, CONSENTS],
        ),
      )
    ).toFixed(2)} s`,
  );
  const { rows: places } = await pool.query<{ lists: number }>("select max(status_index) / 131072 + 1 as lists from consents");
  console.log(`status lists that hold them                    ${places[0]?.lists}`);
  await pool.query("update consents set state = 'active' where state = 'requested'");
  await pool.query("update consent_changes set sealed_at = at, told_at = at where sealed_at is null");
  await pool.query("analyze");
  const end = { participantId: other.id, asSource: false, at: new Date(), by: "operator" as const };
  console.log(
    `ending them in one statement                   ${(await timed(() => engine.store.write((w) => w.permissions.revokeAll(end)))).toFixed(2)} s`,
  );
  const waits: number[] = [];
  const stops: number[] = [];
  const both = Promise.all([sealChanges(sealing, never), tellChanges(telling, never)]);
  let over = false;
  const seconds = timed(() => both.finally(() => (over = true)));
  for (let round = 0; !over && round < own.length; round++) {
    const decided = await accreditedParticipant(engine.store, { entityId: `https://decided-${round}.example`, roles: ["platform"] });
    waits.push(await timed(() => suspend(engine.store, decided.id)));
    const mine = own[round];
    if (mine === undefined) break;
    const from = performance.now();
    await withdrawConsent(ports, { consentId: mine.id, personId: engine.personId });
    for (;;) {
      const last = (await engine.store.read((r) => r.changes.of(mine.id))).at(-1);
      if (last?.receipt && last.toldAt) break;
    }
    stops.push((performance.now() - from) / 1000);
  }
  console.log(`making ${CONSENTS} receipts, leaves and events      ${(await seconds).toFixed(1)} s`);
  console.log(
    `meanwhile a decision of the register, median   ${(median(waits) * 1000).toFixed(0)} ms, longest ${(Math.max(...waits) * 1000).toFixed(0)} ms, of ${waits.length}`,
  );
  console.log(
    `a withdrawal until its receipt and its events  ${(median(stops) * 1000).toFixed(0)} ms, longest ${(Math.max(...stops) * 1000).toFixed(0)} ms`,
  );
  const { rows } = await pool.query<{ entries: number; bytes: number; notices: number }>(
    "select (select count(*) from log_entries)::int as entries, (select pg_total_relation_size('log_entries') + pg_total_relation_size('log_hashes')) as bytes, (select count(*) from notices)::int as notices",
  );
  console.log(
    `the log                                        ${rows[0]?.entries} entries, ${((rows[0]?.bytes ?? 0) / 1e6).toFixed(0)} MB; ${rows[0]?.notices} events`,
  );
  await pool.end();
}
await database.stop();
await rm(folder, { recursive: true, force: true });
