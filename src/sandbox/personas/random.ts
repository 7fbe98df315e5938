import { createHash } from "node:crypto";

/** A stream of chance that depends on its keys alone: the same on every machine and day. */
export interface Random {
  /** At least 0, below 1. */
  fraction(): number;
  /** From `low` to `high`, both included. */
  integer(low: number, high: number): number;
  pick<T>(choices: readonly T[]): T;
  isChance(probability: number): boolean;
}

/**
 * Chris Doty-Humphrey's sfc32, started by the SHA-256 of the keys. Whoever uses it keeps to + - * /: sines, powers and
 * logarithms are not rounded alike by every engine.
 */
export function randomOf(...keys: string[]): Random {
  const fraction = sfc32(createHash("sha256").update(keys.join("\u0000")).digest());
  const integer = (low: number, high: number): number => low + Math.floor(fraction() * (high - low + 1));
  return {
    fraction,
    integer,
    pick: <T>(choices: readonly T[]) => choices[integer(0, choices.length - 1)] as T,
    isChance: (probability) => fraction() < probability,
  };
}

function sfc32(seed: Buffer): () => number {
  let [a, b, c, counter] = [seed.readInt32LE(0), seed.readInt32LE(4), seed.readInt32LE(8), seed.readInt32LE(12)] as [
    number,
    number,
    number,
    number,
  ];
  return () => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 4294967296;
  };
}
