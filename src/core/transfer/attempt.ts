import { checkStanding, type Standing } from "../consent/check-consent.ts";
import type { Consent } from "../consent/consent.ts";
import type { StandingReader } from "../consent/standings.ts";
import { asRelaisError, RelaisError } from "../errors.ts";
import type { AccountLink } from "../person/person.ts";
import type { Writer } from "../ports.ts";
import type { Begun, Mark, Step } from "./attempt-records.ts";
import type { RunPorts } from "./run-ports.ts";
import type { Transfer } from "./transfer.ts";

/** How often a running attempt looks whether it still may: a withdrawal stops it well within one second. */
const WATCH_MILLISECONDS = 250;
/** A right that was read longer ago than this is read again before the next movement of data. */
const STALE_MILLISECONDS = 500;

/** The person's proved accounts at both ends. */
interface Links {
  source: AccountLink;
  destination: AccountLink;
}

/** One try at a transfer: holds the lease, watches the right, and ends everything it lent when either is gone. */
export interface Attempt extends AsyncDisposable {
  transfer: Transfer;
  standing: Standing;
  links: Links;
  /** Aborts with the reason as a RelaisError. */
  signal: AbortSignal;
  /** Returns only while data may move now. Called before every movement. @throws the reason why not. */
  mayMoveData(): Promise<void>;
  /**
   * Why it broke off. What is seen first may be the echo of a stop (a cut connection, a lost lease): the stop itself is the truth.
   */
  reasonOf(error: unknown): Promise<RelaisError>;
  /** What was signed, by an earlier attempt or by this one, and handed over or about to be. */
  manifest: string | null;
  /** Is written with the next step, or at last when the attempt ends: nobody waits for it. */
  intend(part: Partial<Step>): void;
  /** Writes what was intended and this, together, as this attempt. @throws `lease_lost`, and nothing is written, where another attempt took over. */
  step(part: Partial<Step>): Promise<void>;
  /** Records what moved, also where the transfer was stopped meanwhile. @throws `lease_lost` where another attempt took over. */
  record(marks: Mark[]): Promise<void>;
  /** Writes as this attempt: nothing is committed where another attempt took over. @throws `lease_lost`. */
  write<T>(work: (w: Writer) => Promise<T>): Promise<T>;
}

type AttemptPorts = Pick<RunPorts, "store" | "records" | "clock" | "policy">;

export async function startAttempt(
  ports: AttemptPorts,
  { transfer, manifest, ground }: Begun,
  terms: { leaseSeconds: number; shutdown: AbortSignal; begunAt: Date },
): Promise<Attempt> {
  const ended = new AbortController();
  const signal = AbortSignal.any([ended.signal, terms.shutdown]);
  let readAt = terms.begunAt.getTime();
  const look = async (): Promise<Standing> => {
    const startedAt = ports.clock.now().getTime();
    const standing = await readStanding(ports, transfer);
    readAt = startedAt;
    return standing;
  };
  const { consent, reader } = present(ground);
  const standing = await checkStanding(reader, consent, { policy: ports.policy, now: terms.begunAt });
  const links = await readLinks(reader, consent);
  const { intend, step, flush } = inSteps(ports, transfer);
  const lookAndFlush = () => look().then(flush);
  const watching = watch(ports, transfer, { ended, signal, look: lookAndFlush, leaseSeconds: terms.leaseSeconds });
  return {
    transfer,
    standing,
    links,
    signal,
    manifest,
    intend,
    step,
    mayMoveData: async () => {
      throwIfAborted(signal);
      if (!isWithin(ports.clock.now().getTime() - readAt, STALE_MILLISECONDS)) await look();
      throwIfAborted(signal);
    },
    reasonOf: async (thrown) => {
      if (signal.aborted) return stopReason(signal);
      const seen = asRelaisError(thrown);
      return seen.code === "lease_lost" ? look().then(() => seen, asRelaisError) : seen;
    },
    record: async (marks) => {
      if (!(await ports.store.write((w) => w.deliveries.markItems(transfer.id, transfer.epoch, marks)))) throw leaseLost();
    },
    write: (work) => writeFenced(ports, transfer, work),
    [Symbol.asyncDispose]: async () => {
      ended.abort(new RelaisError("lease_lost", "The attempt has ended."));
      await watching;
      // Where it cannot be written, the next attempt comes to the same.
      await flush().catch(() => undefined);
    },
  };
}

/** What follows is the movement of data: the timeline says so once. */
export function beginDelivering(attempt: Attempt): void {
  if (attempt.transfer.state !== "fetching") return;
  attempt.intend({ state: "delivering", events: [{ kind: "delivering", actor: "relais" }] });
  attempt.transfer = { ...attempt.transfer, state: "delivering" };
}

