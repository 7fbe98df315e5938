import { generateKeyPairSync, sign } from "node:crypto";
import { originOf } from "../../src/core/ledger/checkpoint.ts";
import type { NoteSigner } from "../../src/core/ledger/note.ts";
import type { Store } from "../../src/core/ports.ts";
import { verifyDocument, type DocumentCheck } from "../../src/core/verification/verify-document.ts";
import { signedStatements } from "../../src/keys/verifier.ts";
import { verifyEd25519 } from "../../src/sdk/log.ts";
import { realClock } from "./real-clock.ts";
import { testKey, type TestKey } from "./register-fixtures.ts";

export interface CheckedKeys {
  verify: DocumentCheck;
  /** Signs trust marks. */
  federation: TestKey;
  /** Signs manifests and observed receipts. */
  documents: TestKey;
  log: NoteSigner;
}

/** The real check of documents, with keys of its own. */
export async function documentCheck(store: Store, issuer: string): Promise<CheckedKeys> {
  const [federation, documents] = await Promise.all([testKey(), testKey()]);
  const log = logSigner(originOf(issuer));
  const ports = {
    store,
    issuer,
    clock: realClock,
    signed: signedStatements,
    keys: async () => [federation.publicJwk],
    documentKeys: async () => [documents.publicJwk],
    logKey: log,
    verifyEd25519,
  };
  return { verify: (text) => verifyDocument(ports, text), federation, documents, log };
}

export function logSigner(name: string): NoteSigner {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const { x } = publicKey.export({ format: "jwk" });
  return { name, publicKey: Buffer.from(String(x), "base64url"), sign: (text) => sign(null, text, privateKey) };
}
