import type { DueNotice } from "./outbox.ts";

export const SET_TYPE = "secevent+jwt";

/** The URI that names an event; it leads to the page that explains it. */
export function eventUri(issuer: string, type: string): string {
  return `${issuer}/events/${type}`;
}

/** RFC 8417 with the rules of the Shared Signals Framework: one event, `sub_id` beside it, neither `sub` nor `exp`. */
export function securityEvent(issuer: string, { notice, recipient, about }: DueNotice): object {
  const decision = notice.details["decision"];
  return {
    iss: issuer,
    aud: recipient.entityId,
    iat: Math.floor(notice.createdAt.getTime() / 1000),
    jti: notice.id,
    txn: typeof decision === "string" ? decision : notice.id,
    // RFC 9493: an entity by its identifier, a person by the name that the recipient alone knows.
    sub_id: about === null ? { format: "opaque", id: notice.subject } : { format: "uri", uri: about },
    events: { [eventUri(issuer, notice.type)]: notice.details },
  };
}
