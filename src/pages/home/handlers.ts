import { localPath } from "../../core/person/local-path.ts";
import { endsOf } from "../transfers/handlers.ts";
import type { Answer, Handler, PagesPorts, PersonVisit, Visit } from "../visit.ts";
import { pathOf } from "../visit.ts";
import { readTold, viewOfTold } from "../life/told.ts";
import { viewOfMe } from "./view.ts";

export function home(_ports: PagesPorts, { tongue }: Visit): Answer {
  return { kind: "page", template: "home", title: tongue.t("home.title"), model: {} };
}

export function signIn(_ports: PagesPorts, visit: Visit): Answer {
  const next = localPath(visit.query.one("next")) ?? pathOf(visit, "/me");
  if (visit.session !== null) return { kind: "redirect", to: next };
  const start = `/sign-in/start?${new URLSearchParams({ next, lang: visit.tongue.lang })}`;
  return { kind: "page", template: "sign-in", title: visit.tongue.t("signIn.title"), model: { start } };
}

const LEGAL = { accessibility: "accessibility.title", legal: "legal.title", privacy: "privacy.title" } as const;

export function legalPage(name: keyof typeof LEGAL): Handler {
  return (_ports, { tongue }) => ({ kind: "page", template: name, title: tongue.t(LEGAL[name]), model: {} });
}

export async function me(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const { personId, tongue } = visit;
  const { participants, consents, transfers, switches, told, before } = await ports.store.read(async (r) => {
    const own = {
      consents: await r.consents.list(personId),
      transfers: await r.transfers.list(personId),
      switches: await r.switches.list(personId),
    };
    const previous = await r.people.findPreviousVisit(personId);
    return {
      ...own,
      before: previous,
      told: await readTold(r, personId),
      participants: await r.registered.named(endsOf(Object.values(own).flat())),
    };
  });
  const model = viewOfMe(tongue, { participants, consents, transfers, switches, before, now: ports.clock.now() });
  return {
    kind: "page",
    template: "me",
    title: tongue.t("me.title"),
    model: { ...model, told: viewOfTold(tongue, told), name: visit.session.displayName },
  };
}
