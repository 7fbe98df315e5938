import { type Actor, RelaisError } from "../core/errors.ts";

/** What the other side did to a request, as one of our errors; an abort of the transfer keeps its own reason. */
export function failureOf(error: unknown, signal: AbortSignal, actor: Actor): RelaisError {
  if (signal.aborted) return reasonOf(signal, actor);
  const own = ownError(error);
  if (own) return own;
  if (codeOf(error) === "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH") {
    return new RelaisError("digest_mismatch", "An item is longer or shorter than its source announced. Relais reads it again.", {
      cause: error,
    });
  }
  return new RelaisError("peer_unavailable", "The other side does not answer, or broke off in the middle. Relais tries again by itself.", {
    actor,
    cause: error,
    details: { failure: codeOf(error) },
  });
}

function codeOf(error: unknown): string {
  return (error as { code?: string } | null)?.code ?? "unknown";
}

function reasonOf(signal: AbortSignal, actor: Actor): RelaisError {
  const reason: unknown = signal.reason;
  if (reason instanceof RelaisError) return reason;
  if (reason instanceof DOMException && reason.name === "TimeoutError") {
    return new RelaisError("peer_unavailable", "The other side took too long to answer. Try again later.", { actor, cause: reason });
  }
  return new RelaisError("stopped", "The work was told to stop.", { cause: reason });
}

/** An error of ours may come back wrapped: from the connector, or from the body that was being sent. */
function ownError(error: unknown, depth = 0): RelaisError | null {
  if (error instanceof RelaisError) return error;
  if (depth > 4 || !(error instanceof Error)) return null;
  const inner = error instanceof AggregateError ? error.errors[0] : error.cause;
  return ownError(inner, depth + 1);
}
