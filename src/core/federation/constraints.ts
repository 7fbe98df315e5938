import { fault } from "./fault.ts";
import type { Constraints, EntityStatement, Metadata } from "./statement.ts";

/**
 * Constraints of every subordinate statement of a chain, each on its own (OpenID Federation 1.0 §6.2). `chain` goes from the subject's
 * configuration to the anchor's.
 * @throws RelaisError `peer_protocol`.
 */
export function checkConstraints(chain: EntityStatement[]): void {
  // ES[1] is about the subject, ES[2] about its superior, and so on: below ES[j] there are j - 1 intermediates.
  for (const [index, { constraints }] of chain.entries()) {
    if (index === 0 || index === chain.length - 1) continue;
    checkLength(constraints, index - 1);
    for (const { sub } of chain.slice(1, index + 1)) checkName(constraints, sub);
  }
}

function checkLength({ max_path_length: most }: Constraints, intermediates: number): void {
  if (most === undefined) return;
  if (!Number.isInteger(most) || most < 0)
    throw fault("invalid_trust_chain", "A constraint has a max_path_length that is no whole number.");
  if (intermediates > most)
    throw fault("invalid_trust_chain", `The chain has ${intermediates} intermediates where a superior allows ${most}.`);
}

function checkName({ naming_constraints: names }: Constraints, entityId: string): void {
  if (names === undefined) return;
  const host = URL.canParse(entityId) ? new URL(entityId).hostname : "";
  const excluded = (names.excluded ?? []).some((name) => isWithin(host, name));
  const permitted = names.permitted === undefined || names.permitted.some((name) => isWithin(host, name));
  if (excluded || !permitted) throw fault("invalid_trust_chain", `${entityId} is outside of the names that a superior allows.`);
}

/** RFC 5280 §4.2.1.10: `.example.com` is every host below it, `example.com` that host alone. */
function isWithin(host: string, name: string): boolean {
  return name.startsWith(".") ? host.endsWith(name.toLowerCase()) && host.length > name.length : host === name.toLowerCase();
}

/** Entity types that some superior does not allow are taken away, `federation_entity` never (§6.2.3). */
export function allowedMetadata(metadata: Metadata, chain: EntityStatement[]): Metadata {
  const limits = chain
    .slice(1, -1)
    .flatMap(({ constraints }) => (constraints.allowed_entity_types ? [constraints.allowed_entity_types] : []));
  return Object.fromEntries(
    Object.entries(metadata).filter(([type]) => type === "federation_entity" || limits.every((allowed) => allowed.includes(type))),
  );
}