async function readLinks(r: StandingReader, consent: Consent): Promise<Links> {
  return { source: await r.people.getLink(consent.sourceLinkId), destination: await r.people.getLink(consent.destinationLinkId) };
}

async function readStanding(ports: AttemptPorts, transfer: Transfer): Promise<Standing> {
  const now = ports.clock.now();
  const { state, epoch, ground } = await ports.records.look(transfer.id, now);
  const { consent, reader } = present(ground);
  const standing = await checkStanding(reader, consent, { policy: ports.policy, now });
  if (state === "cancelled") throw new RelaisError("stopped", "The transfer was stopped.");
  if (epoch !== transfer.epoch) throw leaseLost();
  return standing;
}

function present(ground: Begun["ground"]): NonNullable<Begun["ground"]> {
  if (ground === null) throw new RelaisError("not_found", "There is no consent with this id.");
  return ground;
}

/** One step after the other, each with what was intended since the one before. */
function inSteps({ records, clock }: AttemptPorts, transfer: Transfer): Pick<Attempt, "intend" | "step"> & { flush(): Promise<void> } {
  const intended: Partial<Step>[] = [];
  let last: Promise<unknown> = Promise.resolve();
  const write = async (part: Partial<Step>): Promise<void> => {
    // A state that is still to be written comes before the next one: none is passed over.
    if (part.state !== undefined && intended.some(({ state }) => state !== undefined)) await write({});
    const parts = intended.splice(0);
    const written = await records.step(transfer, together([...parts, part]), clock.now()).catch((error: unknown) => {
      // Nobody knows whether it was written: twice in the timeline is better than never in the row.
      intended.unshift(...parts);
      throw error;
    });
    if (!written) throw leaseLost();
  };
  const step: Attempt["step"] = (part) => {
    const written = last.then(() => write(part));
    last = written.catch(() => undefined);
    return written;
  };
  return {
    intend: (part) => void intended.push({ ...part, events: part.events?.map((event) => ({ at: clock.now(), ...event })) ?? [] }),
    step,
    flush: async () => (intended.length > 0 ? step({}) : undefined),
  };
}

/** The last state is the one that it comes to. */
function together(parts: Partial<Step>[]): Step {
  return {
    ...Object.assign({}, ...parts),
    events: parts.flatMap(({ events = [] }) => events),
    marks: parts.flatMap(({ marks = [] }) => marks),
  };
}

interface Watch {
  ended: AbortController;
  signal: AbortSignal;
  look: () => Promise<void>;
  leaseSeconds: number;
}

/** An error of the store itself is not a verdict: it is looked at again, until the lease is about to run out. */
async function watch(ports: AttemptPorts, transfer: Transfer, { ended, signal, look, leaseSeconds }: Watch): Promise<void> {
  let renewedAt = ports.clock.now().getTime();
  while (!signal.aborted) {
    await ports.clock.sleep(WATCH_MILLISECONDS, signal);
    if (signal.aborted) return;
    const now = ports.clock.now().getTime();
    try {
      await look();
      if (isWithin(now - renewedAt, (leaseSeconds * 1000) / 3)) continue;
      if (!(await ports.store.write((w) => w.deliveries.renew(transfer.id, transfer.epoch, leaseSeconds)))) throw leaseLost();
      renewedAt = now;
    } catch (error) {
      const reason = asRelaisError(error);
      const passing = reason.code === "unavailable" || reason.code === "internal";
      if (!passing) ended.abort(reason);
      else if (now - renewedAt > leaseSeconds * 800) ended.abort(leaseLost());
    }
  }
}

/** Time that went by, by a clock that may be set meanwhile: where it was set back, nobody knows how long it was, and what waits for its end is due. */
function isWithin(passed: number, milliseconds: number): boolean {
  return passed >= 0 && passed <= milliseconds;
}

async function writeFenced<T>(ports: AttemptPorts, transfer: Transfer, work: (w: Writer) => Promise<T>): Promise<T> {
  return ports.store.write(async (w) => {
    // An empty change locks the row, and tells whether this attempt still owns it.
    if (!(await w.deliveries.change(transfer.id, transfer.epoch, {}))) throw leaseLost();
    return work(w);
  });
}

function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw stopReason(signal);
}

/** A signal that carries no reason of ours is the shutdown of this process: another one goes on. */
function stopReason({ reason }: AbortSignal): RelaisError {
  return reason instanceof RelaisError
    ? reason
    : new RelaisError("lease_lost", "Relais is shutting down; the transfer goes on afterwards.", { actor: "operator" });
}

function leaseLost(): RelaisError {
  return new RelaisError("lease_lost", "Another attempt owns this transfer now.");
}
