import { FEWEST_PEOPLE, WINDOW_DAYS, type Indicators } from "../../core/register/indicators.ts";
import type { Participant } from "../../core/register/participant.ts";
import type { Tongue } from "../tongue.ts";

/** The figures, each with what it is a part of. */
export function viewOfFigures(
  tongue: Tongue,
  { roles }: Pick<Participant, "roles">,
  { looks, suspensions, deliveries, events }: Indicators,
) {
  const { t, number } = tongue;
  const ofDeliveries = roles.includes("platform") ? t("profile.deliveriesIn") : t("profile.deliveriesOut");
  const tooFew = t("profile.tooFew", { fewest: FEWEST_PEOPLE });
  return {
    lead: t("profile.figuresLead", { days: WINDOW_DAYS }),
    rows: [
      { label: t("profile.looks"), value: looks.days === 0 ? t("profile.looksNone") : shareOf(tongue, looks.passed, looks.days) },
      { label: t("profile.suspensions"), value: number(suspensions) },
      ...(roles.includes("service") && roles.length === 1
        ? []
        : [{ label: ofDeliveries, value: deliveries === null ? tooFew : shareOf(tongue, deliveries.verified, deliveries.ended) }]),
      { label: t("profile.events"), value: eventsOf(tongue, events) },
    ],
  };
}

/** Rounded down: 100 % is all of them. */
function shareOf({ t, number }: Tongue, part: number, whole: number): string {
  return t("profile.share", { part: number(part), whole: number(whole), percent: number(Math.floor((100 * part) / whole)) });
}

function eventsOf(tongue: Tongue, { told, acknowledged, medianSeconds }: Indicators["events"]): string {
  const { t } = tongue;
  if (told === 0) return t("profile.eventsNone");
  if (medianSeconds === null) return t("profile.eventsSilent", { told });
  return t("profile.eventsShare", { duration: durationOf(tongue, medianSeconds), acknowledged, told });
}

const UNITS = [
  ["seconds", 1, 120],
  ["minutes", 60, 120],
  ["hours", 3600, 48],
] as const;

/** In the unit that gives a small number. */
function durationOf({ t }: Tongue, seconds: number): string {
  const fits = UNITS.find(([, length, most]) => seconds / length < most);
  return fits
    ? t(`profile.duration.${fits[0]}`, { count: Math.round(seconds / fits[1]) })
    : t("profile.duration.days", { count: Math.round(seconds / 86_400) });
}
