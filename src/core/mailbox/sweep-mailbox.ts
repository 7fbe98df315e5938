import type { TransferId } from "../ids.ts";
import type { Ports, Writer } from "../ports.ts";
import { locked } from "./await-receipt.ts";
import { leaveIncomplete } from "../switch/leave-incomplete.ts";
import type { Package, PackageFiles, PackageId } from "./mailbox.ts";

export interface SweepingPorts extends Pick<Ports, "store" | "clock"> {
  files: Pick<PackageFiles, "remove" | "olderThan" | "sweep">;
}

const BATCH = 100;
const PAGE = 1000;
/** A file that nobody lists after this time was left by a worker that died: one that lives lists it within moments, or deletes it. */
const ORPHAN_MILLISECONDS = 3_600_000;

/** Ends what was not fetched in time, and deletes the bytes of all that ended, whatever ended it. */
export async function sweepMailbox(ports: SweepingPorts): Promise<void> {
  for (const id of await ports.store.read((r) => r.mailbox.overdue(BATCH)))
    await ports.store.write((w) => expire(w, id, ports.clock.now()));
  for (const id of await ports.store.read((r) => r.mailbox.ended(BATCH))) await close(ports, id);
}

async function expire(w: Writer, id: TransferId, now: Date): Promise<void> {
  const transfer = await locked(w, id);
  const delivery = await w.mailbox.find(id);
  if (transfer.state !== "delivered" || delivery === null || delivery.receipt !== null) return;
  await w.deliveries.interrupt(id, { state: "expired", reason: "peer_unavailable", actor: "platform" });
  await w.deliveries.addEvent(id, now, { kind: "expired", actor: "platform", details: { reason: "not_fetched" } });
  await leaveIncomplete(w, transfer);
}

/** Bytes first: after a crash in between they are looked for again, and are not there. */
async function close({ store, clock, files }: SweepingPorts, id: TransferId): Promise<void> {
  for (let after: PackageId | null = null; ;) {
    const page: Package[] = await store.read((r) => r.mailbox.packages(id, { after, limit: PAGE }));
    for (const one of page) await files.remove(one.id);
    const left = page.filter(({ fetchedAt }) => fetchedAt === null);
    if (left.length > 0) await store.write((w) => takeBack(w, id, left));
    if (page.length < PAGE) break;
    after = page.at(-1)?.id ?? null;
  }
  await store.write((w) => w.keeping.close(id, clock.now()));
}

/** What was never fetched lies nowhere: the person is not told to have it deleted at the platform. */
async function takeBack(w: Writer, id: TransferId, left: readonly Package[]): Promise<void> {
  const { epoch, state } = await w.transfers.get(id);
  if (state !== "cancelled" && state !== "expired") return;
  const reason = state === "expired" ? ("not_fetched" as const) : ("stopped" as const);
  // In the name of the attempt that a stop cut off: nobody else may write to an ended transfer.
  await w.deliveries.markItems(
    id,
    epoch - 1,
    left.map(({ dataset, key }) => ({ dataset, key, state: "omitted" as const, reason })),
  );
}

/** What a worker that died left behind. */
export async function clearMailbox({ store, clock, files }: SweepingPorts): Promise<void> {
  const now = clock.now().getTime();
  const names = await files.olderThan(new Date(now - ORPHAN_MILLISECONDS));
  const known = await store.read((r) => r.mailbox.known(names));
  for (const name of names) if (!known.has(name)) await files.sweep(name);
}
