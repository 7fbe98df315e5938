import type { ConsentId, TransferId } from "../ids.ts";

/**
 * Consents of which `checkStanding` asks the same things and so says the same: same ends, data sets and terms, same state, the source as sure of
 * who asks, the account named for tests or not. The store says which are alike; one of them is asked about.
 */
export interface Alike {
  one: ConsentId;
  consents: ConsentId[];
}

/** A transfer to be, under one consent. */
export interface Wanted {
  consentId: ConsentId;
  transferId: TransferId;
}

/** What every transfer of one step has in common. */
export interface Acceptance {
  wanted: Wanted[];
  at: Date;
  actor: "relais" | "holder" | "platform" | "operator";
  details: Record<string, string | number>;
}
