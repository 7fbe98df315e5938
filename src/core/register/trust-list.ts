import type { Ports } from "../ports.ts";
import type { Role } from "./participant.ts";
import type { TrustedEntity } from "./register-reader.ts";
import type { StatementSigner } from "./trust-mark.ts";

export const TRUST_LIST_TYP = "self-data-trust-list+jwt";

/** Who may keep the list believes it for at most so long; a suspension of this moment is told by the status list and by events. */
const LIFE_SECONDS = 24 * 3600;
/** One that says nothing new is signed again after so long. */
const RENEW_SECONDS = 3600;
/** How often the tables are looked at: a look reads the marks of everybody. Caches may keep the answer for longer. */
const LOOK_MILLISECONDS = 1000;

/** Everybody who is accredited, signed: members are those of the marks themselves (OpenID Federation 1.0 §7.1). */
export interface TrustListClaims {
  iss: string;
  iat: number;
  exp: number;
  /** When there is another one at the latest, even where nothing changed. */
  next_update: number;
  entities: ListedEntity[];
}

export interface ListedEntity {
  /** Entity identifier. */
  sub: string;
  name: string;
  roles: Role[];
  level: number;
  /** Until when it is accredited, in seconds. */
  exp: number;
  /** Version of the charter: the last part of `trust_mark_type`. */
  charter_version: string;
  /** Of the mark. */
  jti: string;
}

export interface TrustList {
  jwt: string;
  /** The same for every process that serves the same list; another one when the list says something else, or is signed anew. */
  tag: string;
}

export type TrustLists = () => Promise<TrustList>;

type ListPorts = Pick<Ports, "store" | "clock" | "issuer"> & { statements: StatementSigner };

/**
 * The list as the tables were at most a second ago, however often it is asked for; it is written and signed once for each change, and once in
 * an hour without one.
 */
export function trustLists(ports: ListPorts): TrustLists {
  let last: { at: number; list: Promise<TrustList> } | null = null;
  return () => {
    const now = ports.clock.now();
    if (last !== null && now.getTime() - last.at < LOOK_MILLISECONDS) return last.list;
    const list = look(ports, now, last?.list ?? null);
    last = { at: now.getTime(), list };
    // A failure is not kept: whoever asks next tries again.
    list.catch(() => (last = null));
    return list;
  };
}

/** The list of before, where nothing that it says has changed. */
async function look(ports: ListPorts, now: Date, before: Promise<TrustList> | null): Promise<TrustList> {
  const fingerprint = await ports.store.read((r) => r.registered.trustedFingerprint(now));
  const hour = Math.floor(now.getTime() / 1000 / RENEW_SECONDS);
  const tag = [fingerprint, hour, ports.statements.keyId?.() ?? ""].join(".");
  const known = await before?.catch(() => null);
  return known?.tag === tag ? known : makeList(ports, now, { tag, nextUpdate: (hour + 1) * RENEW_SECONDS });
}

async function makeList(
  { store, issuer, statements }: ListPorts,
  now: Date,
  { tag, nextUpdate }: { tag: string; nextUpdate: number },
): Promise<TrustList> {
  const entities = await store.read((r) => r.registered.trusted(now));
  const iat = Math.floor(now.getTime() / 1000);
  const claims: TrustListClaims = {
    iss: issuer,
    iat,
    exp: iat + LIFE_SECONDS,
    next_update: nextUpdate,
    entities: entities.map(listed),
  };
  return { jwt: await statements.signDocument(TRUST_LIST_TYP, claims), tag };
}

function listed({ entityId, name, roles, level, until, type, markId }: TrustedEntity): ListedEntity {
  return { sub: entityId, name, roles, level, exp: until, charter_version: type.slice(type.lastIndexOf("/") + 1), jti: markId };
}
