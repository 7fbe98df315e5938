import { createPrivateKey, createPublicKey, generateKeyPairSync, hkdfSync, type KeyObject } from "node:crypto";
import { link, mkdir, readFile, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { calculateJwkThumbprint, type JWK, SignJWT } from "jose";
import type { PublicJwk } from "../../core/register/participant.ts";

/** One of a program's own ES256 keys; `kid` is its RFC 7638 thumbprint. */
export interface OwnKey {
  kid: string;
  publicJwk: PublicJwk;
  privateJwk: JWK;
  /** Compact JWS with this `typ`. */
  sign(type: string, payload: Record<string, unknown>): Promise<string>;
  /** A secret that only the holder of this key can derive. */
  secret(label: string): Buffer;
}

/** Opens the key in this folder, or makes it. Two programs that start at once end with the same key. */
export async function openOwnKey(folder: string, name: string): Promise<OwnKey> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, `${name}.pem`);
  const pem = await readFile(file, "utf8").catch(() => makeKey(file));
  return ownKey(createPrivateKey(pem));
}

async function makeKey(file: string): Promise<string> {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const draft = `${file}.${process.pid}.${Date.now()}`;
  await writeFile(draft, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
  // `link` fails where the file exists: of two makers one wins, and both read the winner's.
  await link(draft, file).catch(() => undefined);
  await unlink(draft);
  return readFile(file, "utf8");
}

async function ownKey(privateKey: KeyObject): Promise<OwnKey> {
  const jwk = createPublicKey(privateKey).export({ format: "jwk" }) as JWK;
  const kid = await calculateJwkThumbprint(jwk);
  const named = { kid, use: "sig", alg: "ES256" };
  const seed = privateKey.export({ type: "pkcs8", format: "der" });
  return {
    kid,
    publicJwk: { ...jwk, ...named } as PublicJwk,
    privateJwk: { ...(privateKey.export({ format: "jwk" }) as JWK), ...named },
    sign: (typ, payload) => new SignJWT(payload).setProtectedHeader({ alg: "ES256", kid, typ }).sign(privateKey),
    secret: (label) => Buffer.from(hkdfSync("sha256", seed, "", label, 32)),
  };
}
