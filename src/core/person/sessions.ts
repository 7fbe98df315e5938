import { createHash } from "node:crypto";
import { newId, randomToken } from "../ids.ts";
import type { Ports } from "../ports.ts";
import type { Person, Session } from "./person.ts";

const SESSION_HOURS = 12;

/** Name of the cookie that holds a session's token. */
export const SESSION_COOKIE = "relais_session";

/** Signs a person in: the same issuer and subject is always the same person. Returns the token for the cookie; only its hash is kept. */
export async function startSession(
  ports: Pick<Ports, "store" | "clock">,
  claims: { issuer: string; subject: string; displayName: string },
): Promise<{ token: string; session: Session }> {
  const token = randomToken();
  const now = ports.clock.now();
  const session = await ports.store.write(async (w) => {
    const person: Person = await w.accounts.signIn({ id: newId("person"), issuer: claims.issuer, subject: claims.subject, createdAt: now });
    const started: Session = {
      tokenHash: hashOf(token),
      personId: person.id,
      displayName: claims.displayName,
      createdAt: now,
      expiresAt: new Date(now.getTime() + SESSION_HOURS * 3_600_000),
    };
    await w.accounts.addSession(started);
    return started;
  });
  return { token, session };
}

export async function findSession(ports: Pick<Ports, "store" | "clock">, token: string): Promise<Session | null> {
  return ports.store.read((r) => r.people.findSession(hashOf(token), ports.clock.now()));
}

export async function endSession(ports: Pick<Ports, "store">, token: string): Promise<void> {
  await ports.store.write((w) => w.accounts.endSession(hashOf(token)));
}

function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("base64url");
}
