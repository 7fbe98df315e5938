import type { Language } from "../catalogue/data-set.ts";
import type { Consent } from "../consent/consent.ts";
import { addConsentRequest, type ConsentRequest } from "../consent/request-consent.ts";
import { RelaisError } from "../errors.ts";
import { newId, type LinkId, type PersonId } from "../ids.ts";
import type { Ports } from "../ports.ts";
import type { Switch } from "./switch.ts";

export interface SwitchPlan {
  personId: PersonId;
  sourceLinkId: LinkId;
  destinationLinkId: LinkId;
  language: Language;
}

/** A switch is one delivery; its consent need not outlive the days that it may take. */
const DAYS_TO_COPY = 7;
const SWITCH_PURPOSE = "https://w3id.org/dpv#ServiceProvision";

/**
 * Plans a move between two proved accounts: everything that the old place held when it was proved is offered, in a consent
 * that waits for the person's answer.
 */
export async function planSwitch(
  ports: Pick<Ports, "store" | "clock" | "policy">,
  plan: SwitchPlan,
): Promise<{ switch: Switch; consent: Consent }> {
  const now = ports.clock.now();
  return ports.store.write(async (w) => {
    const [source, destination] = [await w.people.getLink(plan.sourceLinkId), await w.people.getLink(plan.destinationLinkId)];
    if (source.personId !== plan.personId || destination.personId !== plan.personId)
      throw new RelaisError("not_found", "There is no link with this id.");
    if (source.participantId === destination.participantId)
      throw new RelaisError("invalid", "Choose another platform to move to.", { actor: "person" });
    const planned: Switch = {
      id: newId("switch"),
      personId: plan.personId,
      sourceId: source.participantId,
      destinationId: destination.participantId,
      sourceLinkId: source.id,
      destinationLinkId: destination.id,
      state: "planned",
      consentId: null,
      transferId: null,
      epoch: 0,
      createdAt: now,
      verifiedAt: null,
      closedAt: null,
    };
    await w.moves.add(planned);
    const request = { ...plan, ...copyOnce(now), switchId: planned.id };
    return { switch: planned, consent: await addConsentRequest(w, request, { policy: ports.policy, now }) };
  });
}

function copyOnce(now: Date): Omit<ConsentRequest, keyof SwitchPlan | "switchId"> {
  return {
    action: "copy",
    datasets: [],
    purpose: SWITCH_PURPOSE,
    recurrence: null,
    expires: new Date(now.getTime() + DAYS_TO_COPY * 86_400_000).toISOString().slice(0, 10),
    retention: null,
    requester: null,
  };
}
