import { createHmac } from "node:crypto";
import type { ToldContract } from "../export/library.ts";
import type { HolderName } from "./people.ts";

interface JointHolding {
  holder: HolderName;
  contract: string;
  /** Each with an account of its own. */
  customers: readonly string[];
  rule: ToldContract["approval_rule"];
  /** Whose account nobody else on the contract may learn of. */
  atRisk?: readonly string[];
}

/** Who holds a contract together: Inès and Paul both have to agree, Camille and Karim tell each other; Lucie lives apart from Denis, and he must not learn where. */
const JOINT_HOLDINGS: readonly JointHolding[] = [
  { holder: "energy", contract: "C-EP-701122", customers: ["EP-1011220", "EP-1011221"], rule: "all" },
  { holder: "energy", contract: "C-EP-809900", customers: ["EP-1018090", "EP-1018091"], rule: "any", atRisk: ["EP-1018090"] },
  { holder: "insurance", contract: "HAB-204417", customers: ["S-204417", "S-204418"], rule: "any" },
];

/** What the holder tells Relais of the contract behind an account: references that mean nothing to anybody else. */
export function toldContract(holder: HolderName, customer: string, secret: Buffer): ToldContract | null {
  const held = JOINT_HOLDINGS.find((one) => one.holder === holder && one.customers.includes(customer));
  if (held === undefined) return null;
  const reference = (text: string): string => createHmac("sha256", secret).update(text).digest("base64url").slice(0, 22);
  const partyOf = (one: string): string => reference(`party ${held.contract} ${one}`);
  return {
    reference: reference(`contract ${held.contract}`),
    party: partyOf(customer),
    parties: held.customers.map(partyOf),
    approval_rule: held.rule,
    ...(held.atRisk?.includes(customer) ? { safety: true as const } : {}),
  };
}
