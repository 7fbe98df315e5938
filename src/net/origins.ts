import { RelaisError } from "../core/errors.ts";
import type { Participant } from "../core/register/participant.ts";

/** The origins where a participant may be spoken to: those of its entity identifier and of its registered endpoints. */
export function originsOf(participant: Pick<Participant, "entityId" | "endpoints">): Set<string> {
  const urls = [participant.entityId, ...Object.values(participant.endpoints)].filter((url): url is string => typeof url === "string");
  return new Set(urls.filter((url) => URL.canParse(url)).map((url) => new URL(url).origin));
}

/**
 * The URL, where a request may go there at all.
 * @throws RelaisError `forbidden` for user info, another origin, or a scheme that is not https (http on loopback in the sandbox).
 */
export function permittedUrl(text: string, origins: ReadonlySet<string>, allowLoopback: boolean): URL {
  const url = parsed(text);
  if (url.username !== "" || url.password !== "") throw refusal("holds a user name or a password");
  if (url.protocol !== "https:" && !(url.protocol === "http:" && allowLoopback)) throw refusal("is not https");
  if (!origins.has(url.origin)) throw refusal("is not at an origin that the participant registered");
  return url;
}

function parsed(text: string): URL {
  try {
    return new URL(text);
  } catch {
    throw refusal("is not a URL");
  }
}

function refusal(flaw: string): RelaisError {
  return new RelaisError("forbidden", `An address ${flaw}. The participant must correct what it registered or answered.`, {
    actor: "platform",
  });
}
