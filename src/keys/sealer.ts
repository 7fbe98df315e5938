import { CompactEncrypt, compactDecrypt, importJWK, type JWK } from "jose";
import { z } from "zod";
import { RelaisError } from "../core/errors.ts";
import type { Opener, Sealer } from "../core/ports.ts";
import type { Credentials } from "../core/transfer/adapter.ts";
import { newProofKey } from "./dpop.ts";
import type { Keyring } from "./keyring.ts";

const ALG = "ECDH-ES+A256KW";
const ENC = "A256GCM";

const credentials: z.ZodType<Credentials> = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("none") }),
  z.strictObject({ kind: z.literal("basic"), user: z.string(), password: z.string() }),
  z.strictObject({ kind: z.literal("dpop-client"), issuer: z.string(), clientId: z.string(), clientSecret: z.string() }),
]);

/** Seals to the worker's public key (JWE, RFC 7516). The process that seals cannot open. */
export function createSealer(keyring: Pick<Keyring, "publicRing">): Sealer {
  return {
    seal: (plain) => seal(keyring, plain),
    ephemeralProofs: () => {
      const key = newProofKey();
      return async (request) => (await key).proof(request);
    },
  };
}

async function seal(keyring: Pick<Keyring, "publicRing">, plain: Credentials): Promise<string> {
  const [key] = await keyring.publicRing("sealing");
  if (!key)
    throw new RelaisError(
      "unavailable",
      "The worker has never started, so there is no key to seal to. The operator must start a worker once.",
      { actor: "operator" },
    );
  const header = { alg: ALG, enc: ENC, kid: String(key.kid) };
  return new CompactEncrypt(new TextEncoder().encode(JSON.stringify(plain)))
    .setProtectedHeader(header)
    .encrypt(await importJWK(key as JWK, ALG));
}

/** Opens what was sealed to this worker, also before a rotation of its key. */
export function createOpener(keyring: Pick<Keyring, "all">): Opener {
  return { open: (sealed) => openSealed(keyring, sealed) };
}

async function openSealed(keyring: Pick<Keyring, "all">, sealed: string): Promise<Credentials> {
  for (const key of keyring.all("sealing")) {
    // Without this limit a compressed JWE could unfold into any size; we never compress.
    const opened = await compactDecrypt(sealed, key.privateKey, {
      keyManagementAlgorithms: [ALG],
      contentEncryptionAlgorithms: [ENC],
      maxDecompressedLength: 0,
    }).catch(() => null);
    if (opened) return credentials.parse(JSON.parse(new TextDecoder().decode(opened.plaintext)));
  }
  throw new RelaisError("internal", "The stored keys of this account cannot be opened. The person must prove the account again.", {
    actor: "person",
  });
}
