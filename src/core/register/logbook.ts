/** What is logged of a version of the charter: its text for good, its dates of transition as they are now. */
export interface LoggedCharter {
  version: string;
  digest: string;
  until: string | null;
  validUntil: string | null;
}

/** What this installation wrote into the public log of itself, so that it is written once by any number of processes. */
export interface LogbookWriter {
  /** Keeps it where this version is not known yet, and returns null; else what is known of it, locked until the transaction ends. */
  claimCharter(charter: LoggedCharter): Promise<LoggedCharter | null>;
  setDates(charter: LoggedCharter): Promise<void>;
  /** True for exactly one caller, for ever. */
  claimKey(key: { kid: string; event: "introduced" | "revoked"; ring: string; at: Date }): Promise<boolean>;
}
