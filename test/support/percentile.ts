export interface Times {
  p50: number;
  p95: number;
}

/** Milliseconds of each answer, one after the other, the first ones left out. Each must be 200, and is read to its end. */
export async function timesOf(rounds: number, addressOf: (round: number) => string, warmUp = 5): Promise<Times> {
  const times: number[] = [];
  for (let round = -warmUp; round < rounds; round++) {
    const address = addressOf(round);
    const begun = performance.now();
    const answer = await fetch(address);
    const body = await answer.arrayBuffer();
    if (round >= 0) times.push(performance.now() - begun);
    if (answer.status !== 200) throw new Error(`${address} answers ${answer.status}: ${Buffer.from(body).toString().slice(0, 200)}`);
  }
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? Infinity;
  return { p50: at(0.5), p95: at(0.95) };
}
