import { setTimeout as sleep } from "node:timers/promises";
import type { Dice } from "../support/crowd.ts";
import { decideStanding } from "../support/decided-standing.ts";
import type { Misbehaviour } from "../support/fault-front.ts";
import { movements } from "../support/standing-world.ts";
import { PROCESS_NAMES, WORKERS, type ProcessName, type SoakWorld } from "./world.ts";

/** One fault: begins, lasts, and is over when it resolves. What it is done to has no other fault meanwhile. */
export interface Fault {
  on: readonly (ProcessName | "postgres" | "redis" | "sandbox" | "ancre" | "energy")[];
  run(soak: SoakWorld, dice: Dice): Promise<void>;
}

const pause = (dice: Dice, least: number, most: number): Promise<void> => sleep(dice.between(least, most) * 1000);
const COMMIT = Buffer.from("commit\0");

async function killed(soak: SoakWorld, dice: Dice, names: readonly ProcessName[]): Promise<void> {
  await Promise.all(names.map(soak.kill));
  await pause(dice, 0, 2);
  await Promise.all(names.map(soak.start));
}

async function frozen(soak: SoakWorld, dice: Dice, name: ProcessName): Promise<void> {
  const pid = soak.program(name)?.pid ?? 0;
  process.kill(pid, "SIGSTOP");
  await pause(dice, 2, 12);
  process.kill(pid, "SIGCONT");
}

async function misbehaving(soak: SoakWorld, dice: Dice, who: "ancre" | "energy", wrong: () => Misbehaviour): Promise<void> {
  const { front } = soak.fronts[who];
  front.misbehave(() => (dice.next() < 0.3 ? wrong() : undefined));
  await pause(dice, 2, 8);
  front.misbehave(null);
}

async function troubled(line: { set(toxics: object): void }, dice: Dice, toxics: object): Promise<void> {
  line.set(toxics);
  await pause(dice, 2, 8);
  line.set({});
}

const FELT_MILLISECONDS = 1000;

/** Suspended for some seconds: nothing that begins later than one second after the decision reaches it, until it is back. */
async function suspended({ world }: SoakWorld, dice: Dice): Promise<void> {
  const from = (await decideStanding(world, "suspend", world.ancre)) + FELT_MILLISECONDS;
  await pause(dice, 3, 12);
  const until = Date.now();
  const late = movements(await world.witness.ledger()).filter(({ begunAt, method }) => {
    const at = Date.parse(begunAt);
    return method !== "DELETE" && at > from && at < until;
  });
  if (late.length > 0) throw new Error(`Sent while suspended: ${JSON.stringify(late.slice(0, 3))}`);
  await decideStanding(world, "reinstate", world.ancre);
}

/** It is done, and nobody hears of it. */
const unheard: Misbehaviour = { change: () => Promise.reject(new Error("cut")) };

