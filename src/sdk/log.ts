import { createPublicKey, verify } from "node:crypto";
import { openCheckpoint, type Checkpoint } from "../core/ledger/checkpoint.ts";
import { parseKey } from "../core/ledger/note.ts";
import { openProof, type ProvedEntry } from "../core/ledger/proof-file.ts";

/** Ed25519 over the text (RFC 8032). False for whatever is no key or no signature. */
function verifyEd25519(publicKey: Buffer, text: Buffer, signature: Buffer): boolean {
  const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: publicKey.toString("base64url") }, format: "jwk" });
  return verify(null, text, key, signature);
}

/**
 * Checks a signed checkpoint of the public log. `key` is the log's key in text form, from its `/log/key` or from a channel that you trust more.
 * @throws LogFault
 */
export function verifyCheckpoint(note: string, key: string): Checkpoint {
  return openCheckpoint(note, parseKey(key), verifyEd25519);
}

/**
 * Checks a `.tlog-proof` file offline: that the log with this key holds `entry`, or where it is null the entry in the file.
 * @throws LogFault
 */
export function verifyLogProof(proof: string, entry: Buffer | null, key: string): ProvedEntry {
  return openProof(proof, entry, parseKey(key), verifyEd25519);
}
