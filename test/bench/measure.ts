export interface Measure {
  measure: string;
  value: number;
  unit: string;
  /** What a ratio must not fall below, and what it aims at; null for absolute figures, which belong to one machine. */
  floor: number | null;
  aim: number | null;
  /** What bounds it here. */
  limit: string | null;
}

export const figure = (measure: string, value: number, unit: string, limit: string | null = null): Measure => ({
  measure,
  value,
  unit,
  floor: null,
  aim: null,
  limit,
});
export const ratio = (measure: string, value: number, floor: number, aim: number, limit: string): Measure => ({
  measure,
  value,
  unit: "ratio",
  floor,
  aim,
  limit,
});

/** What must not be more than `most`. */
export const bound = (
  measure: string,
  value: number,
  unit: string,
  { most, aim, why }: { most: number; aim: number; why: string },
): Measure => figure(measure, value, unit, `at most ${most} ${unit}, aim ${aim}; ${why}`);

/** Small sizes, to see that a row works: what they give is no measurement. */
export const IS_SMALL = process.env["RELAIS_BENCH_SMALL"] !== undefined;
export const sized = (full: number, small: number): number => (IS_SMALL ? small : full);

/** The value below which this share of all lies; of none, infinite. */
export function quantile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.POSITIVE_INFINITY;
}

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] as number) : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** Seconds that `work` takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1000;
}

/** Runs `work` for 0 … count-1, `width` at once. */
export async function abreast(count: number, width: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (next < count) await work(next++);
    }),
  );
}
