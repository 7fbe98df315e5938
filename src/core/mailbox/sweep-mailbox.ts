import type { TransferId } from "../ids.ts";
import type { Ports, Writer } from "../ports.ts";
import { locked } from "./await-receipt.ts";
import { leaveIncomplete } from "../switch/leave-incomplete.ts";
import type { DeliveryPage, Package, PackageFiles, PackageId } from "./mailbox.ts";

export interface SweepingPorts extends Pick<Ports, "store" | "clock"> {
  files: Pick<PackageFiles, "remove" | "olderThan" | "sweep">;
  /** Of one delivery: the others go on, and the next sweep tries again. */
  report: (error: unknown, transferId: TransferId) => void;
  shutdown: AbortSignal;
}

const BATCH = 100;
const PAGE = 1000;
/** A file that nobody lists after this time was left by a worker that died: one that lives lists it within moments, or deletes it. */
const ORPHAN_MILLISECONDS = 3_600_000;
/** So long a platform is told how a delivery ended. */
const TOLD_DAYS = 30;

/** Ends what was not fetched in time, and deletes the bytes of all that ended, whatever ended it. */
export async function sweepMailbox(ports: SweepingPorts): Promise<void> {
  const { store, clock } = ports;
  await forEach(ports, "overdue", (id) => store.write((w) => expire(w, id, clock.now())));
  await forEach(ports, "ended", (id) => close(ports, id));
}

/** Batch after batch for as long as they are full; each once. */
async function forEach({ store, report, shutdown }: SweepingPorts, which: "overdue" | "ended", end: (id: TransferId) => Promise<void>) {
  for (let after: TransferId | null = null; !shutdown.aborted;) {
    const page: DeliveryPage = { after, limit: BATCH };
    const ids = await store.read((r) => r.mailbox[which](page));
    for (const id of ids) if (!shutdown.aborted) await end(id).catch((error: unknown) => report(error, id));
    if (ids.length < BATCH) return;
    after = ids.at(-1) ?? null;
  }
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
async function close({ store, clock, files }: Omit<SweepingPorts, "report">, id: TransferId): Promise<void> {
  for (let after: PackageId | null = null; ;) {
    const page: Package[] = await store.read((r) => r.mailbox.packages(id, { after, limit: PAGE }));
    for (const one of page) await files.remove(one.id);
    const left = page.filter(({ fetchedAt }) => fetchedAt === null).map((one) => one.id);
    if (left.length > 0) await store.write((w) => takeBack(w, id, left));
    if (page.length < PAGE) break;
    after = page.at(-1)?.id ?? null;
  }
  await store.write((w) => w.keeping.close(id, clock.now()));
}

/** What was never begun lies nowhere: the person is not told to have it deleted at the platform. Of what was begun, nobody here can know. */
async function takeBack(w: Writer, id: TransferId, left: readonly PackageId[]): Promise<void> {
  const { epoch, state } = await w.transfers.get(id);
  if (state !== "cancelled" && state !== "expired") return;
  const untouched = state === "expired" ? ("not_fetched" as const) : ("stopped" as const);
  const marks = (await w.keeping.hold(left))
    .filter(({ fetchedAt }) => fetchedAt === null)
    .map(({ dataset, key, begunAt }) => {
      const reason = begunAt === null ? untouched : ("fetched_in_part" as const);
      return { dataset, key, state: "omitted" as const, reason };
    });
  // In the name of the attempt that a stop cut off: nobody else may write to an ended transfer.
  if (marks.length > 0) await w.deliveries.markItems(id, epoch - 1, marks);
}

/** What a worker that died left behind, and what was told long enough. */
export async function clearMailbox({ store, clock, files, shutdown }: Omit<SweepingPorts, "report">): Promise<void> {
  for await (const names of pagesOf(files.olderThan(ORPHAN_MILLISECONDS))) {
    if (shutdown.aborted) return;
    const known = await store.read((r) => r.mailbox.known(names));
    for (const name of names) if (!known.has(name)) await files.sweep(name);
  }
  await store.write((w) => w.keeping.forget(new Date(clock.now().getTime() - TOLD_DAYS * 86_400_000)));
}

async function* pagesOf(names: AsyncIterable<string>): AsyncGenerator<string[]> {
  let page: string[] = [];
  for await (const name of names) {
    page.push(name);
    if (page.length < PAGE) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}
