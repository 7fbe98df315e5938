import type { Consent } from "../consent/consent.ts";
import { withdraw } from "../consent/withdraw-consent.ts";
import type { Writer } from "../ports.ts";
import type { Switch, SwitchState } from "../switch/switch.ts";

/**
 * Ends these permissions as their person's own act: what was given is withdrawn and its transfers are stopped, what waits for an answer is refused.
 * Those that ended before stay as they are. Returns how many were ended, and how many transfers were stopped.
 */
export async function endPermissions(w: Writer, consents: readonly Consent[], now: Date): Promise<{ ended: number; stopped: number }> {
  const done = { ended: 0, stopped: 0 };
  for (const { id } of consents) {
    const stopped = (await withdraw(w, id, now)) ?? (await refuse(w, id, now));
    if (stopped === null) continue;
    done.ended += 1;
    done.stopped += stopped;
  }
  return done;
}

/** Nothing runs under what was only asked for; null where it was answered before. */
async function refuse(w: Writer, id: Consent["id"], now: Date): Promise<0 | null> {
  const end = { decidedAt: now, endedAt: now, endedBy: "person" } as const;
  return (await w.permissions.move(id, ["requested"], "refused", end)) ? 0 : null;
}

/** What becomes of a switch that its person gives up: what was not begun or not finished is abandoned, and an old place is not closed any more. */
const GIVEN_UP: Partial<Record<SwitchState, SwitchState>> = {
  planned: "abandoned",
  copying: "abandoned",
  incomplete: "abandoned",
  closing: "verified",
};

/** Call it after the permissions have ended: stopping a copy leaves its switch incomplete. */
export async function giveUpSwitches(w: Writer, switches: readonly Switch[]): Promise<void> {
  for (const { id } of switches)
    for (const [from, to] of Object.entries(GIVEN_UP) as [SwitchState, SwitchState][]) await w.moves.change(id, [from], to);
}
