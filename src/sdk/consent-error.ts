import type { Actor } from "../core/errors.ts";

/** What a caller may sign proofs with; said in each challenge (RFC 9449 §7.1). */
export const ALGORITHMS = ["ES256", "PS256", "Ed25519", "EdDSA"];

/**
 * Everything that a holder can answer instead of data. `code` is the protocol's word in the problem document (docs/self-data-transfer.md), `error`
 * that of `WWW-Authenticate` (RFC 6750 §3.1, RFC 9449 §7.1; null: a challenge without one, or none), `actor` who can mend it.
 */
// oxfmt-ignore
export const CONSENT_ERRORS = {
  token_missing:      { status: 401, code: "unauthenticated",  error: null,                  actor: "client",   says: "A consent token and a DPoP proof are needed. Relais sends both." },
  proof_invalid:      { status: 401, code: "unauthenticated",  error: "invalid_dpop_proof",  actor: "client",   says: "The DPoP proof is not of this request. Make a new proof for each request." },
  proof_used:         { status: 401, code: "unauthenticated",  error: "invalid_dpop_proof",  actor: "client",   says: "The DPoP proof was used before. Make a new proof for each request." },
  token_inactive:     { status: 401, code: "unauthenticated",  error: "invalid_token",       actor: "client",   says: "The consent token is not active. Relais can ask for a new one while the consent stands." },
  token_invalid:      { status: 401, code: "unauthenticated",  error: "invalid_token",       actor: "client",   says: "The consent token is not one that Relais signed for this source, or its time is over. Relais can ask for a new one." },
  consent_ended:      { status: 401, code: "unauthenticated",  error: "invalid_token",       actor: "person",   says: "The consent behind the token ended. The person can give a new one at Relais." },
  key_mismatch:       { status: 401, code: "unauthenticated",  error: "invalid_token",       actor: "client",   says: "The consent token is bound to another key." },
  audience_mismatch:  { status: 401, code: "unauthenticated",  error: "invalid_token",       actor: "client",   says: "The consent token is for another source." },
  token_format:       { status: 401, code: "unauthenticated",  error: "invalid_token",       actor: "holder",   says: "The consent token is a JWT, which this source does not take. It must take them, or stop asking for them in its entity configuration." },
  consent_missing:    { status: 403, code: "consent_missing",  error: "insufficient_scope",  actor: "person",   says: "The consent does not cover this. The person can give a wider one at Relais." },
  relais_unavailable: { status: 503, code: "peer_unavailable", error: null,                  actor: "operator", says: "Relais does not answer well, so that this request cannot be checked. Try again in a moment." },
  relais_protocol:    { status: 502, code: "peer_protocol",    error: null,                  actor: "operator", says: "Relais answers in a way that cannot be believed. The operator of Relais must look." },
  holder_refused:     { status: 503, code: "unavailable",      error: null,                  actor: "holder",   says: "Relais does not accept this source as a client. The source must publish the key that it signs with." },
  proofs_full:        { status: 503, code: "unavailable",      error: null,                  actor: "holder",   says: "This source cannot remember more DPoP proofs now. Try again in a moment; the source needs a larger store." },
} as const satisfies Record<string, { status: number; code: string; error: string | null; actor: Actor; says: string }>;

export type ConsentErrorReason = keyof typeof CONSENT_ERRORS;

const RETRY_SECONDS = 1;

/** Why a request gets no data. `message` may be shown to the caller: it names nobody. */
export class ConsentError extends Error {
  override readonly name = "ConsentError";
  readonly reason: ConsentErrorReason;
  /** HTTP status of the answer. */
  readonly status: number;
  /** The protocol's code in the problem document. */
  readonly code: string;
  /** Who can mend it. */
  readonly actor: Actor;
  /** Value of `WWW-Authenticate`; null where the request needs no other token or proof. */
  readonly challenge: string | null;
  /** Seconds to wait before the same request; null where it cannot succeed later. */
  readonly retryAfter: number | null;

  constructor(reason: ConsentErrorReason, options: { says?: string; cause?: unknown } = {}) {
    const { status, code, error, actor, says } = CONSENT_ERRORS[reason];
    super(options.says ?? says, options.cause === undefined ? undefined : { cause: options.cause });
    this.reason = reason;
    this.status = status;
    this.code = code;
    this.actor = actor;
    this.challenge = status === 401 || status === 403 ? challengeOf(error) : null;
    this.retryAfter = status === 503 ? RETRY_SECONDS : null;
  }

  /** Header fields of the answer. */
  get headers(): Record<string, string> {
    return {
      "content-type": "application/problem+json",
      "cache-control": "no-store",
      ...(this.challenge === null ? {} : { "www-authenticate": this.challenge }),
      ...(this.retryAfter === null ? {} : { "retry-after": String(this.retryAfter) }),
    };
  }

  /** Problem document (RFC 9457). */
  problem(): object {
    const { message, status, code, reason, actor, retryAfter } = this;
    return { type: "about:blank", title: message, status, code, reason, actor, retryable: retryAfter !== null };
  }

  /** The whole answer, for servers of the Fetch API. */
  toResponse(): Response {
    return new Response(JSON.stringify(this.problem()), { status: this.status, headers: this.headers });
  }
}

function challengeOf(error: string | null): string {
  const algs = `algs="${ALGORITHMS.join(" ")}"`;
  return error === null ? `DPoP ${algs}` : `DPoP error="${error}", ${algs}`;
}
