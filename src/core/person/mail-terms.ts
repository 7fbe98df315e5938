import type { MailAnswer, MailId } from "./mail.ts";

/** More than the deadlines of one handing over taken together. */
export const LEASE_SECONDS = 180;
export const GIVE_UP_HOURS = 72;
/** A mail server that is away is asked again no later than this. */
export const LONGEST_REST_SECONDS = 60;
const LONGEST_PAUSE_SECONDS = 3600;

/** What became of the next mail: what the server said; null where there was nothing to say, or nobody to say it to; `none` where none was due. */
export type Handed = MailAnswer | null | "none";

/**
 * How long a mail waits before it is tried again. Put off by the server: 4, 8, 16 … seconds, at most an hour, each a little different, so that many do
 * not come back at the same moment. Where the server is away, no mail counts that against itself.
 */
export function pauseSeconds({ id, attempts }: { id: MailId; attempts: number }, { kind }: MailAnswer): number {
  if (kind === "away") return LONGEST_REST_SECONDS / 2;
  const spread = 0.75 + (id.charCodeAt(id.length - 1) % 32) / 64;
  return Math.min(2 ** Math.min(attempts + 1, 12), LONGEST_PAUSE_SECONDS) * spread;
}
