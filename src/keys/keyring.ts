import { hkdfSync, randomBytes, type JsonWebKey } from "node:crypto";
import { statSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import jose from "node-jose";
import { RelaisError } from "../core/errors.ts";
import type { PublicJwk } from "../core/register/participant.ts";
import { privateFiles, replacePublic, type PrivateFiles } from "./private-files.ts";
import {
  inOrder,
  ownKeys,
  RING_NAMES,
  RINGS,
  stateOf,
  type KeyPurpose,
  type OwnKey,
  type RevocationReason,
  type RingName,
} from "./rings.ts";

export type { KeyPurpose, OwnKey, RingName } from "./rings.ts";

/** A rotation or revocation by another process, such as `relais keys`, is seen at the next use. */
export interface Keyring {
  /** The key to sign or open with now. @throws RelaisError `internal` where the ring belongs to the other role. */
  current(name: RingName): OwnKey;
  /** Every key of a ring of this role, the current one first: what was signed or sealed before a rotation still opens. */
  all(name: RingName): OwnKey[];
  /** Public halves of any ring, the current one first, also of the other role; empty while that role has never started. */
  publicRing(name: RingName): Promise<PublicJwk[]>;
  /** The key set of `/.well-known/jwks.json`: both roles, old keys and announced ones included, revoked ones not. */
  publicKeys(): Promise<PublicJwk[]>;
  /** A 32-byte secret derived from this role's own seed; the same in every process that shares the folder. */
  secret(label: string): Buffer;
  /**
   * Announces a new key, which becomes the current one after so many seconds; the old one ends then, and is kept for verification.
   * @throws RelaisError `conflict` where one is announced already.
   */
  rotate(name: RingName, leadSeconds?: number): Promise<OwnKey>;
  /**
   * Ends a key at once, for a reason that is published. Where it was the current one, the announced key takes its place, or a new one.
   * @throws RelaisError `not_found`.
   */
  revoke(name: RingName, kid: string, reason: RevocationReason): Promise<void>;
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
  const rings = new Map<RingName, Ring>();
  for (const name of RING_NAMES.filter((ring) => RINGS[ring].purpose === purpose)) {
    await folders.files.createOnce(fileOf(folders, name), async () => JSON.stringify(await withNewKey(name, [], {})));
    const ring = loadRing(folders, name);
    rings.set(name, ring);
    await publish(folders, name, ring.keys);
  }
  const seedFile = join(folders.own, "seed");
  await folders.files.createOnce(seedFile, async () => randomBytes(32).toString("base64url"));
  const seed = Buffer.from(await folders.files.read(seedFile), "base64url");
  return keyringOf({ folders, rings, seed });
}

/** Public halves of every ring, of both roles. */
export function publicRings(keyring: Pick<Keyring, "publicRing">): Promise<{ ring: RingName; keys: PublicJwk[] }[]> {
  return Promise.all(RING_NAMES.map(async (ring) => ({ ring, keys: await keyring.publicRing(ring) })));
}

interface Folders {
  own: string;
  public: string;
  files: PrivateFiles;
}

interface Opened {
  folders: Folders;
  rings: Map<RingName, Ring>;
  seed: Buffer;
}

/** As it was read, and the file's mark at that time. */
interface Ring {
  keys: OwnKey[];
  mark: string;
}

const times = (key: OwnKey) => key.publicJwk;
const fileOf = ({ own }: Pick<Folders, "own">, name: RingName): string => join(own, `${name}.json`);

function keyringOf({ folders, rings, seed }: Opened): Keyring {
  const all = (name: RingName): OwnKey[] => {
    const known = rings.get(name) ?? notOurs(name);
    const ring = known.mark === markOf(fileOf(folders, name)) ? known : loadRing(folders, name);
    rings.set(name, ring);
    return inOrder(ring.keys, times, seconds());
  };
  const publicRing = async (name: RingName) => inOrder(await readPublic(join(folders.public, `${name}.json`)), (key) => key, seconds());
  // Whoever reads the public halves finds the new key before it signs anything, and the old ones as they were until it does.
  const replace = async (name: RingName, keys: object) => {
    const known = await publicRing(name);
    const coming = ownKeys(JSON.stringify(keys)).map(({ publicJwk }) => publicJwk);
    await publishHalves(folders, name, [...known, ...coming.filter(({ kid }) => !known.some((old) => old.kid === kid))]);
    await folders.files.replace(fileOf(folders, name), JSON.stringify(keys));
    await publish(folders, name, all(name));
  };
  return {
    all,
    current: (name) => all(name)[0] ?? notOurs(name),
    publicRing,
    publicKeys: async () => {
      const sets = await Promise.all(RING_NAMES.filter((name) => RINGS[name].published).map(publicRing));
      const kept = sets.flat().filter((key) => key["revoked"] === undefined);
      return kept.map(({ iat: _iat, nbf: _nbf, exp: _exp, ...jwk }) => jwk);
    },
    secret: (label) => Buffer.from(hkdfSync("sha256", seed, "", `relais ${label}`, 32)),
    rotate: async (name, leadSeconds = 0) => {
      const keys = all(name);
      if (keys.some((key) => stateOf(key.publicJwk, seconds()) === "next")) throw alreadyAnnounced(name);
      const from = seconds() + leadSeconds;
      const kept = keys.map((key) => ({ exp: from, ...key.privateJwk }));
      await replace(name, await withNewKey(name, kept, { nbf: from }));
      return all(name).find(({ kid }) => !keys.some((old) => old.kid === kid)) ?? notOurs(name);
    },
    revoke: async (name, kid, reason) => replace(name, await revoked(name, all(name), { kid, reason })),
  };
}

async function revoked(name: RingName, keys: OwnKey[], { kid, reason }: { kid: string; reason: RevocationReason }): Promise<object> {
  if (!keys.some((key) => key.kid === kid))
    throw new RelaisError("not_found", `The ring ${name} has no key ${kid}.`, { actor: "operator" });
  const now = seconds();
  const end = ({ privateJwk }: OwnKey) => ({
    ...privateJwk,
    exp: Math.min(now, Number(privateJwk["exp"] ?? now)),
    revoked: { revoked_at: now, reason },
  });
  const rest = keys.filter((key) => key.kid !== kid);
  const kept = keys.filter((key) => key.kid === kid).map(end);
  if (rest.some((key) => stateOf(key.publicJwk, now) === "usable")) return { keys: [...withoutEnd(rest, now), ...kept] };
  const next = rest.find((key) => stateOf(key.publicJwk, now) === "next");
  const others = rest.filter((key) => key !== next).map((key) => key.privateJwk);
  if (next) return { keys: [{ ...next.privateJwk, nbf: now }, ...others, ...kept] };
  return withNewKey(name, [...others, ...kept], { nbf: now });
}

/** Where the announced key is revoked, the current one, which was to end then, goes on. */
function withoutEnd(keys: OwnKey[], now: number): JsonWebKey[] {
  const isNextLeft = keys.some((key) => stateOf(key.publicJwk, now) === "next");
  return keys.map(({ privateJwk, publicJwk }) => {
    const { exp: _exp, ...endless } = privateJwk;
    return !isNextLeft && stateOf(publicJwk, now) === "usable" ? endless : privateJwk;
  });
}

function alreadyAnnounced(name: RingName): RelaisError {
  return new RelaisError("conflict", `A next key of ${name} is announced already. Wait until it is the current one, or revoke it first.`, {
    actor: "operator",
  });
}

function notOurs(name: RingName): never {
  throw new RelaisError("internal", `This process holds no private key called ${name}.`);
}

/**
 * The one place where node-jose is used: a KeyStore of EC P-256 keys that we make ourselves. The id is the thumbprint (RFC 7638); one that begins
 * with a hyphen is an option to every command line, so such a key is thrown away.
 */
async function withNewKey(name: RingName, keys: object[], from: { nbf?: number }): Promise<object> {
  for (;;) {
    const store = jose.JWK.createKeyStore();
    const { kid } = await store.generate("EC", "P-256", { use: RINGS[name].use, alg: RINGS[name].alg, iat: seconds(), ...from });
    if (!kid.startsWith("-")) return { keys: [...keys, ...(store.toJSON(true) as { keys: object[] }).keys] };
  }
}

function loadRing(folders: Folders, name: RingName): Ring {
  const file = fileOf(folders, name);
  const mark = markOf(file);
  return { keys: ownKeys(folders.files.readNow(file)), mark };
}

function publish(folders: Folders, name: RingName, keys: OwnKey[]): Promise<void> {
  return publishHalves(
    folders,
    name,
    keys.map(({ publicJwk }) => publicJwk),
  );
}

function publishHalves(folders: Folders, name: RingName, keys: PublicJwk[]): Promise<void> {
  return replacePublic(join(folders.public, `${name}.json`), JSON.stringify({ keys }));
}

/** A file is replaced as a whole: another time or another node means other keys. Some 5 µs. */
function markOf(file: string): string {
  const { mtimeMs, ino, size } = statSync(file);
  return `${mtimeMs} ${ino} ${size}`;
}

async function readPublic(file: string): Promise<PublicJwk[]> {
  try {
    return (JSON.parse(await readFile(file, "utf8")) as { keys: PublicJwk[] }).keys;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}

function seconds(): number {
  return Math.floor(Date.now() / 1000);
}
