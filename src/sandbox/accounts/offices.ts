import type { Office } from "../../core/register/staff.ts";
import { type Account, derived } from "./accounts.ts";

/** People with an office in the register of the sandbox. They do not exist, and have no data anywhere. */
const OFFICES = [
  { id: "accreditor-a", name: "Agrément A", office: "accreditor" },
  { id: "accreditor-b", name: "Agrément B", office: "accreditor" },
  { id: "authority", name: "Autorité", office: "authority" },
  { id: "operator", name: "Équipe de Relais", office: "operator" },
] as const satisfies { id: string; name: string; office: Office }[];

export interface OfficeAccount extends Account {
  office: Office;
}

/** Their accounts at the sandbox's identity provider. */
export function officeAccounts(seed: string): OfficeAccount[] {
  return OFFICES.map(({ id, name, office }) => ({
    id: `identity-${derived(seed, "identity", id).slice(0, 16)}`,
    name,
    office,
    email: `${id}@bac-a-sable.example`,
    password: `${id}-${derived(seed, "password", id).slice(0, 6)}`,
  }));
}
