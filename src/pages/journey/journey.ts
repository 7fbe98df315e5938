import type { Journey } from "../../core/consent/journey.ts";
import { ownJourney } from "../../core/consent/start-journey.ts";
import { stateAt, type Consent } from "../../core/consent/consent.ts";
import { asId } from "../../core/ids.ts";
import type { Transfer } from "../../core/transfer/transfer.ts";
import { rowOfConsent } from "../permissions/view.ts";
import { tagOf } from "../transfers/view.ts";
import type { Tongue } from "../tongue.ts";
import { pathOf, type Answer, type PagesPorts, type PersonVisit } from "../visit.ts";

interface Walk {
  journey: Journey;
  consents: Consent[];
  transfers: Transfer[];
  now: Date;
}

/** What is answered and what is left; the same address all the way, so that a person may come back to it. */
export async function journey(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const { tongue, personId } = visit;
  const walk = await ports.store.read(async (r) => ({
    ...(await ownJourney(r, asId("journey", visit.params["id"]), personId)),
    transfers: await r.transfers.list(personId),
  }));
  const model = viewOfJourney(tongue, { ...walk, now: ports.clock.now() });
  return { kind: "page", template: "journey", title: tongue.t(model.isOver ? "journey.summary" : "journey.title"), model };
}

/** Where an answered question leads: back to the others that were chosen with it. */
export function journeyPath(visit: PersonVisit, { journeyId }: Pick<Consent, "journeyId">): string | null {
  return journeyId === null ? null : pathOf(visit, `/me/journeys/${journeyId}`);
}

function viewOfJourney(tongue: Tongue, { journey: { expiresAt }, consents, transfers, now }: Walk) {
  const { t, lang } = tongue;
  const isLate = expiresAt <= now;
  const steps = consents.map((consent) => stepOf(tongue, { consent, transfers, now, isLate }));
  const next = steps.find(({ isOpen }) => isOpen);
  const answered = consents.filter(({ decidedAt }) => decidedAt !== null).length;
  return {
    destination: consents[0]?.notice.destination.name ?? "",
    steps,
    next: next && { href: next.href, text: t("journey.next", { source: next.source }) },
    progress: t("journey.progress", { answered, count: consents.length }),
    until: t(isLate ? "journey.late" : "journey.until", { date: tongue.moment(expiresAt) }),
    isOver: next === undefined,
    permissionsHref: `/${lang}/permissions`,
  };
}

interface Step {
  consent: Consent;
  transfers: Transfer[];
  now: Date;
  isLate: boolean;
}

function stepOf(tongue: Tongue, { consent, transfers, now, isLate }: Step) {
  const { t, lang } = tongue;
  const row = rowOfConsent(tongue, consent, transfers, now);
  const isWaiting = stateAt(consent, now) === "requested";
  const own = transfers.find((transfer) => transfer.consentId === consent.id);
  return {
    source: consent.notice.source.name,
    isOpen: isWaiting && !isLate,
    href: row.href,
    state: isWaiting && isLate ? { text: t("journey.notAnswered"), classes: "govuk-tag--grey" } : row.state,
    sentence: isWaiting && isLate ? t("journey.notAnsweredText") : consent.state === "active" ? null : row.sentence,
    allowed:
      consent.datasets.length > 0 ? t("journey.allowed", { count: consent.datasets.length, of: consent.notice.datasets.length }) : null,
    transfer: own ? { tag: tagOf(tongue, own.state), href: `/${lang}/me/transfers/${own.id}` } : null,
  };
}
