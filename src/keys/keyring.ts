import { createPrivateKey, hkdfSync, randomBytes, type JsonWebKey, type KeyObject } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import jose from "node-jose";
import { RelaisError } from "../core/errors.ts";
import type { PublicJwk } from "../core/register/participant.ts";
import { privateFiles, replacePublic, type PrivateFiles } from "./private-files.ts";

/** The role of a process. A process holds the private keys of its own role, and reads the public halves of the other. */
export type KeyPurpose = "web" | "worker";

/** What each ring of keys is for, and whether its public half belongs in `/.well-known/jwks.json`. Federation keys serve nothing else (OpenID Federation 1.0 §3.1). */
// oxfmt-ignore
const RINGS = {
  oauth:      { purpose: "web",    use: "sig", alg: "ES256",          published: true },
  signin:     { purpose: "web",    use: "sig", alg: "ES256",          published: true },
  federation: { purpose: "web",    use: "sig", alg: "ES256",          published: false },
  documents:  { purpose: "worker", use: "sig", alg: "ES256",          published: true },
  worker:     { purpose: "worker", use: "sig", alg: "ES256",          published: true },
  sealing:    { purpose: "worker", use: "enc", alg: "ECDH-ES+A256KW", published: true },
} as const satisfies Record<string, { purpose: KeyPurpose; use: string; alg: string; published: boolean }>;
export type RingName = keyof typeof RINGS;
const NAMES = Object.keys(RINGS) as RingName[];

/** One of our own keys. `kid` is its RFC 7638 thumbprint. */
export interface OwnKey {
  kid: string;
  privateKey: KeyObject;
  privateJwk: JsonWebKey;
  publicJwk: PublicJwk;
}

export interface Keyring {
  /** The key to sign or open with now. @throws RelaisError `internal` where the ring belongs to the other role. */
  current(name: RingName): OwnKey;
  /** Every key of a ring of this role, newest first: what was signed or sealed before a rotation still opens. */
  all(name: RingName): OwnKey[];
  /** Public halves of any ring, newest first, also of the other role; empty while that role has never started. */
  publicRing(name: RingName): Promise<PublicJwk[]>;
  /** The key set of `/.well-known/jwks.json`: both roles, old keys included. */
  publicKeys(): Promise<PublicJwk[]>;
  /** A 32-byte secret derived from this role's own seed; the same in every process that shares the folder. */
  secret(label: string): Buffer;
  /** Appends a new current key; the old one is marked as ended and kept for verification. */
  rotate(name: RingName): Promise<void>;
}

/**
 * Opens the keys of one role under `dir`, making what is missing. Private files have mode 0600, and are encrypted where a secret is
 * given; public halves are in `public/`. Two processes that start at once end with the same keys.
 * @throws RelaisError `unavailable` where the files are encrypted with another secret.
 */
export async function openKeyring(dir: string, purpose: KeyPurpose, encryptionSecret?: string): Promise<Keyring> {
  const folders = { own: join(dir, purpose), public: join(dir, "public"), files: privateFiles(encryptionSecret) };
  await mkdir(folders.own, { recursive: true, mode: 0o700 });
  await mkdir(folders.public, { recursive: true });
  const rings = new Map<RingName, OwnKey[]>();
  for (const name of NAMES.filter((ring) => RINGS[ring].purpose === purpose)) {
    await folders.files.createOnce(join(folders.own, `${name}.json`), async () => JSON.stringify(await appendKey(name, [])));
    rings.set(name, await loadRing(folders, name));
  }
  const seedFile = join(folders.own, "seed");
  await folders.files.createOnce(seedFile, async () => randomBytes(32).toString("base64url"));
  const seed = Buffer.from(await folders.files.read(seedFile), "base64url");
  return keyringOf({ folders, rings, seed });
}

interface Opened {
  folders: { own: string; public: string; files: PrivateFiles };
  rings: Map<RingName, OwnKey[]>;
  seed: Buffer;
}

function keyringOf({ folders, rings, seed }: Opened): Keyring {
  const all = (name: RingName): OwnKey[] => rings.get(name) ?? notOurs(name);
  const publicRing = (name: RingName) => readPublic(join(folders.public, `${name}.json`));
  return {
    all,
    current: (name) => all(name)[0] ?? notOurs(name),
    publicRing,
    publicKeys: async () => {
      const sets = await Promise.all(NAMES.filter((name) => RINGS[name].published).map(publicRing));
      return sets.flat().map(({ iat: _iat, exp: _exp, ...jwk }) => jwk);
    },
    secret: (label) => Buffer.from(hkdfSync("sha256", seed, "", `relais ${label}`, 32)),
    rotate: async (name) => {
      const kept = all(name).map((key) => ({ exp: now(), ...key.privateJwk }));
      await folders.files.replace(join(folders.own, `${name}.json`), JSON.stringify(await appendKey(name, kept)));
      rings.set(name, await loadRing(folders, name));
    },
  };
}

function notOurs(name: RingName): never {
  throw new RelaisError("internal", `This process holds no private key called ${name}.`);
}

/** The one place where node-jose is used: a KeyStore of EC P-256 keys that we make ourselves. */
async function appendKey(name: RingName, keys: object[]): Promise<object> {
  const store = await jose.JWK.asKeyStore({ keys });
  await store.generate("EC", "P-256", { use: RINGS[name].use, alg: RINGS[name].alg, iat: now() });
  return store.toJSON(true);
}

async function loadRing(folders: Opened["folders"], name: RingName): Promise<OwnKey[]> {
  const text = await folders.files.read(join(folders.own, `${name}.json`));
  const store = await jose.JWK.asKeyStore(text);
  const privates = (store.toJSON(true) as { keys: JsonWebKey[] }).keys.sort(newestFirst);
  const publics = new Map((store.toJSON(false) as { keys: PublicJwk[] }).keys.map((key) => [key.kid, key]));
  const ring = privates.map((jwk) => ownKey(jwk, publics.get(String(jwk.kid)) as PublicJwk));
  await replacePublic(join(folders.public, `${name}.json`), JSON.stringify({ keys: ring.map((key) => key.publicJwk) }));
  return ring;
}

function ownKey(privateJwk: JsonWebKey, publicJwk: PublicJwk): OwnKey {
  return { kid: String(publicJwk.kid), privateKey: createPrivateKey({ key: privateJwk, format: "jwk" }), privateJwk, publicJwk };
}

/** A key that has not ended comes before those that have; then the younger one. */
function newestFirst(a: JsonWebKey, b: JsonWebKey): number {
  return Number(a.exp !== undefined) - Number(b.exp !== undefined) || Number(b.iat) - Number(a.iat);
}

async function readPublic(file: string): Promise<PublicJwk[]> {
  try {
    return (JSON.parse(await readFile(file, "utf8")) as { keys: PublicJwk[] }).keys;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}

function now(): number {
  return Math.floor(Date.now() / 1000);
}
