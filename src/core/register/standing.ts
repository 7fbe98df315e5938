import type { Organisation } from "./application.ts";
import { isAccredited, type Participant, type Status, type TrustMark } from "./participant.ts";

/** What people and participants may still do with a participant, by its standing. */
export type Act =
  /** A new permission that brings data to it, or reads from it as a holder. */
  | "new_consent"
  /** Data comes to it. */
  | "delivery_in"
  /** A holder sends what it holds. */
  | "delivery_out"
  /** A person ends a permission. */
  | "withdrawal"
  /** A person takes what they keep on a platform away from it: a right that no sanction of the platform ends. */
  | "export_out"
  /** What a person corrected is proposed: by the data space that sends it, to the holder that decides. Words from a place of bad standing change no record. */
  | "proposal";

/**
 * Like the status table of Australia's CDR (participant statuses): one row per standing, and the database's marks decide whether
 * `accredited` still holds. `revoked` ends deliveries for good, and never the person's way out.
 */
// oxfmt-ignore
export const STANDING = {
  registered: { new_consent: false, delivery_in: false, delivery_out: false, withdrawal: true, export_out: false, proposal: false },
  accredited: { new_consent: true,  delivery_in: true,  delivery_out: true,  withdrawal: true, export_out: true,  proposal: true  },
  suspended:  { new_consent: false, delivery_in: false, delivery_out: false, withdrawal: true, export_out: true,  proposal: false },
  expired:    { new_consent: false, delivery_in: false, delivery_out: false, withdrawal: true, export_out: true,  proposal: false },
  revoked:    { new_consent: false, delivery_in: false, delivery_out: false, withdrawal: true, export_out: true,  proposal: false },
} as const satisfies Record<Status, Record<Act, boolean>>;

/** Where the standing of a participant may go; the same table is in the database. */
// oxfmt-ignore
export const STATUS_MOVES = {
  registered: ["accredited", "suspended", "revoked"],
  accredited: ["suspended", "revoked", "expired", "registered"],
  suspended:  ["accredited", "revoked", "expired", "registered"],
  expired:    ["accredited", "revoked", "suspended"],
  revoked:    ["registered"],
} as const satisfies Record<Status, readonly Status[]>;

/** An organisation's own, which all of its participants share. */
export const ORGANISATION_MOVES = {
  active: ["suspended", "revoked"],
  suspended: ["active", "revoked"],
  revoked: ["active"],
} as const satisfies Record<Organisation["status"], readonly Organisation["status"][]>;

/** Whether this may happen with this participant now. `accredited` without a mark in force counts as `expired`. */
export function mayHappen(participant: Participant, mark: TrustMark | null, act: Act, now: Date): boolean {
  return STANDING[standingOf(participant, mark, now)][act];
}

/** The standing as it is now: time alone ends an accreditation, before anybody writes it down. */
export function standingOf(participant: Participant, mark: TrustMark | null, now: Date): Status {
  return participant.status === "accredited" && !isAccredited(participant, mark, now) ? "expired" : participant.status;
}

/** What reading from this participant is: a holder delivers, a platform lets a person take their own things away. */
export function readingFrom({ roles }: Pick<Participant, "roles">): Act {
  return roles.includes("platform") ? "export_out" : "delivery_out";
}
