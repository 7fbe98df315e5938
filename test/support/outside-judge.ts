import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import type { TransferId } from "../../src/core/ids.ts";
import { isTerminal, type TransferState } from "../../src/core/transfer/transfer.ts";
import { createVerifier } from "../../src/keys/verifier.ts";
import { abreast } from "../bench/measure.ts";
import type { FaultWorld, HeldItem } from "./fault-relais.ts";

/** A transfer that a caller was told is accepted, to an account of its own at Ancre. */
export interface Accepted {
  id: TransferId;
  account: string;
}

type Judged = Pick<FaultWorld, "store" | "witness" | "ancre">;

/**
 * After the faults: what the invariants promise (docs/reliability.md), by Ancre's own ledger, index, files and receipts. Of Relais it asks only
 * what it told: how each transfer ended, its timeline, and the documents that a person can take away.
 */
export async function judge(world: Judged, accepted: Accepted[], items: number, end: TransferState = "verified"): Promise<void> {
  await assertStories(world, accepted, end);
  if (end !== "verified") return;
  await assertHeldOnce(world, accepted, items);
  await assertReceipts(world, accepted);
  await assertStableKeys(world, accepted);
}

/** I1, I8: every one that was accepted has ended, once, and its timeline has no gap and nothing after its end. */
async function assertStories({ store }: Judged, accepted: Accepted[], end: TransferState): Promise<void> {
  await abreast(accepted.length, 4, async (index) => {
    const { id } = accepted[index] as Accepted;
    const [transfer, events] = await store.read(async (r) => [await r.transfers.get(id), await r.transfers.events(id)] as const);
    const story = JSON.stringify(events.map(({ kind, details }) => [kind, details]));
    assert.equal(transfer.state, end, `${id} ${transfer.reason}: ${story}`);
    assert.deepEqual(
      events.map(({ sequence }) => sequence),
      events.map((_, place) => place + 1),
      `${id}: its timeline has gaps`,
    );
    const ends = events.filter(({ kind }) => isEnd(kind));
    assert.deepEqual([ends.length, events.at(-1)?.kind], [1, ends[0]?.kind], `${id} ends once, and last: ${story}`);
  });
}

const isEnd = (kind: string): boolean =>
  ["verified", "partial", "failed", "stopped", "expired"].includes(kind) && (kind === "stopped" || isTerminal(kind as TransferState));

/** I2, I4: each item once, whole, under its name; no second file of it. */
async function assertHeldOnce({ witness }: Judged, accepted: Accepted[], items: number): Promise<void> {
  const held = Map.groupBy(
    rows<HeldItem & { account: string }>(witness.index, "SELECT account, dataset, key, sha256, file FROM items"),
    ({ account }) => account,
  );
  const files = await witness.files();
  for (const { id, account } of accepted) {
    const own = held.get(account) ?? [];
    assert.equal(own.length, items, `${id}: ${own.length} of ${items} items`);
    for (const item of own) assert.equal(files.get(item.file), item.sha256, `${id}: ${item.key}`);
  }
  const own = accepted.flatMap(({ account }) => held.get(account) ?? []);
  const named = new Set(own.map(({ file }) => file));
  const keys = new Set(own.map(({ file }) => keyOf(file)));
  assert.deepEqual(
    [...files.keys()].filter((file) => keys.has(keyOf(file)) && !named.has(file)),
    [],
    "files that no item names",
  );
}

/** A file's name is its item's, then that of its bytes. */
const keyOf = (file: string): string => file.slice(0, file.lastIndexOf("."));

/** I2, once nothing is under way any more: whatever Ancre holds, an item names it. While something is, a file may lie for a moment before its item is listed. */
export async function assertNoLooseFiles({ witness }: Pick<Judged, "witness">): Promise<void> {
  const named = new Set(rows<HeldItem>(witness.index, "SELECT file FROM items").map(({ file }) => file));
  assert.deepEqual(
    [...(await witness.files()).keys()].filter((file) => !named.has(file)),
    [],
  );
}

/** I5: exactly one manifest and one receipt, the one that Ancre gave, and it verifies with Ancre's keys. */
async function assertReceipts({ store, witness, ancre }: Judged, accepted: Accepted[]): Promise<void> {
  const given = new Map(
    rows<{ transfer: string; receipt: string }>(witness.index, "SELECT transfer, receipt FROM transfers").map(({ transfer, receipt }) => [
      transfer,
      receipt,
    ]),
  );
  const { verifyReceipt } = createVerifier();
  await abreast(accepted.length, 4, async (index) => {
    const { id } = accepted[index] as Accepted;
    const documents = await store.read((r) => r.transfers.documents(id));
    assert.deepEqual(documents.map(({ kind }) => kind).toSorted(), ["manifest", "receipt"], id);
    const receipt = documents.find(({ kind }) => kind === "receipt")?.jws ?? "";
    assert.equal(receipt, given.get(id), `${id}: the receipt kept is the one that was given`);
    assert.equal((await verifyReceipt(receipt, ancre.keys)).transfer, id);
  });
}

/** I2: however often an item was sent, it bore one key. */
async function assertStableKeys({ witness }: Judged, accepted: Accepted[]): Promise<void> {
  const ours = new Set<string>(accepted.map(({ id }) => id));
  const keys = new Map<string, Set<string | null>>();
  for (const { event, method, path = "", idempotencyKey = null } of await witness.ledger()) {
    if (event !== "request" || method !== "PUT" || !ours.has(path.split("/")[3] ?? "")) continue;
    keys.set(path, (keys.get(path) ?? new Set()).add(idempotencyKey));
  }
  assert.deepEqual(
    [...keys].filter(([, { size }]) => size > 1),
    [],
    "items that were sent under two keys",
  );
}

function rows<T>(index: string, query: string): T[] {
  using database = new DatabaseSync(index, { readOnly: true });
  return database.prepare(query).all() as T[];
}
