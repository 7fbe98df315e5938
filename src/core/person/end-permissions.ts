import { stopTransfers } from "../consent/stop-transfers.ts";
import { closeProposals } from "../consent/succession.ts";
import type { Consent } from "../consent/consent.ts";
import type { Writer } from "../ports.ts";
import type { Switch, SwitchState } from "../switch/switch.ts";

/**
 * Ends these permissions as their person's own act: what was given is withdrawn and its transfers are stopped, what waits for an answer is refused.
 * Those that ended before stay as they are. Returns how many were ended, and how many transfers were stopped.
 */
export async function endPermissions(w: Writer, consents: readonly Consent[], now: Date): Promise<{ ended: number; stopped: number }> {
  const done = { ended: 0, stopped: 0 };
  for (const { id } of consents) {
    const end = { endedAt: now, endedBy: "person" } as const;
    const isWithdrawn = await w.permissions.move(id, ["active", "suspended"], "withdrawn", end);
    const isRefused = !isWithdrawn && (await w.permissions.move(id, ["requested"], "refused", { ...end, decidedAt: now }));
    if (!isWithdrawn && !isRefused) continue;
    await closeProposals(w, id, now);
    done.ended += 1;
    done.stopped += await stopTransfers(w, id, { now, actor: "person" });
  }
  return done;
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
