import type { Participant } from "../register/participant.ts";
import { TERM_NAMES, type EndReason, type Notice, type TermName } from "./consent.ts";

/** What a consent is given for, as the destination publishes it: where data is processed, who else receives or processes it, what for. */
export type Terms = Record<TermName, string[]>;

type Published = Pick<Participant["about"], "country" | "processors" | "purposes">;

export function termsOf({ country, processors = [], purposes = [] }: Published): Terms {
  return { country: [country], processors, purposes };
}

/** Less is still what was said yes to; anything more, or another country, is not (S-202). */
export function isWithin(now: Terms, { destination, action }: Pick<Notice, "destination" | "action">): boolean {
  if (action === "erase") return true;
  const given = termsOf(destination);
  return TERM_NAMES.every((name) => now[name].every((one) => given[name].includes(one)));
}

/** What is there now and was not, with what was there before; empty where nothing came that was not known. */
export function newTerms(before: Terms, after: Terms): Extract<EndReason, { kind: "terms" }>["changes"] {
  return TERM_NAMES.filter((name) => !after[name].every((one) => before[name].includes(one))).map((what) => ({
    what,
    before: before[what],
    after: after[what],
  }));
}
