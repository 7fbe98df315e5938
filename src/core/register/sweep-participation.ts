import type { Ports } from "../ports.ts";
import { levelOf } from "./participation.ts";

/** Writes down which organisations moved to another level. Returns how many. */
export async function sweepParticipation({ store, clock }: Pick<Ports, "store" | "clock">): Promise<number> {
  const now = clock.now();
  const known = await store.read((r) => r.participations.facts({ now }));
  const moved = known.filter(({ facts, level }) => levelOf(facts) !== level);
  for (const { organisationId, facts } of moved) {
    await store.write((w) => w.standings.put({ organisationId, level: levelOf(facts), since: now }));
  }
  return moved.length;
}
