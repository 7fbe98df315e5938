import type { ErrorRequestHandler, RequestHandler } from "express";
import { asRelaisError, type ErrorCode, RelaisError } from "../../core/errors.ts";
import { isDiskFull } from "./disk-full.ts";

const STATUS = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  consent_missing: 403,
  consent_ended: 403,
  patience_over: 504,
  not_accredited: 403,
  condition_unmet: 403,
  assurance_too_low: 403,
  not_found: 404,
  conflict: 409,
  request_running: 409,
  stale: 412,
  idempotency_mismatch: 422,
  too_large: 413,
  unsupported: 415,
  method_not_allowed: 405,
  digest_mismatch: 412,
  peer_refused: 502,
  peer_protocol: 502,
  peer_unavailable: 503,
  rate_limited: 429,
  lease_lost: 409,
  stopped: 409,
  unavailable: 503,
  internal: 500,
} as const satisfies Record<ErrorCode, number>;

/** Problem documents (RFC 9457). What is not ours becomes `internal`, and is told to `report`. */
export function answerProblems(report: (error: unknown) => void): ErrorRequestHandler {
  return (thrown, request, response, _next) => {
    // The sender went away in the middle of its body, as a transfer that is stopped does: nobody is left to answer.
    if (request.destroyed && !request.complete) return void response.destroy();
    const error = errorOf(thrown);
    if (error.code === "internal" || isDiskFull(thrown)) report(thrown);
    if (response.headersSent) return void response.destroy();
    if (error.code === "unauthenticated" && response.get("www-authenticate") === undefined) response.set("www-authenticate", "Signature");
    response
      .status(STATUS[error.code])
      .type("application/problem+json")
      .send(JSON.stringify(problemOf(error)));
  };
}

/** A full disk is mended by whoever runs the platform: 503, and whoever sends waits. 507 would say that the person has no room left. */
function errorOf(thrown: unknown): RelaisError {
  if (isBadRequest(thrown)) return new RelaisError("invalid", "The request cannot be read. The sender must correct it.");
  if (isDiskFull(thrown))
    return new RelaisError(
      "unavailable",
      "The disk is full here. Nothing was stored; its operator makes room, and it can be sent again then.",
      {
        cause: thrown,
      },
    );
  return asRelaisError(thrown);
}

function problemOf({ code, message, actor, retryable, details }: RelaisError): object {
  const { fits } = details;
  return { type: "about:blank", title: message, status: STATUS[code], code, actor, retryable, ...(fits === undefined ? {} : { fits }) };
}

/** An address with a broken percent-encoding, or a body that is too large or not JSON: Express says so with a status. */
function isBadRequest(thrown: unknown): boolean {
  const status = (thrown as { status?: unknown } | null)?.status;
  return !(thrown instanceof RelaisError) && typeof status === "number" && status >= 400 && status < 500;
}

export const answerNotFound: RequestHandler = () => {
  throw new RelaisError("not_found", "There is nothing at this address. The addresses are in the entity configuration.");
};
