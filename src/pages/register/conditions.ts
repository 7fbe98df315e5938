import { CERTIFICATES } from "../../core/policy/certificates.ts";
import { EVERY_DATASET, type Access, type Condition, type Exclusion, type Restriction } from "../../core/policy/conditions.ts";
import type { Participant } from "../../core/register/participant.ts";
import type { Tongue } from "../tongue.ts";

export interface HolderConditions {
  conditions: Condition[];
  exclusions: Exclusion[];
  access: Access[];
  /** Platforms that are named, by id. */
  names: Map<string, string>;
}

/** What a holder asks for and whom it restricts, with its reasons; null for a participant that is no holder. */
export function viewOfConditions(tongue: Tongue, holder: Participant, said: HolderConditions | null) {
  if (said === null) return null;
  return {
    asked: said.conditions.map((one) => viewOfCondition(tongue, holder, one)),
    restricted: [
      ...said.exclusions.map((one) => viewOfExclusion(tongue, holder, one)),
      ...said.access.flatMap((one) => viewOfAccess(tongue, one)),
    ].map(({ platformId, ...row }) => ({
      ...row,
      name: said.names.get(platformId) ?? platformId,
      href: `/${tongue.lang}/register/${platformId}`,
    })),
  };
}

function viewOfCondition(tongue: Tongue, holder: Participant, { regions, certificates, ...condition }: Condition) {
  const { t, lang } = tongue;
  return {
    title: titleOf(tongue, holder, condition.dataset),
    lines: [
      t("conditions.level", { level: condition.minimumLevel }),
      ...(regions.length > 0 ? [t("conditions.regions", { regions: regions.map((one) => nameOfRegion(tongue, one)).join(", ") })] : []),
      ...(certificates.length > 0
        ? [t("conditions.certificates", { certificates: certificates.map((one) => CERTIFICATES[one][lang]).join(", ") })]
        : []),
    ],
    because: condition.reason && t("conditions.because", { reason: condition.reason[lang] }),
    since: since(tongue, condition),
  };
}

/** The same, as the platform's own page shows it: by the holder that restricts. */
export function viewOfRestriction(tongue: Tongue, holder: Participant, { kind, dataset, ...restriction }: Restriction) {
  const { t, lang } = tongue;
  return {
    name: holder.name,
    href: `/${lang}/register/${holder.id}`,
    what: kind === "excluded" ? t("conditions.excluded", { dataset: titleOf(tongue, holder, dataset) }) : t(`conditions.access.${kind}`),
    because: t("conditions.because", { reason: restriction.reason[lang] }),
    since: since(tongue, restriction),
  };
}

function viewOfExclusion(tongue: Tongue, holder: Participant, exclusion: Exclusion) {
  return {
    platformId: exclusion.platformId,
    what: tongue.t("conditions.excluded", { dataset: titleOf(tongue, holder, exclusion.dataset) }),
    because: tongue.t("conditions.because", { reason: exclusion.reason[tongue.lang] }),
    since: since(tongue, exclusion),
  };
}

function viewOfAccess(tongue: Tongue, { state, ...access }: Access) {
  if (state === "open") return [];
  return [
    {
      platformId: access.platformId,
      what: tongue.t(`conditions.access.${state}`),
      because: access.reason && tongue.t("conditions.because", { reason: access.reason[tongue.lang] }),
      since: since(tongue, access),
    },
  ];
}

function titleOf({ t, lang }: Tongue, { datasets }: Participant, dataset: string): string {
  return dataset === EVERY_DATASET ? t("conditions.every") : (datasets.find(({ id }) => id === dataset)?.title[lang] ?? dataset);
}

function nameOfRegion({ t, country }: Tongue, region: string): string {
  return region === "EU" || region === "EEA" ? t(`conditions.region.${region}`) : country(region);
}

function since({ t, date, number }: Tongue, { changedAt, logIndex }: { changedAt: Date; logIndex: number }): string {
  return t("conditions.since", { date: date(changedAt), index: number(logIndex) });
}
