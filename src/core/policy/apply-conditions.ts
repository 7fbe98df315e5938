import type { ParticipantId } from "../ids.ts";
import type { Reader, Writer } from "../ports.ts";
import type { Ring } from "../transfer/transfer-records.ts";
import { mayMove, type Transfer } from "../transfer/transfer.ts";
import type { Stance } from "./conditions.ts";
import { areConditionsDue, endOf, refusals, testedAccount, type Refusal } from "./decide.ts";
import type { End, Ends } from "./facts.ts";
import type { Policy } from "./policy.ts";

export interface Applied {
  paused: number;
  /** Transfers that go on: to be rung once the change is committed. */
  rings: Ring[];
}

/** Brings the holder's live transfers to its present conditions, in the transaction of their change: what is refused pauses, what waited for them goes on. */
export async function applyConditions(w: Writer, policy: Policy, holderId: ParticipantId, now: Date): Promise<Applied> {
  const applied: Applied = { paused: 0, rings: [] };
  const judge = await judgeOf(w, policy, holderId, now);
  for (const transfer of await w.deliveries.live({ participantId: holderId })) {
    if (transfer.sourceId !== holderId) continue;
    const refused = await judge(transfer);
    if (refused.length === 0 && isWaiting(transfer)) applied.rings.push(await resume(w, transfer, now));
    if (refused.length > 0 && mayMove(transfer.state, "paused") && !isAboutStanding(refused)) {
      await w.deliveries.interrupt(transfer.id, { state: "paused", reason: "condition_unmet", actor: "holder" });
      await w.deliveries.addEvent(transfer.id, now, { kind: "paused", actor: "holder", details: { reason: "condition_unmet" } });
      applied.paused += 1;
    }
  }
  return applied;
}

export function isWaiting({ state, reason }: Transfer): boolean {
  return state === "paused" && reason === "condition_unmet";
}

export async function resume(w: Writer, { id }: Transfer, now: Date): Promise<Ring> {
  await w.deliveries.interrupt(id, { state: "queued", reason: null, actor: null, dueAt: now });
  await w.deliveries.addEvent(id, now, { kind: "resumed", actor: "holder" });
  return { transferId: id, epoch: (await w.transfers.get(id)).epoch };
}

/** Whoever lost its accreditation is dealt with by its suspension, under its own reason. */
function isAboutStanding(refused: Refusal[]): boolean {
  return refused.some(({ reasons }) => reasons.includes("never-not-accredited"));
}

/** What the conditions refuse of a transfer of this holder. Each platform is read once, however many transfers go there. */
export async function judgeOf(
  r: Reader,
  policy: Policy,
  holderId: ParticipantId,
  now: Date,
): Promise<(transfer: Transfer) => Promise<Refusal[]>> {
  const holder = await endOf(r, await r.participants.get(holderId));
  const known = new Map<ParticipantId, Facing>();
  return async (transfer) => {
    if (!areConditionsDue(holder.participant, transfer.switchId !== null)) return [];
    const facing = known.get(transfer.destinationId) ?? (await face(r, holder, transfer.destinationId, now));
    known.set(transfer.destinationId, facing);
    const { ends, stance } = facing;
    const link = stance.access?.state === "test" ? (await r.consents.get(transfer.consentId)).sourceLinkId : null;
    return refusals(policy, ends, stance, { datasets: transfer.datasets, account: await testedAccount(r, stance, link), now });
  };
}

interface Facing {
  ends: Ends;
  stance: Stance;
}

async function face(r: Reader, holder: End, platformId: ParticipantId, now: Date): Promise<Facing> {
  const platform = await endOf(r, await r.participants.get(platformId));
  return { ends: { holder, platform }, stance: await r.conditions.stance(holder.participant.id, platformId, now) };
}
