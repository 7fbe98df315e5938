import { RelaisError } from "../../core/errors.ts";
import { asId } from "../../core/ids.ts";
import { pathOf, type Answer, type PagesPorts, type PersonVisit } from "../visit.ts";

/** In force with that browser's next request: each one looks the session up. */
export async function endOther({ store }: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const id = asId("session", visit.params["id"]);
  if (!(await store.write((w) => w.belongings.endSession(visit.personId, id))))
    throw new RelaisError("not_found", "There is no such session among yours. It may have ended by itself.", { actor: "person" });
  return { kind: "redirect", to: pathOf(visit, "/me/account?news=sessionEnded") };
}

export async function endOthers({ store }: PagesPorts, visit: PersonVisit): Promise<Answer> {
  await store.write((w) => w.belongings.endSessions(visit.personId, visit.session.tokenHash));
  return { kind: "redirect", to: pathOf(visit, "/me/account?news=sessionsEnded") };
}