// oxfmt-ignore
export const FAULTS = {
  "worker 1 killed":            { on: ["worker 1"], run: (soak, dice) => killed(soak, dice, ["worker 1"]) },
  "worker 2 killed":            { on: ["worker 2"], run: (soak, dice) => killed(soak, dice, ["worker 2"]) },
  "worker 1 frozen":            { on: ["worker 1"], run: (soak, dice) => frozen(soak, dice, "worker 1") },
  "web and sweeper killed":     { on: ["web"], run: (soak, dice) => killed(soak, dice, ["web"]) },
  "everything killed":          { on: PROCESS_NAMES, run: (soak, dice) => killed(soak, dice, PROCESS_NAMES) },
  "both workers killed":        { on: WORKERS, run: (soak, dice) => killed(soak, dice, WORKERS) },
  "participants killed":        { on: ["sandbox"], run: async (soak, dice) => { await soak.killSandbox(); await pause(dice, 0, 2); await soak.startSandbox(); } },
  "PostgreSQL crashed":         { on: ["postgres"], run: (soak, dice) => soak.postgres.crash(dice.between(0, 2000)) },
  "sessions ended":             { on: ["postgres"], run: async (soak, dice) => { for (let times = 0; times < 30; times++) { await soak.postgres.terminate(1); await pause(dice, 0, 0.2); } } },
  "commits unanswered":         { on: ["postgres"], run: (soak, dice) => troubled(soak.lines.postgres, dice, { cutAnswerTo: (chunk: Buffer) => chunk.includes(COMMIT) && dice.next() < 0.05 }) },
  "PostgreSQL far away":        { on: ["postgres"], run: (soak, dice) => troubled(soak.lines.postgres, dice, { latency: 20 }) },
  "Redis killed":               { on: ["redis"], run: (soak) => soak.restartRedis() },
  "Redis emptied":              { on: ["redis"], run: (soak) => soak.redis("FLUSHALL") },
  "Redis away":                 { on: ["redis"], run: (soak, dice) => troubled(soak.lines.redis, dice, { down: true }) },
  "Redis full":                 { on: ["redis"], run: async (soak, dice) => { await soak.redis("CONFIG", "SET", "maxmemory", "1"); await pause(dice, 2, 8); await soak.redis("CONFIG", "SET", "maxmemory", "0"); } },
  "platform fails":             { on: ["ancre"], run: (soak, dice) => misbehaving(soak, dice, "ancre", () => ({ answer: { status: dice.pick([500, 502, 503]) } })) },
  "platform asks to slow down": { on: ["ancre"], run: (soak, dice) => misbehaving(soak, dice, "ancre", () => ({ answer: { status: 429, headers: { "retry-after": "1" } } })) },
  "platform unheard":           { on: ["ancre"], run: (soak, dice) => misbehaving(soak, dice, "ancre", () => unheard) },
  "platform in small pieces":   { on: ["ancre"], run: (soak, dice) => troubled(soak.fronts.ancre.line, dice, { slice: 200, latency: 2 }) },
  "platform cut off":           { on: ["ancre"], run: (soak, dice) => troubled(soak.fronts.ancre.line, dice, { cutAfterReceived: 3000 }) },
  "holder fails":               { on: ["energy"], run: (soak, dice) => misbehaving(soak, dice, "energy", () => ({ answer: { status: dice.pick([500, 503]) } })) },
  "holder unheard":             { on: ["energy"], run: (soak, dice) => misbehaving(soak, dice, "energy", () => unheard) },
  "platform suspended":         { on: ["ancre"], run: suspended },
  "holder away":                { on: ["energy"], run: (soak, dice) => troubled(soak.fronts.energy.line, dice, { down: true }) },
} as const satisfies Record<string, Fault>;
export type FaultName = keyof typeof FAULTS;

export interface Scenario {
  what: string;
  faults: readonly FaultName[];
  /** Faults at a time. */
  abreast: number;
  /** Seconds between the end of a fault and the next one. */
  between: readonly [number, number];
  /** Faults begin when everything is accepted, and most of it waits. */
  isQueuedFirst?: boolean;
}

/** No fault of anybody's: nobody can ask for a transfer meanwhile. */
const ALL = (Object.keys(FAULTS) as FaultName[]).filter((name) => name !== "platform suspended");

// oxfmt-ignore
export const SCENARIOS = {
  "soup":              { what: "three faults at a time, any of them (matrix row 29)", faults: ALL, abreast: 3, between: [0, 2] },
  "everything-killed": { what: "web, sweeper and workers killed at once (row 2)", faults: ["everything killed"], abreast: 1, between: [5, 10] },
  "redis-emptied":     { what: "FLUSHALL (row 5)", faults: ["Redis emptied"], abreast: 1, between: [5, 10] },
  "postgres-restarts": { what: "PostgreSQL crashes every 5 to 10 s, away for up to 2 s (row 8)", faults: ["PostgreSQL crashed"], abreast: 1, between: [5, 10] },
  "suspended":         { what: "the platform suspended again and again with all of them queued (row 23)", faults: ["platform suspended"], abreast: 1, between: [2, 10], isQueuedFirst: true },
} as const satisfies Record<string, Scenario>;
export type ScenarioName = keyof typeof SCENARIOS;

/** Throws faults until told to stop, then lets those under way end. Counts them by name. */
export async function trouble(
  soak: SoakWorld,
  { faults, abreast, between }: Scenario,
  dice: Dice,
  signal: AbortSignal,
): Promise<Map<FaultName, number>> {
  const counts = new Map<FaultName, number>();
  const busy = new Set<string>();
  const lane = async (): Promise<void> => {
    while (!signal.aborted) {
      await pause(dice, ...between);
      const free = faults.filter((name) => FAULTS[name].on.every((one) => !busy.has(one)));
      if (signal.aborted || free.length === 0) continue;
      const name = dice.pick(free);
      const { on, run }: Fault = FAULTS[name];
      on.forEach((one) => busy.add(one));
      await run(soak, dice);
      on.forEach((one) => busy.delete(one));
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: abreast }, lane));
  return counts;
}
