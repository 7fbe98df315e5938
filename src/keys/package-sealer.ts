import { createCipheriv, randomBytes } from "node:crypto";
import { CompactEncrypt, importJWK, type JWK } from "jose";
import type { PackageSealer } from "../core/mailbox/mailbox.ts";
import {
  bindingOf,
  CHUNK_BYTES,
  chunksOf,
  CLAIMS_TYPE,
  headerOf,
  nonceOf,
  SEALING_ALG,
  SEALING_ENC,
  TAG_BYTES,
  type PackageClaims,
} from "../core/mailbox/package-format.ts";
import { sealingKeyOf } from "../core/mailbox/sealing-key.ts";
import type { Bytes } from "../core/transfer/adapter.ts";
import type { OwnKey } from "./keyring.ts";
import { signCompact } from "./signer.ts";

/** Seals as Relais, with its current document key. The content key lives as long as the call; nothing here can open what it made. */
export function createPackageSealer(own: { issuer: string; current: () => OwnKey; now: () => Date }): PackageSealer {
  return {
    seal: (plain, platform, about) => {
      const iat = Math.floor(own.now().getTime() / 1000);
      const contentKey = randomBytes(32);
      const claims: PackageClaims = { iss: own.issuer, iat, ...about, cek: contentKey.toString("base64url") };
      return sealed(plain, contentKey, async () => {
        const to = sealingKeyOf(platform);
        return sealClaims(signCompact(own.current(), CLAIMS_TYPE, claims), to);
      });
    },
  };
}

async function* sealed(plain: Bytes, contentKey: Buffer, sealHeader: () => Promise<string>): Bytes {
  const header = headerOf(await sealHeader());
  yield header;
  const binding = bindingOf(header);
  for await (const { chunk, number, isLast } of chunksOf(plain, CHUNK_BYTES)) {
    const cipher = createCipheriv("aes-256-gcm", contentKey, nonceOf(number, isLast), { authTagLength: TAG_BYTES }).setAAD(binding);
    yield Buffer.concat([cipher.update(chunk), cipher.final(), cipher.getAuthTag()]);
  }
}

/** Signed, then encrypted: a nested JWT (RFC 7519 §11.2). */
async function sealClaims(jws: string, to: JWK & { kid: string }): Promise<string> {
  return new CompactEncrypt(new TextEncoder().encode(jws))
    .setProtectedHeader({ alg: SEALING_ALG, enc: SEALING_ENC, kid: to.kid, cty: "JWT" })
    .encrypt(await importJWK({ ...to, alg: SEALING_ALG }, SEALING_ALG));
}
