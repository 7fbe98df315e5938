import { asId } from "../../core/ids.ts";
import { readStanding, unlinkAccount } from "../../core/person/unlink-account.ts";
import { maskedAccount } from "../accounts/view.ts";
import { pathOf, type Answer, type PagesPorts, type PersonVisit } from "../visit.ts";

export async function askUnlink({ store }: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const { tongue, personId, params } = visit;
  const linkId = asId("link", params["id"]);
  const { link, consents, running, name } = await store.read(async (r) => {
    const standing = await readStanding(r, { personId, linkId });
    return { ...standing, name: (await r.participants.get(standing.link.participantId)).name };
  });
  const model = {
    id: linkId,
    name,
    account: maskedAccount(link),
    consents: consents.map(({ id, notice }) => ({
      text: tongue.t("permission.fromTo", { source: notice.source.name, destination: notice.destination.name }),
      href: pathOf(visit, `/permissions/${id}`),
    })),
    running: running.length,
  };
  return { kind: "page", template: "unlink", title: tongue.t("unlink.title", { name }), model };
}

export async function unlink(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  await unlinkAccount(ports, { personId: visit.personId, linkId: asId("link", visit.params["id"]) });
  return { kind: "redirect", to: pathOf(visit, "/me/account?news=unlinked") };
}
