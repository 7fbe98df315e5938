/** Conditions that a holder sets beside the charter (S-122 to S-125); filled by core/policy. */
export interface ConditionsReader {
  /** How many conditions are in force. */
  count(): Promise<number>;
}

export interface ConditionsWriter {
  /** Takes every condition of this holder back. */
  clear(holderId: string): Promise<void>;
}
