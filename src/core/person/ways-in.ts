import { createHash, randomBytes } from "node:crypto";
import { RelaisError } from "../errors.ts";
import { newId, type PasskeyId, type PersonId } from "../ids.ts";
import type { Ports, Writer } from "../ports.ts";
import { admitNewcomer, type Newcomer } from "./newcomers.ts";
import type { Passkey } from "./passkey.ts";
import { beginSession, type Beginning, type Started } from "./sessions.ts";

type AccountPorts = Pick<Ports, "store" | "clock">;

/** Where people may sign in, as this installation offers it. */
export interface WaysIn {
  providers: { id: string; issuer: string; name: string | null }[];
  /** `address`: Relais is reached by a number, and browsers make passkeys for names only (WebAuthn §5.1.2). */
  passkeys: "on" | "off" | "address";
}

/** What an authenticator made, checked by the caller. */
export type NewPasskey = Pick<Passkey, "credentialId" | "userHandle" | "name" | "publicKey" | "counter" | "transports" | "backedUp">;

/**
 * A new account with its first way in; Relais itself is its issuer, and the pseudonym its subject.
 * @throws RelaisError `rate_limited` where many others were opened a short while ago.
 */
export async function openAccount(
  ports: AccountPorts & Pick<Ports, "issuer">,
  { passkey, displayName, newcomer, ...beginning }: { passkey: NewPasskey; newcomer: Newcomer } & Beginning,
): Promise<Started> {
  const now = ports.clock.now();
  return ports.store.write(async (w) => {
    await admitNewcomer(w, newcomer, now);
    const subject = { issuer: ports.issuer, subject: passkey.userHandle };
    const { id: personId } = await w.accounts.signIn({ id: newId("person"), ...subject, createdAt: now });
    await w.belongings.setDisplayName(personId, displayName);
    await keepPasskey(w, personId, passkey, now);
    return beginSession(w, personId, { ...beginning, displayName, way: "passkey" }, now);
  });
}

/** One more, beside the ways that the person has. @throws RelaisError `conflict` for one that is known. */
export async function addPasskey({ store, clock }: AccountPorts, personId: PersonId, passkey: NewPasskey): Promise<void> {
  await store.write((w) => keepPasskey(w, personId, passkey, clock.now()));
}

async function keepPasskey(w: Writer, personId: PersonId, passkey: NewPasskey, now: Date): Promise<void> {
  await w.belongings.addPasskey({ id: newId("passkey"), personId, ...passkey, createdAt: now, lastUsedAt: null, blockedAt: null });
}

/** The pseudonym under which this person's authenticators keep their passkeys. */
export async function userHandleOf({ store }: Pick<Ports, "store">, personId: PersonId): Promise<string> {
  const [known] = await store.read((r) => r.account.passkeys(personId));
  return known?.userHandle ?? randomBytes(32).toString("base64url");
}

/**
 * Starts a session for whoever has shown the passkey. A counter that does not grow says that the key was copied: nobody signs in by it from then on.
 * @throws RelaisError `unauthenticated`.
 */
export async function signInByPasskey(
  { store, clock }: AccountPorts,
  shown: { passkey: Passkey; counter: number } & Omit<Beginning, "displayName">,
): Promise<Started> {
  const now = clock.now();
  const { passkey, counter, ...beginning } = shown;
  const started = await store.write(async (w) => {
    if (!(await w.belongings.usePasskey(passkey.id, counter, now))) {
      await w.belongings.blockPasskey(passkey.id, now);
      return null;
    }
    const displayName = (await w.account.displayName(passkey.personId)) ?? "";
    return beginSession(w, passkey.personId, { ...beginning, displayName, way: "passkey" }, now);
  });
  if (started !== null) return started;
  throw new RelaisError(
    "unauthenticated",
    "This passkey seems to have been copied, and is blocked. Sign in another way, and remove it on your account's page.",
    { actor: "person" },
  );
}

export async function renamePasskey(
  { store }: AccountPorts,
  { personId, id, name }: { personId: PersonId; id: PasskeyId; name: string },
): Promise<void> {
  if (!(await store.write((w) => w.belongings.renamePasskey(personId, id, name)))) throw noSuchPasskey();
}

/** @throws RelaisError `conflict` for the last way in, `not_found` for what is not this person's. */
export async function removePasskey(
  { store }: AccountPorts,
  { personId, id, ways }: { personId: PersonId; id: PasskeyId; ways: WaysIn },
): Promise<void> {
  await store.write(async (w) => {
    await w.belongings.lock(personId);
    const own = await w.account.passkeys(personId);
    if (!own.some((passkey) => passkey.id === id)) throw noSuchPasskey();
    const person = await w.people.find(personId);
    const hasProvider = ways.providers.some(({ issuer }) => issuer === person?.issuer);
    if (!hasProvider && !own.some((passkey) => passkey.id !== id && passkey.blockedAt === null)) throw lastWayIn();
    await w.belongings.removePasskey(personId, id);
  });
}

function noSuchPasskey(): RelaisError {
  return new RelaisError("not_found", "There is no such passkey among yours.", { actor: "person" });
}

function lastWayIn(): RelaisError {
  return new RelaisError("conflict", "This is your only way to sign in. Add another passkey first, then remove this one.", {
    actor: "person",
  });
}

const CODES = 10;
const CODE_LENGTH = 16;
/** Without what is mistaken for one another: 0 and O, 1, I and L. */
const CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ";

/** New one-time codes instead of all former ones; returned once, and kept as digests. Each is 79 bits of chance: none can be guessed. */
export async function makeRecoveryCodes({ store, clock }: AccountPorts, personId: PersonId): Promise<string[]> {
  const codes = Array.from({ length: CODES }, newCode);
  await store.write((w) => w.belongings.replaceCodes(personId, codes.map(digestOf), clock.now()));
  return codes.map((code) => code.replace(/(.{4})(?!$)/g, "$1-"));
}

function newCode(): string {
  let code = "";
  while (code.length < CODE_LENGTH)
    for (const byte of randomBytes(32)) if (byte < 248 && code.length < CODE_LENGTH) code += CODE_ALPHABET[byte % CODE_ALPHABET.length];
  return code;
}

function digestOf(code: string): string {
  return createHash("sha256").update(code).digest("base64url");
}

/**
 * A code counts once, however often it comes at the same time. `only`: it has to be this person's; another one's is left as it was.
 * @throws RelaisError `unauthenticated`.
 */
export async function signInByCode(
  { store, clock }: AccountPorts,
  { code, only, ...beginning }: { code: string; only?: PersonId | undefined } & Omit<Beginning, "displayName">,
): Promise<Started> {
  const now = clock.now();
  const plain = code.toUpperCase().replaceAll(/[^A-Z0-9]/g, "");
  return store.write(async (w) => {
    const personId = await w.belongings.useCode(digestOf(plain), now);
    if (personId === null || personId !== (only ?? personId))
      throw new RelaisError("unauthenticated", "This code is not one of ours, or was used before. Try another one of your codes.", {
        actor: "person",
      });
    const displayName = (await w.account.displayName(personId)) ?? "";
    return beginSession(w, personId, { ...beginning, displayName, way: "recovery" }, now);
  });
}
