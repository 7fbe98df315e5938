import type { ParticipantId, PersonId, TransferId } from "../ids.ts";
import type { Gate } from "./gate.ts";

/** Work that is due, and that nobody holds. */
export interface Candidate {
  id: TransferId;
  epoch: number;
  sourceId: ParticipantId;
  destinationId: ParticipantId;
  personId: PersonId;
  /** 0: a person waits. The lower the earlier. */
  priority: number;
  dueAt: Date;
}

export interface Turns {
  candidates: readonly Candidate[];
  gates: readonly Gate[];
  /** What is under way for each person. */
  people: ReadonlyMap<PersonId, number>;
  /** How many may be rung for. */
  free: number;
}

/**
 * Whose turn it is. The more urgent first; among them the one whose busier end has least under way, then whose other end has, then whose person has, then who waits longest. So a
 * backlog of one participant or of one person is no reason for another one to wait, and nobody gets more than there is room for at both ends.
 */
export function takeTurns({ candidates, gates, people, free }: Turns): Candidate[] {
  const ends = new Map(gates.map(({ participantId, room, load }) => [participantId, { room, load }]));
  const loads = new Map(people);
  const waiting = new Set(candidates);
  const chosen: Candidate[] = [];
  while (chosen.length < free) {
    const next = nextOf(waiting, ends, loads);
    if (next === null) break;
    chosen.push(next);
    waiting.delete(next);
    loads.set(next.personId, (loads.get(next.personId) ?? 0) + 1);
    for (const id of new Set([next.sourceId, next.destinationId])) {
      const end = ends.get(id);
      if (end) Object.assign(end, { room: end.room - 1, load: end.load + 1 });
    }
  }
  return chosen;
}

type Ends = ReadonlyMap<ParticipantId, { room: number; load: number }>;
type Rank = [priority: number, busier: number, other: number, ofPerson: number, dueAt: number];

function nextOf(waiting: ReadonlySet<Candidate>, ends: Ends, people: ReadonlyMap<PersonId, number>): Candidate | null {
  let best: { candidate: Candidate; rank: Rank } | null = null;
  for (const candidate of waiting) {
    const [source, destination] = [ends.get(candidate.sourceId), ends.get(candidate.destinationId)];
    if (!source || !destination || source.room < 1 || destination.room < 1) continue;
    const [other = 0, busier = 0] = [source.load, destination.load].sort((a, b) => a - b);
    const rank: Rank = [candidate.priority, busier, other, people.get(candidate.personId) ?? 0, candidate.dueAt.getTime()];
    if (best === null || isBefore(rank, best.rank)) best = { candidate, rank };
  }
  return best?.candidate ?? null;
}

function isBefore(one: Rank, other: Rank): boolean {
  const at = one.findIndex((part, index) => part !== other[index]);
  return at >= 0 && (one[at] as number) < (other[at] as number);
}
