import { asRelaisError, RelaisError } from "../../core/errors.ts";
import { asId } from "../../core/ids.ts";
import { confirmKeys } from "../../core/register/confirm-keys.ts";
import { toldRefusal } from "../refusals.ts";
import { pathOf, type Answer, type PagesPorts, type PersonVisit } from "../visit.ts";
import { staffOf } from "./caller.ts";
import { standingPage } from "./staff.ts";

const TOLD = ["invalid", "conflict", "peer_unavailable", "peer_protocol"];

/** An accreditor confirms the keys that the page showed; the second accreditor's word puts them in force. */
export async function confirmPublishedKeys(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const caller = await staffOf(ports, visit);
  const participantId = asId("participant", visit.params["id"]);
  const { form, tongue } = visit;
  try {
    if (form.one("asked") !== "yes") throw new RelaisError("invalid", tongue.t("entity.error.asked"));
    await confirmKeys(ports, caller, { participantId, thumbprints: form.all("thumbprint") });
    return { kind: "redirect", to: pathOf(visit, `/accreditation/participants/${participantId}`) };
  } catch (error) {
    const { code, message } = asRelaisError(error);
    if (!TOLD.includes(code)) throw error;
    return standingPage(ports, visit, [{ field: "asked", text: toldRefusal(tongue, message) }]);
  }
}
