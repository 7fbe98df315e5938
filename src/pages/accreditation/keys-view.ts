import type { Reader } from "../../core/ports.ts";
import type { KeyQuestion } from "../../core/register/confirm-keys.ts";
import type { Endpoints } from "../../core/register/participant.ts";
import type { Tongue } from "../tongue.ts";
import { pathOf, type PersonVisit } from "../visit.ts";

/** A participant's keys on its page for accreditors: those that count, and what waits for them. */
export function keysModel({ t }: Tongue, { known, published, waiting, confirmer }: KeyQuestion) {
  const prints = (list: KeyQuestion["known"]) => list.map(({ thumbprint }) => thumbprint);
  const endpoints = Object.entries(waiting ?? {}) as [keyof Endpoints, string][];
  return {
    known: prints(known),
    published: published === null ? [] : prints(published),
    waiting: endpoints.map(([name, url]) => ({ name: t(`entity.endpoint.${name}`), url })),
    confirmer: confirmer === null ? null : t("entity.confirmedOnce", { who: confirmer }),
    /** Whatever it publishes now: keys that nobody confirmed, or those that count, from another address. */
    toConfirm: published !== null || waiting !== null ? prints(published ?? known) : [],
  };
}

/** Whose keys or addresses wait for somebody, for the accreditor's first page. */
export async function questionsOf(r: Reader, visit: PersonVisit, limit: number) {
  return (await r.entities.inQuestion(limit)).map(({ participantId, name, what, since }) => ({
    name,
    href: pathOf(visit, `/accreditation/participants/${participantId}`),
    what: visit.tongue.t(`entity.question.${what}`),
    since: visit.tongue.moment(since),
  }));
}
