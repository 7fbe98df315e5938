import type { Node, Range } from "./tree.ts";
import type { TreeHead } from "./verify-proof.ts";

/** What the public log holds. Never personal data. */
export const ENTRY_KINDS = [
  "charter",
  "signature",
  "decision",
  "trust_mark",
  "key",
  "participant",
  "condition",
  "certificate",
  "consent",
  "notice_text",
  "organisation",
] as const;
export type EntryKind = (typeof ENTRY_KINDS)[number];

export interface NewEntry {
  kind: EntryKind;
  at: Date;
  /** Members of the entry beside `kind` and `at`; its canonical JSON (RFC 8785) is what is hashed. */
  body: Record<string, unknown>;
}

/** A checkpoint as it was given out. */
export interface SignedCheckpoint extends TreeHead {
  /** Of the key that signed it: `name+id+base64`. */
  key: string;
  /** The signed note. */
  note: string;
}

/** Cheap at any size: what is asked for is read, and never the whole log. */
export interface LedgerReader {
  /** How many entries are committed. */
  size(): Promise<number>;
  /** The bytes of these entries in order, exactly as they are hashed; fewer where the log ends before. */
  entries(range: Range): Promise<Buffer[]>;
  /** Hashes of complete subtrees of 2^level entries, in order; fewer where the log ends before. */
  hashes(level: number, range: Range): Promise<Buffer[]>;
  /** The hash of each of these complete subtrees, in this order. @throws RelaisError `internal` where one is missing. */
  nodes(nodes: Node[]): Promise<Buffer[]>;
  /** The largest checkpoint that was ever signed; null before the first. */
  lastCheckpoint(): Promise<SignedCheckpoint | null>;
}

/** Appends in the transaction of what is logged: either both are durable, or neither. */
export interface LedgerWriter {
  /**
   * The index of the entry: 0, 1, 2, … without a gap. Appending transactions wait for each other, so append last.
   * @throws RelaisError `too_large` above 65 535 bytes.
   */
  append(entry: NewEntry): Promise<number>;
  /** The same for many, one after the other: the index of the first. */
  appendAll(entries: readonly NewEntry[]): Promise<number>;
  /** Only one transaction signs at a time: held until this one ends. */
  lockCheckpoints(): Promise<void>;
  /** Remembers what is about to be given out. @throws RelaisError `conflict` where another root was signed for this size. */
  keepCheckpoint(checkpoint: SignedCheckpoint): Promise<void>;
}
