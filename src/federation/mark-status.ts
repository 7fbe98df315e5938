import type { SignedStatements } from "../core/federation/statement.ts";
import { MARK_TYP } from "../core/federation/trust-mark.ts";
import { isId } from "../core/ids.ts";
import type { Clock, Store } from "../core/ports.ts";
import type { MarkStanding, PublicJwk } from "../core/register/participant.ts";
import { FederationError } from "./federation-error.ts";

export interface MarkPorts {
  issuer: string;
  store: Store;
  clock: Clock;
  signed: SignedStatements;
  keys: () => Promise<PublicJwk[]>;
}

/**
 * §8.4.2, with `suspended` told apart from `revoked`; a mark that a newer one replaced is revoked. `invalid` is what says it is ours and is not
 * signed by us. What was never issued here is not found (§8.4.2).
 */
export async function markStatus(ports: MarkPorts, jwt: string): Promise<MarkStanding | "invalid"> {
  if (!saysOurs(ports, jwt)) throw unknown();
  const claims = await ports.signed.verify(jwt, { type: MARK_TYP, keys: await ports.keys() }).catch(() => null);
  if (claims === null) return "invalid";
  const { jti } = claims;
  const found = isId("trustMark", jti) ? await ports.store.read((r) => r.subordinates.standingOf(jti, ports.clock.now())) : null;
  if (found?.jwt !== jwt) throw unknown();
  return found.standing;
}

function saysOurs({ signed, issuer }: MarkPorts, jwt: string): boolean {
  try {
    const { iss, trust_mark_type: type } = signed.read(jwt).claims;
    return iss === issuer && typeof type === "string";
  } catch {
    return false;
  }
}

function unknown(): FederationError {
  return new FederationError("not_found", "this trust mark was not issued here");
}
