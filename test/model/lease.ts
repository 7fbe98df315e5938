/**
 * The protocol of leases and rings (src/core/transfer/run-transfer.ts, attempt.ts, sweep-transfers.ts; src/postgres/transfer-changes.ts), small enough
 * to look at every state it can reach: one transfer of two items, two workers, a sweeper that looks and rings in two steps, a queue that loses and
 * repeats, a destination, a person who withdraws, an authority that suspends and lifts it. A worker that does not take its turn is one that froze;
 * a lease runs out whenever it likes. Epochs are kept as ages: only whether one is the present one decides anything, so attempts have no bound.
 */

/** What the protocol does; a mutation turns one of these off. */
export const RULES = {
  claimRaisesEpoch: true,
  claimLooksAtState: true,
  stopRaisesEpoch: true,
  writeLooksAtEpoch: true,
  requeueLooksAtEpoch: true,
  rightIsReadEachTime: true,
  keysAreStable: true,
  leaseEnds: true,
  sweeps: true,
};
export type Rules = typeof RULES;

interface Worker {
  at: "idle" | "looks" | "may" | "proved" | "received";
  /** The item that moves; 2 is the completion. */
  on: number;
  /** Items that it handed over and has not written down yet: that is done in groups. */
  moved: [boolean, boolean];
  /** Epochs that came after its own: 0 is the present one, 2 stands for more. */
  age: number;
  /** Requests that it sent since the transfer was stopped. */
  late: number;
}

export interface State {
  state: "open" | "paused" | "stopped" | "verified";
  phase: "delivering" | "delivered" | "received";
  lease: "none" | "held" | "over";
  recorded: [boolean, boolean];
  /** At the destination. */
  copies: [number, number];
  receipt: boolean;
  /** Ages of rings in the queue: of the present epoch, of an earlier one. */
  rings: [boolean, boolean];
  /** Age of what the sweeper saw due and has not rung for yet. */
  seen: number | null;
  workers: [Worker, Worker];
  /** The worker of the newest claim. */
  owner: number | null;
  broken: string | null;
}

const IDLE: Worker = { at: "idle", on: 0, moved: [false, false], age: 0, late: 0 };
const START: State = {
  state: "open",
  phase: "delivering",
  lease: "none",
  recorded: [false, false],
  copies: [0, 0],
  receipt: false,
  rings: [true, false],
  seen: null,
  workers: [IDLE, IDLE],
  owner: null,
  broken: null,
};

const isTerminal = ({ state }: State): boolean => state === "stopped" || state === "verified";
const isDue = ({ state, lease }: State): boolean => state === "open" && lease !== "held";

function withWorker(s: State, index: number, change: Partial<Worker>): State {
  return { ...s, workers: s.workers.map((worker, one) => (one === index ? { ...worker, ...change } : worker)) as State["workers"] };
}

const resting = (s: State, index: number): State => withWorker(s, index, IDLE);

/** A new epoch makes everything older by one. */
function raised(s: State): State {
  const workers = s.workers.map((worker) => (worker.at === "idle" ? worker : { ...worker, age: Math.min(worker.age + 1, 2) }));
  return { ...s, workers: workers as State["workers"], rings: [false, s.rings[0] || s.rings[1]], seen: s.seen === null ? null : 1 };
}

function claim(rules: Rules, s: State, index: number, ring: number): State | null {
  const isOpen = rules.claimLooksAtState ? isDue(s) : s.lease !== "held";
  if (s.workers[index]?.at !== "idle" || !isOpen || ring !== 0) return null;
  const next = rules.claimRaisesEpoch ? raised(s) : s;
  const broken = s.state === "open" ? null : "I3: an attempt began after the stop";
  return { ...withWorker({ ...next, lease: "held" }, index, { ...IDLE, at: "looks" }), owner: index, broken };
}

/** Conditional on the epoch: a late writer changes nothing, and ends. */
function write(rules: Rules, s: State, index: number, work: (s: State) => State): State {
  const { age } = s.workers[index] as Worker;
  if (rules.writeLooksAtEpoch && age > 0) return resting(s, index);
  const broken = s.owner === index || isTerminal(s) ? null : "fencing: a write of an attempt that was overtaken was taken";
  return { ...work(s), broken };
}

