import type { ErrorCode, RelaisError } from "../errors.ts";
import type { Writer } from "../ports.ts";
import { LONGEST_RETRY_AFTER_SECONDS } from "./retry-after.ts";
import type { Transfer } from "./transfer.ts";

/** What follows when an attempt breaks off. */
export type Settlement =
  | { kind: "retry"; inSeconds: number }
  | { kind: "end"; state: "failed" | "cancelled" }
  | { kind: "pause" }
  | { kind: "yield" };

type Answer = "retry" | "fail" | "cancel" | "pause" | "yield";

const ANSWERS = {
  peer_unavailable: "retry",
  rate_limited: "retry",
  unavailable: "retry",
  internal: "retry",
  digest_mismatch: "retry",
  unauthenticated: "retry",
  stopped: "yield",
  lease_lost: "yield",
  consent_ended: "cancel",
  patience_over: "fail",
  not_accredited: "pause",
  condition_unmet: "pause",
  assurance_too_low: "fail",
  invalid: "fail",
  forbidden: "fail",
  consent_missing: "fail",
  not_found: "fail",
  conflict: "fail",
  request_running: "retry",
  stale: "fail",
  idempotency_mismatch: "fail",
  too_large: "fail",
  unsupported: "fail",
  method_not_allowed: "fail",
  peer_refused: "fail",
  peer_protocol: "fail",
} as const satisfies Record<ErrorCode, Answer>;

/** After so many attempts in a row that failed, and moved nothing, a person or a participant must act. With the longest waits this is about half a day. */
const MOST_FAILURES = 100;
const LONGEST_WAIT_SECONDS = 600;
/** Failures after which nobody is asked again at once, whatever they say. */
const PATIENT_FAILURES = 3;

/** `failures`: in a row, this one included. */
export type Tried = Pick<Transfer, "state" | "attempts"> & { failures: number };

/** Counts it, where it counts. Returns how many failed in a row. */
export async function countFailure(w: Pick<Writer, "deliveries">, transfer: Transfer, failure: RelaisError): Promise<number> {
  if (ANSWERS[failure.code] !== "retry") return 0;
  return w.deliveries.tried(transfer.id, transfer.epoch, onlyWaits(transfer, failure) ? "waited" : "failed");
}

/** `chance` gives numbers from 0 to 1: transfers that failed together do not try again together. */
export function settleFailure(tried: Tried, failure: RelaisError, chance: () => number = Math.random): Settlement {
  const answer = ANSWERS[failure.code];
  if (answer === "yield" || answer === "pause") return { kind: answer };
  if (answer === "cancel") return { kind: "end", state: "cancelled" };
  if (answer === "fail") return { kind: "end", state: "failed" };
  if (onlyWaits(tried, failure)) return { kind: "retry", inSeconds: backoff(tried.attempts, chance()) };
  if (tried.failures >= MOST_FAILURES) return { kind: "end", state: "failed" };
  return { kind: "retry", inSeconds: waitOf(tried.failures, failure.retryAfter, chance()) };
}

/**
 * Nobody is given up for this, as long as the permission lasts: a mailbox is full until its platform fetched (the error says what fits), and people at an
 * organisation that has received everything take their time.
 */
function onlyWaits({ state }: Pick<Transfer, "state">, { code, details }: RelaisError): boolean {
  return state === "received" || (code === "peer_unavailable" && "fits" in details);
}

/** What the other side asks for, within bounds: at most an hour, and not again and again at once. */
function waitOf(failures: number, asked: number | null, chance: number): number {
  if (asked === null || !(asked >= 0)) return backoff(failures, chance);
  const wait = Math.min(asked, LONGEST_RETRY_AFTER_SECONDS);
  return failures <= PATIENT_FAILURES ? wait : Math.max(wait, backoff(failures, chance));
}

/** Doubles from one second, at most ten minutes; between half of that and all of it, by chance. */
export function backoff(times: number, chance: number): number {
  const wait = Math.min(2 ** Math.min(Math.max(0, times - 1), 20), LONGEST_WAIT_SECONDS);
  return wait * (0.5 + chance / 2);
}
