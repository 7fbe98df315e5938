import type { Form } from "../../core/conversion/conversions.ts";
import type { Notice } from "../../core/consent/consent.ts";
import type { Tongue } from "../tongue.ts";

/** What a notice says, in words. */
export function factsOf(tongue: Tongue, notice: Notice) {
  const { t, lang } = tongue;
  return {
    purpose: notice.purpose.words[lang],
    purposeIri: notice.purpose.iri,
    often: oftenOf(tongue, notice),
    expires: t("permission.expires", { date: lastDayOf(tongue, notice) }),
    retention:
      notice.action === "propose"
        ? t("propose.kept", { destination: notice.destination.name })
        : keptOf(tongue, notice, notice.destination.name),
    where: whereOf(tongue, notice),
    privacyContacts: [notice.source, notice.destination].map(({ name, privacyContact }) => ({ name, contact: privacyContact })),
  };
}

export function formsOf({ t }: Tongue, forms: readonly Form[]): string {
  return t(forms.length > 0 ? "forms.yes" : "forms.no");
}

export function oftenOf(tongue: Tongue, { recurrence }: Pick<Notice, "recurrence">): string {
  return recurrence === null ? tongue.t("permission.once") : tongue.t("permission.every", { period: durationOf(tongue, recurrence) });
}

export function keptOf(tongue: Tongue, { retention }: Pick<Notice, "retention">, destination: string): string {
  if (retention === null) return tongue.t("permission.keptUntilDeleted", { destination });
  return tongue.t("permission.keptFor", { destination, period: durationOf(tongue, retention) });
}

/** A full-date is a day everywhere: noon keeps it the same day in Paris. */
export function lastDayOf({ date }: Tongue, { expires }: Pick<Notice, "expires">): string {
  return date(new Date(`${expires}T12:00:00Z`));
}

/** Member states of the European Union and of the EEA: data that stays there needs no transfer mechanism (GDPR art. 44). */
const EEA = new Set("AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE IS LI NO".split(" "));

function whereOf({ t, country }: Tongue, { destination }: Notice): string {
  return t(EEA.has(destination.country) ? "permission.whereEea" : "permission.whereOutside", {
    destination: destination.name,
    country: country(destination.country),
  });
}

const PERIODS = { Y: "period.years", M: "period.months", W: "period.weeks", D: "period.days" } as const;

/** `P1Y`, `P3M`, `P2W`, `P1D` in words; another ISO 8601 duration as it is written. */
export function durationOf({ t }: Tongue, duration: string): string {
  const [, count, unit] = /^P(\d{1,4})([YMWD])$/.exec(duration) ?? [];
  return count && unit ? t(PERIODS[unit as keyof typeof PERIODS], { count: Number(count) }) : duration;
}
