/** The known name that is the fewest letters away. */
export function nearest(name: string, known: string[]): string {
  const ranked = known.map((other) => ({ other, steps: distance(name, other) })).sort((a, b) => a.steps - b.steps);
  return ranked[0]?.other ?? "";
}

/** Levenshtein: single letters to insert, drop or exchange. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (const [line, letter] of a.split("").entries()) {
    const next = [line + 1];
    for (const [column, other] of b.split("").entries()) {
      next.push(Math.min((next[column] ?? 0) + 1, (row[column + 1] ?? 0) + 1, (row[column] ?? 0) + (letter === other ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
