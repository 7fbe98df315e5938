import { generateKeyPairSync, sign } from "node:crypto";
import { originOf } from "../../src/core/ledger/checkpoint.ts";
import type { NoteSigner } from "../../src/core/ledger/note.ts";
import type { Store } from "../../src/core/ports.ts";
import type { DocumentCheck } from "../../src/core/verification/verify-document.ts";
import { createDocumentCheck } from "../../src/keys/document-check.ts";
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
  const rings: Partial<Record<string, TestKey>> = { federation, documents };
  const keyring = { publicRing: async (name: string) => [rings[name]?.publicJwk].filter((key) => key !== undefined) };
  return { verify: createDocumentCheck({ store, issuer, clock: realClock }, keyring, log), federation, documents, log };
}

export function logSigner(name: string): NoteSigner {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const { x } = publicKey.export({ format: "jwk" });
  return { name, publicKey: Buffer.from(String(x), "base64url"), sign: (text) => sign(null, text, privateKey) };
}
