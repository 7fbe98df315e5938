import assert from "node:assert/strict";
import { mkdtempSync, statSync } from "node:fs";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { acceptAll, allEnd, crowdCustomers, crowdOf, ITEMS_EACH } from "../support/crowd.ts";
import { startCrashingPostgres, type CrashingPostgres } from "../support/crashing-postgres.ts";
import { startFaultWorld, type FaultWorld } from "../support/fault-relais.ts";
import { judge, type Accepted } from "../support/outside-judge.ts";
import { noSmallDisk as skip, smallDisk, type SmallDisk } from "../support/small-disk.ts";

/** A disk of 4 MiB under the tables that grow with every transfer. */
const EACH = 20;
const TABLES = ["transfers", "transfer_events", "transfer_items", "transfer_documents"];
let postgres: CrashingPostgres;
let world: FaultWorld;
let disk: SmallDisk | undefined;

before(async () => {
  if (skip !== false) return;
  postgres = await startCrashingPostgres();
  world = await startFaultWorld({
    databaseUrl: postgres.url,
    customers: crowdCustomers,
    accounts: ["before", "after"].flatMap((name) => crowdOf(name, EACH)),
  });
  disk = smallDisk(mkdtempSync("/var/tmp/relais-disk-"), 4, statSync(`/proc/${postgres.pid()}`));
  await world.pool.query(`create tablespace small location '${disk.folder}'`);
  for (const table of TABLES) await world.pool.query(`alter table relais.${table} set tablespace small`);
  await world.start("web,worker,sweeper");
});
after(async () => {
  await world?.[Symbol.asyncDispose]();
  await postgres?.[Symbol.asyncDispose]();
  disk?.[Symbol.dispose]();
});

test("the database's disk is full: nobody is told yes, nothing is lost, and all goes on when there is room", { skip }, async () => {
  const accepted: Accepted[] = await acceptAll(world, crowdOf("before", EACH));
  disk?.fill();
  const refused = await Promise.allSettled(crowdOf("after", EACH).map((account) => acceptAll(world, [account])));
  const reasons = refused.flatMap((one) => (one.status === "rejected" ? [(one.reason as { code?: string }).code] : []));
  for (const one of refused) if (one.status === "fulfilled") accepted.push(...one.value);
  assert.ok(reasons.length > 0, "a full disk refuses");
  assert.deepEqual([...new Set(reasons)], ["unavailable"]);
  await sleep(2000);
  disk?.free();
  await allEnd(world, accepted);
  await judge(world, accepted, ITEMS_EACH);
});
