import type { PublicJwk } from "./participant.ts";

/** `accreditor` decides, `authority` sees everything and changes nothing, `operator` runs the installation. */
export type Office = "accreditor" | "authority" | "operator";

/** Someone with an office, named by the operator. `name` is the name of the office that is published, not of the person. */
export interface StaffMember {
  name: string;
  office: Office;
  /** How they sign in on pages. */
  person: { issuer: string; subject: string } | null;
  /** Keys with which their programs prove themselves (RFC 7523). */
  keys: PublicJwk[];
}

/** Read at each use: an office that was taken away is gone with the next request. */
export interface Staff {
  findPerson(issuer: string, subject: string): StaffMember | null;
  findName(name: string): StaffMember | null;
}

export const NOBODY: Staff = { findPerson: () => null, findName: () => null };
