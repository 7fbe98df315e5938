import { deleteAccount } from "../../core/person/delete-account.ts";
import { isTerminal } from "../../core/transfer/transfer.ts";
import { errorsByField, pathOf, type Answer, type FieldError, type PagesPorts, type PersonVisit } from "../visit.ts";
import { isActive } from "../permissions/view.ts";

export async function askDeletion(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  return deletionPage(ports, visit, []);
}

async function deletionPage(ports: PagesPorts, { tongue, personId }: PersonVisit, errors: FieldError[]): Promise<Answer> {
  const now = ports.clock.now();
  const model = await ports.store.read(async (r) => ({
    active: (await r.consents.list(personId)).filter((consent) => isActive(consent, now)).length,
    running: (await r.transfers.list(personId)).filter(({ state }) => !isTerminal(state)).length,
    isMember: (await r.accreditations.memberships(personId)).length > 0,
  }));
  return {
    kind: "page",
    template: "delete-account",
    title: tongue.t("delete.title"),
    model: { ...model, errors, errorAt: errorsByField(tongue, errors) },
    status: errors.length > 0 ? 422 : 200,
  };
}

export async function deletion(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  if (visit.form.one("sure") !== "yes") return deletionPage(ports, visit, [{ field: "sure", text: visit.tongue.t("delete.error.sure") }]);
  await deleteAccount(ports, visit.personId);
  return { kind: "redirect", to: pathOf(visit, "/deleted") };
}
