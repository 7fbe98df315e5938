import type { ErrorRequestHandler } from "express";
import { asRelaisError, type ErrorCode } from "../core/errors.ts";

type FederationCode =
  | "invalid_request"
  | "invalid_subject"
  | "invalid_trust_anchor"
  | "invalid_trust_chain"
  | "invalid_metadata"
  | "not_found"
  | "server_error"
  | "temporarily_unavailable"
  | "unsupported_parameter";

const STATUS = {
  invalid_request: 400,
  invalid_subject: 404,
  invalid_trust_anchor: 404,
  invalid_trust_chain: 400,
  invalid_metadata: 400,
  not_found: 404,
  server_error: 500,
  temporarily_unavailable: 503,
  unsupported_parameter: 400,
} as const satisfies Record<FederationCode, number>;

/** An error of OpenID Federation 1.0 §8.9. */
export class FederationError extends Error {
  readonly code: FederationCode;

  constructor(code: FederationCode, description: string) {
    super(description);
    this.code = code;
  }
}

const OURS: Partial<Record<ErrorCode, FederationCode>> = {
  invalid: "invalid_request",
  not_found: "not_found",
  unavailable: "temporarily_unavailable",
};

/** Federation's own error form; what is unexpected goes on to the application, which logs it. */
export const answerErrors: ErrorRequestHandler = (error, _req, res, next) => {
  const known = error instanceof FederationError ? error : translated(error);
  if (known === null) return next(error);
  res.status(STATUS[known.code]).json({ error: known.code, error_description: known.message });
};

function translated(error: unknown): FederationError | null {
  const { code, message } = asRelaisError(error);
  const federationCode = OURS[code];
  return federationCode ? new FederationError(federationCode, message) : null;
}
