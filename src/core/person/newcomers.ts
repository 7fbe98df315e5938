import { RelaisError } from "../errors.ts";
import type { Writer } from "../ports.ts";

/** New accounts in an hour from one network: a family, a school or a workshop shares one. */
export const NEWCOMERS_PER_NETWORK = 30;

export interface Newcomer {
  /** A digest of the network that it comes from; null where nobody knows. */
  network: string | null;
  /** New accounts in an hour for the whole installation. */
  mostPerHour: number;
}

/** Nobody fills the database with accounts that cost them nothing. Counted in the transaction that opens the account. @throws RelaisError `rate_limited`. */
export async function admitNewcomer(w: Writer, { network, mostPerHour }: Newcomer, at: Date): Promise<void> {
  const { fromHere, overall } = await w.belongings.countOpening({ network, at, since: new Date(at.getTime() - 3_600_000) });
  if (fromHere > NEWCOMERS_PER_NETWORK)
    throw tooMany("Many accounts were opened from your network in the last hour. Try again in an hour, or from another connection.");
  if (overall > mostPerHour) throw tooMany("Many people open an account at the moment. Try again in an hour.");
}

function tooMany(message: string): RelaisError {
  return new RelaisError("rate_limited", message, { actor: "person", retryAfter: 3600 });
}
