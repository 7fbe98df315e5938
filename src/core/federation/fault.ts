import { RelaisError } from "../errors.ts";

/** What OpenID Federation 1.0 §8.9 calls what does not hold. */
export type FederationFault = "invalid_subject" | "invalid_trust_anchor" | "invalid_trust_chain" | "invalid_metadata";

/** A statement, chain, policy or mark that does not hold. `details.fault` is for the edge's own error form. */
export function fault(kind: FederationFault, message: string, cause?: unknown): RelaisError {
  return new RelaisError("peer_protocol", message, { details: { fault: kind }, cause });
}
