import { asRelaisError } from "../errors.ts";
import type { ParticipantId } from "../ids.ts";
import type { Network } from "../ports.ts";
import type { Bytes, Fetch, OutboundResponse } from "../transfer/adapter.ts";
import { retryAfterSeconds } from "../transfer/retry-after.ts";
import type { HealthNote } from "./health.ts";

/** Statuses from 500 on that say something of the request, and nothing of the participant. */
const ABOUT_THE_REQUEST = [501, 505, 507];
const ASKS_TO_WAIT = [429, 503];
/** A body that was left unread for this long may be cut off by a server that has a patience of its own: that is no failure of the server. */
const UNREAD_MILLISECONDS = 5_000;

interface Watch {
  note: (note: HealthNote) => void;
  now: () => Date;
}

/**
 * The same way out, which tells how each participant fares. One opening is one attempt at it: it fails at most once, however many of its requests do,
 * and it succeeds when it is over without a failure.
 */
export function watchedNetwork(network: Network, { note, now }: Watch): Network {
  return {
    fetchFor: (participant, signal) => {
      const opening = openingOf(participant.id, note);
      signal.addEventListener("abort", opening.over, { once: true });
      return watchedFetch(network.fetchFor(participant, signal), opening, now);
    },
  };
}

interface Watched {
  answered(): void;
  failed(): void;
  rest(seconds: number): void;
  over(): void;
}

function openingOf(participantId: ParticipantId, note: Watch["note"]): Watched {
  let [hasAnswered, hasFailed] = [false, false];
  return {
    answered: () => {
      hasAnswered = true;
      note({ kind: "answered", participantId });
    },
    failed: () => {
      if (!hasFailed) note({ kind: "failure", participantId });
      hasFailed = true;
    },
    rest: (seconds) => note({ kind: "rest", participantId, seconds }),
    over: () => {
      if (hasAnswered && !hasFailed) note({ kind: "success", participantId });
    },
  };
}

function watchedFetch(fetch: Fetch, opening: Watched, now: () => Date): Fetch {
  return async (request) => {
    const answer = await fetch(request).catch((error: unknown) => failing(error, opening));
    judge(answer, opening, now());
    return {
      ...answer,
      body: watchedBody(answer.body, opening, now),
      text: () => answer.text().catch((error: unknown) => failing(error, opening)),
    };
  };
}

/** Only a participant that does not answer, or breaks off, fails: a refusal is an answer, and a stop is ours. */
function failing(error: unknown, opening: Watched): never {
  if (asRelaisError(error).code === "peer_unavailable") opening.failed();
  throw error;
}

function judge({ status, headers }: OutboundResponse, opening: Watched, now: Date): void {
  const wait = ASKS_TO_WAIT.includes(status) ? retryAfterSeconds(headers["retry-after"], now) : null;
  if (wait !== null && wait > 0) opening.rest(wait);
  if (status >= 500 && !ABOUT_THE_REQUEST.includes(status)) opening.failed();
  else opening.answered();
}

async function* watchedBody(body: Bytes, opening: Watched, now: () => Date): Bytes {
  let longestUnread = 0;
  try {
    for await (const chunk of body) {
      const givenAt = now().getTime();
      yield chunk;
      longestUnread = Math.max(longestUnread, now().getTime() - givenAt);
    }
  } catch (error) {
    if (longestUnread >= UNREAD_MILLISECONDS) throw error;
    failing(error, opening);
  }
}
