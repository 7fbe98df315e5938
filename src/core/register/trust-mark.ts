import { newId } from "../ids.ts";
import type { Ports, Signer } from "../ports.ts";
import type { Participant, TrustMark } from "./participant.ts";

export const CHARTER_VERSION = "2026-11";
export const TRUST_MARK_TYP = "trust-mark+jwt";
const VALID_DAYS = 365;

/** Signs with the federation key. */
export type StatementSigner = Pick<Signer, "signDocument">;
export type MarkingPorts = Pick<Ports, "clock" | "issuer"> & { statements: StatementSigner };

/** The trust mark type is the URL of the charter's version (OpenID Federation 1.0 §7.1). */
export function trustMarkType(issuer: string): string {
  return `${issuer}/charter/${CHARTER_VERSION}`;
}

/** A new mark, valid for one year. `ref` is the participant's page in the public register. */
export async function issueMark(
  { clock, issuer, statements }: MarkingPorts,
  participant: Participant,
  level: TrustMark["level"],
): Promise<TrustMark> {
  const id = newId("trustMark");
  const issuedAt = clock.now();
  const iat = Math.floor(issuedAt.getTime() / 1000);
  const exp = iat + VALID_DAYS * 86_400;
  const type = trustMarkType(issuer);
  const jwt = await statements.signDocument(TRUST_MARK_TYP, {
    iss: issuer,
    sub: participant.entityId,
    trust_mark_type: type,
    iat,
    exp,
    ref: `${issuer}/register/${participant.id}`,
    level,
    jti: id,
  });
  return { id, participantId: participant.id, type, level, jwt, issuedAt, expiresAt: new Date(exp * 1000), revokedAt: null };
}
