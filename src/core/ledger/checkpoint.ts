import { fromBase64 } from "./base64.ts";
import { LogFault } from "./fault.ts";
import { openNote, type NoteKey, type VerifyEd25519 } from "./note.ts";
import { HASH_BYTES } from "./tree.ts";
import type { TreeHead } from "./verify-proof.ts";

/** What a log says of itself at one size (C2SP tlog-checkpoint). */
export interface Checkpoint extends TreeHead {
  /** Which log: its address without the scheme. */
  origin: string;
}

/** The name of the log of this installation; also the name of its key. */
export function originOf(issuer: string): string {
  return `${issuer.replace(/^[a-z]+:\/\//, "")}/log`;
}

export function checkpointText({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${root.toString("base64")}\n`;
}

/** Extension lines may follow the three that we know. @throws LogFault `malformed`. */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin = "", size = "", encoded = "", ...extensions] = text.slice(0, -1).split("\n");
  const root = fromBase64(encoded);
  const isSize = /^(0|[1-9]\d*)$/.test(size) && Number.isSafeInteger(Number(size));
  if (!text.endsWith("\n") || origin === "" || !isSize || root?.length !== HASH_BYTES || extensions.includes(""))
    throw new LogFault("malformed", "This is not a checkpoint: it lacks the name, the size or the root of a log.");
  return { origin, size: Number(size), root };
}

/**
 * The checkpoint in a note that was signed by this log's key.
 * @throws LogFault `malformed`, `not_signed`, `other_log`.
 */
export function openCheckpoint(note: string, key: NoteKey, verify: VerifyEd25519): Checkpoint {
  const checkpoint = parseCheckpoint(openNote(note, key, verify));
  if (checkpoint.origin !== key.name)
    throw new LogFault("other_log", `The checkpoint is of the log ${checkpoint.origin}, and the key is of ${key.name}.`);
  return checkpoint;
}
