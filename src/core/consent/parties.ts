import type { ConsentId, LinkId, PersonId } from "../ids.ts";
import type { ApprovalRule } from "../person/joint-contract.ts";
import type { Consent } from "./consent.ts";

/** `told`: no approval was needed. `removed` holds also for somebody who was asked and says no. */
export type PartyState = "told" | "asked" | "approved" | "removed";

/** Whoever has a say may take it back, and think again. The database refuses every other move. */
export const PARTY_MOVES = {
  told: ["removed"],
  asked: ["approved", "removed"],
  approved: ["removed"],
  removed: ["approved"],
} as const satisfies Record<PartyState, readonly PartyState[]>;

/** Another holder of the contract that a consent reads from, and what they say to it. */
export interface Party {
  consentId: ConsentId;
  /** The source's name of the contract, and of this one of its holders. */
  contract: string;
  reference: string;
  rule: ApprovalRule;
  state: PartyState;
  /** Whoever answered; null until somebody proved to be this party and did. */
  personId: PersonId | null;
  at: Date;
}

/** A consent that somebody else gave for a contract which this person holds too. */
export interface SharedConsent {
  consent: Consent;
  party: Party;
  /** The person's own account on the contract; null where they left it: then it is history. */
  linkId: LinkId | null;
}

/** What lets data flow: nobody who has a say is still asked, or has taken their approval back. */
export function isAgreed(parties: readonly Pick<Party, "state">[]): boolean {
  return parties.every(({ state }) => state === "told" || state === "approved");
}

export interface PartiesReader {
  of(consentId: ConsentId): Promise<Party[]>;
  /**
   * What others allowed for contracts that this person holds, or held when they answered; newest first. Nothing of an account whose holder
   * says that telling could harm, whatever was written before.
   */
  shared(personId: PersonId): Promise<SharedConsent[]>;
  /** Which parties of this contract said no last, of all that this person asked them or told them for it. */
  unwilling(personId: PersonId, contract: string): Promise<string[]>;
}

export interface PartiesWriter {
  add(parties: readonly Party[]): Promise<void>;
  /** Locks the consent until the transaction ends: answers of several parties come one after the other. */
  lock(consentId: ConsentId): Promise<void>;
  /** False where the party was in another state: nothing changed. */
  move(
    party: Pick<Party, "consentId" | "reference">,
    from: readonly PartyState[],
    change: { state: PartyState; personId: PersonId; at: Date },
  ): Promise<boolean>;
}
