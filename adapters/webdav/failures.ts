import { type ErrorCode, RelaisError } from "../../src/core/errors.ts";
import type { OutboundResponse } from "../../src/core/transfer/adapter.ts";
import { retryAfterSeconds } from "../../src/core/transfer/retry-after.ts";

const STATUSES: [status: number, code: ErrorCode, sentence: string][] = [
  [207, "peer_refused", "could do this for a part only. The person should look for locked files there."],
  [400, "unsupported", "does not take such a name. The item can be received elsewhere."],
  [401, "peer_refused", "does not accept the user name and password. The person should link the account again with a new app password."],
  [403, "peer_refused", "does not allow this in the person's folder. The person should look at the rights of the folder."],
  [404, "not_found", "has no such folder or file. The person should link the account again."],
  [405, "unsupported", "does not offer this WebDAV method here. The person should check the address of the folder."],
  [409, "unsupported", "has a file where a folder is needed. The person should rename that file."],
  [412, "conflict", "changed in the meantime. Relais tries again later."],
  [413, "too_large", "does not take an item of this size."],
  [414, "unsupported", "does not take such a long name. The item can be received elsewhere."],
  [415, "unsupported", "does not take this kind of content. The item can be received elsewhere."],
  [423, "peer_unavailable", "keeps the file locked. Relais tries again by itself."],
  [429, "rate_limited", "asks to slow down. Relais waits and tries again by itself."],
  [503, "peer_unavailable", "is out of order for a while. Relais tries again by itself."],
  [507, "too_large", "has no room left. The person should make room there."],
];

/** The answer's body is dropped; its status becomes one of our errors. */
export async function refusalOf(answer: OutboundResponse, now: Date): Promise<RelaisError> {
  await answer.drop();
  const [, code, sentence] = STATUSES.find(([status]) => status === answer.status) ?? otherStatus(answer.status);
  const wait = retryAfterSeconds(answer.headers["retry-after"], now);
  return new RelaisError(code, `The platform ${sentence}`, {
    actor: "platform",
    details: { status: answer.status },
    ...(wait === null ? {} : { retryAfter: wait }),
  });
}

function otherStatus(status: number): [number, ErrorCode, string] {
  if (status >= 500) return [status, "peer_unavailable", "failed. Relais tries again by itself."];
  return [
    status,
    "peer_protocol",
    "answers with a status that WebDAV does not have here. The person should check the address of the folder.",
  ];
}
