import { RelaisError } from "../errors.ts";
import type { ConsentId, LinkId, PersonId } from "../ids.ts";
import type { Ports, Reader, Writer } from "../ports.ts";
import { isAgreed, type PartyState, type SharedConsent } from "./parties.ts";
import { stopTransfers } from "./stop-transfers.ts";
import { withdraw } from "./withdraw-consent.ts";

export type PartyAnswer = "approve" | "remove";

const FROM = {
  approve: ["asked", "removed"],
  remove: ["told", "asked", "approved"],
} as const satisfies Record<PartyAnswer, readonly PartyState[]>;

interface Answering {
  consentId: ConsentId;
  personId: PersonId;
  answer: PartyAnswer;
}

/**
 * The word of another holder of the contract. Only somebody who has proved an account on that very contract, as that very party, has a say; for
 * everybody else the consent does not exist. Taking the approval back stops what comes from this contract, and nothing else of the person who
 * gave the consent.
 * @throws RelaisError `not_found`, `conflict` (answered before, or the consent has ended).
 */
export async function answerAsParty(ports: Pick<Ports, "store" | "clock">, answering: Answering): Promise<SharedConsent> {
  const now = ports.clock.now();
  return ports.store.write(async (w) => {
    await w.parties.lock(answering.consentId);
    const shared = await sharedWith(w, answering.personId, answering.consentId);
    if (shared.linkId === null) throw unknown();
    if (shared.consent.state !== "active" && shared.consent.state !== "suspended") throw ended();
    await answerWithin(w, shared, answering, now);
    return sharedWith(w, answering.personId, answering.consentId);
  });
}

async function answerWithin(w: Writer, { party, consent }: SharedConsent, { answer, personId }: Omit<Answering, "consentId">, now: Date) {
  const state = answer === "approve" ? "approved" : "removed";
  if (!(await w.parties.move(party, FROM[answer], { state, personId, at: now }))) throw answered();
  if (!isAgreed(await w.parties.of(consent.id))) {
    await w.permissions.move(consent.id, ["active"], "suspended", {});
    await stopTransfers(w, consent.id, { now, actor: "person" });
  } else await w.permissions.move(consent.id, ["suspended"], "active", {});
}

/** @throws RelaisError `not_found` for whoever has no part in it. */
export async function sharedWith(r: Pick<Reader, "parties">, personId: PersonId, consentId: ConsentId): Promise<SharedConsent> {
  const found = (await r.parties.shared(personId)).find((one) => one.consent.id === consentId);
  if (!found) throw unknown();
  return found;
}

/**
 * Stops all sharing from this account: the person's own permissions end, and their approval of what other holders of the contract share is taken back.
 * What the person shares from other accounts goes on. Returns how many stopped.
 */
export async function stopSharingFrom(
  ports: Pick<Ports, "store" | "clock">,
  { linkId, personId }: { linkId: LinkId; personId: PersonId },
): Promise<number> {
  const now = ports.clock.now();
  return ports.store.write(async (w) => {
    const link = await w.people.getLink(linkId);
    if (link.personId !== personId) throw new RelaisError("not_found", "There is no link with this id.");
    const own = (await w.consents.list(personId)).filter((one) => one.sourceLinkId === linkId && isLive(one.state));
    for (const consent of own) await withdraw(w, consent.id, now);
    const shared = (await w.parties.shared(personId)).filter(
      (one) => one.linkId === linkId && isLive(one.consent.state) && one.party.state !== "removed",
    );
    for (const one of shared) {
      await w.parties.lock(one.consent.id);
      await answerWithin(w, one, { answer: "remove", personId }, now);
    }
    return own.length + shared.length;
  });
}

function isLive(state: SharedConsent["consent"]["state"]): boolean {
  return state === "active" || state === "suspended";
}

function unknown(): RelaisError {
  return new RelaisError("not_found", "There is no consent with this id.");
}

function answered(): RelaisError {
  return new RelaisError("conflict", "You answered this before. You find your answer among your contracts.", { actor: "person" });
}

function ended(): RelaisError {
  return new RelaisError("conflict", "This permission has already ended. Nothing is shared under it any more.", { actor: "person" });
}
