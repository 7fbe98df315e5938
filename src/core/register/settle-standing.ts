import type { Actor } from "../errors.ts";
import type { Ports, Writer } from "../ports.ts";
import type { Ring } from "../transfer/transfer-records.ts";
import type { Participant, Status } from "./participant.ts";

/** What a decision itself stops or lets go on, and each later step: a quarter of a second of work. */
const BATCH = 1000;

/** What follows for transfers from where a participant stands now. */
const FOLLOWS = {
  registered: "paused",
  accredited: "resume",
  suspended: "paused",
  expired: "paused",
  revoked: "cancelled",
} as const satisfies Record<Status, "paused" | "cancelled" | "resume">;

export interface Settled {
  /** Stopped, or let go on. */
  count: number;
  /** Transfers that go on: to be rung once this is committed. */
  rings: Ring[];
  isDone: boolean;
}

/**
 * One step towards what the standing of this participant means for its transfers, what runs first. Nothing waits for the later steps: the right is
 * read again before each movement of data, so that what is still queued does not move. The caller holds the participant's row.
 */
export async function settleSome(w: Writer, participant: Participant, at: Date): Promise<Settled> {
  const follows = FOLLOWS[participant.status];
  const { id: participantId } = participant;
  if (follows === "resume") {
    const rings = await w.deliveries.resumeSome({ participantId, at, limit: BATCH });
    return { count: rings.length, rings, isDone: rings.length < BATCH };
  }
  const stop = { participantId, asSource: stopsAsSource(participant), state: follows, actor: actorOf(participant), at, limit: BATCH };
  const count = await w.deliveries.stopSome(stop);
  return { count, rings: [], isDone: count < BATCH };
}

/** People keep the way out of a platform, whatever its standing: what they read there goes on (core/register/standing.ts, `export_out`). */
export function stopsAsSource({ roles }: Pick<Participant, "roles">): boolean {
  return !roles.includes("platform");
}

/** Who can mend it: the participant itself. */
function actorOf({ roles }: Participant): Actor {
  return roles.includes("holder") ? "holder" : "platform";
}

/** Carries on what decisions began, step by step, until nothing is left. Returns how many transfers it reached. */
export async function settleStandings({ store, clock, queue }: Pick<Ports, "store" | "clock" | "queue">): Promise<number> {
  for (let reached = 0; ;) {
    const step = await store.write(async (w) => {
      const due = await w.announcements.nextUnsettled();
      if (due === null) return null;
      const settled = await settleSome(w, await w.register.lock(due.participantId), clock.now());
      if (settled.isDone) await w.announcements.settle(due.decisionId, clock.now());
      return settled;
    });
    if (step === null) return reached;
    reached += step.count;
    await queue.ring(step.rings).catch(() => undefined);
  }
}
