import type { ErrorCode, RelaisError } from "../errors.ts";
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

export function settleFailure(transfer: Pick<Transfer, "id" | "attempts">, failure: RelaisError): Settlement {
  const answer = ANSWERS[failure.code];
  if (answer === "yield" || answer === "pause") return { kind: answer };
  if (answer === "cancel") return { kind: "end", state: "cancelled" };
  if (answer === "fail" || transfer.attempts >= MOST_ATTEMPTS) return { kind: "end", state: "failed" };
  return { kind: "retry", inSeconds: failure.retryAfter === null ? backoff(transfer) : Math.min(failure.retryAfter, 3600) };
}

/** Doubles from one second, at most ten minutes, spread by ±25 % that differ by transfer, so that retries do not march in step. */
export function backoff(transfer: Pick<Transfer, "id" | "attempts">): number {
  const wait = Math.min(2 ** Math.max(0, transfer.attempts - 1), LONGEST_WAIT_SECONDS);
  const spread = (transfer.id.charCodeAt(4) * 31 + transfer.id.charCodeAt(5) + transfer.attempts * 17) % 100;
  return wait * (0.75 + spread / 200);
}