/** One turn of a worker: exactly one thing is read, written or sent. */
function step(rules: Rules, s: State, index: number): State | null {
  const { at, on, moved, late } = s.workers[index] as Worker;
  if (at === "looks") return look(rules, s, index);
  if (at === "may") {
    const sent = withWorker(s, index, { at: on === 2 ? "proved" : "looks", late: s.state === "stopped" ? late + 1 : 0 });
    if (on === 2) return { ...sent, receipt: true };
    return { ...withWorker(sent, index, { moved: both(moved, (is, item) => is || item === on) }), copies: put(rules, s, on) };
  }
  if (at === "proved") return write(rules, s, index, (open) => withWorker({ ...open, phase: "received" }, index, { at: "received" }));
  if (at === "received") return write(rules, s, index, (open) => resting({ ...open, state: "verified", lease: "none" }, index));
  return null;
}

/** Writes down what it moved: also what a stopped attempt had handed over by then (`wasStopped`). */
function record(rules: Rules, s: State, index: number): State | null {
  const { at, moved, age } = s.workers[index] as Worker;
  if (at !== "looks" || !moved.includes(true)) return null;
  const recorded = both(s.recorded, (is, item) => is || (moved[item] as boolean));
  if (s.state === "stopped" && age === 1) return resting({ ...s, recorded }, index);
  return write(rules, s, index, (open) => withWorker({ ...open, recorded }, index, { moved: [false, false] }));
}

function both<A, B>(pair: [A, A], work: (one: A, item: number) => B): [B, B] {
  return [work(pair[0], 0), work(pair[1], 1)];
}

/** With a stable key the second copy is the first one. */
function put(rules: Rules, { copies }: State, on: number): State["copies"] {
  return both(copies, (count, item) => (item !== on ? count : rules.keysAreStable ? 1 : Math.min(count + 1, 2)));
}

/** Reads the right, and what is next. Where the transfer is somebody else's or stopped, the attempt ends. */
function look(rules: Rules, s: State, index: number): State {
  const { age, moved } = s.workers[index] as Worker;
  if (rules.rightIsReadEachTime && (age > 0 || s.state !== "open")) return resting(s, index);
  if (s.phase === "received") return withWorker(s, index, { at: "received" });
  const next = both(s.recorded, (is, item) => is || (moved[item] as boolean)).indexOf(false);
  if (next >= 0) return withWorker(s, index, { at: "may", on: next });
  if (moved.includes(true)) return record(rules, s, index) as State;
  if (s.phase === "delivering") return write(rules, s, index, (open) => ({ ...open, phase: "delivered" }));
  return withWorker(s, index, { at: "may", on: 2 });
}

interface Action {
  name: string;
  /** May happen, and need not: what has to end well does so without it. */
  isFault: boolean;
  next(rules: Rules, s: State): State | null;
}

const act = (name: string, next: Action["next"]): Action => ({ name, isFault: false, next });
const fault = (name: string, next: Action["next"]): Action => ({ name, isFault: true, next });
const stop = (rules: Rules, s: State, state: State["state"]): State => ({
  ...(rules.stopRaisesEpoch ? raised(s) : s),
  state,
  lease: "none",
});
const ofWorker = (index: number): Action[] => [
  act(`worker ${index} answers the ring`, (rules, s) => (s.rings[0] ? claim(rules, s, index, 0) : null)),
  fault(`worker ${index} answers an old ring`, (rules, s) => (s.rings[1] ? claim(rules, s, index, 1) : null)),
  act(`worker ${index} goes on`, (rules, s) => step(rules, s, index)),
  act(`worker ${index} writes down what it moved`, (rules, s) => record(rules, s, index)),
  act(`worker ${index} renews`, (_, s) =>
    s.workers[index]?.at === "idle" || s.workers[index]?.age !== 0 || isTerminal(s) ? null : { ...s, lease: "held" },
  ),
  fault(`worker ${index} is killed`, (_, s) => (s.workers[index]?.at === "idle" ? null : resting(s, index))),
  fault(`worker ${index}'s destination fails`, (_, s) =>
    s.workers[index]?.at !== "may" ? null : resting(s.workers[index]?.age === 0 ? { ...s, lease: "none" } : s, index),
  ),
];

