import type { PersonId } from "../ids.ts";
import type { Ports } from "../ports.ts";
import type { Ring } from "../transfer/transfer-records.ts";
import type { DispatchWriter, Lane, LaneLook } from "./dispatch-port.ts";
import { CALLING_BACK, gateOf, type Flight, type Gate } from "./gate.ts";
import { laneName, takeTurns, type Candidate } from "./take-turns.ts";

export interface DispatchTerms {
  /** Most transfers that are rung for and not started; null: as many as all workers carry at once. */
  window: number | null;
  /** What is rung for and not started after this is rung for again: the ring may be lost. A ring that was not lost changes nothing. */
  ringAgainSeconds: number;
}

export const DISPATCH_TERMS: DispatchTerms = { window: null, ringAgainSeconds: 10 };

/** Without a worker that was seen lately, somebody may still be starting one. */
const LEAST_SLOTS = 8;
/** How far one look goes into a lane. */
const DEEPEST = 500;
/** So much of a look from one person, and the look goes on behind them. */
const CROWD = 0.25;

/**
 * Rings for work that is due, in its turn: never more than the window, within what each participant takes, and so that nobody's backlog keeps others
 * waiting. The same for a first try, for a retry, after a crash and after the loss of the queue. Returns how many it rang for.
 */
export async function dispatchDue(ports: Pick<Ports, "store" | "queue">, terms: DispatchTerms = DISPATCH_TERMS): Promise<number> {
  const rings = await ports.store.write(async ({ dispatch }) => {
    await dispatch.alone();
    return giveTurns(dispatch, terms);
  });
  if (rings.length > 0) await ports.queue.ring(rings);
  return rings.length;
}

async function giveTurns(dispatch: DispatchWriter, { window, ringAgainSeconds }: DispatchTerms): Promise<Ring[]> {
  const { now, slots: seen, lanes, flights, terms } = await dispatch.look();
  const slots = Math.max(seen, LEAST_SLOTS);
  const gates = terms.map((one) => gateOf(one, flights, { now, slots }));
  const called = await dispatch.callBack(
    gates.flatMap(({ participantId, hold }) => (hold && CALLING_BACK.includes(hold) ? [participantId] : [])),
  );
  const isOld = (flight: Flight): boolean => isWaiting(flight) && now.getTime() - flight.rungAt.getTime() > ringAgainSeconds * 1000;
  const again = flights.some(isOld) ? await dispatch.ringAgain(now, ringAgainSeconds) : [];
  const free = (window ?? slots) - flights.filter(isWaiting).length + called;
  if (free <= 0) return again;
  const chosen = await choose(dispatch, { lanes, gates, free, now, people: peopleOf(flights) });
  return [...again, ...(await dispatch.take(chosen, now))];
}

const isWaiting = ({ startedAt, isOver }: Flight): boolean => startedAt === null && !isOver;

interface Choice {
  lanes: Lane[];
  now: Date;
  gates: Gate[];
  free: number;
  people: Map<PersonId, number>;
}

/** A short look into each lane; a long one only where there is room for more than the short ones give. */
async function choose(dispatch: DispatchWriter, choice: Choice): Promise<Candidate[]> {
  const open = openLanes(choice);
  const short = Math.ceil((2 * choice.free) / Math.max(1, open.length)) + 4;
  const looks = open.map(({ lane, room, paused }): LaneLook => ({ ...lane, most: Math.min(short, 4 * room + 4), except: [], paused }));
  const found = await lookInto(dispatch, looks, choice.now);
  const chosen = takeTurns({ ...choice, candidates: found });
  const left = choice.free - chosen.length;
  if (left === 0) return chosen;
  const roomLeft = roomsAfter(choice.gates, chosen);
  const byLane = Map.groupBy(found, laneName);
  const cut = looks.filter((look) => roomLeft(look) > 0 && (byLane.get(laneName(look))?.length ?? 0) >= look.most);
  if (cut.length === 0) return chosen;
  const longer = cut.map((look) => ({ ...look, most: Math.min(DEEPEST, look.most + 2 * Math.min(left, roomLeft(look))) }));
  for (const look of cut) byLane.delete(laneName(look));
  const others = [...byLane.values()].flat();
  return takeTurns({ ...choice, candidates: [...others, ...(await lookInto(dispatch, longer, choice.now))] });
}

/** How much room a lane has once these have their turns. */
function roomsAfter(gates: readonly Gate[], chosen: readonly Candidate[]): (lane: Lane) => number {
  const rooms = new Map(gates.map(({ participantId, room }) => [participantId, room]));
  for (const { sourceId, destinationId } of chosen)
    for (const id of new Set([sourceId, destinationId])) rooms.set(id, (rooms.get(id) ?? 0) - 1);
  return ({ sourceId, destinationId }) => Math.min(rooms.get(sourceId) ?? 0, rooms.get(destinationId) ?? 0);
}

/** Lanes whose both ends have room, with what is paused at either. */
function openLanes({ lanes, gates, free }: Choice): { lane: Lane; room: number; paused: string[] }[] {
  const ends = new Map(gates.map((gate) => [gate.participantId, gate]));
  return lanes.flatMap((lane) => {
    const [source, destination] = [ends.get(lane.sourceId), ends.get(lane.destinationId)];
    const room = Math.min(free, source?.room ?? 0, destination?.room ?? 0);
    return room < 1 ? [] : [{ lane, room, paused: [...(source?.paused ?? []), ...(destination?.paused ?? [])] }];
  });
}

/** What has been due longest there. Where one person fills a look, it goes on behind them. */
async function lookInto(dispatch: DispatchWriter, looks: LaneLook[], now: Date): Promise<Candidate[]> {
  const first = await dispatch.candidates(looks, now);
  const byLane = Map.groupBy(first, laneName);
  const further = looks.flatMap((look) => behindCrowds(look, byLane.get(laneName(look)) ?? []));
  if (further.length === 0) return first;
  const known = new Set(first.map(({ id }) => id));
  return [...first, ...(await dispatch.candidates(further, now)).filter(({ id }) => !known.has(id))];
}

function behindCrowds(look: LaneLook, own: Candidate[]): LaneLook[] {
  if (own.length < look.most) return [];
  const counts = [...Map.groupBy(own, ({ personId }) => personId)];
  const crowds = counts.filter(([, theirs]) => theirs.length > look.most * CROWD).map(([personId]) => personId);
  return crowds.length === 0 ? [] : [{ ...look, except: crowds }];
}

function peopleOf(flights: Flight[]): Map<PersonId, number> {
  const live = flights.filter(({ isOver }) => !isOver);
  return new Map([...Map.groupBy(live, ({ personId }) => personId)].map(([personId, theirs]) => [personId, theirs.length]));
}
