import { isFresh } from "../../core/person/fresh-sign-in.ts";
import { localPath } from "../../core/person/local-path.ts";
import { signInButtons } from "../home/sign-in.ts";
import { pathOf, type Answer, type PagesPorts, type PersonHandler, type PersonVisit } from "../visit.ts";

/** The page that a person comes back to, once they have signed in again. */
export type WayBack = (visit: PersonVisit) => string;

/** What needs a fresh sign-in; whoever came long after theirs is led to sign in again, and back to the page where they can do it. */
export function freshly(handler: PersonHandler, wayBack: WayBack): PersonHandler {
  return (ports, visit) =>
    isFresh(visit.session, ports.clock.now()) ? handler(ports, visit) : { kind: "redirect", to: againHref(visit, wayBack(visit)) };
}

/** Where a person signs in again to go on to this page. */
export function againHref(visit: PersonVisit, page: string): string {
  return pathOf(visit, `/sign-in/again?${new URLSearchParams({ next: pathOf(visit, page) })}`);
}

/** Every way in that this person has: it is they who sign in again, as they do otherwise. */
export async function signInAgain(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const { tongue, personId, session, query } = visit;
  const next = localPath(query.one("next")) ?? pathOf(visit, "/me/account");
  if (isFresh(session, ports.clock.now())) return { kind: "redirect", to: next };
  const { person, passkeys } = await ports.store.read(async (r) => ({
    person: await r.people.find(personId),
    passkeys: (await r.account.passkeys(personId)).filter(({ blockedAt }) => blockedAt === null),
  }));
  const providers = (ports.ways?.providers ?? []).filter(({ issuer }) => issuer === person?.issuer);
  const model = {
    providers: signInButtons(tongue, providers, { next, again: "yes" }),
    hasPasskeys: ports.ways?.passkeys === "on" && passkeys.length > 0,
    recoveryHref: ports.ways?.passkeys === "on" ? pathOf(visit, `/sign-in/recovery?${new URLSearchParams({ next })}`) : null,
    next,
  };
  return { kind: "page", template: "sign-in-again", title: tongue.t("again.title"), model };
}
