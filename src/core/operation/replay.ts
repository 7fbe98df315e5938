import { asRelaisError, RelaisError, type ErrorCode } from "../errors.ts";
import { isId, type TransferId } from "../ids.ts";
import type { Ports } from "../ports.ts";
import { accept } from "../transfer/request-transfer.ts";
import type { Transfer } from "../transfer/transfer.ts";
import type { DeadGroupKey, DeadLetter } from "./operation-reader.ts";

type ReplayPorts = Pick<Ports, "store" | "queue" | "clock" | "policy">;

/**
 * Asks again for what failed, under the same permission, as a transfer of its own: what ended is never moved. The rights are checked as for any
 * other, the person keeps both timelines, and a second replay of the same one gives the same transfer.
 * @throws RelaisError `conflict` where it did not fail, or another one is under way; and what refuses any transfer.
 */
export async function replayTransfer(ports: ReplayPorts, failedId: TransferId): Promise<Transfer> {
  const now = ports.clock.now();
  const transfer = await ports.store.write(async (w) => {
    const { state, consentId, personId, switchId } = await w.transfers.get(failedId);
    if (state !== "failed")
      throw new RelaisError("conflict", "This transfer did not fail: there is nothing to bring back.", { actor: "operator" });
    const request = { consentId, personId, caller: "operator", idempotencyKey: `replay ${failedId}` };
    const accepted = await accept(w, request, { policy: ports.policy, now });
    if (accepted.createdAt.getTime() !== now.getTime()) return accepted;
    if (switchId !== null) await w.moves.change(switchId, ["incomplete"], "copying", { transferId: accepted.id });
    await w.deliveries.addEvent(accepted.id, now, { kind: "replayed", actor: "operator", details: { of: failedId } });
    return accepted;
  });
  // The doorbell may be out of order: the sweep rings again from the table.
  await ports.queue.ring([{ transferId: transfer.id, epoch: transfer.epoch }]).catch(() => undefined);
  return transfer;
}

export interface Replayed {
  count: number;
  /** Why the others were not, each with how many. */
  refused: { code: ErrorCode; count: number }[];
  /** Beyond what one call brings back. */
  isMore: boolean;
}

/** As many as one request of an operator brings back; the next one goes on from there. */
const MOST = 200;

/** Each for itself: one that is refused keeps no other. */
export async function replayGroup(ports: ReplayPorts, group: DeadGroupKey): Promise<Replayed> {
  const letters = await ports.store.read((r) => r.operation.deadLetters(group, MOST + 1));
  const refused = new Map<ErrorCode, number>();
  let count = 0;
  for (const letter of letters.slice(0, MOST)) {
    const code = await replayOne(ports, letter.id);
    if (code === null) count++;
    else refused.set(code, (refused.get(code) ?? 0) + 1);
  }
  return { count, refused: [...refused].map(([code, times]) => ({ code, count: times })), isMore: letters.length > MOST };
}

/** Null where it is on its way again; else why not. @throws what is no refusal: Relais itself is out of order. */
export async function replayOne(ports: ReplayPorts, id: DeadLetter["id"]): Promise<ErrorCode | null> {
  try {
    if (isId("transfer", id)) await replayTransfer(ports, id);
    else await ports.store.write((w) => w.notices.retry(id, ports.clock.now()));
    return null;
  } catch (error) {
    const { code } = asRelaisError(error);
    if (code === "internal" || code === "unavailable") throw error;
    return code;
  }
}
