import { createHash } from "node:crypto";
import type { TransferId } from "../../src/core/ids.ts";
import { abreast } from "../bench/measure.ts";
import { DAILY, until, type FaultWorld } from "./fault-relais.ts";
import type { Accepted } from "./outside-judge.ts";

/** Everybody has the same few items at the holder, and an account of their own at Ancre. */
export const CROWD = "everybody";
export const ITEMS_EACH = 3;

export const crowdOf = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
export const crowdCustomers = { [CROWD]: { [DAILY]: { numbered: ITEMS_EACH } } };

/** One transfer for each account, each accepted once: where the answer was lost, the caller asks again. */
export async function acceptAll(world: FaultWorld, accounts: string[], width = 8): Promise<Accepted[]> {
  const accepted: Accepted[] = [];
  await abreast(accounts.length, width, async (index) => {
    const account = accounts[index] as string;
    const person = await world.person({ sourceAccount: CROWD, destinationAccount: account });
    accepted.push({ id: (await person.transfer(await person.consent([DAILY]))).id, account });
  });
  return accepted;
}

/** How many of these have not ended. Null while the database cannot be asked. */
export async function unfinished(world: Pick<FaultWorld, "pool">, ids: TransferId[]): Promise<number | null> {
  const asked = world.pool.query<{ count: number }>(
    "select count(*)::int as count from transfers where ended_at is null and id = any ($1)",
    [ids],
  );
  return asked.then(
    ({ rows }) => rows[0]?.count ?? 0,
    () => null,
  );
}

/** @throws where they have not all ended in time. */
export async function allEnd(world: Pick<FaultWorld, "pool">, accepted: Accepted[]): Promise<void> {
  const ids = accepted.map(({ id }) => id);
  await until("every end", async () => (await unfinished(world, ids)) === 0);
}

export interface Dice {
  seed: string;
  /** From 0 up to 1. */
  next(): number;
  between(least: number, most: number): number;
  pick<T>(all: readonly T[]): T;
}

/** The same throws for the same seed. */
export function diceOf(seed: string): Dice {
  let thrown = 0;
  const next = (): number => createHash("sha256").update(`${seed}/${thrown++}`).digest().readUInt32BE() / 2 ** 32;
  return {
    seed,
    next,
    between: (least, most) => least + next() * (most - least),
    pick: (all) => all[Math.floor(next() * all.length)] as (typeof all)[number],
  };
}

/** Printed by whoever throws; FAULT_SEED makes it the same again. */
export const seedOfRun = (): string => process.env["FAULT_SEED"] ?? String(Date.now());
