import type { PersonId } from "../ids.ts";
import type { Ports, Writer } from "../ports.ts";
import { endPermissions, giveUpSwitches } from "./end-permissions.ts";

type DeletingPorts = Pick<Ports, "store" | "clock">;

const AT_ONCE = 100;

/**
 * Ends everything that this person allowed, and their sessions, in one transaction; from then on nobody signs in to the account. Then erases it,
 * where nothing is under way; else the sweeper does, as soon as nothing is. Returns whether it is gone.
 */
export async function deleteAccount(ports: DeletingPorts, personId: PersonId): Promise<boolean> {
  const now = ports.clock.now();
  await ports.store.write(async (w) => {
    await w.belongings.lock(personId);
    await w.belongings.close(personId, now);
    await endEverything(w, personId, now);
  });
  return eraseAccount(ports, personId);
}

/** Erases accounts whose deletion waited for something under way. Returns how many are gone. */
export async function eraseClosed(ports: DeletingPorts): Promise<number> {
  const waiting = await ports.store.read((r) => r.account.closing(AT_ONCE));
  const gone = await Promise.all(waiting.map((personId) => eraseAccount(ports, personId)));
  return gone.filter(Boolean).length;
}

/** What a request that was under way may have added meanwhile ends first. */
async function eraseAccount({ store, clock }: DeletingPorts, personId: PersonId): Promise<boolean> {
  return store.write(async (w) => {
    await w.belongings.lock(personId);
    await endEverything(w, personId, clock.now());
    return w.belongings.erase(personId);
  });
}

async function endEverything(w: Writer, personId: PersonId, now: Date): Promise<void> {
  await endPermissions(w, await w.consents.list(personId), now);
  await giveUpSwitches(w, await w.switches.list(personId));
  await w.belongings.endSessions(personId, null);
}
