import { unreadEnds } from "../../core/consent/tell-ends.ts";
import { localPath } from "../../core/person/local-path.ts";
import { endsOf } from "../transfers/handlers.ts";
import type { Answer, Handler, PagesPorts, PersonVisit, Visit } from "../visit.ts";
import { errorsByField, pathOf } from "../visit.ts";
import { sharedToDo } from "../journey/shared-view.ts";
import { readTold, viewOfTold } from "../life/told.ts";
import { viewOfEnds } from "./ends.ts";
import { viewOfSignIn } from "./sign-in.ts";
import { viewOfMe } from "./view.ts";

export function home(_ports: PagesPorts, { tongue }: Visit): Answer {
  return { kind: "page", template: "home", title: tongue.t("home.title"), model: {} };
}

export function signIn(ports: PagesPorts, visit: Visit): Answer {
  const next = localPath(visit.query.one("next")) ?? pathOf(visit, "/me");
  if (visit.session !== null) return { kind: "redirect", to: next };
  return { kind: "page", template: "sign-in", title: visit.tongue.t("signIn.title"), model: viewOfSignIn(visit.tongue, ports.ways, next) };
}

export function showRecovery(_ports: PagesPorts, { tongue, query }: Visit): Answer {
  const errors = query.one("refused") === "" ? [] : [{ field: "code", text: tongue.t("recovery.error") }];
  const model = { errors, errorAt: errorsByField(tongue, errors), next: localPath(query.one("next")) };
  return { kind: "page", template: "recovery", title: tongue.t("recovery.title"), model, status: errors.length > 0 ? 422 : 200 };
}

export function showDeleted(_ports: PagesPorts, { tongue }: Visit): Answer {
  return { kind: "page", template: "deleted", title: tongue.t("deleted.title"), model: {} };
}

/** Pages that say the same to everybody. */
const PLAIN = {
  accessibility: "accessibility.title",
  legal: "legal.title",
  privacy: "privacy.title",
  understand: "understand.title",
} as const;

export function plainPage(name: keyof typeof PLAIN): Handler {
  return (_ports, { tongue }) => ({ kind: "page", template: name, title: tongue.t(PLAIN[name]), model: {} });
}

export async function me(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const { personId, tongue } = visit;
  const now = ports.clock.now();
  const { participants, consents, transfers, switches, told, ends, shared, before } = await ports.store.read(async (r) => {
    const own = {
      consents: await r.consents.list(personId),
      transfers: await r.transfers.list(personId),
      switches: await r.switches.list(personId),
    };
    return {
      ...own,
      before: await r.people.findPreviousVisit(personId),
      told: await readTold(r, personId),
      ends: await unreadEnds(r, personId, now),
      shared: await r.parties.shared(personId),
      participants: await r.registered.named(endsOf(Object.values(own).flat())),
    };
  });
  const model = viewOfMe(tongue, { participants, consents, transfers, switches, before, now });
  return {
    kind: "page",
    template: "me",
    title: tongue.t("me.title"),
    model: {
      ...model,
      toDo: [...sharedToDo(tongue, shared, now), ...model.toDo],
      told: viewOfTold(tongue, told),
      ends: viewOfEnds(tongue, ends),
      name: visit.session.displayName,
    },
  };
}
