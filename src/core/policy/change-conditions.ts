import { canonicalJson } from "../canonical-json.ts";
import type { Words } from "../catalogue/data-set.ts";
import { RelaisError } from "../errors.ts";
import type { ParticipantId } from "../ids.ts";
import type { Ports, Reader, Writer } from "../ports.ts";
import type { Participant } from "../register/participant.ts";
import { sha256 } from "../transfer/manifest.ts";
import { applyConditions } from "./apply-conditions.ts";
import { EVERY_DATASET, type Said, type Scope } from "./conditions.ts";

export type ConditionPorts = Pick<Ports, "store" | "queue" | "clock" | "policy">;

/** Who asks, and whose conditions are meant: a holder changes its own, and nobody else's. */
export interface OnBehalf {
  caller: ParticipantId;
  holderId: ParticipantId;
  /** The version (`versionOf`) that the decision was made on; where something else is there by now, nothing is changed. */
  version?: string | undefined;
}

/** What a change did to transfers under way. */
export interface Effect {
  paused: number;
  resumed: number;
}

/**
 * One change of a holder's conditions: the change, its entry in the public log and its effect on every transfer under way are one transaction.
 * @throws RelaisError `forbidden` (another holder's), `stale` (changed since it was read), and what `work` throws.
 */
export async function changeConditions(
  ports: ConditionPorts,
  who: OnBehalf,
  work: (w: Writer, holder: Participant, now: Date) => Promise<void>,
): Promise<Effect> {
  const now = ports.clock.now();
  const { paused, rings } = await ports.store.write(async (w) => {
    const holder = await ownHolder(w, who);
    await w.rules.lock(holder.id);
    refuseStale(who.version, await w.conditions.of(holder.id));
    await work(w, holder, now);
    return applyConditions(w, ports.policy, holder.id, now);
  });
  if (rings.length > 0) await ports.queue.ring(rings).catch(() => undefined);
  return { paused, resumed: rings.length };
}

/** Names what a holder says now; it changes with every change, and is the same wherever it is read. */
export function versionOf({ conditions, exclusions, access }: Said): string {
  const places = [...conditions, ...exclusions, ...access].map(({ logIndex }) => logIndex).sort((a, b) => a - b);
  return sha256(canonicalJson(places)).slice(0, 22);
}

function refuseStale(version: string | undefined, present: Said): void {
  if (version !== undefined && version !== versionOf(present))
    throw new RelaisError("stale", "Your conditions changed since you read them. Read them again, and decide again.", { actor: "holder" });
}

export async function ownHolder(r: Pick<Reader, "participants">, { caller, holderId }: OnBehalf): Promise<Participant> {
  const holder = await r.participants.get(holderId);
  if (caller !== holderId || !holder.roles.includes("holder"))
    throw new RelaisError("forbidden", "Only the holder itself sets its conditions.", { actor: "holder" });
  return holder;
}

/** @throws RelaisError `invalid` where it is not a platform of the register. */
export async function platformOf(r: Pick<Reader, "participants">, id: ParticipantId): Promise<Participant> {
  const platform = await r.participants.get(id);
  if (!platform.roles.includes("platform"))
    throw new RelaisError("invalid", `${platform.name} is not a platform.`, { pointers: ["/platform"] });
  return platform;
}

/** @throws RelaisError `invalid` where the holder has no such data set. */
export function scopeOf(holder: Participant, dataset: Scope): Scope {
  if (dataset !== EVERY_DATASET && !holder.datasets.some(({ id }) => id === dataset))
    throw new RelaisError("invalid", `Name a data set of the holder, or ${EVERY_DATASET} for all.`, { pointers: ["/dataset"] });
  return dataset;
}

const LONGEST_REASON = 2000;

/** A reason is public and in both languages: nobody is restricted in silence. @throws RelaisError `invalid`. */
export function writtenReason(reason: Words | null): Words {
  const fr = reason?.fr.trim() ?? "";
  const en = reason?.en.trim() ?? "";
  if (fr === "" || en === "" || fr.length > LONGEST_REASON || en.length > LONGEST_REASON)
    throw new RelaisError("invalid", `Give the reason in French and in English, each at most ${LONGEST_REASON} characters. It is public.`, {
      pointers: ["/reason"],
    });
  return { fr, en };
}

/**
 * Writes the change in the public log and returns its place. A log is never changed, and a reason is free text: the log holds the digest of the
 * reason (SHA-256 of its canonical JSON), the register the reason itself.
 */
export function logCondition(
  w: Writer,
  holder: Participant,
  entry: { act: string; at: Date; platform?: Participant; reason?: Words | null; members?: Record<string, unknown> },
): Promise<number> {
  const { act, at, platform, reason, members } = entry;
  const body = {
    act,
    holder: holder.entityId,
    ...(platform ? { platform: platform.entityId } : {}),
    ...(reason ? { reason_digest: sha256(canonicalJson(reason)) } : {}),
    ...members,
  };
  return w.log.append({ kind: "condition", at, body });
}
