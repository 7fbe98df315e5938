import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { acceptAll, allEnd, crowdCustomers, crowdOf, ITEMS_EACH } from "../support/crowd.ts";
import { startCrashingPostgres, type CrashingPostgres } from "../support/crashing-postgres.ts";
import { startFaultWorld, type FaultWorld } from "../support/fault-relais.ts";
import { judge, type Accepted } from "../support/outside-judge.ts";

/** A disk of 4 MiB under the tables that grow with every transfer. Mounting one takes root. */
const skip = process.platform !== "linux" || process.getuid?.() !== 0 ? "a small disk can be mounted by root on Linux alone" : false;
const EACH = 20;
const TABLES = ["transfers", "transfer_events", "transfer_items", "transfer_documents"];
let postgres: CrashingPostgres;
let world: FaultWorld;
let disk = "";

before(async () => {
  if (skip !== false) return;
  postgres = await startCrashingPostgres();
  world = await startFaultWorld({
    databaseUrl: postgres.url,
    customers: crowdCustomers,
    accounts: ["before", "after"].flatMap((name) => crowdOf(name, EACH)),
  });
  disk = mkdtempSync("/var/tmp/relais-disk-");
  const { uid, gid } = statSync(`/proc/${postgres.pid()}`);
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=4m,mode=700,uid=${uid},gid=${gid}`, "tmpfs", disk]);
  await world.pool.query(`create tablespace small location '${disk}'`);
  for (const table of TABLES) await world.pool.query(`alter table relais.${table} set tablespace small`);
  await world.start("web,worker,sweeper");
});
after(async () => {
  await world?.[Symbol.asyncDispose]();
  await postgres?.[Symbol.asyncDispose]();
  if (disk === "") return;
  execFileSync("umount", ["-l", disk]);
  rmSync(disk, { recursive: true, force: true });
});

/** Everything that is left of it. */
function fill(): string {
  const ballast = join(disk, "ballast");
  for (let bytes = 4 * 1024 * 1024; bytes >= 4096; bytes /= 2)
    for (;;)
      try {
        writeFileSync(ballast, Buffer.alloc(bytes), { flag: "a" });
      } catch {
        break;
      }
  return ballast;
}

test("the database's disk is full: nobody is told yes, nothing is lost, and all goes on when there is room", { skip }, async () => {
  const accepted: Accepted[] = await acceptAll(world, crowdOf("before", EACH));
  const ballast = fill();
  const refused = await Promise.allSettled(crowdOf("after", EACH).map((account) => acceptAll(world, [account])));
  const reasons = refused.flatMap((one) => (one.status === "rejected" ? [(one.reason as { code?: string }).code] : []));
  for (const one of refused) if (one.status === "fulfilled") accepted.push(...one.value);
  assert.ok(reasons.length > 0, "a full disk refuses");
  assert.deepEqual([...new Set(reasons)], ["unavailable"]);
  await sleep(2000);
  rmSync(ballast);
  await allEnd(world, accepted);
  await judge(world, accepted, ITEMS_EACH);
});
