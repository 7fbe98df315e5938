import { RelaisError } from "../errors.ts";
import type { ConsentId } from "../ids.ts";
import type { Reader, Writer } from "../ports.ts";
import type { Consent, ConsentState } from "./consent.ts";
import { stopTransfers } from "./stop-transfers.ts";

const CHANGEABLE: ConsentState[] = ["active", "suspended"];

export function isChangeable({ state }: Consent): boolean {
  return CHANGEABLE.includes(state);
}

/**
 * Ends what the given consent replaces: its transfers under way stop, and the next one goes by what is allowed now. Stopping is the simple and
 * safe way: nothing is in the air under a permission that says something else.
 * @throws RelaisError `conflict` where it ended meanwhile: a change never brings back what was stopped.
 */
export async function supersede(w: Writer, given: Consent, now: Date): Promise<void> {
  if (given.supersedes === null) return;
  if (!(await w.permissions.move(given.supersedes, CHANGEABLE, "superseded", { endedAt: now, endedBy: "person" })))
    throw new RelaisError("conflict", "The permission that this would change has ended. A new one can be asked for.", { actor: "person" });
  await stopTransfers(w, given.supersedes, { now, actor: "person" });
  await closeProposals(w, given.supersedes, now, given.id);
}

/** Proposals to change what is no more wait for no answer. */
export async function closeProposals(w: Writer, id: ConsentId, now: Date, except?: ConsentId): Promise<void> {
  for (const one of await w.consents.successors(id))
    if (one.id !== except) await w.permissions.move(one.id, ["requested"], "superseded", { endedAt: now, endedBy: "relais" });
}

/** The consent that holds now in the place of this one: what a participant was given goes on under what the person allows today. */
export async function presentConsent(r: Reader, id: ConsentId): Promise<Consent> {
  let consent = await r.consents.get(id);
  while (consent.state === "superseded") {
    const given = (await r.consents.successors(consent.id)).find(({ datasets }) => datasets.length > 0);
    if (given === undefined) return consent;
    consent = given;
  }
  return consent;
}
