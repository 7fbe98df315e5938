import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify, type JsonWebKey } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { NoteSigner } from "../core/ledger/note.ts";
import { privateFiles } from "./private-files.ts";

/**
 * The Ed25519 key that signs the log's checkpoints, made once in the folder of the web role and kept like its other keys: mode 0600, encrypted where a
 * secret is given. It is not rotated, because outsiders remember it. Two processes that start at once end with the same key.
 * @throws RelaisError `unavailable` where the file is encrypted with another secret.
 */
export async function openLogKey(dir: string, name: string, encryptionSecret?: string): Promise<NoteSigner> {
  const files = privateFiles(encryptionSecret);
  const file = join(dir, "web", "log.json");
  await mkdir(join(dir, "web"), { recursive: true, mode: 0o700 });
  await files.createOnce(file, async () => JSON.stringify(generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" })));
  const privateKey = createPrivateKey({ key: JSON.parse(await files.read(file)) as JsonWebKey, format: "jwk" });
  const { x } = createPublicKey(privateKey).export({ format: "jwk" });
  return { name, publicKey: Buffer.from(x as string, "base64url"), sign: (text) => sign(null, text, privateKey) };
}

/** RFC 8032. False for whatever is no signature. */
export function verifyEd25519(publicKey: Buffer, text: Buffer, signature: Buffer): boolean {
  const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: publicKey.toString("base64url") }, format: "jwk" });
  return verify(null, text, key, signature);
}
