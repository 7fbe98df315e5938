import type { ErrorCode, RelaisError } from "../errors.ts";
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
  stale: "fail",
  idempotency_mismatch: "fail",
  too_large: "fail",
  unsupported: "fail",
  method_not_allowed: "fail",
  peer_refused: "fail",
  peer_protocol: "fail",
} as const satisfies Record<ErrorCode, Answer>;

/** After so many attempts that failed in the same transfer, a person or a participant must act. With the longest waits this is about half a day. */
const MOST_ATTEMPTS = 100;
const LONGEST_WAIT_SECONDS = 600;
/** Attempts after which nobody is asked again at once, whatever they say. */
const PATIENT_ATTEMPTS = 3;

/** `chance` gives numbers from 0 to 1: transfers that failed together do not try again together. */
export function settleFailure(transfer: Pick<Transfer, "attempts">, failure: RelaisError, chance: () => number = Math.random): Settlement {
  const answer = ANSWERS[failure.code];
  if (answer === "yield" || answer === "pause") return { kind: answer };
  if (answer === "cancel") return { kind: "end", state: "cancelled" };
  if (answer === "fail" || transfer.attempts >= MOST_ATTEMPTS) return { kind: "end", state: "failed" };
  return { kind: "retry", inSeconds: waitOf(transfer, failure.retryAfter, chance()) };
}

/** What the other side asks for, within bounds: at most an hour, and not again and again at once. */
function waitOf(transfer: Pick<Transfer, "attempts">, asked: number | null, chance: number): number {
  if (asked === null || !(asked >= 0)) return backoff(transfer.attempts, chance);
  const wait = Math.min(asked, LONGEST_RETRY_AFTER_SECONDS);
  return transfer.attempts <= PATIENT_ATTEMPTS ? wait : Math.max(wait, backoff(transfer.attempts, chance));
}

/** Doubles from one second, at most ten minutes; between half of that and all of it, by chance. */
export function backoff(attempts: number, chance: number): number {
  const wait = Math.min(2 ** Math.min(Math.max(0, attempts - 1), 20), LONGEST_WAIT_SECONDS);
  return wait * (0.5 + chance / 2);
}
