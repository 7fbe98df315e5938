import type { ErrorRequestHandler, Request, Response } from "express";
import { asRelaisError, RelaisError, type ErrorCode } from "../core/errors.ts";
import type { Session } from "../core/person/person.ts";

/** Each failure in the language of HTTP (RFC 9110, RFC 9457). */
export const STATUS = {
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
  rate_limited: 429,
  peer_refused: 502,
  peer_protocol: 502,
  peer_unavailable: 503,
  lease_lost: 409,
  stopped: 503,
  unavailable: 503,
  internal: 500,
} as const satisfies Record<ErrorCode, number>;

export interface Problem {
  /** Resolves to a page in both languages. */
  type: string;
  title: string;
  status: number;
  detail: string;
  code: ErrorCode;
  actor: string;
  retryable: boolean;
  support_id: string;
  pointers?: string[];
}

const TITLES = {
  invalid: "The request breaks a rule",
  unauthenticated: "Nobody was named",
  forbidden: "Not allowed",
  consent_missing: "No permission covers this",
  consent_ended: "The permission has ended",
  patience_over: "Tried for as long as Relais tries",
  not_accredited: "No accreditation in force",
  condition_unmet: "A condition of the holder is not met",
  assurance_too_low: "The holder must be surer of who asks",
  not_found: "Not found",
  conflict: "Not possible in the present state",
  request_running: "The first request with this key is still running",
  stale: "Changed since it was read",
  idempotency_mismatch: "The key was used for another request",
  too_large: "Too large",
  unsupported: "Not supported",
  method_not_allowed: "The address does not take this method",
  digest_mismatch: "Other bytes than announced",
  rate_limited: "Too many requests",
  peer_refused: "The other side refused",
  peer_protocol: "The other side broke the protocol",
  peer_unavailable: "The other side does not answer",
  lease_lost: "Another attempt took over",
  stopped: "Stopped",
  unavailable: "A part of Relais does not answer",
  internal: "Something failed",
} as const satisfies Record<ErrorCode, string>;

export function problemOf(error: RelaisError, context: { issuer: string; supportId: string }): Problem {
  return {
    type: `${context.issuer}/en/problems/${error.code}`,
    title: TITLES[error.code],
    status: STATUS[error.code],
    detail: error.message,
    code: error.code,
    actor: error.actor,
    retryable: error.retryable,
    support_id: context.supportId,
    ...(error.pointers.length > 0 ? { pointers: error.pointers } : {}),
  };
}

/** What Express and its parsers throw, in our words. */
const PARSER_ERRORS: Record<string, RelaisError> = {
  "entity.too.large": new RelaisError(
    "too_large",
    "The body is larger than this address takes: 64 KiB of JSON, 32 KiB of a form, 256 KiB of a document to check, or 10 MiB of a file.",
    { actor: "client" },
  ),
  // What the reader of forms with a file says (multer).
  LIMIT_FILE_SIZE: new RelaisError("too_large", "A piece of evidence is at most 10 MiB, a document to check at most 256 KiB.", {
    actor: "client",
  }),
  LIMIT_FIELD_VALUE: new RelaisError("too_large", "A document to check is at most 256 KiB.", { actor: "client" }),
  "entity.parse.failed": new RelaisError("invalid", "The body is not JSON.", { pointers: [""] }),
  "encoding.unsupported": new RelaisError("unsupported", "Send the body as it is, or compressed with gzip.", { actor: "client" }),
  "charset.unsupported": new RelaisError("unsupported", "Send the body in UTF-8.", { actor: "client" }),
  "request.aborted": new RelaisError("invalid", "The request ended before its body was complete."),
};

export function translateHttpError(error: unknown): RelaisError {
  if (error instanceof RelaisError || typeof error !== "object" || error === null) return asRelaisError(error);
  const named = "type" in error ? error.type : "code" in error ? error.code : undefined;
  const known = typeof named === "string" && Object.hasOwn(PARSER_ERRORS, named) ? PARSER_ERRORS[named] : undefined;
  if (known) return known;
  if ("name" in error && error.name === "MulterError")
    return new RelaisError("invalid", "The form is not as this page sends it. Open the page again.");
  if (error instanceof URIError) return new RelaisError("invalid", "The address is not well-formed.");
  return asRelaisError(error);
}

export interface ProblemSettings {
  issuer: string;
  log(entry: { supportId: string; code: ErrorCode; status: number; error: RelaisError }): void;
  /** A page for people, in their language; `displayName` of whoever is signed in. */
  page(error: RelaisError, reader: { language: string; supportId: string; displayName: string | null }): string;
}

/** RFC 9449 §7.1. */
const CHALLENGE = `DPoP error="invalid_token", algs="ES256 PS256 Ed25519 EdDSA"`;

/** The last handler: one answer for whatever failed, as a problem document or as a page. */
export function answerProblems(settings: ProblemSettings): ErrorRequestHandler {
  return (thrown, req, res, next) => {
    const error = translateHttpError(thrown);
    const supportId = String(res.locals["requestId"]);
    settings.log({ supportId, code: error.code, status: STATUS[error.code], error });
    if (res.headersSent) return next(thrown);
    if (error.code === "unauthenticated" && req.path.startsWith("/v1/")) res.set("WWW-Authenticate", CHALLENGE);
    if (error.retryAfter !== null) res.set("Retry-After", String(Math.ceil(error.retryAfter)));
    res.status(STATUS[error.code]).set("Cache-Control", "no-store");
    if (wantsPage(req)) return sendPage(res, settings.page(error, { language: languageOf(req), supportId, displayName: nameOf(res) }));
    res.type("application/problem+json").send(JSON.stringify(problemOf(error, { issuer: settings.issuer, supportId })));
  };
}

function sendPage(res: Response, html: string): void {
  res.type("html").send(html);
}

function nameOf(res: Response): string | null {
  return (res.locals["session"] as Session | null | undefined)?.displayName ?? null;
}

function wantsPage(req: Request): boolean {
  return !req.path.startsWith("/v1/") && !req.path.startsWith("/health") && req.accepts(["json", "html"]) === "html";
}

export function languageOf(req: Request): "fr" | "en" {
  const inPath = /^\/(fr|en)(\/|$)/.exec(req.path)?.[1];
  return (inPath ?? (req.acceptsLanguages(["fr", "en"]) || "fr")) === "en" ? "en" : "fr";
}
