import type { Staff, StaffMember } from "../../src/core/register/staff.ts";

/** Everybody is an accreditor, by whatever name, until they are dismissed. */
export class TestOffices implements Staff {
  readonly dismissed = new Set<string>();
  /** Who holds the office of this name, where that is known. */
  readonly people = new Map<string, NonNullable<StaffMember["person"]>>();

  findPerson(): null {
    return null;
  }

  findName(name: string): StaffMember | null {
    return this.dismissed.has(name) ? null : { name, office: "accreditor", person: this.people.get(name) ?? null, keys: [] };
  }
}

/** These, by name and by person. */
export function officesOf(members: StaffMember[]): Staff {
  return {
    findPerson: (issuer, subject) => members.find(({ person }) => person?.issuer === issuer && person.subject === subject) ?? null,
    findName: (name) => members.find((one) => one.name === name) ?? null,
  };
}
