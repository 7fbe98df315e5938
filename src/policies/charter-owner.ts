import { readFileSync, statSync } from "node:fs";
import { z } from "zod";
import { RelaisError } from "../core/errors.ts";
import type { SignedStatements, TrustMarkOwner } from "../core/federation/statement.ts";
import { validateDelegation } from "../core/federation/trust-mark.ts";
import type { Clock } from "../core/ports.ts";
import { publicKeys } from "../core/register/public-keys.ts";

const file = z.strictObject({
  owner: z.url({ protocol: /^https?$/, error: "expected the entity identifier of the owner" }),
  keys: z.array(z.looseObject({ kty: z.string(), kid: z.string().min(1) })).min(1),
  delegations: z.array(z.string().min(1)).min(1),
});

/** Who owns the charter's trust mark types, and what it signed for this Relais (OpenID Federation 1.0 §7.2). */
export interface CharterOwner {
  /** By type of mark; empty where Relais is its own owner. */
  owners(): Promise<Record<string, TrustMarkOwner>>;
  /** For this type, if somebody else owns it. @throws RelaisError `unavailable` where it is over. */
  delegationOf(type: string): Promise<string | undefined>;
}

interface Settings {
  /** RELAIS_CHARTER_OWNER_FILE; null where Relais is its own owner. */
  path: string | null;
  issuer: string;
  clock: Pick<Clock, "now">;
  signed: SignedStatements;
  onFailure: (error: unknown) => void;
}

interface Owned {
  owner: TrustMarkOwner;
  /** By type. */
  delegations: Map<string, { jwt: string; exp: number | undefined }>;
}

const NOBODY: CharterOwner = { owners: async () => ({}), delegationOf: async () => undefined };

/**
 * The operator's file `{"owner": "https://…", "keys": [JWK], "delegations": [JWT]}`, with signatures, times and issuer checked. It is read again when it
 * changes; where the new one is wrong, the one before stays, and `onFailure` is told.
 * @throws RelaisError `unavailable` at the start, naming what is wrong.
 */
export async function openCharterOwner(settings: Settings): Promise<CharterOwner> {
  const { path, onFailure } = settings;
  if (path === null) return NOBODY;
  let readAt = changedAt(path);
  let last = Promise.resolve(await readOwned(settings, path));
  const present = (): Promise<Owned> => {
    if (changedAt(path) === readAt) return last;
    readAt = changedAt(path);
    const before = last;
    last = readOwned(settings, path).catch((error: unknown) => {
      onFailure(error);
      return before;
    });
    return last;
  };
  return {
    owners: async () => {
      const { owner, delegations } = await present();
      return Object.fromEntries([...delegations.keys()].map((type) => [type, owner]));
    },
    delegationOf: async (type) => {
      const found = (await present()).delegations.get(type);
      if (found?.exp !== undefined && found.exp * 1000 <= settings.clock.now().getTime()) throw wrong(`the delegation for ${type} is over`);
      return found?.jwt;
    },
  };
}

function changedAt(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? -1;
}

async function readOwned({ issuer, clock, signed }: Settings, path: string): Promise<Owned> {
  const { owner: sub, keys, delegations } = parsed(path);
  const owner: TrustMarkOwner = { sub, jwks: { keys: checked(() => publicKeys(keys, "keys")) } };
  const found: Owned["delegations"] = new Map();
  for (const jwt of delegations) {
    const { trust_mark_type: type, exp } = await validateDelegation(signed, jwt, { owner, issuer, now: clock.now() }).catch(
      (cause: unknown) => {
        throw wrong(cause instanceof Error ? cause.message : String(cause), cause);
      },
    );
    found.set(type, { jwt, exp });
  }
  return { owner, delegations: found };
}

function parsed(path: string): z.output<typeof file> {
  try {
    return file.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (cause) {
    const issue = cause instanceof z.ZodError ? cause.issues[0] : undefined;
    throw wrong(issue ? `at ${issue.path.join("/")}: ${issue.message}` : "it is not readable JSON", cause);
  }
}

function checked<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw wrong("its keys are not public keys as RFC 7517 says, each with its own kid", cause);
  }
}

function wrong(flaw: string, cause?: unknown): RelaisError {
  return new RelaisError("unavailable", `RELAIS_CHARTER_OWNER_FILE is wrong: ${flaw}. The operator must correct it, with the owner.`, {
    actor: "operator",
    cause,
  });
}
