import { createHash } from "node:crypto";
import { newId, randomToken, type PersonId } from "../ids.ts";
import type { Ports, Writer } from "../ports.ts";
import { RelaisError } from "../errors.ts";
import type { Person, Session } from "./person.ts";

/** How long a session lasts. */
export const SESSION_HOURS = 12;
/** A session's last use is written down no more often than this. */
const SEEN_MILLISECONDS = 300_000;

/** Name of the cookie that holds a session's token. */
export const SESSION_COOKIE = "relais_session";

/** What is known of a sign-in; what is left out is as little as can be. */
export type Beginning = Pick<Session, "displayName"> &
  Partial<Pick<Session, "way" | "assurance" | "browser" | "logoutHint" | "authenticatedAt">>;

export interface Started {
  token: string;
  session: Session;
}

/** Signs a person in: the same issuer and subject is always the same person. Returns the token for the cookie; only its hash is kept. */
export async function startSession(
  ports: Pick<Ports, "store" | "clock">,
  claims: { issuer: string; subject: string } & Beginning,
): Promise<Started> {
  const { issuer, subject, ...beginning } = claims;
  const now = ports.clock.now();
  return ports.store.write(async (w) => {
    const person: Person = await w.accounts.signIn({ id: newId("person"), issuer, subject, createdAt: now });
    return beginSession(w, person.id, beginning, now);
  });
}

/** The writing step, for use cases that write more in the same transaction. @throws RelaisError `forbidden` where the account is being deleted. */
export async function beginSession(w: Writer, personId: PersonId, beginning: Beginning, now: Date): Promise<Started> {
  if (await w.account.isClosing(personId))
    throw new RelaisError("forbidden", "This account is being deleted. Wait a few minutes; then you can begin anew, with nothing kept.", {
      actor: "person",
    });
  const token = randomToken();
  const session: Session = {
    tokenHash: hashOf(token),
    id: newId("session"),
    personId,
    way: "provider",
    assurance: "low",
    browser: "other",
    logoutHint: null,
    authenticatedAt: now,
    ...beginning,
    createdAt: now,
    lastSeenAt: now,
    expiresAt: new Date(now.getTime() + SESSION_HOURS * 3_600_000),
  };
  await w.accounts.addSession(session);
  return { token, session };
}

/** Null as soon as it was ended, from whatever browser. */
export async function findSession(ports: Pick<Ports, "store" | "clock">, token: string): Promise<Session | null> {
  const now = ports.clock.now();
  const session = await ports.store.read((r) => r.people.findSession(hashOf(token), now));
  if (session !== null && now.getTime() - session.lastSeenAt.getTime() > SEEN_MILLISECONDS)
    await ports.store.write((w) => w.belongings.see(session.tokenHash, now));
  return session;
}

/** Returns what it was, or null. */
export async function endSession(ports: Pick<Ports, "store">, token: string): Promise<Session | null> {
  return ports.store.write((w) => w.accounts.endSession(hashOf(token)));
}

function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("base64url");
}
