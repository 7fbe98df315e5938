import { ownConsent } from "../../core/consent/decide-consent.ts";
import { RelaisError } from "../../core/errors.ts";
import { asId, type ConsentId } from "../../core/ids.ts";
import { requestTransfer } from "../../core/transfer/request-transfer.ts";
import { isTerminal } from "../../core/transfer/transfer.ts";
import { pathOf, type Answer, type PagesPorts, type PersonVisit } from "../visit.ts";
import { startsAtRelais } from "./view.ts";

/** `earlier`: how many transfers there were when this one was wanted. A second click finds the first one's. */
export async function startCopy(
  ports: PagesPorts,
  visit: PersonVisit,
  consentId: ConsentId,
  { earlier, isFull = false }: { earlier: number; isFull?: boolean },
): Promise<string> {
  const idempotencyKey = `${consentId} ${earlier}`;
  const transfer = await requestTransfer(ports, { consentId, personId: visit.personId, idempotencyKey, isFull });
  return pathOf(visit, `/me/transfers/${transfer.id}`);
}

/** For a permission whose transfer could not be accepted when it was given, was stopped, or broke off. */
export async function startPermission(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const { consent, own } = await ports.store.read(async (r) => {
    const found = await ownConsent(r, asId("consent", visit.params["id"]), visit.personId);
    return { consent: found, own: (await r.transfers.list(visit.personId)).filter((transfer) => transfer.consentId === found.id) };
  });
  if (!startsAtRelais(consent)) throw new RelaisError("conflict", "This transfer is not started here.", { actor: "person" });
  const isFull = visit.form.one("full") === "yes";
  const live = own.find((transfer) => !isTerminal(transfer.state));
  return {
    kind: "redirect",
    to: live ? pathOf(visit, `/me/transfers/${live.id}`) : await startCopy(ports, visit, consent.id, { earlier: own.length, isFull }),
  };
}
