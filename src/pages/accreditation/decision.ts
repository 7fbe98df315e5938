import { asId } from "../../core/ids.ts";
import type { Answer, PagesPorts, Visit } from "../visit.ts";
import { viewOfDecision } from "./view.ts";

/** The public page of one decision. */
export async function decision(ports: PagesPorts, { tongue, params }: Visit): Promise<Answer> {
  const { found, participant } = await ports.store.read(async (r) => {
    const one = await r.accreditations.getDecision(asId("decision", params["id"]));
    return { found: one, participant: await r.participants.get(one.participantId) };
  });
  const model = viewOfDecision(tongue, found, participant);
  return { kind: "page", template: "decision", title: tongue.t("decision.title", { what: model.what, name: model.name }), model };
}
