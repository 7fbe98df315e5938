/** Who can mend a failure. Every error names one, so that a message can say what to do next, and to whom. */
export type Actor = "person" | "holder" | "platform" | "operator" | "client" | "relais";

/**
 * The closed set of failures. Each edge translates it once, by an exhaustive table
 * (`satisfies Record<ErrorCode, …>`): HTTP problem, OAuth error, retry or stop.
 */
export type ErrorCode =
  | "invalid" // the input breaks a stated rule
  | "unauthenticated" // nobody was named, or the name was not proved
  | "forbidden" // the caller is known and may not
  | "consent_missing" // no consent covers this
  | "consent_ended" // withdrawn, revoked, refused, expired or superseded
  | "patience_over" // it was tried for as long as Relais tries, and an end never answered
  | "not_accredited" // a participant has no valid trust mark
  | "condition_unmet" // a holder asks for more than the platform has shown
  | "assurance_too_low" // the holder is not sure enough of who the person is
  | "not_found"
  | "conflict" // the present state does not allow it, or another request is under way
  | "request_running" // another request with the same Idempotency-Key is under way
  | "stale" // it changed since the caller read it
  | "idempotency_mismatch" // same key, other request
  | "too_large" // more than announced, or more than the destination takes
  | "unsupported" // the other side cannot do or hold this
  | "method_not_allowed" // the address does not take this method
  | "digest_mismatch" // the bytes are not those that were announced
  | "peer_refused" // the other side answered no
  | "peer_protocol" // the other side broke the protocol
  | "peer_unavailable" // the other side does not answer, or asks to wait
  | "rate_limited"
  | "lease_lost" // another attempt owns this transfer now
  | "stopped" // the work was told to stop: withdrawal, cancellation, shutdown
  | "unavailable" // a part of Relais does not answer
  | "internal";

interface Particulars {
  cause?: unknown;
  /** For the log only, never shown: no personal data here either. */
  details?: Record<string, unknown>;
  actor?: Actor;
  /** Seconds to wait before the next try. */
  retryAfter?: number;
  /** JSON pointers to the members of the input that are wrong (RFC 6901). */
  pointers?: string[];
}

/** Who mends each failure unless the thrower knows better, and whether the same request can succeed later. */
export const ERRORS = {
  invalid: { actor: "client", retryable: false },
  unauthenticated: { actor: "client", retryable: false },
  forbidden: { actor: "client", retryable: false },
  consent_missing: { actor: "person", retryable: false },
  consent_ended: { actor: "person", retryable: false },
  patience_over: { actor: "platform", retryable: false },
  not_accredited: { actor: "platform", retryable: false },
  condition_unmet: { actor: "holder", retryable: false },
  assurance_too_low: { actor: "person", retryable: false },
  not_found: { actor: "client", retryable: false },
  conflict: { actor: "client", retryable: false },
  request_running: { actor: "client", retryable: true },
  stale: { actor: "client", retryable: false },
  idempotency_mismatch: { actor: "client", retryable: false },
  too_large: { actor: "platform", retryable: false },
  unsupported: { actor: "platform", retryable: false },
  method_not_allowed: { actor: "client", retryable: false },
  digest_mismatch: { actor: "holder", retryable: true },
  peer_refused: { actor: "platform", retryable: false },
  peer_protocol: { actor: "platform", retryable: false },
  peer_unavailable: { actor: "platform", retryable: true },
  rate_limited: { actor: "client", retryable: true },
  lease_lost: { actor: "relais", retryable: false },
  stopped: { actor: "person", retryable: false },
  unavailable: { actor: "operator", retryable: true },
  internal: { actor: "operator", retryable: true },
} as const satisfies Record<ErrorCode, { actor: Actor; retryable: boolean }>;

/** The one error that crosses folders. `message` is public: it says what is wrong and what to do; it never holds personal data. */
export class RelaisError extends Error {
  readonly code: ErrorCode;
  readonly actor: Actor;
  readonly retryable: boolean;
  readonly retryAfter: number | null;
  readonly details: Record<string, unknown>;
  readonly pointers: string[];

  constructor(code: ErrorCode, message: string, particulars: Particulars = {}) {
    super(message, particulars.cause === undefined ? undefined : { cause: particulars.cause });
    this.name = "RelaisError";
    this.code = code;
    this.actor = particulars.actor ?? ERRORS[code].actor;
    this.retryable = ERRORS[code].retryable;
    this.retryAfter = particulars.retryAfter ?? null;
    this.details = particulars.details ?? {};
    this.pointers = particulars.pointers ?? [];
  }
}

/** Anything that is not ours is `internal`, and says nothing. */
export function asRelaisError(error: unknown): RelaisError {
  if (error instanceof RelaisError) return error;
  return new RelaisError("internal", "Something failed inside Relais. The operator can find it by the support id.", { cause: error });
}
