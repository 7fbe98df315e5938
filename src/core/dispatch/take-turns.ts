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
 *
 * Only those who stand first are compared: of each lane one person, of each person what has been due longest.
 */
export function takeTurns({ candidates, gates, people, free }: Turns): Candidate[] {
  const ends = new Map(gates.map(({ participantId, room, load }) => [participantId, { room, load }]));
  const loads = new Map(people);
  const lanes = lanesOf(candidates, ends, loads);
  const chosen: Candidate[] = [];
  while (chosen.length < free) {
    const lane = foremost(lanes, loads);
    if (lane === null) break;
    chosen.push(takeFrom(lane, loads));
  }
  return chosen;
}

interface End {
  room: number;
  load: number;
}

/** What one person waits for in a lane, the longest due first. */
interface Waiting {
  personId: PersonId;
  candidates: Candidate[];
  /** Of the person, when they took their place in the line. It only grows. */
  load: number;
}

/** The line of those who wait between two ends, in their order. */
interface Lane {
  source: End;
  destination: End;
  priority: number;
  line: Waiting[];
}

type Loads = Map<PersonId, number>;
type Rank = readonly number[];

/** The same for what is of one urgency between the same ends. */
export function laneName({ sourceId, destinationId, priority }: Pick<Candidate, "sourceId" | "destinationId" | "priority">): string {
  return `${sourceId} ${destinationId} ${priority}`;
}

/** Candidates one of whose ends has no gate have no turn. */
function lanesOf(candidates: readonly Candidate[], ends: ReadonlyMap<ParticipantId, End>, loads: Loads): Lane[] {
  const oldest = candidates.toSorted((a, b) => a.dueAt.getTime() - b.dueAt.getTime());
  const byLane = Map.groupBy(oldest, laneName);
  return [...byLane.values()].flatMap((own) => {
    const [{ sourceId, destinationId, priority }] = own as [Candidate];
    const [source, destination] = [ends.get(sourceId), ends.get(destinationId)];
    return source && destination ? [{ source, destination, priority, line: lineOf(own, loads) }] : [];
  });
}

function lineOf(candidates: Candidate[], loads: Loads): Waiting[] {
  const people = [...Map.groupBy(candidates, ({ personId }) => personId)];
  const line = people.map(([personId, own]) => ({ personId, candidates: own, load: loads.get(personId) ?? 0 }));
  // They come in the order of what is due longest, and the sort keeps it.
  return line.sort((a, b) => a.load - b.load);
}

function foremost(lanes: readonly Lane[], loads: Loads): Lane | null {
  let best: { lane: Lane; rank: Rank } | null = null;
  for (const lane of lanes) {
    const { source, destination, priority } = lane;
    if (source.room < 1 || destination.room < 1) continue;
    const first = firstOf(lane, loads);
    if (first === null) continue;
    const [busier, other] = [Math.max(source.load, destination.load), Math.min(source.load, destination.load)];
    const rank = [priority, busier, other, ...placeOf(first)];
    if (best === null || isBefore(rank, best.rank)) best = { lane, rank };
  }
  return best?.lane ?? null;
}

/** Whoever was given a turn meanwhile, in this lane or another one, goes back to where they belong now. */
function firstOf({ line }: Lane, loads: Loads): Waiting | null {
  for (;;) {
    const [first] = line;
    if (first === undefined) return null;
    const load = loads.get(first.personId) ?? 0;
    if (load === first.load) return first;
    line.shift();
    join(line, { ...first, load });
  }
}

function takeFrom({ source, destination, line }: Lane, loads: Loads): Candidate {
  const { personId, candidates, load } = line.shift() as Waiting;
  const [chosen, ...rest] = candidates as [Candidate, ...Candidate[]];
  loads.set(personId, load + 1);
  if (rest.length > 0) join(line, { personId, candidates: rest, load: load + 1 });
  for (const end of new Set([source, destination])) Object.assign(end, { room: end.room - 1, load: end.load + 1 });
  return chosen;
}

/** Behind everybody who comes before. */
function join(line: Waiting[], one: Waiting): void {
  const place = placeOf(one);
  let [from, to] = [0, line.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (isBefore(place, placeOf(line[middle] as Waiting))) to = middle;
    else from = middle + 1;
  }
  line.splice(from, 0, one);
}

function placeOf({ load, candidates }: Waiting): Rank {
  return [load, (candidates[0] as Candidate).dueAt.getTime()];
}

function isBefore(one: Rank, other: Rank): boolean {
  const at = one.findIndex((part, index) => part !== other[index]);
  return at >= 0 && (one[at] as number) < (other[at] as number);
}
