import assert from "node:assert/strict";
import { test } from "node:test";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { runTransfer } from "../../src/core/transfer/run-transfer.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { startEngine } from "../support/engine.ts";
import { fakeAccount, fakeAdapter, numberedItems } from "../support/fake-participants.ts";

const ITEMS = 5_000;
/** What one statement may write of a transfer's items: more of them take the database's memory, and the time of every other attempt. */
const MOST = 2_000;

test("a large transfer ends in parts: no statement writes more than 2 000 of its items, and all of them are told", async () => {
  const source = fakeAccount({ items: numberedItems("bench", ITEMS) });
  await using engine = await startEngine(fakeAdapter(source, fakeAccount()), ["bench"]);
  const pool = openPool(engine.url, 1);
  await pool.query(`
    create table most (rows integer not null);
    create function note_most() returns trigger language plpgsql as $$ begin insert into relais.most select count(*) from written; return null; end $$;
    create trigger note_inserted after insert on transfer_items referencing new table as written for each statement execute function note_most();
    create trigger note_updated after update on transfer_items referencing new table as written for each statement execute function note_most()`);
  const consent = await engine.consent(["bench"]);
  const { id } = await requestTransfer(engine.ports, { consentId: consent.id, personId: engine.personId });
  assert.deepEqual(await runTransfer(engine.ports, { transferId: id, epoch: 0 }, engine.terms), { kind: "ended", state: "verified" });
  const { rows } = await pool.query("select state, count(*)::int as count from transfer_items group by state");
  assert.deepEqual(rows, [{ state: "stored", count: ITEMS }]);
  const most = await pool.query<{ rows: number }>("select max(rows) as rows from most");
  assert.ok((most.rows[0]?.rows ?? 0) <= MOST, `${most.rows[0]?.rows} items in one statement`);
  await pool.end();
});
