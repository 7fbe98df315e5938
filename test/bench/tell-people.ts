import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tellPeople } from "../../src/core/person/tell-people.ts";
import { endStanding } from "../../src/core/register/change-standing.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { startEmbeddedPostgres } from "../../src/embedded/postgres.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { PLAIN, REASONS, reinstate } from "../support/charter.ts";
import { startEngine } from "../support/engine.ts";
import { fakeAccount, fakeAdapter } from "../support/fake-participants.ts";
import { SERVER_VARIABLE } from "../support/postgres-server.ts";
import { realClock } from "../support/real-clock.ts";
import { testKey } from "../support/register-fixtures.ts";
import { timed } from "./measure.ts";

/** How long it takes to suspend a platform of 100 000 people, and to tell each of them: `node test/bench/tell-people.ts [people]`. */
const PEOPLE = Number(process.argv[2] ?? 100_000);
const folder = await mkdtemp(join(tmpdir(), "relais-bench-"));
const database = await startEmbeddedPostgres({ dataDir: folder, log: () => undefined });
process.env[SERVER_VARIABLE] = database.url;
{
  await using engine = await startEngine(fakeAdapter(fakeAccount(), fakeAccount()), ["energy.bills"]);
  const pool = openPool(engine.url, 2);
  const consent = await engine.consent(["energy.bills"]);
  const transfer = await requestTransfer(engine.ports, { consentId: consent.id, personId: engine.personId });
  await pool.query("insert into relais.people select 'prs_' || n, 'https://idp.test', n::text, now() from generate_series(1, $1) n", [
    PEOPLE,
  ]);
  await pool.query(
    `insert into relais.account_links (id, person_id, participant_id, account, method, proved_at)
     select l.id || '_' || n, 'prs_' || n, participant_id, account, method, proved_at from relais.account_links l cross join generate_series(1, $1) n`,
    [PEOPLE],
  );
  await pool.query(
    `insert into relais.consents select 'cst_' || n, 'prs_' || n, state, source_id, destination_id, source_link_id || '_' || n, destination_link_id || '_' || n, switch_id, action,
       datasets, notice, notice_hash, language, requester_id, created_at, decided_at, ended_at, ended_by, expires_at
     from relais.consents cross join generate_series(1, $2) n where id = $1`,
    [consent.id, PEOPLE],
  );
  await pool.query(
    `insert into relais.transfers select 'trf_' || n, 'cst_' || n, 'prs_' || n, source_id, destination_id, switch_id, datasets, state, reason, actor, epoch,
       attempts, lease_until, due_at, expires_at, created_at, ended_at
     from relais.transfers cross join generate_series(1, $2) n where id = $1`,
    [transfer.id, PEOPLE],
  );
  await pool.query(
    "insert into relais.transfer_events select t.id, e.sequence, e.at, e.kind, e.actor, e.details from relais.transfers t cross join relais.transfer_events e where t.id <> $1",
    [transfer.id],
  );
  await pool.query("analyze");
  const ports = { store: engine.store, clock: realClock, charters: PLAIN, queue: engine.ports.queue, issuer: "https://relais.test" };
  const suspend = () =>
    endStanding(ports, "suspend", {
      participantId: engine.destination.id,
      deciders: [{ name: "bench", role: "accreditor" }],
      reasons: REASONS,
    });
  console.log(`suspending, ${PEOPLE} live transfers        ${(await timed(suspend)).toFixed(2)} s`);
  console.log(`telling ${PEOPLE} people afterwards        ${(await timed(() => tellPeople(ports))).toFixed(2)} s`);
  const key = await testKey();
  const back = () => reinstate({ ...ports, statements: { signDocument: key.sign } }, engine.destination.id);
  console.log(`reinstating, transfers go on               ${(await timed(back)).toFixed(2)} s`);
  console.log(`telling ${PEOPLE} people again             ${(await timed(() => tellPeople(ports))).toFixed(2)} s`);
  const { rows } = await pool.query<{ count: string }>("select count(*) from relais.person_notices");
  console.log(`${rows[0]?.count} notices`);
  await pool.end();
}
await database.stop();
await rm(folder, { recursive: true, force: true });
