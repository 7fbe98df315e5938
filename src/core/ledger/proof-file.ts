import { fromBase64 } from "./base64.ts";
import { openCheckpoint, type Checkpoint } from "./checkpoint.ts";
import { LogFault } from "./fault.ts";
import type { NoteKey, VerifyEd25519 } from "./note.ts";
import { HASH_BYTES, hashLeaf } from "./tree.ts";
import { isIncluded } from "./verify-proof.ts";

/** A proof that one entry is in the log, checked offline (C2SP tlog-proof). */
export interface ProofFile {
  index: number;
  path: Buffer[];
  /** The signed note, as it was given out. */
  checkpoint: string;
  /** Here: the entry itself. It is believed because its hash leads to the root, not because it is here. */
  extra: Buffer | null;
}

const HEADER = "c2sp.org/tlog-proof@v1";
/** A path has one hash per level of the tree. */
const MAX_PATH = 63;

export function formatProof({ index, path, checkpoint, extra }: ProofFile): string {
  const lines = [HEADER, ...(extra === null ? [] : [`extra ${extra.toString("base64")}`]), `index ${index}`];
  return `${[...lines, ...path.map((hash) => hash.toString("base64"))].join("\n")}\n\n${checkpoint}`;
}

/** @throws LogFault `malformed`. */
export function parseProof(text: string): ProofFile {
  const gap = text.indexOf("\n\n");
  const [header, ...lines] = text.slice(0, Math.max(gap, 0)).split("\n");
  const extra = lines[0]?.startsWith("extra ") ? fromBase64((lines.shift() as string).slice("extra ".length)) : undefined;
  const index = /^index (0|[1-9]\d*)$/.exec(lines.shift() ?? "")?.[1];
  const path = lines.map(fromBase64);
  const isWhole = header === HEADER && extra !== null && Number.isSafeInteger(Number(index)) && path.length <= MAX_PATH;
  if (!isWhole || !path.every((hash) => hash?.length === HASH_BYTES))
    throw new LogFault("malformed", `This is not a proof from a log: it does not have the lines of ${HEADER}.`);
  return { index: Number(index), path: path as Buffer[], checkpoint: text.slice(gap + 2), extra: extra ?? null };
}

export interface ProvedEntry {
  index: number;
  entry: Buffer;
  checkpoint: Checkpoint;
}

/**
 * That this log's key signed a tree that holds the entry: `entry`, or where it is null the one in the file.
 * @throws LogFault `malformed`, `not_signed`, `other_log`, `forged`.
 */
export function openProof(text: string, entry: Buffer | null, key: NoteKey, verify: VerifyEd25519): ProvedEntry {
  const proof = parseProof(text);
  const proved = entry ?? proof.extra;
  if (proved === null) throw new LogFault("malformed", "The proof does not hold the entry. Put the entry's file beside it.");
  const checkpoint = openCheckpoint(proof.checkpoint, key, verify);
  if (!isIncluded({ ...proof, ...checkpoint, leafHash: hashLeaf(proved) }))
    throw new LogFault("forged", `This entry is not entry ${proof.index} of the signed log: the entry or the proof was changed.`);
  return { index: proof.index, entry: proved, checkpoint };
}
