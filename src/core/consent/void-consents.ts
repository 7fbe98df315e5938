import type { Writer } from "../ports.ts";
import type { Participant } from "../register/participant.ts";
import { newTerms, termsOf } from "./terms.ts";

/** Transfers that are taken away at once, those that run first; the right is read again before every other one moves. */
const STOPPED_AT_ONCE = 1000;

/**
 * What was given for one thing does not hold for another (S-202): where a destination processes data in another country, lets others have it, or uses
 * it for more, every consent that was given before ends, with what changed, and so does every request that nobody answered yet. Part of the
 * transaction that takes the change over, in which the participant's row is locked. Returns how many ended.
 */
export async function voidConsents(w: Writer, before: Participant, after: Participant, at: Date): Promise<number> {
  const terms = termsOf(after.about);
  const changes = newTerms(termsOf(before.about), terms);
  if (changes.length === 0) return 0;
  const because = { kind: "terms", participant: after.id, changes } as const;
  const ended = await w.permissions.revokeOutside({ destinationId: after.id, terms, because, by: "platform", at });
  if (ended > 0) await w.deliveries.stopEnded({ participantId: after.id, actor: "platform", at, limit: STOPPED_AT_ONCE });
  return ended;
}
