import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { TransferId } from "../../src/core/ids.ts";
import { payloadOf } from "../../src/core/transfer/complete-transfer.ts";
import type { Receipt } from "../../src/core/transfer/manifest.ts";
import { numberedItems } from "../../src/sandbox/holder/bulk.ts";
import { startMailboxWorld, type MailboxWorld } from "../support/mailbox-world.ts";

/** A platform without an address, from the consent to the verified receipt: real holder, real API, real engine, and a device that fetches by the SDKs. */
const DAILY = "energy.consumption.daily";
let world: MailboxWorld;

before(async () => {
  world = await startMailboxWorld({ customers: { many: { [DAILY]: numberedItems(5) } } });
});
after(() => world[Symbol.asyncDispose]());

async function deposited(customer: string): Promise<TransferId> {
  const { id } = await world.start(await world.allow(customer, [DAILY]));
  assert.deepEqual(await world.run(id), { kind: "waiting" });
  return id;
}

async function kindsOf(id: TransferId): Promise<string[]> {
  return (await world.store.read((r) => r.transfers.events(id))).map(({ kind }) => kind);
}

test("what is for a device waits sealed, is fetched, proved by its receipt, and deleted", async () => {
  const id = await deposited("many");
  const waiting = await world.transfer(id);
  assert.equal(waiting.state, "delivered", "everything was sent, and nothing is said to be received");
  assert.equal(waiting.leaseUntil, null, "nobody holds it while it waits");
  assert.ok(waiting.dueAt > new Date(Date.now() + 86_400_000), "and nobody asks");
  assert.equal((await readdir(world.folder)).length, 5);

  assert.deepEqual(await world.device.fetchNow(), [id]);
  assert.deepEqual(world.rings.at(-1)?.transferId, id, "the receipt wakes the transfer");
  assert.equal((await world.transfer(id)).state, "delivered", "the state moves when the receipt was compared");
  assert.deepEqual(await world.run(id), { kind: "ended", state: "verified" });

  const receipt = (await world.store.read((r) => r.transfers.documents(id))).find(({ kind }) => kind === "receipt");
  const { iss, observed, items } = payloadOf(String(receipt?.jws)) as Receipt;
  assert.deepEqual([iss, observed, items.length], [world.device.entityId, false, 5]);
  const files = await readdir(join(world.device.folder, "galet-many", DAILY));
  assert.equal(files.length, 5);
  assert.match(await readFile(join(world.device.folder, "galet-many", DAILY, String(files[0])), "utf8"), /./);
  await world.sweep();
  assert.deepEqual(await readdir(world.folder), [], "what arrived is deleted here");
  assert.deepEqual(await kindsOf(id), [
    "requested",
    "attempt_started",
    "source_counted",
    "delivering",
    "delivered",
    "deposited",
    "attempt_started",
    "receipt_received",
    "verified",
  ]);
});
