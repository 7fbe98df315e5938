import { isId } from "../ids.ts";
import type { Clock, Store } from "../ports.ts";
import type { MarkStanding, PublicJwk } from "../register/participant.ts";
import type { SignedStatements } from "./statement.ts";
import { MARK_TYP } from "./trust-mark.ts";

export interface MarkPorts {
  issuer: string;
  store: Store;
  clock: Clock;
  signed: SignedStatements;
  /** Federation keys, of now and of the past. */
  keys: () => Promise<PublicJwk[]>;
}

/** `invalid`: it says that it is ours, and is not signed by us. `unknown`: we never issued it. */
export type MarkFinding = MarkStanding | "invalid" | "unknown";

/** What a mark is worth now (OpenID Federation 1.0 §8.4): by our signature, and by the very text in our table. A mark that a newer one replaced is revoked. */
export async function standingOfMark(ports: MarkPorts, jwt: string): Promise<MarkFinding> {
  if (!saysOurs(ports, jwt)) return "unknown";
  const claims = await ports.signed.verify(jwt, { type: MARK_TYP, keys: await ports.keys() }).catch(() => null);
  if (claims === null) return "invalid";
  const { jti } = claims;
  const found = isId("trustMark", jti) ? await ports.store.read((r) => r.subordinates.standingOf(jti, ports.clock.now())) : null;
  return found?.jwt === jwt ? found.standing : "unknown";
}

/** Whether it names us as its issuer; nothing is verified by that. */
export function saysOurs({ signed, issuer }: Pick<MarkPorts, "signed" | "issuer">, jwt: string): boolean {
  try {
    const { iss, trust_mark_type: type } = signed.read(jwt).claims;
    return iss === issuer && typeof type === "string";
  } catch {
    return false;
  }
}
