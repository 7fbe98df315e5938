import { AuthorizationResponseError, ResponseBodyError, WWWAuthenticateChallengeError } from "openid-client";
import { type Actor, type ErrorCode, ERRORS, RelaisError } from "../core/errors.ts";

const UNREACHABLE = "Relais does not answer.";

/** OAuth's errors (RFC 6749 §4.1.2.1 and §5.2) in our words; what is not listed is a fault of ours as a client. */
const OAUTH_ERRORS: Readonly<Record<string, { code: ErrorCode; actor: Actor }>> = {
  access_denied: { code: "consent_missing", actor: "person" },
  invalid_grant: { code: "consent_ended", actor: "person" },
  unauthorized_client: { code: "not_accredited", actor: "platform" },
  invalid_client: { code: "not_accredited", actor: "platform" },
  temporarily_unavailable: { code: "peer_unavailable", actor: "operator" },
  server_error: { code: "peer_unavailable", actor: "operator" },
};

/** Whatever went wrong towards Relais, as one error that names who can mend it. `message` is what Relais said, in English. */
export function asRefusal(error: unknown): never {
  if (error instanceof RelaisError) throw error;
  if (error instanceof AuthorizationResponseError || error instanceof ResponseBodyError) throw saidBy(error);
  if (error instanceof WWWAuthenticateChallengeError)
    throw new RelaisError("consent_ended", "The token is no longer active.", { cause: error, actor: "person" });
  if (isSilence(error)) throw new RelaisError("peer_unavailable", UNREACHABLE, { cause: error, actor: "operator" });
  throw new RelaisError("peer_protocol", "The answer of Relais could not be accepted.", { cause: error, actor: "operator" });
}

function saidBy(error: AuthorizationResponseError | ResponseBodyError): RelaisError {
  const known = Object.hasOwn(OAUTH_ERRORS, error.error) ? OAUTH_ERRORS[error.error] : undefined;
  return new RelaisError(known?.code ?? "peer_refused", error.error_description ?? error.error, {
    cause: error,
    actor: known?.actor ?? "platform",
  });
}

/** A connection that fails or takes too long, as `fetch` and the OAuth client tell it. */
function isSilence(error: unknown): boolean {
  const { name, message, cause } = error as { name?: string; message?: string; cause?: { name?: string } };
  return name === "TimeoutError" || cause?.name === "TimeoutError" || message === "fetch failed";
}

/** The JSON of a good answer. @throws RelaisError with the code of the problem document (RFC 9457) otherwise. */
export async function answerOf(response: Response): Promise<Record<string, unknown>> {
  const value = Object(await response.json().catch(() => ({}))) as Record<string, unknown>;
  if (response.ok) return value;
  const { code, detail, actor } = value;
  if (typeof code !== "string" || !Object.hasOwn(ERRORS, code)) {
    throw new RelaisError(response.status >= 500 ? "peer_unavailable" : "peer_protocol", `Relais answers with status ${response.status}.`, {
      actor: "operator",
    });
  }
  throw new RelaisError(
    code as ErrorCode,
    typeof detail === "string" ? detail : code,
    typeof actor === "string" ? { actor: actor as Actor } : {},
  );
}
