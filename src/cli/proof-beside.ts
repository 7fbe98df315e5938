import { readFile } from "node:fs/promises";
import { LogFault } from "../core/ledger/fault.ts";
import { parseCheckpoint } from "../core/ledger/checkpoint.ts";
import { parseProof } from "../core/ledger/proof-file.ts";
import { verifyLogProof } from "../sdk/log.ts";

export const PROOF_SUFFIX = ".tlog-proof";

/** The entry that a proof is for, where it lies beside it: `decision.json` or `decision` beside `decision.json.tlog-proof` or `decision.tlog-proof`. */
export async function entryBeside(proofFile: string): Promise<Buffer | null> {
  if (!proofFile.endsWith(PROOF_SUFFIX)) return null;
  const stem = proofFile.slice(0, -PROOF_SUFFIX.length);
  for (const file of [stem, `${stem}.json`]) {
    const bytes = await readFile(file).catch(() => null);
    if (bytes !== null) return bytes;
  }
  return null;
}

/**
 * Says what a proof file proves. `keyOf` finds the key of the log that the checkpoint names.
 * @throws LogFault, LogUnreachable
 */
export async function checkProofFile(file: string, keyOf: (origin: string) => Promise<string>): Promise<string> {
  const text = await readFile(file, "utf8");
  const { origin } = parseCheckpoint(noteText(parseProof(text).checkpoint));
  const { index, checkpoint } = verifyLogProof(text, await entryBeside(file), await keyOf(origin));
  return `entry ${index} of the public log ${checkpoint.origin}, which had ${checkpoint.size} entries then`;
}

/** Not checked yet: only says whose key to look for. */
function noteText(note: string): string {
  const gap = note.lastIndexOf("\n\n");
  if (gap < 0) throw new LogFault("malformed", "The proof holds no checkpoint.");
  return note.slice(0, gap + 1);
}
