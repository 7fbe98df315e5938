import { checkStanding, type Standing } from "../consent/check-consent.ts";
import type { Consent } from "../consent/consent.ts";
import { asRelaisError, RelaisError } from "../errors.ts";
import type { AccountLink } from "../person/person.ts";
import type { Ports, Reader, Writer } from "../ports.ts";
import type { Transfer } from "./transfer.ts";

/** How often a running attempt looks whether it still may: a withdrawal stops it well within one second. */
const WATCH_MILLISECONDS = 250;
/** A right that was read longer ago than this is read again before the next movement of data. */
const STALE_MILLISECONDS = 500;

type Marks = Parameters<Writer["deliveries"]["markItems"]>[2];

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
  /** Records what moved, also where the transfer was stopped meanwhile. @throws `lease_lost` where another attempt took over. */
  record(marks: Marks): Promise<void>;
  /** Writes as this attempt: nothing is committed where another attempt took over. @throws `lease_lost`. */
  write<T>(work: (w: Writer) => Promise<T>): Promise<T>;
}

type AttemptPorts = Pick<Ports, "store" | "clock" | "policy">;

export async function startAttempt(
  ports: AttemptPorts,
  transfer: Transfer,
  terms: { leaseSeconds: number; shutdown: AbortSignal },
): Promise<Attempt> {
  const ended = new AbortController();
  const signal = AbortSignal.any([ended.signal, terms.shutdown]);
  let readAt = Number.NEGATIVE_INFINITY;
  const look = async (): Promise<Standing> => {
    const startedAt = ports.clock.now().getTime();
    const standing = await readStanding(ports, transfer);
    readAt = startedAt;
    return standing;
  };
  const standing = await look();
  const links = await ports.store.read((r) => readLinks(r, standing.consent));
  const watching = watch(ports, transfer, { ended, signal, look, leaseSeconds: terms.leaseSeconds });
  return {
    transfer,
    standing,
    links,
    signal,
    mayMoveData: async () => {
      throwIfAborted(signal);
      if (ports.clock.now().getTime() - readAt > STALE_MILLISECONDS) await look();
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
    },
  };
}

async function readLinks(r: Reader, consent: Consent): Promise<Links> {
  return { source: await r.people.getLink(consent.sourceLinkId), destination: await r.people.getLink(consent.destinationLinkId) };
}

async function readStanding(ports: AttemptPorts, transfer: Transfer): Promise<Standing> {
  return ports.store.read(async (r) => {
    const present = await r.transfers.get(transfer.id);
    const consent = await r.consents.get(transfer.consentId);
    const standing = await checkStanding(r, consent, { policy: ports.policy, now: ports.clock.now() });
    if (present.state === "cancelled") throw new RelaisError("stopped", "The transfer was stopped.");
    if (present.epoch !== transfer.epoch) throw leaseLost();
    return standing;
  });
}

interface Watch {
  ended: AbortController;
  signal: AbortSignal;
  look: () => Promise<Standing>;
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
      if (now - renewedAt < (leaseSeconds * 1000) / 3) continue;
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
