import { RelaisError } from "../errors.ts";
import type { LinkId, PersonId } from "../ids.ts";
import type { Ports, Reader } from "../ports.ts";
import type { Consent } from "../consent/consent.ts";
import { isTerminal, type Transfer } from "../transfer/transfer.ts";
import type { Switch } from "../switch/switch.ts";
import { endPermissions, giveUpSwitches } from "./end-permissions.ts";
import type { AccountLink } from "./person.ts";

/** What stands on a proved account, and what ends with it. */
export interface Standing {
  link: AccountLink;
  /** Permissions that hold, or wait for an answer. */
  consents: Consent[];
  running: Transfer[];
  switches: Switch[];
}

const OPEN = new Set(["requested", "active", "suspended"]);

/** @throws RelaisError `not_found` for somebody else's account. */
export async function readStanding(r: Reader, { personId, linkId }: { personId: PersonId; linkId: LinkId }): Promise<Standing> {
  const link = await r.people.getLink(linkId);
  if (link.personId !== personId) throw new RelaisError("not_found", "There is no link with this id.");
  const stands = (row: { sourceLinkId: LinkId; destinationLinkId: LinkId }) =>
    row.sourceLinkId === linkId || row.destinationLinkId === linkId;
  const all = (await r.consents.list(personId)).filter(stands);
  const ids = new Set(all.map(({ id }) => id));
  return {
    link,
    consents: all.filter(({ state }) => OPEN.has(state)),
    running: (await r.transfers.list(personId)).filter(({ consentId, state }) => ids.has(consentId) && !isTerminal(state)),
    switches: (await r.switches.list(personId)).filter(stands),
  };
}

/**
 * Takes a proved account away: in one transaction its permissions end as withdrawn, their transfers stop, and its name, keys and counts are erased.
 * @throws RelaisError `conflict` while a delivery that has arrived is being compared: that takes moments.
 */
export async function unlinkAccount(
  ports: Pick<Ports, "store" | "clock">,
  account: { personId: PersonId; linkId: LinkId },
): Promise<{ ended: number; stopped: number }> {
  const now = ports.clock.now();
  return ports.store.write(async (w) => {
    const { link, consents, switches } = await readStanding(w, account);
    const done = await endPermissions(w, consents, now);
    await giveUpSwitches(w, switches);
    if ((await readStanding(w, account)).running.length > 0)
      throw new RelaisError("conflict", "A delivery has just arrived and is being compared. Try again in a minute.", { actor: "person" });
    await w.belongings.removeLink(link.id, now);
    return done;
  });
}
