import type { Writer } from "../ports.ts";
import type { Transfer } from "../transfer/transfer.ts";

/** The mailbox ends what was not fetched, and says so; the transfer's own time must not be over before. */
const GRACE_MILLISECONDS = 3_600_000;
/** Past its time it is the sweep's: an attempt that comes before it looks again so much later, and not at once. */
const AGAIN_MILLISECONDS = 60_000;

/**
 * Lets the transfer rest until the platform's receipt comes: no worker holds it, nobody asks. The row is locked by the caller, so that a receipt that
 * comes now is seen here, or wakes the transfer afterwards.
 */
export async function awaitReceipt(w: Writer, transfer: Transfer, { until, now }: { until: Date; now: Date }): Promise<"waiting"> {
  const delivery = await w.mailbox.find(transfer.id);
  const again = new Date(Math.max(until.getTime(), now.getTime() + AGAIN_MILLISECONDS));
  const dueAt = (delivery?.receipt ?? null) === null ? again : now;
  const latest = new Date(until.getTime() + GRACE_MILLISECONDS);
  const expiresAt = latest > transfer.expiresAt ? latest : transfer.expiresAt;
  await w.deliveries.change(transfer.id, transfer.epoch, { dueAt, expiresAt, release: true });
  return "waiting";
}

/** The transfer as it is, in nobody else's hands until this transaction ends. */
export async function locked(w: Writer, id: Transfer["id"]): Promise<Transfer> {
  for (;;) {
    const { epoch } = await w.transfers.get(id);
    // An empty change locks the row, where the epoch is still this one.
    if (await w.deliveries.change(id, epoch, {})) return w.transfers.get(id);
  }
}
