import { asRelaisError } from "../errors.ts";
import type { Ports } from "../ports.ts";
import { laneOf, type DueNotice, type Lane } from "./outbox.ts";
import { securityEvent, SET_TYPE } from "./security-event.ts";

type DeliveringPorts = Pick<Ports, "store" | "clock" | "signer" | "network" | "issuer">;

/** Lanes that are served at the same time. A slow participant fills its own lanes only. */
const LANES = 32;
const LEASE_SECONDS = 30;
const DEADLINE_MILLISECONDS = 10_000;
const LONGEST_PAUSE_SECONDS = 3600;
/** After this time without an acknowledgement nobody tries any more. */
const GIVE_UP_HOURS = 72;

export interface NoticeDelivery {
  /** Starts what is due and not under way. Returns how many it started. */
  tick(): Promise<number>;
  /** Resolves when nothing is under way. */
  settled(): Promise<void>;
}

/**
 * Pushes notices to participants (RFC 8935), one after the other in each lane, in their order. A push that fails is tried again, later and later; the same
 * notice always is the same event, so that a participant may hear it twice and take it once.
 */
export function createNoticeDelivery(ports: DeliveringPorts, signal: AbortSignal): NoticeDelivery {
  const underWay = new Map<Lane, Promise<void>>();
  return {
    tick: async () => {
      const limit = LANES - underWay.size;
      if (limit === 0 || signal.aborted) return 0;
      const due = await ports.store.write((w) => w.notices.claimDue({ limit, leaseSeconds: LEASE_SECONDS, except: [...underWay.keys()] }));
      for (const one of due) {
        const lane = laneOf(one.notice);
        const work = serve(ports, one, signal)
          .catch(() => undefined)
          .finally(() => underWay.delete(lane));
        underWay.set(lane, work);
      }
      return due.length;
    },
    settled: async () => {
      while (underWay.size > 0) await Promise.all(underWay.values());
    },
  };
}

/** What waits in the lane behind this notice follows at once, until one fails or none is left. */
async function serve(ports: DeliveringPorts, first: DueNotice, shutdown: AbortSignal): Promise<void> {
  for (let due: DueNotice | undefined = first; due !== undefined && (await deliver(ports, due, shutdown)) && !shutdown.aborted;) {
    const only = laneOf(due.notice);
    [due] = await ports.store.write((w) => w.notices.claimDue({ limit: 1, leaseSeconds: LEASE_SECONDS, except: [], only }));
  }
}

/** Whether it was acknowledged. */
async function deliver(ports: DeliveringPorts, due: DueNotice, shutdown: AbortSignal): Promise<boolean> {
  const failure = await push(ports, due, shutdown).catch((error: unknown) => asRelaisError(error).message);
  const at = ports.clock.now();
  const { id, recipientId, createdAt, attempts } = due.notice;
  // What a shutdown cut off is no failure of the participant: the lease runs out, and another worker sends it.
  if (failure !== null && shutdown.aborted) return false;
  await ports.store.write(async (w) => {
    if (failure === null) return void (await w.notices.acknowledge(recipientId, [id], at));
    const giveUp = at.getTime() - createdAt.getTime() > GIVE_UP_HOURS * 3_600_000;
    await w.notices.fail(id, {
      at,
      reason: failure.slice(0, 300),
      dueAt: new Date(at.getTime() + pauseSeconds(id, attempts) * 1000),
      giveUp,
    });
  });
  return failure === null;
}

/** 2, 4, 8 … seconds, at most an hour, each a little different, so that many do not come back at the same moment. */
function pauseSeconds(id: string, attempts: number): number {
  const spread = 0.75 + (id.charCodeAt(id.length - 1) % 32) / 64;
  return Math.min(2 ** Math.min(attempts, 12), LONGEST_PAUSE_SECONDS) * spread;
}

/** Null where the participant acknowledged; else why not. */
async function push({ signer, network, issuer }: DeliveringPorts, due: DueNotice, shutdown: AbortSignal): Promise<string | null> {
  const { recipient } = due;
  const url = recipient.endpoints.events;
  if (url === undefined) return "The participant has no address for events any more.";
  const fetch = network.fetchFor(recipient, AbortSignal.any([shutdown, AbortSignal.timeout(DEADLINE_MILLISECONDS)]));
  const body = await signer.signDocument(SET_TYPE, securityEvent(issuer, due));
  const answer = await fetch({
    method: "POST",
    url,
    headers: { "content-type": `application/${SET_TYPE}`, accept: "application/json" },
    body,
  });
  await answer.drop();
  return answer.status === 202 ? null : `The participant answers ${answer.status} instead of 202.`;
}
