import type { Consent } from "../../core/consent/consent.ts";
import { readEnd } from "../../core/consent/tell-ends.ts";
import { asId } from "../../core/ids.ts";
import { becauseOf } from "../receipts/view.ts";
import type { Tongue } from "../tongue.ts";
import { pathOf, type Answer, type PagesPorts, type PersonVisit } from "../visit.ts";

/** What ended without the person: between whom, since when, why, and what was before and is now. */
export function viewOfEnds(tongue: Tongue, ends: Consent[]) {
  const { t, lang, date } = tongue;
  return ends.flatMap((consent) => {
    const { id, notice, endedAt, endedBecause } = consent;
    if (endedAt === null || endedBecause === null) return [];
    const places = { source: notice.source.name, destination: notice.destination.name };
    return {
      title: t("ends.title", { ...places, date: date(endedAt) }),
      because: becauseOf(tongue, consent, endedBecause),
      href: `/${lang}/permissions/${id}`,
      readHref: `/${lang}/permissions/${id}/end/read`,
      about: t("permission.fromTo", places),
    };
  });
}

/** Read: it is not shown any more. */
export async function markEndRead(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  await readEnd(ports, { personId: visit.personId, consentId: asId("consent", visit.params["id"]) });
  return { kind: "redirect", to: pathOf(visit, "/me") };
}
