/** Whose yes a holder waits for: that of one of its contract's holders, or of each of them. */
export const APPROVAL_RULES = ["any", "all"] as const;
export type ApprovalRule = (typeof APPROVAL_RULES)[number];

/**
 * A contract that several people hold (energy, insurance, telecom, bank), as the holder describes it for one of its accounts. References are
 * the organisation's own words, towards Relais alone; there are no names.
 */
export interface JointContract {
  /** The same for each of its holders. */
  reference: string;
  /** Which of its holders this account is. */
  party: string;
  others: string[];
  rule: ApprovalRule;
  /** Nobody else may learn what this account shares: there is a risk of harm. The account counts as held alone. */
  safety: boolean;
}

/** Who else has a say in what is sent from this account: nobody, where the holder says that telling them could harm. */
export function sayersOf(contract: JointContract | null | undefined): string[] {
  return contract && !contract.safety ? contract.others : [];
}
