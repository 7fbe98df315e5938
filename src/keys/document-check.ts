import type { NoteKey } from "../core/ledger/note.ts";
import type { Clock, Store } from "../core/ports.ts";
import { verifyDocument, type DocumentCheck } from "../core/verification/verify-document.ts";
import type { Keyring } from "./keyring.ts";
import { verifyEd25519 } from "./log-key.ts";
import { signedStatements } from "./verifier.ts";

/** Documents that somebody hands in, by the keys of this installation. One of ours that was revoked proves nothing any more. */
export function createDocumentCheck(
  ports: { store: Store; clock: Clock; issuer: string },
  keyring: Pick<Keyring, "publicRing">,
  logKey: NoteKey,
): DocumentCheck {
  const documentKeys = async () => (await keyring.publicRing("documents")).filter((key) => key["revoked"] === undefined);
  const keys = () => keyring.publicRing("federation");
  const checking = { ...ports, signed: signedStatements, keys, documentKeys, logKey, verifyEd25519 };
  return (text) => verifyDocument(checking, text);
}
