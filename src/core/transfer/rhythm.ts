import type { ConsentId } from "../ids.ts";
import type { Acceptance, Alike } from "./alike.ts";

export interface RhythmsReader {
  /** When a recurring consent delivers next by itself; null where it does not. */
  nextDue(id: ConsentId): Promise<Date | null>;
}

/**
 * When recurring consents deliver. Rows of it begin, rest and end with their consents: the database writes them with the change of the consent.
 * Each period of a consent is served at most once, by a constraint, whoever tries.
 */
export interface RhythmsWriter extends RhythmsReader {
  /** Takes consents whose period has begun, the longest due first, until the transaction ends; what another sweeper holds is passed over. */
  takeDue(now: Date, limit: number): Promise<Alike[]>;
  /**
   * Accepts the delivery of the period that runs now, and sets the next one. What was missed before is not made up for. A delivery under way, or one
   * that somebody asked for within the last half of a period and that arrived, serves the period. Returns how many were accepted.
   */
  acceptDue(acceptance: Acceptance): Promise<number>;
  /** Looks at them again then; the period stays. */
  postpone(ids: ConsentId[], until: Date): Promise<void>;
}
