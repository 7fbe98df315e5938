import { asRelaisError, type ErrorCode, type RelaisError } from "../errors.ts";
import type { NewEvent, Ring, TransferChange } from "./transfer-records.ts";
import { leaveIncomplete } from "../switch/leave-incomplete.ts";
import { itemName, type DatasetCount, type Destination } from "./adapter.ts";
import { beginDelivering, startAttempt, type Attempt } from "./attempt.ts";
import type { Begun } from "./attempt-records.ts";
import { deliverCompact } from "./deliver-compact.ts";
import { deliverItems, type Limits } from "./deliver-items.ts";
import { completeTransfer } from "./complete-transfer.ts";
import { announcedWith, withCopies } from "./converted-copies.ts";
import { finishTransfer } from "./finish-transfer.ts";
import { openIncrement, type Increment } from "./increment.ts";
import { announceAgain, headOf, openDestination, openSource } from "./open-ends.ts";
import { payloadOf, type Manifest } from "./manifest.ts";
import { isUndecided } from "./proposal.ts";
import type { RunPorts } from "./run-ports.ts";
import { settleProposal } from "./settle-proposal.ts";
import { countFailure, settleFailure, type Settlement } from "./settle-failure.ts";
import type { Transfer, TransferState } from "./transfer.ts";

/** The transfer will not go on: the destination is told. A shutdown is not among them. */
const STOPS: ErrorCode[] = ["consent_ended", "stopped"];

type AttemptTerms = RunTerms & { begunAt: Date };

export interface RunTerms {
  leaseSeconds: number;
  limits: Limits;
  /** Aborts when this process is asked to stop: the transfer is left where it stands and goes on elsewhere. */
  shutdown: AbortSignal;
}

/** `nothing`: another attempt holds it, or there is nothing to do. `waiting`: the sweep will ring again. */
export type RunResult = { kind: "nothing" } | { kind: "ended"; state: TransferState } | { kind: "waiting" };

/**
 * One attempt at one transfer, from wherever the last one left it. Every step is written down before the next; the right to go on is
 * read again before each movement of data. Running it twice, or after a crash, gives the same end: test/model/lease.ts looks at every state that
 * attempts, leases, rings and stops can reach together.
 */
export async function runTransfer(ports: RunPorts, ring: Ring, terms: RunTerms): Promise<RunResult> {
  const begunAt = ports.clock.now();
  const begun = await ports.records.begin(ring, { leaseSeconds: terms.leaseSeconds, at: begunAt });
  if (begun === null) return { kind: "nothing" };
  try {
    const state = await carry(ports, begun, { ...terms, begunAt });
    return state === "waiting" ? { kind: "waiting" } : { kind: "ended", state };
  } catch (error) {
    return settle(ports, begun.transfer, asRelaisError(error));
  }
}

/** From wherever the last attempt left it to its end. */
async function carry(ports: RunPorts, begun: Begun, terms: AttemptTerms): Promise<TransferState | "waiting"> {
  const { transfer } = begun;
  if (transfer.state === "received") {
    const isWaiting = await ports.store.read((r) => isUndecided(r, transfer));
    return isWaiting ? settleProposal(ports, begun, terms) : finishTransfer(ports, transfer);
  }
  await using attempt = await startAttempt(ports, begun, terms);
  // Awaited within the attempt: it ends with this function.
  if (attempt.manifest === null || (await isUnsent(ports, transfer))) return await deliver(ports, attempt, terms);
  return await withDestination(ports, attempt, async (destination) => {
    await destination.announce(await announceAgain(ports, attempt));
    return completeTransfer(ports, attempt, destination);
  });
}

async function deliver(ports: RunPorts, attempt: Attempt, terms: RunTerms): Promise<TransferState | "waiting"> {
  await using opened = await openSource(ports, attempt);
  const increment = withCopies(ports, attempt, await openIncrement(ports, attempt, opened));
  const { source } = increment;
  const datasets = await count(attempt, increment);
  const { needsDigest, concurrency } = ports.adapters[attempt.standing.destination.adapter];
  return await withDestination(ports, attempt, async (destination) => {
    const ended = await deliverCompact(ports, attempt, { increment, destination, datasets, concurrency, limits: terms.limits });
    if (ended !== null) return ended;
    const held = await destination.announce({
      manifest: headOf(attempt),
      datasets: announcedWith(attempt, datasets),
      expiresAt: attempt.transfer.expiresAt,
    });
    beginDelivering(attempt);
    const only = namedIn(attempt.manifest);
    const moved = await deliverItems({
      attempt,
      source,
      destination,
      held,
      only,
      datasets,
      needsDigest,
      concurrency,
      limits: terms.limits,
    });
    return completeTransfer(ports, attempt, destination, { ...moved, increment });
  });
}

