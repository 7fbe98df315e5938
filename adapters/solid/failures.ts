import { type Actor, type ErrorCode, RelaisError } from "../../src/core/errors.ts";
import type { OutboundResponse } from "../../src/core/transfer/adapter.ts";
import { retryAfterSeconds } from "../../src/core/transfer/retry-after.ts";

const STATUSES: [status: number, code: ErrorCode, actor: Actor, sentence: string][] = [
  [400, "unsupported", "platform", "does not take such a name or such content. The item can be received elsewhere."],
  [401, "peer_refused", "person", "does not accept the credentials. The person should make new ones there and link the pod again."],
  [403, "peer_refused", "person", "does not allow this. The person should give these credentials the right to read and write in the pod."],
  [404, "not_found", "platform", "has no such container or resource. The person should link the pod again."],
  [405, "unsupported", "platform", "does not offer this method here. The person should check the address of the pod."],
  [409, "unsupported", "platform", "has a resource where a container is needed. The person should rename that resource."],
  [412, "conflict", "platform", "changed in the meantime. Relais tries again later."],
  [413, "too_large", "platform", "has no room for an item of this size."],
  [414, "unsupported", "platform", "does not take such a long name. The item can be received elsewhere."],
  [415, "unsupported", "platform", "does not take this kind of content. The item can be received elsewhere."],
  [423, "peer_unavailable", "platform", "keeps the resource locked. Relais tries again by itself."],
  [429, "rate_limited", "platform", "asks to slow down. Relais waits and tries again by itself."],
  [501, "unsupported", "platform", "cannot hold such a name. The item can be received elsewhere."],
  [503, "peer_unavailable", "platform", "is out of order for a while. Relais tries again by itself."],
  [507, "too_large", "platform", "has no room left. The person should make room there."],
];

/** The answer's body is dropped; its status becomes one of our errors. */
export async function refusalOf(answer: OutboundResponse, now: Date): Promise<RelaisError> {
  await answer.drop();
  const [, code, actor, sentence] = STATUSES.find(([status]) => status === answer.status) ?? otherStatus(answer.status);
  const wait = retryAfterSeconds(answer.headers["retry-after"], now);
  return new RelaisError(code, `The pod's server ${sentence}`, {
    actor,
    details: { status: answer.status },
    ...(wait === null ? {} : { retryAfter: wait }),
  });
}

function otherStatus(status: number): [number, ErrorCode, Actor, string] {
  if (status >= 500) return [status, "peer_unavailable", "platform", "failed. Relais tries again by itself."];
  return [
    status,
    "peer_protocol",
    "platform",
    "answers with a status that Solid does not have here. The person should check the address of the pod.",
  ];
}

export function brokenProtocol(flaw: string): RelaisError {
  return new RelaisError("peer_protocol", `The pod's server ${flaw}. Its operator must correct it.`, { actor: "platform" });
}
