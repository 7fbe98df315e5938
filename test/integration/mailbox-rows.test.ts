import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { newId, type TransferId } from "../../src/core/ids.ts";
import type { Package } from "../../src/core/mailbox/mailbox.ts";
import { clearMailbox, sweepMailbox } from "../../src/core/mailbox/sweep-mailbox.ts";
import { numberedItems } from "../../src/sandbox/holder/bulk.ts";
import { startMailboxWorld, type MailboxWorld } from "../support/mailbox-world.ts";
import { realClock } from "../support/real-clock.ts";

/** Rows of the mailbox: who may change them, and what they add up to. */
const DAILY = "energy.consumption.daily";
let world: MailboxWorld;

before(async () => {
  world = await startMailboxWorld({ customers: { many: { [DAILY]: numberedItems(5) } } });
});
after(() => world[Symbol.asyncDispose]());

async function started(): Promise<TransferId> {
  return (await world.start(await world.allow("many", [DAILY]))).id;
}

async function deposited(): Promise<TransferId> {
  const id = await started();
  assert.deepEqual(await world.run(id), { kind: "waiting" });
  return id;
}

function packageOf(transferId: TransferId, key = "0000000.json"): Package {
  const item = { dataset: DAILY, key, mediaType: "application/json", bytes: 700, sha256: "other" };
  return { id: newId("package"), transferId, ...item, keptAt: new Date(), begunAt: null, handedBytes: 0, fetchedAt: null };
}

const listed = (id: TransferId) => world.store.read((r) => r.mailbox.packages(id, { after: null, limit: 100 }));
const epochOf = async (id: TransferId) => (await world.transfer(id)).epoch;

function add(added: Package, epoch: number, platformBytes = 1 << 30) {
  return world.store.write((w) => w.keeping.add(added, { epoch, platformId: world.platform.id, platformBytes }));
}

test("a worker that wakes late changes nothing under a manifest that was signed, and lists nothing where all has ended", async () => {
  const offered = await deposited();
  const before = await listed(offered);
  await assert.rejects(add(packageOf(offered, String(before[0]?.key)), await epochOf(offered)), { code: "lease_lost" });
  assert.deepEqual(await listed(offered), before);

  await world.store.write((w) => w.keeping.close(offered, new Date()));
  await assert.rejects(add(packageOf(offered), await epochOf(offered)), { code: "lease_lost" });
  assert.deepEqual(await listed(offered), []);
});

test("only the attempt that owns the transfer adds to what is not offered yet", async () => {
  const id = await started();
  const opened = { transferId: id, platformId: world.platform.id, subject: "galet-many", createdAt: new Date() };
  await world.store.write((w) => w.keeping.open(opened));
  const epoch = await epochOf(id);
  assert.equal(await add(packageOf(id), epoch), null);
  await world.query("update transfers set epoch = epoch + 1 where id = $1", [id]);
  await assert.rejects(add(packageOf(id, "late.json"), epoch), { code: "lease_lost" });
  assert.deepEqual(
    (await listed(id)).map(({ key }) => key),
    ["0000000.json"],
  );
});

/** What is counted in one row, and what it must be. */
async function counted(): Promise<[unknown, unknown]> {
  const of = async (text: string) => (await world.query(text, [world.platform.id]))[0]?.["bytes"];
  const [row, sum] = [
    await of("select bytes::text from mailbox_platforms where platform_id = $1"),
    await of(
      "select coalesce(sum(p.bytes), 0)::text as bytes from mailbox_packages p join mailbox_deliveries d using (transfer_id) where d.platform_id = $1",
    ),
  ];
  return [row, sum];
}

