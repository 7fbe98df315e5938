import type { Consent } from "../consent/consent.ts";
import { addConsentRequest } from "../consent/request-consent.ts";
import { RelaisError } from "../errors.ts";
import type { Policy } from "../policy/policy.ts";
import type { PersonId, SwitchId } from "../ids.ts";
import type { Ports, Writer } from "../ports.ts";
import type { Switch } from "./switch.ts";

const DAY_MILLISECONDS = 86_400_000;

/**
 * Asks the old place to delete what it holds: a separate act of the person, possible only behind the gate. It is a consent of its own
 * (action `erase`), for the data sets that were verified at the new place and no others.
 * @throws RelaisError `conflict` while anything is missing at the new place.
 */
export async function closeOldPlace(
  ports: Pick<Ports, "store" | "clock" | "policy">,
  request: { switchId: SwitchId; personId: PersonId; confirmed: true },
): Promise<Switch> {
  const now = ports.clock.now();
  return ports.store.write(async (w) => {
    const row = await w.switches.get(request.switchId);
    if (row.personId !== request.personId || row.consentId === null) throw new RelaisError("not_found", "There is no switch with this id.");
    if (!(await w.moves.change(row.id, ["verified"], "closing"))) {
      throw new RelaisError(
        "conflict",
        "The old place can be closed only when everything has been verified at the new one, and only once.",
        { actor: "person" },
      );
    }
    await allowErasing(w, row, { copied: await w.consents.get(row.consentId), policy: ports.policy, now });
    return w.switches.get(row.id);
  });
}

async function allowErasing(w: Writer, row: Switch, { copied, ...terms }: { copied: Consent; policy: Policy; now: Date }): Promise<void> {
  const { now } = terms;
  const asked = await addConsentRequest(
    w,
    {
      personId: row.personId,
      sourceLinkId: row.sourceLinkId,
      destinationLinkId: row.destinationLinkId,
      switchId: row.id,
      action: "erase",
      datasets: copied.datasets,
      purpose: copied.notice.purpose.iri,
      recurrence: null,
      expires: new Date(now.getTime() + DAY_MILLISECONDS).toISOString().slice(0, 10),
      retention: null,
      language: copied.language,
      requester: null,
    },
    terms,
  );
  await w.permissions.move(asked.id, ["requested"], "active", { datasets: copied.datasets, decidedAt: now });
}
