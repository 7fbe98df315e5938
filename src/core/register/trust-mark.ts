import { newId } from "../ids.ts";
import type { Ports, Signer } from "../ports.ts";
import type { Charter } from "./charter.ts";
import type { Participant, TrustMark } from "./participant.ts";

export const TRUST_MARK_TYP = "trust-mark+jwt";

/** Signs with the federation key. */
export type StatementSigner = Pick<Signer, "signDocument"> & {
  /** The id of the key that signs now: what was signed with another one, and is kept, is signed again. */
  keyId?: () => string;
};
export type MarkingPorts = Pick<Ports, "clock" | "issuer"> & {
  statements: StatementSigner;
  /** The owner's delegation for this type of mark (§7.2.1), where somebody else owns it. @throws RelaisError where it is over. */
  delegationOf?: (type: string) => Promise<string | undefined>;
};

/** The trust mark type is the URL of the charter's version (OpenID Federation 1.0 §7.1). */
export function trustMarkType(issuer: string, version: string): string {
  return `${issuer}/charter/${version}`;
}

interface Marked {
  level: TrustMark["level"];
  charter: Pick<Charter, "version" | "digest">;
  /** Place of the decision in the public log. */
  logIndex: number;
  /** Place in the status list. */
  statusIndex: number;
  at: Date;
  until: Date;
}

/** A new mark. `ref` is the participant's page in the public register. */
export async function issueMark(
  { issuer, statements, delegationOf }: MarkingPorts,
  participant: Participant,
  { level, charter, logIndex, statusIndex, at, until }: Marked,
): Promise<TrustMark> {
  const id = newId("trustMark");
  const seconds = (date: Date): number => Math.floor(date.getTime() / 1000);
  const type = trustMarkType(issuer, charter.version);
  const delegation = await delegationOf?.(type);
  const jwt = await statements.signDocument(TRUST_MARK_TYP, {
    iss: issuer,
    sub: participant.entityId,
    trust_mark_type: type,
    iat: seconds(at),
    exp: seconds(until),
    ref: `${issuer}/register/${participant.id}`,
    level,
    charter_digest: charter.digest,
    log_index: logIndex,
    status: { status_list: { idx: statusIndex, uri: `${issuer}/status-lists/trust-marks` } },
    jti: id,
    ...(delegation === undefined ? {} : { delegation }),
  });
  return {
    id,
    participantId: participant.id,
    type,
    level,
    jwt,
    issuedAt: at,
    expiresAt: new Date(seconds(until) * 1000),
    revokedAt: null,
    statusIndex,
  };
}
