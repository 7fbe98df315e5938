import type { AccountLink } from "../../core/person/person.ts";
import type { Reader } from "../../core/ports.ts";
import { refusedByConditions, type Refusal } from "../../core/policy/decide.ts";
import { REASONS } from "../../core/policy/reasons.ts";
import { isAccredited } from "../../core/register/participant.ts";
import type { Places } from "../accounts/offer.ts";
import type { Entry } from "../register/view.ts";
import type { Tongue } from "../tongue.ts";
import type { PagesPorts } from "../visit.ts";

/** What one holder does not send to one platform (S-122: said, never silently missing). */
export interface Restriction {
  holder: Entry;
  platform: Entry;
  refused: Refusal[];
}

/** Between the holder that is chosen, or those where the person has an account, and every platform on offer. */
export async function readRestrictions(
  ports: PagesPorts,
  { entries, links }: Pick<Places, "entries" | "links">,
  source: string,
): Promise<Restriction[]> {
  const now = ports.clock.now();
  const inForce = entries.filter(({ participant, mark }) => isAccredited(participant, mark, now));
  const chosen = inForce.filter(({ participant }) => participant.id === source || links.some((link) => isAt(link, participant.id, source)));
  const mine =
    chosen.length > 0 ? chosen : inForce.filter(({ participant }) => links.some((link) => link.participantId === participant.id));
  const holders = mine.filter(({ participant }) => participant.roles.includes("holder"));
  const platforms = inForce.filter(({ participant }) => participant.roles.includes("platform"));
  return ports.store.read(async (r) => {
    const found: Restriction[] = [];
    for (const holder of holders)
      for (const platform of platforms) {
        const link =
          links.find((one) => isAt(one, holder.participant.id, source)) ?? links.find((one) => one.participantId === holder.participant.id);
        const refused = await refusedIn(r, ports, { holder, platform }, link ?? null);
        if (refused.length > 0) found.push({ holder, platform, refused });
      }
    return found;
  });
}

function isAt(link: AccountLink, participantId: string, source: string): boolean {
  return link.participantId === participantId && link.id === source;
}

export function refusedOf(
  ports: PagesPorts,
  ends: { holder: Entry; platform: Entry },
  link: Pick<AccountLink, "id"> | null,
): Promise<Refusal[]> {
  return ports.store.read((r) => refusedIn(r, ports, ends, link));
}

function refusedIn(
  r: Reader,
  { policy, clock }: PagesPorts,
  ends: { holder: Entry; platform: Entry },
  link: Pick<AccountLink, "id"> | null,
): Promise<Refusal[]> {
  const datasets = ends.holder.participant.datasets.map(({ id }) => id);
  return refusedByConditions(r, policy, ends, { datasets, sourceLinkId: link?.id ?? null, now: clock.now() });
}

export function viewOfRestriction({ t, lang }: Tongue, { holder, platform, refused }: Restriction) {
  const catalogue = holder.participant.datasets;
  const titles = catalogue.filter(({ id }) => refused.some(({ dataset }) => dataset === id)).map(({ title }) => title[lang]);
  return {
    what: t("conditions.copy.pair", {
      holder: holder.participant.name,
      platform: platform.participant.name,
      datasets: refused.length === catalogue.length ? t("conditions.every") : titles.join(", "),
    }),
    because: sentencesOf(lang, refused),
    href: `/${lang}/register/${holder.participant.id}`,
  };
}

export function sentencesOf(lang: Tongue["lang"], refused: Refusal[]): string[] {
  return [...new Set(refused.flatMap(({ reasons }) => reasons))].map((reason) => REASONS[reason].sentence[lang]);
}