const ACTIONS: Action[] = [
  ...ofWorker(0),
  ...ofWorker(1),
  act("the lease runs out", (rules, s) => (rules.leaseEnds && s.lease === "held" ? { ...s, lease: "over" } : null)),
  act("the sweeper looks", (rules, s) => (rules.sweeps && s.seen === null && isDue(s) ? { ...s, seen: 0 } : null)),
  act("the sweeper rings", (rules, s) => {
    if (s.seen === null) return null;
    const rung: State = { ...s, seen: null, rings: [s.rings[0] || s.seen === 0, s.rings[1] || s.seen > 0] };
    return rules.requeueLooksAtEpoch ? rung : { ...rung, state: "open", lease: "none", rings: [true, false] };
  }),
  fault("the queue loses a ring", (_, s) => (s.rings[0] ? { ...s, rings: [false, s.rings[1]] } : null)),
  fault("the queue is emptied", (_, s) => (s.rings[0] || s.rings[1] ? { ...s, rings: [false, false] } : null)),
  fault("the person withdraws", (rules, s) => (isTerminal(s) || s.phase === "received" ? null : stop(rules, s, "stopped"))),
  fault("the destination is suspended", (rules, s) => (s.state === "open" && s.phase !== "received" ? stop(rules, s, "paused") : null)),
  act("the suspension is lifted", (rules, s) => (s.state === "paused" ? stop(rules, s, "open") : null)),
];

/** What must be true of every state, and of every move into it. */
function violationOf(before: State, s: State): string | null {
  if (s.broken !== null) return s.broken;
  if (s.copies.some((count) => count > 1)) return "I2: the destination holds an item twice";
  if (s.state === "verified" && !(s.receipt && s.copies.every((count) => count === 1))) return "I5: verified without the proof";
  if (isTerminal(before) && before.state !== s.state) return "I8: a terminal state was left";
  if (s.workers.some(({ late }) => late > 1)) return "I3: an attempt went on after the stop";
  return null;
}

export interface Result {
  states: number;
  violation: string | null;
  /** The shortest way to the violation. */
  trace: string[];
}

interface Known {
  state: State;
  from: number;
  by: string;
  /** Where it may have come from without a fault. */
  before: number[];
}

/** Looks at every reachable state, nearest first. Ends at the first that breaks an invariant, or from which no end can be reached without faults. */
export function explore(rules: Rules): Result {
  const known: Known[] = [{ state: START, from: -1, by: "", before: [] }];
  const numbers = new Map([[JSON.stringify(START), 0]]);
  for (let at = 0; at < known.length; at++) {
    const { state } = known[at] as Known;
    for (const { name, isFault, next } of ACTIONS) {
      const reached = next(rules, state);
      if (reached === null) continue;
      const key = JSON.stringify(reached);
      const number = numbers.get(key) ?? known.push({ state: reached, from: at, by: name, before: [] }) - 1;
      numbers.set(key, number);
      if (!isFault) known[number]?.before.push(at);
      const violation = violationOf(state, reached);
      if (violation !== null) return { states: known.length, violation, trace: [...traceTo(known, at), name] };
    }
  }
  const stuck = firstStuck(known);
  if (stuck === null) return { states: known.length, violation: null, trace: [] };
  return { states: known.length, violation: "I1, I7: no end can be reached any more", trace: traceTo(known, stuck) };
}

function traceTo(known: Known[], number: number): string[] {
  const { from, by } = known[number] as Known;
  return from < 0 ? [] : [...traceTo(known, from), by];
}

function firstStuck(known: Known[]): number | null {
  const ending = known.flatMap(({ state }, number) => (isTerminal(state) ? [number] : []));
  const ends = new Set(ending);
  for (let number = ending.pop(); number !== undefined; number = ending.pop())
    for (const before of known[number]?.before ?? []) if (!ends.has(before)) ending.push((ends.add(before), before));
  const stuck = known.findIndex((_, number) => !ends.has(number));
  return stuck < 0 ? null : stuck;
}
