import type { TransferId } from "../ids.ts";
import type { Reader } from "../ports.ts";

/** Seconds since a person stopped the permission of this transfer; null where they did not. */
export async function secondsSinceWithdrawal(
  r: Pick<Reader, "transfers" | "consents">,
  transferId: TransferId,
  now: Date,
): Promise<number | null> {
  const { consentId } = await r.transfers.get(transferId);
  const { state, endedAt } = await r.consents.get(consentId);
  return state === "withdrawn" && endedAt !== null ? Math.max(0, now.getTime() - endedAt.getTime()) / 1000 : null;
}
