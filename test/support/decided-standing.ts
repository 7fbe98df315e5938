import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { endStanding, reinstateParticipant } from "../../src/core/register/change-standing.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { openKeyring } from "../../src/keys/keyring.ts";
import { signCompact } from "../../src/keys/signer.ts";
import { openCharters } from "../../src/policies/charters.ts";
import { REASONS } from "./charter.ts";
import type { FaultWorld } from "./fault-relais.ts";
import { realClock } from "./real-clock.ts";

const CHARTERS = openCharters(fileURLToPath(new URL("../../policies/charter", import.meta.url)));
const deciders = [{ name: "Accreditor A", role: "accreditor" as const }];

/** The decision itself, as the register writes it down; resolves with the time at which it is committed. */
export async function decideStanding(world: FaultWorld, kind: "suspend" | "reinstate", { id }: Participant): Promise<number> {
  const keys = await openKeyring(join(world.dir, "relais", "keys"), "web");
  const statements = { signDocument: async (type: string, payload: object) => signCompact(keys.current("federation"), type, payload) };
  const queue = { ring: async () => undefined };
  const ports = { store: world.store, clock: realClock, issuer: world.url, charters: CHARTERS, statements, queue };
  const change = { participantId: id, deciders, reasons: REASONS };
  await (kind === "suspend" ? endStanding(ports, "suspend", change) : reinstateParticipant(ports, change));
  return Date.now();
}