/** Whether the manifest was signed for a request that nobody answered. */
async function isUnsent({ store }: RunPorts, { id }: Transfer): Promise<boolean> {
  return (await store.read((r) => r.transfers.items(id, { state: "listed", limit: 1 }))).length > 0;
}

function namedIn(manifest: string | null): ReadonlySet<string> | null {
  return manifest === null ? null : new Set((payloadOf(manifest) as Manifest).items.map(itemName));
}

/** Lends an open destination. Where the transfer will not go on, the destination is told. */
async function withDestination<T>(ports: RunPorts, attempt: Attempt, work: (destination: Destination) => Promise<T>): Promise<T> {
  await using destination = await openDestination(ports, attempt);
  try {
    return await work(destination);
  } catch (error) {
    const failure = await attempt.reasonOf(error);
    if (STOPS.includes(failure.code)) await destination.stop().catch(() => undefined);
    throw failure;
  }
}

/** Fixes the denominator of the progress, once. */
async function count(attempt: Attempt, { source, isFull }: Pick<Increment, "source" | "isFull">): Promise<DatasetCount[]> {
  await attempt.mayMoveData();
  const { attempts, datasets } = attempt.transfer;
  const told = new Map((await source.inventory(datasets)).map((entry) => [entry.dataset, entry]));
  // What the source does not count is announced all the same: there may be nothing of it, or more than it knows.
  const counts = datasets.map((dataset) => told.get(dataset) ?? { dataset, items: null, bytes: null });
  const expected = counts.flatMap(({ dataset, items, bytes }) => (items === null ? [] : [{ dataset, items, bytes: bytes ?? 0 }]));
  const full = expected.filter(({ dataset }) => isFull(dataset));
  const total = (member: "items" | "bytes"): number => full.reduce((sum, entry) => sum + entry[member], 0);
  const actor = attempt.standing.consent.action === "propose" ? "platform" : "holder";
  const event: NewEvent = { kind: "source_counted", actor, details: { items: total("items"), bytes: total("bytes") } };
  attempt.intend({ expected, events: attempts === 1 && datasets.some(isFull) ? [event] : [] });
  return counts;
}

/** Writes down what follows a failure, unless somebody else already decided (withdrawal, suspension, another attempt). */
async function settle(ports: RunPorts, transfer: Transfer, failure: RelaisError): Promise<RunResult> {
  const now = ports.clock.now();
  const settlement = await ports.store.write(async (w) => {
    const settled = settleFailure({ ...transfer, failures: await countFailure(w, transfer, failure) }, failure);
    const { change, event } = recordOf(settled, failure);
    if (!(await w.deliveries.change(transfer.id, transfer.epoch, { ...change, release: true }))) return settled;
    if (event) await w.deliveries.addEvent(transfer.id, now, event);
    if (settled.kind === "end") await leaveIncomplete(w, transfer);
    return settled;
  });
  return settlement.kind === "end" ? { kind: "ended", state: settlement.state } : { kind: "waiting" };
}

function recordOf(settlement: Settlement, { code: reason, actor }: RelaisError): { change: TransferChange; event: NewEvent | null } {
  switch (settlement.kind) {
    case "yield":
      return { change: {}, event: null };
    case "pause":
      return { change: { state: "paused", reason, actor }, event: { kind: "paused", actor, details: { reason } } };
    case "end":
      return {
        change: { state: settlement.state, reason, actor },
        event: { kind: settlement.state === "failed" ? "failed" : "stopped", actor, details: { reason } },
      };
    case "retry":
      return {
        change: { dueInSeconds: settlement.inSeconds },
        event: { kind: "retry_planned", actor, details: { reason, seconds: Math.round(settlement.inSeconds * 10) / 10 } },
      };
  }
}
