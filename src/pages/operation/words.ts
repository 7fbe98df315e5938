import type { Tongue } from "../tongue.ts";

const UNITS = [
  ["seconds", 1, 120],
  ["minutes", 60, 120],
  ["hours", 3600, 48],
] as const;

/** In the unit that gives a small number. */
export function ageOf({ t }: Tongue, seconds: number): string {
  const fits = UNITS.find(([, length, most]) => seconds / length < most);
  return fits
    ? t(`operate.duration.${fits[0]}`, { count: Math.round(seconds / fits[1]) })
    : t("operate.duration.days", { count: Math.round(seconds / 86_400) });
}
