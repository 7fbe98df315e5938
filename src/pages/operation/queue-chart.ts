import { AGE_STEPS, STAGES, type StageCount } from "../../core/operation/operation-reader.ts";
import type { Tongue } from "../tongue.ts";

const WIDTH = 320;
const LABEL = 104;
const NUMBER = 56;
const BAR = 14;
const STEP = 26;

const STEPS = AGE_STEPS.length + 1;
const TRACK = WIDTH - LABEL - NUMBER;

/** Everything that has not ended: a row for each stage, a column for each step of age, and the same as bars. */
export function viewOfStages(tongue: Tongue, counts: StageCount[]) {
  const { t, number } = tongue;
  const at = (stage: string, step: number): number => counts.find((one) => one.stage === stage && one.step === step)?.count ?? 0;
  const rows = STAGES.map((stage) => {
    const cells = Array.from({ length: STEPS }, (_, step) => at(stage, step));
    return { label: t(`operate.stage.${stage}`), cells, total: cells.reduce((sum, count) => sum + count, 0) };
  });
  const most = Math.max(1, ...rows.map(({ total }) => total));
  return {
    ages: Array.from({ length: STEPS }, (_, step) => t(`operate.age.${step as 0 | 1 | 2 | 3 | 4 | 5}`)),
    rows,
    total: rows.reduce((sum, { total }) => sum + total, 0),
    chart: {
      width: WIDTH,
      height: rows.length * STEP,
      barX: LABEL,
      barHeight: BAR,
      track: TRACK,
      bars: rows.map(({ label, cells, total }, index) => ({
        label,
        number: number(total),
        y: index * STEP + 4,
        textY: index * STEP + 4 + BAR - 3,
        pieces: piecesOf(cells, most),
      })),
      description: rows.map(({ label, total }) => t("operate.chart.row", { stage: label, count: total })).join(" "),
    },
  };
}

/** Side by side, the youngest first; a small count stays visible. */
function piecesOf(cells: number[], most: number): { step: number; x: number; width: number }[] {
  let x = LABEL;
  return cells.flatMap((count, step) => {
    if (count === 0) return [];
    const width = Math.max(2, Math.round((count / most) * TRACK * 10) / 10);
    const piece = { step, x, width: Math.min(width, LABEL + TRACK - x) };
    x += piece.width;
    return [piece];
  });
}
