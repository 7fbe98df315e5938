import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { newId, type TransferId } from "../../src/core/ids.ts";
import type { Package } from "../../src/core/mailbox/mailbox.ts";
import { numberedItems } from "../../src/sandbox/holder/bulk.ts";
import { startMailboxWorld, type MailboxWorld } from "../support/mailbox-world.ts";

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
