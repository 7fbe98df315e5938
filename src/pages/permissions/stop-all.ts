import { withdrawAll } from "../../core/consent/withdraw-consent.ts";
import { RelaisError } from "../../core/errors.ts";
import { asId, type ParticipantId } from "../../core/ids.ts";
import { isTerminal } from "../../core/transfer/transfer.ts";
import { pathOf, type Answer, type Form, type PagesPorts, type PersonVisit } from "../visit.ts";
import { isActive, rowOfConsent } from "./view.ts";

/** Everything that one place sends, or receives. */
type Which = { from: ParticipantId } | { to: ParticipantId };

function whichOf(form: Form): Which {
  if (form.one("from") !== "") return { from: asId("participant", form.one("from")) };
  return { to: asId("participant", form.one("to")) };
}

/** First screen of two: what stops, one by one, and what does not. */
export async function showStopAll(ports: PagesPorts, { tongue, personId, query }: PersonVisit): Promise<Answer> {
  const which = whichOf(query);
  const now = ports.clock.now();
  const { consents, transfers } = await ports.store.read(async (r) => ({
    consents: (await r.consents.list(personId)).filter((one) => isActive(one, now)),
    transfers: await r.transfers.list(personId),
  }));
  const chosen = consents.filter(({ sourceId, destinationId }) => ("from" in which ? sourceId === which.from : destinationId === which.to));
  const [first] = chosen;
  if (first === undefined) throw new RelaisError("conflict", "Nothing is left to stop here.", { actor: "person" });
  const ids = new Set(chosen.map(({ id }) => id));
  const way = "from" in which ? "from" : "to";
  const name = way === "from" ? first.notice.source.name : first.notice.destination.name;
  const model = {
    way,
    place: Object.values(which)[0],
    rows: chosen.map((consent) => rowOfConsent(tongue, consent, transfers, now)),
    running: transfers.filter((transfer) => ids.has(transfer.consentId) && !isTerminal(transfer.state)).length,
    contacts: [...new Map(chosen.map(({ notice }) => [notice.destination.name, notice.destination.privacyContact]))],
    action: tongue.t("stopAll.action", { count: chosen.length }),
  };
  return { kind: "page", template: "stop-all", title: tongue.t(`stopAll.title.${way}`, { name }), model };
}

export async function stopAll(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const { stopped } = await withdrawAll(ports, { personId: visit.personId, ...whichOf(visit.form) });
  return { kind: "redirect", to: pathOf(visit, `/permissions?stopped=${stopped}`) };
}
