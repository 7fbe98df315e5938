import type { Participant, Status } from "../../core/register/participant.ts";
import type { RegisterEntry } from "../../core/register/register-reader.ts";
import { standingOf } from "../../core/register/standing.ts";
import type { Tongue } from "../tongue.ts";

export type Entry = RegisterEntry;

/** Colour and words always come together: a colour alone says nothing. */
const TAGS = {
  registered: "govuk-tag--grey",
  accredited: "govuk-tag--green",
  suspended: "govuk-tag--orange",
  revoked: "govuk-tag--red",
  expired: "govuk-tag--grey",
} as const satisfies Record<Status, string>;

export function namesOf(participants: readonly Pick<Participant, "id" | "name">[]): Map<string, string> {
  return new Map(participants.map(({ id, name }) => [id, name]));
}

/** The accreditation in words, as people see it beside a name. */
export function badgeOf({ t, lang, date }: Tongue, { participant, mark }: Entry, now: Date) {
  const status = standingOf(participant, mark, now);
  const inForce = status === "accredited" && mark !== null;
  return {
    text: inForce ? t("register.accreditedAt", { level: mark.level }) : t(`register.status.${status}`),
    classes: TAGS[status],
    since: inForce ? t("register.since", { date: date(mark.issuedAt) }) : null,
    until: inForce ? t("register.until", { date: date(mark.expiresAt) }) : null,
    href: `/${lang}/register/${participant.id}`,
  };
}

export function rowOfParticipant(tongue: Tongue, entry: Entry, now: Date) {
  const { participant } = entry;
  return {
    name: participant.name,
    roles: rolesOf(tongue, participant),
    country: tongue.country(participant.about.country),
    badge: badgeOf(tongue, entry, now),
    datasets: participant.datasets.map((dataset) => dataset.title[tongue.lang]),
  };
}

export function viewOfParticipant(tongue: Tongue, entry: Entry, now: Date) {
  const { participant, mark } = entry;
  const { t, lang } = tongue;
  return {
    ...rowOfParticipant(tongue, entry, now),
    entityId: participant.entityId,
    protocol: t(`register.protocol.${participant.adapter}`),
    privacyContact: participant.about.privacyContact,
    policyUri: participant.about.policyUri?.startsWith("https://") ? participant.about.policyUri : null,
    jwt: mark?.jwt ?? null,
    datasets: participant.datasets.map((dataset) => ({
      title: dataset.title[lang],
      kind: t(`kind.${dataset.kind}`),
      description: dataset.description[lang],
      example: dataset.example[lang],
    })),
    isHolder: participant.roles.includes("holder"),
    isPlatform: participant.roles.includes("platform"),
    copyHref: `/${lang}/me/copy?${new URLSearchParams({ source: participant.id })}`,
    switchHref: `/${lang}/me/switch?${new URLSearchParams({ destination: participant.id })}`,
  };
}

function rolesOf({ t }: Tongue, { roles }: Participant): string {
  return roles.map((role) => t(`role.${role}`)).join(", ");
}
