import type { Ports, Signer } from "../ports.ts";
import { mustActForSomebody, type RegisterCaller } from "../register/register-caller.ts";
import { securityEvent, SET_TYPE } from "./security-event.ts";

const MOST = 100;

/** RFC 8936: takes acknowledgements, and gives what is not acknowledged yet. Each participant sees and acknowledges its own only. */
export async function pollNotices(
  ports: Pick<Ports, "store" | "clock" | "issuer"> & { events: Pick<Signer, "signDocument"> },
  caller: RegisterCaller,
  asked: { ack: readonly string[]; maxEvents: number | null },
): Promise<{ sets: Record<string, string>; moreAvailable: boolean }> {
  const recipientId = mustActForSomebody(caller);
  const most = Math.min(asked.maxEvents ?? MOST, MOST);
  const pending = await ports.store.write(async (w) => {
    if (asked.ack.length > 0) await w.notices.acknowledge(recipientId, asked.ack, ports.clock.now());
    return w.outbox.pending(recipientId, most + 1);
  });
  const given = pending.slice(0, most);
  const sets = await Promise.all(
    given.map(async (due) => [due.notice.id, await ports.events.signDocument(SET_TYPE, securityEvent(ports.issuer, due))] as const),
  );
  return { sets: Object.fromEntries(sets), moreAvailable: pending.length > most };
}