test("what waits for a platform is counted in one row, whatever changes it, and nothing is listed above its bound", async () => {
  const agree = async (when: string): Promise<number> => {
    const [row, sum] = await counted();
    assert.equal(row, sum, when);
    return Number(row);
  };
  const id = await started();
  await world.store.write((w) =>
    w.keeping.open({ transferId: id, platformId: world.platform.id, subject: "galet-many", createdAt: new Date() }),
  );
  const epoch = await epochOf(id);
  const before = await agree("before");
  const [first, smaller] = [packageOf(id), { ...packageOf(id), bytes: 300 }];
  await add(first, epoch);
  assert.equal(await agree("added"), before + 700);
  assert.equal(await add(smaller, epoch), first.id);
  assert.equal(await agree("replaced"), before + 300);
  await assert.rejects(add(packageOf(id, "more.json"), epoch, before + 999), { code: "peer_unavailable" });
  assert.equal(await agree("refused"), before + 300);
  await add(packageOf(id, "more.json"), epoch, before + 1000);
  assert.equal((await world.store.read((r) => r.mailbox.find(id)))?.packages, 2);
  await world.store.write((w) => w.keeping.close(id, new Date()));
  assert.equal(await agree("closed"), before);
  const erased = await deposited();
  assert.ok((await agree("deposited")) > before);
  await world.query("delete from transfers where id = $1", [erased]);
  assert.equal(await agree("erased"), before);
});

/** More of the same, as rows alone. */
async function copies(of: TransferId, count: number): Promise<void> {
  const copied = (table: string, change: string) =>
    world.query(
      `insert into ${table} select c.* from ${table} t, generate_series(1, ${count}) n,
         jsonb_populate_record(null::${table}, to_jsonb(t) || jsonb_build_object(${change})) c where t.${table === "transfers" ? "id" : "transfer_id"} = $1`,
      [of],
    );
  await copied("transfers", "'id', 'trf_copy' || lpad(n::text, 14, '0')");
  await copied("mailbox_deliveries", "'transfer_id', 'trf_copy' || lpad(n::text, 14, '0'), 'bytes', 0");
}

test("one sweep ends all that ended, beyond a batch; what cannot be deleted stops nobody and is told", async () => {
  const stuck = await deposited();
  const [held] = await listed(stuck);
  const other = await deposited();
  await copies(other, 230);
  await world.query("update transfers set state = 'cancelled', ended_at = now() where id in ($1, $2) or id like 'trf_copy%'", [
    stuck,
    other,
  ]);
  const failed: string[] = [];
  const files = {
    ...world.files,
    remove: async (id: Package["id"]) => {
      if (id === held?.id) throw new Error("the disk does not let go");
      await world.files.remove(id);
    },
  };
  const shutdown = new AbortController().signal;
  await sweepMailbox({ store: world.store, clock: realClock, files, shutdown, report: (_, id) => void failed.push(id) });
  assert.deepEqual(failed, [stuck]);
  const open = await world.query(
    "select d.transfer_id from mailbox_deliveries d join transfers t on t.id = d.transfer_id where closed_at is null and ended_at is not null",
  );
  assert.deepEqual(
    open.map((row) => row["transfer_id"]),
    [stuck],
  );
  await world.sweep();
  assert.ok(!(await readdir(world.folder)).includes(String(held?.id)), "the next sweep tries again");
});

test("what is being written stays: the folder's own clock is asked, and no process's", async () => {
  await writeFile(join(world.folder, "pkg_0000000000000000000009.part"), "being written");
  await clearMailbox({ store: world.store, files: world.files, shutdown: new AbortController().signal });
  const left = await readdir(world.folder);
  assert.deepEqual(
    left.filter((name) => name.endsWith(".part")),
    ["pkg_0000000000000000000009.part"],
    "and no trace of the probe",
  );
});

test("what lay in a mailbox before is counted and named by the migrations as it is now", async () => {
  const [linked, unlinked] = [await deposited(), await deposited()];
  const rows = () =>
    world.query("select transfer_id, subject, packages from mailbox_deliveries where transfer_id in ($1, $2) order by transfer_id", [
      linked,
      unlinked,
    ]);
  const known = await rows();
  await world.query("update mailbox_deliveries set subject = '?', packages = 0 where transfer_id in ($1, $2)", [linked, unlinked]);
  // As an account that was taken away leaves its row.
  await world.query(
    "update account_links set removed_at = now(), account = id where id = (select destination_link_id from consents c join transfers t on t.consent_id = c.id where t.id = $1)",
    [unlinked],
  );
  for (const name of ["0056-mailbox-subjects", "0057-mailbox-counters"]) {
    const text = await readFile(new URL(`../../src/postgres/migrations/${name}.sql`, import.meta.url), "utf8");
    for (const [statement] of text.matchAll(/^update mailbox_deliveries[^;]+;/gm)) await world.query(statement);
  }
  assert.deepEqual(await rows(), known);
});
