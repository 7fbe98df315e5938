import { asRelaisError } from "../core/errors.ts";
import { accreditParticipant } from "../core/register/accredit-participant.ts";
import { joinRegister } from "../core/register/join-register.ts";
import { registerParticipant, type Entry } from "../core/register/register-participant.ts";
import type { Keyring } from "../keys/keyring.ts";
import { startSandboxChild } from "../sandbox/child.ts";
import { SANDBOX_REASONS, type SandboxPlan } from "../sandbox/plan.ts";
import { registering, type Base } from "./base.ts";

/** Reference participants in a process of their own, beside Relais. */
export async function startSandbox(base: Base, plan: SandboxPlan, keyring: Keyring): Promise<AsyncDisposable> {
  const told = (error: unknown): void => base.log.error("a sandbox participant was not taken in", { error: asRelaisError(error) });
  const child = await startSandboxChild(plan.settings, {
    solid: (solid) => void admit(base, keyring, [solid]).catch(told),
    bad: (names) => void joinSandbox(base, keyring, names).catch(told),
  });
  await admit(base, keyring, child.participants);
  return child;
}

/** Sandbox participants are registered from what they publish, like any other; the operator accredits them at level 1, and says so. */
async function admit(base: Base, keyring: Keyring, entries: Entry[]): Promise<void> {
  const ports = registering(base, keyring);
  for (const entry of entries) {
    // The sandbox is ours: its keys are known, also where its folder is a new one beside an old database.
    const participant = await registerParticipant(ports, "entityId" in entry ? { ...entry, confirmed: true } : entry);
    if (participant.status !== "accredited")
      await accreditParticipant(ports, { participantId: participant.id, level: 1, reasons: SANDBOX_REASONS });
  }
}

/** Those that are bad on purpose join like anybody: level 0, and no further. */
async function joinSandbox(base: Base, keyring: Keyring, entityIds: string[]): Promise<void> {
  for (const entityId of entityIds) await joinRegister(registering(base, keyring), { entityId, confirmed: true });
}
