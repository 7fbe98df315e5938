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
    seal: (plain) => sealText(keyring, JSON.stringify(plain)),
    ephemeralProofs: () => {
      const key = newProofKey();
      return async (request) => (await key).proof(request);
    },
  };
}

/** @throws RelaisError `unavailable` where no worker ever started. */
export async function sealText(keyring: Pick<Keyring, "publicRing">, plain: string): Promise<string> {
  const [key] = await keyring.publicRing("sealing");
  if (!key)
    throw new RelaisError(
      "unavailable",
      "The worker has never started, so there is no key to seal to. The operator must start a worker once.",
      { actor: "operator" },
    );
  const header = { alg: ALG, enc: ENC, kid: String(key.kid) };
  return new CompactEncrypt(new TextEncoder().encode(plain)).setProtectedHeader(header).encrypt(await importJWK(key as JWK, ALG));
}

/** Opens what was sealed to this worker, also before a rotation of its key. */
export function createOpener(keyring: Pick<Keyring, "all">): Opener {
  return { open: async (sealed) => credentials.parse(JSON.parse(await openText(keyring, sealed))) };
}

/** @throws RelaisError `internal` where no key of this worker opens it. */
export async function openText(keyring: Pick<Keyring, "all">, sealed: string): Promise<string> {
  for (const key of keyring.all("sealing")) {
    // Without this limit a compressed JWE could unfold into any size; we never compress.
    const opened = await compactDecrypt(sealed, key.privateKey, {
      keyManagementAlgorithms: [ALG],
      contentEncryptionAlgorithms: [ENC],
      maxDecompressedLength: 0,
    }).catch(() => null);
    if (opened) return new TextDecoder().decode(opened.plaintext);
  }
  throw new RelaisError(
    "internal",
    "What was sealed to this worker cannot be opened. The person must give it again: prove the account, or write the mail address.",
    {
      actor: "person",
    },
  );
}
