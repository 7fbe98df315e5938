/** What the public log holds. Never personal data. */
export type EntryKind = "charter" | "decision" | "trust_mark" | "key" | "condition";

export interface NewEntry {
  kind: EntryKind;
  at: Date;
  /** Members of the entry beside `kind` and `at`; its canonical JSON (RFC 8785) is what is hashed. */
  body: Record<string, unknown>;
}

export interface LedgerReader {
  /** How many entries are committed. */
  size(): Promise<number>;
}

/** Appends in the transaction of what is logged: either both are durable, or neither. */
export interface LedgerWriter {
  /** The index of the entry: 0, 1, 2, … without a gap. */
  append(entry: NewEntry): Promise<number>;
}
