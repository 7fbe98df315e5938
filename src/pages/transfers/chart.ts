import type { Tongue } from "../tongue.ts";

interface Counts {
  title: string;
  expected: number;
  sent: number;
  stored: number;
  verified: number;
}

const WIDTH = 320;
const LABEL = 92;
const NUMBER = 64;
const BAR = 12;
const STEP = 20;
const HEAD = 26;
const GAP = 14;
const MEASURES = ["expected", "sent", "stored", "verified"] as const;

/** The table beside it as bars: one group per data set, one labelled bar per measure, all of a group against what was consented. */
export function chartOf(tongue: Tongue, rows: Counts[]) {
  const { t, number } = tongue;
  const height = HEAD + MEASURES.length * STEP + GAP;
  const groups = rows.map((row, index) => ({
    title: row.title.length > 44 ? `${row.title.slice(0, 43)}…` : row.title,
    y: index * height + 16,
    bars: MEASURES.map((measure, line) => ({
      label: t(`measure.${measure}`),
      number: number(row[measure]),
      measure,
      y: index * height + HEAD + line * STEP,
      textY: index * height + HEAD + line * STEP + BAR - 2,
      width: widthOf(row[measure], row.expected),
    })),
  }));
  const description = rows
    .map((row) =>
      t("chart.row", {
        title: row.title,
        expected: number(row.expected),
        sent: number(row.sent),
        stored: number(row.stored),
        verified: number(row.verified),
      }),
    )
    .join(" ");
  return { width: WIDTH, height: groups.length * height, barX: LABEL, barHeight: BAR, track: WIDTH - LABEL - NUMBER, groups, description };
}

function widthOf(value: number, whole: number): number {
  if (whole <= 0 || value <= 0) return 0;
  // A small count stays visible, and only the whole fills the bar.
  const share = Math.min(value / whole, 1) * (WIDTH - LABEL - NUMBER);
  return Math.max(2, Math.round(share * 10) / 10);
}
