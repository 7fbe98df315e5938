import { type Actor, type ErrorCode, RelaisError } from "../../src/core/errors.ts";
import type { Opening, OutboundResponse } from "../../src/core/transfer/adapter.ts";
import { retryAfterSeconds } from "../../src/core/transfer/retry-after.ts";

/** What a status means here, and what whoever can mend it should do. */
// oxfmt-ignore
const STATUSES: [status: number, code: ErrorCode, sentence: string][] = [
  [400, "peer_refused", "found a flaw in the request. It should compare its checks with the protocol."],
  [401, "unauthenticated", "does not accept the proof of the request. It should check that it knows the present keys and asks about the token."],
  [403, "peer_refused", "does not allow this. The person should look at the permission there."],
  [404, "not_found", "does not know this account, data set or item. The person should link the account again."],
  [409, "conflict", "says that its present state does not allow this. It should look at the transfer."],
  [410, "not_found", "no longer has this. The source should list it no more."],
  [412, "digest_mismatch", "received bytes that are not those announced. Relais reads them again from the source."],
  [413, "too_large", "has no room for this. The person should make room there."],
  [415, "unsupported", "does not take this kind of content. The person can receive it elsewhere."],
  [429, "rate_limited", "asks to slow down. Relais waits and tries again by itself."],
  [503, "peer_unavailable", "is out of order for a while. Relais tries again by itself."],
  [507, "too_large", "has no room left. The person should make room there."],
];

/** Who answers at this opening. */
export function actorOf(opening: Pick<Opening, "participant">): Actor {
  return opening.participant.roles.includes("holder") ? "holder" : "platform";
}

/** Reads the problem document of a refusal and makes it one of our errors. */
export async function refusalOf(opening: Opening, answer: OutboundResponse): Promise<RelaisError> {
  const problem = await readProblem(answer);
  const [, code, sentence] = STATUSES.find(([status]) => status === answer.status) ?? otherStatus(answer.status);
  const wait = retryAfterSeconds(answer.headers["retry-after"], opening.clock.now());
  return new RelaisError(problem["code"] === "consent_missing" ? "consent_missing" : code, `The other side ${sentence}`, {
    actor: actorOf(opening),
    details: { status: answer.status, ...fitsOf(problem) },
    ...(wait === null ? {} : { retryAfter: wait }),
  });
}

/** Where the source lists from the beginning alone; the answer is used up then. */
export async function isUnknownPosition(answer: OutboundResponse): Promise<boolean> {
  if (answer.status !== 410) return false;
  await answer.drop();
  return true;
}

function otherStatus(status: number): [number, ErrorCode, string] {
  if (status >= 500) return [status, "peer_unavailable", "failed. Relais tries again by itself."];
  return [status, "peer_protocol", "answers with a status that the protocol does not have. It must correct its software."];
}

export function brokenProtocol(opening: Pick<Opening, "participant">, flaw: string): RelaisError {
  return new RelaisError("peer_protocol", `The other side ${flaw}. It must correct its software.`, { actor: actorOf(opening) });
}

async function readProblem(answer: OutboundResponse): Promise<Record<string, unknown>> {
  const isProblem = /^application\/(problem\+)?json\b/.test(answer.headers["content-type"] ?? "");
  if (!isProblem) return answer.drop().then(() => ({}));
  try {
    const value: unknown = JSON.parse(await answer.text());
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function fitsOf(problem: Record<string, unknown>): { fits?: number } {
  const bytes = (problem["fits"] as { bytes?: unknown } | null | undefined)?.bytes;
  return typeof bytes === "number" && Number.isSafeInteger(bytes) && bytes >= 0 ? { fits: bytes } : {};
}
