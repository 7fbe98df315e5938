import type { ParticipantId } from "../ids.ts";
import { EVERY_DATASET } from "../policy/conditions.ts";
import type { Reader } from "../ports.ts";
import type { Transfer } from "../transfer/transfer.ts";
import type { Picture } from "./dispatch-port.ts";
import { gateOf, type Hold, type Pause } from "./gate.ts";

/** Why nothing more starts from or to a participant at this moment. */
export interface Held {
  participantId: ParticipantId;
  hold: Hold;
  /** Until when, where that is known. */
  until: Date | null;
  /** Where it is paused. */
  pause: Pick<Pause, "by" | "reason" | "dataset" | "since"> | null;
}

type HoldReader = Pick<Reader, "dispatch">;

/** Every participant that holds something up now, in the order of the lanes. */
export async function heldNow(r: HoldReader): Promise<Held[]> {
  const { lanes, ...picture } = await r.dispatch.picture();
  return heldAmong(
    picture,
    lanes.flatMap(({ sourceId, destinationId }) => [sourceId, destinationId]),
  );
}

/** What holds up a transfer that is due: one of its ends, or one of its data sets. */
export async function holdsOf(r: HoldReader, { sourceId, destinationId, datasets }: Transfer): Promise<Held[]> {
  const ends = heldAmong(await r.dispatch.picture([sourceId, destinationId]), [sourceId, destinationId]);
  const pauses = [...(await r.dispatch.pauses(sourceId)), ...(await r.dispatch.pauses(destinationId))];
  const ofDatasets = pauses.filter(({ dataset }) => datasets.includes(dataset));
  return [...ends, ...ofDatasets.map((pause) => ({ participantId: pause.participantId, hold: "paused" as const, until: null, pause }))];
}

function heldAmong({ now, slots, flights, terms }: Omit<Picture, "lanes">, participantIds: ParticipantId[]): Held[] {
  const byId = new Map(terms.map((one) => [one.participantId, one]));
  return [...new Set(participantIds)].flatMap((id): Held[] => {
    const one = byId.get(id);
    if (one === undefined) return [];
    const { hold } = gateOf(one, flights, { now, slots: Math.max(slots, 1) });
    if (hold === null || hold === "share") return [];
    const { openedUntil, restingUntil } = one.health;
    const until = hold === "breaker" ? openedUntil : hold === "resting" ? restingUntil : null;
    return [
      {
        participantId: one.participantId,
        hold,
        until,
        pause: hold === "paused" ? (one.pauses.find(({ dataset }) => dataset === EVERY_DATASET) ?? null) : null,
      },
    ];
  });
}
