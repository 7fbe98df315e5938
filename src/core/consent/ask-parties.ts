import { sayersOf } from "../person/joint-contract.ts";
import type { Writer } from "../ports.ts";
import type { Consent } from "./consent.ts";
import { isAgreed, type Party } from "./parties.ts";

/**
 * Asks or tells the other holders of the contract that this consent reads from, in the transaction of the yes. Returns the state that the
 * consent has then: it waits where each of them has to approve, and for whoever took their approval back before: a new yes is no way around their no. Where telling could harm, nothing is written that anybody could find.
 */
export async function askParties(w: Writer, consent: Consent, now: Date): Promise<"active" | "suspended"> {
  if (consent.action !== "copy") return "active";
  const { contract } = await w.people.getLink(consent.sourceLinkId);
  const others = sayersOf(contract);
  if (!contract || others.length === 0) return "active";
  const { reference, rule } = contract;
  const unwilling = await w.parties.unwilling(consent.personId, reference);
  const parties = others.map((party): Party => {
    const state = rule === "all" || unwilling.includes(party) ? "asked" : "told";
    return { consentId: consent.id, contract: reference, reference: party, rule, state, personId: null, at: now };
  });
  await w.parties.add(parties);
  return isAgreed(parties) ? "active" : "suspended";
}
