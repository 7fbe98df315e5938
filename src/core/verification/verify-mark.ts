import { saysOurs, standingOfMark, type MarkFinding, type MarkPorts } from "../federation/mark-standing.ts";
import { partyOf, timeOf } from "./party.ts";
import type { Finding, MarkDetails, Verdict } from "./verdict.ts";

export type MarkCheckPorts = MarkPorts;

const FINDINGS = {
  active: "active",
  suspended: "suspended",
  revoked: "revoked",
  expired: "expired",
  invalid: "forged",
  unknown: "forged",
} as const satisfies Record<MarkFinding, Finding>;

/** A trust mark: whose, and what it is worth at this moment. What a forged one says of itself is not repeated. */
export async function verifyMark(ports: MarkCheckPorts, jwt: string): Promise<Verdict> {
  const isOurs = saysOurs(ports, jwt);
  const standing = isOurs ? await standingOfMark(ports, jwt) : "unknown";
  const isIssued = standing !== "unknown" && standing !== "invalid";
  const claims: Record<string, unknown> = isOurs ? ports.signed.read(jwt).claims : {};
  return {
    kind: "trust_mark",
    finding: isOurs ? FINDINGS[standing] : "not_ours",
    about: isIssued ? await ports.store.read((r) => partyOf(r, String(claims["sub"]))) : null,
    details: isIssued ? detailsOf(claims) : null,
    checks: isOurs
      ? [
          { check: "signature", holds: standing !== "invalid" },
          ...(standing === "invalid" ? [] : [{ check: "issued_here", holds: isIssued } as const]),
          ...(isIssued ? [{ check: "standing_now", holds: standing === "active" } as const] : []),
        ]
      : [],
    unchecked: isIssued ? ["bearer"] : [],
    command: `relais verify FILE --anchor ${isOurs ? ports.issuer : "ISSUER"}`,
  };
}

function detailsOf(claims: Record<string, unknown>): MarkDetails {
  const { level, trust_mark_type: type, iat, exp, log_index: index } = claims;
  return {
    level: typeof level === "number" ? level : null,
    charter: typeof type === "string" ? (type.split("/").at(-1) ?? null) : null,
    issuedAt: timeOf(iat),
    expiresAt: timeOf(exp),
    logIndex: typeof index === "number" ? index : null,
  };
}
