import type { Reader } from "../ports.ts";
import type { Party } from "./verdict.ts";

/** Who this is in the register. */
export async function partyOf(r: Reader, entityId: string): Promise<Party> {
  const found = await r.participants.findByEntityId(entityId);
  return { entityId, known: found && { id: found.id, name: found.name } };
}

/** Seconds of a JWT; null for what is no time. */
export function timeOf(seconds: unknown): Date | null {
  const at = typeof seconds === "number" ? new Date(seconds * 1000) : null;
  return at === null || Number.isNaN(at.getTime()) ? null : at;
}
