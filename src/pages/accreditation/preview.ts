import { profileOf } from "../../core/register/profile.ts";
import { pageOfProfile } from "../register/handlers.ts";
import type { Answer, PagesPorts, PersonVisit } from "../visit.ts";
import { memberOf } from "./caller.ts";

/** One's own public page as it would be with the present application, for whoever acts for the participant. */
export async function preview(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const { tongue } = visit;
  const { participantId } = await memberOf(ports, visit);
  const now = ports.clock.now();
  const { model, hasApplication } = await ports.store.read(async (r) => {
    const [newest] = await r.accreditations.applicationsOf(participantId);
    const asked = { participant: await r.participants.get(participantId), application: newest ?? null, now };
    const profile = await profileOf(r, ports.charters, asked);
    return { model: await pageOfProfile(r, tongue, profile, now), hasApplication: newest !== undefined };
  });
  const banner = hasApplication ? tongue.t("preview.bannerText") : tongue.t("preview.none");
  const title = tongue.t("preview.title", { name: model.name });
  return { kind: "page", template: "participant", title, model: { ...model, preview: { banner, id: participantId } } };
}
