import type { Ports } from "../ports.ts";
import type { PublicJwk } from "./participant.ts";

/** A ring of this broker's own keys, public halves, with their times in seconds and, where it was revoked, when and why. */
export interface OwnRing {
  ring: string;
  keys: PublicJwk[];
}

interface KeyChange {
  kid: string;
  ring: string;
  event: "introduced" | "revoked";
  body: Record<string, unknown>;
}

/**
 * Writes the broker's own keys into the public log: each once when it appears (also one that is announced), and once when it is revoked, whatever
 * process changed it. The returned function looks again, and asks the database only for what it has not seen itself.
 */
export function createKeyLogging({ store, clock }: Pick<Ports, "store" | "clock">, rings: () => Promise<OwnRing[]>): () => Promise<number> {
  const seen = new Set<string>();
  return async () => {
    let logged = 0;
    const changes = (await rings()).flatMap(changesIn);
    for (const change of changes.filter((one) => !seen.has(nameOf(one)))) {
      if (await store.write((w) => logOnce(w, change, clock.now()))) logged += 1;
      seen.add(nameOf(change));
    }
    return logged;
  };
}

const nameOf = ({ kid, event }: KeyChange): string => `${event} ${kid}`;

/** By its thumbprint (RFC 7638), which is its `kid`: whoever has the key can find it. */
function changesIn({ ring, keys }: OwnRing): KeyChange[] {
  return keys.flatMap(({ kid, iat, nbf, revoked }) => {
    const named = { kid: String(kid), ring };
    const from = nbf ?? iat;
    const introduced: KeyChange = { ...named, event: "introduced", body: typeof from === "number" ? { from: day(from) } : {} };
    const end = revoked as { revoked_at: number; reason: string } | undefined;
    if (end === undefined) return [introduced];
    return [introduced, { ...named, event: "revoked", body: { revoked_at: day(end.revoked_at), reason: end.reason } }];
  });
}

const day = (seconds: number): string => new Date(seconds * 1000).toISOString();

async function logOnce(
  w: Parameters<Parameters<Ports["store"]["write"]>[0]>[0],
  { kid, ring, event, body }: KeyChange,
  at: Date,
): Promise<boolean> {
  if (!(await w.logbook.claimKey({ kid, event, ring, at }))) return false;
  await w.log.append({ kind: "key", at, body: { own: ring, event, keys: [kid], ...body } });
  return true;
}
