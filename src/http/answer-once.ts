import type { Request, Response } from "express";
import { canonicalJson } from "../core/canonical-json.ts";
import { RelaisError, type ErrorCode } from "../core/errors.ts";
import type { ConsentId } from "../core/ids.ts";
import type { Ports, Writer } from "../core/ports.ts";
import { keyEndsAt, type GivenAnswer, type KeyedRequest } from "../core/transfer/given-answer.ts";
import { sha256 } from "../core/transfer/manifest.ts";
import { parse } from "./parse.ts";
import { problemOf, STATUS } from "./problems.ts";
import { IdempotencyKey } from "./schemas.ts";

type Answering = Pick<Ports, "store" | "clock" | "issuer">;

/** Refusals that time can mend are judged anew: nothing was done. The others are the answer to this request, as long as its key stands. */
const JUDGED_ANEW: readonly ErrorCode[] = [
  "conflict",
  "request_running",
  "idempotency_mismatch",
  "rate_limited",
  "unauthenticated",
  "unavailable",
  "internal",
];

interface Asking {
  req: Request;
  res: Response;
  caller: string;
  /** The permission that the caller's token carries, where it carries one. */
  consentId?: ConsentId;
}

/**
 * Answers a request that may come again (draft-ietf-httpapi-idempotency-key-header-07): the same request with the same key gets the same answer, to
 * the byte; 409 while the first one runs; 422 for another request with the key; 400 without a key. What the request does and what it was answered
 * are one transaction. Returns whether it was answered for the first time, and accepted.
 */
export async function answerOnce(
  ports: Answering,
  { req, res, caller, consentId }: Asking,
  work: (w: Writer, now: Date) => Promise<GivenAnswer>,
): Promise<boolean> {
  const { "idempotency-key": key } = parse(IdempotencyKey, req.headers, "header");
  const request = { caller, key, fingerprint: sha256(`${req.method} ${req.path} ${canonicalJson(req.body)}`) };
  const now = ports.clock.now();
  let isFirst = false;
  const answer = await ports.store
    .write(async (w) => {
      isFirst = false;
      const known = await w.answers.begin(request, now);
      if (known !== null) return ownOf(known, consentId);
      isFirst = true;
      const given = await work(w, now);
      await w.answers.keep(request, given, keyEndsAt(now));
      return given;
    })
    .catch(async (error: unknown) => {
      if (isFirst && error instanceof RelaisError && !JUDGED_ANEW.includes(error.code) && !error.retryable)
        await keepRefusal(ports, request, { error, supportId: String(res.locals["requestId"]) });
      throw error;
    });
  send(res, answer);
  return isFirst && answer.status < 400;
}

/** What was answered about another permission is nothing for this token, though it is of the same client. */
function ownOf(known: GivenAnswer, consentId: ConsentId | undefined): GivenAnswer {
  if (consentId === undefined || known.consentId === null || known.consentId === consentId) return known;
  throw new RelaisError("consent_missing", "The token carries another consent. Use the token of this consent.");
}

/** What another request was answered meanwhile under this key stands, and so does what one that runs will be. */
const STANDS: readonly ErrorCode[] = ["request_running", "idempotency_mismatch"];

/** With the support id of the first time: the operator finds it there. */
async function keepRefusal(
  { store, clock, issuer }: Answering,
  request: KeyedRequest,
  { error, supportId }: { error: RelaisError; supportId: string },
): Promise<void> {
  const body = JSON.stringify(problemOf(error, { issuer, supportId }));
  const answer = { status: STATUS[error.code], location: null, body, consentId: null };
  const now = clock.now();
  const keeping = store.write(async (w) => {
    if ((await w.answers.begin(request, now)) === null) await w.answers.keep(request, answer, keyEndsAt(now));
  });
  await keeping.catch((reason: unknown) => {
    if (!(reason instanceof RelaisError && STANDS.includes(reason.code))) throw reason;
  });
}

function send(res: Response, { status, location, body }: GivenAnswer): void {
  if (location !== null) res.location(location);
  res
    .status(status)
    .type(status < 400 ? "application/json" : "application/problem+json")
    .send(body);
}
