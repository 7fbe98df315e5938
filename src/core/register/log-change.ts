import type { Writer } from "../ports.ts";
import type { Participant } from "./participant.ts";

/** Tells outsiders that an accredited participant is spoken to elsewhere, or in another role or name, and whether it was looked at before. */
export async function logChange(
  w: Writer,
  { entityId, endpoints, roles, name }: Participant,
  { changed, at, lookedAt }: { changed: string[]; at: Date; lookedAt: boolean },
): Promise<void> {
  const body = { participant: entityId, changed, name, roles, endpoints: { ...endpoints }, looked_at: lookedAt };
  await w.log.append({ kind: "participant", at, body });
}
