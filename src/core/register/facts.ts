import type { Reader } from "../ports.ts";
import type { Application, Evidence, Review } from "./application.ts";
import type { Charter, Facts } from "./charter.ts";
import type { Participant } from "./participant.ts";

/** How many different accreditors have to find it met before evidence counts. */
export const QUORUM = 2;

/**
 * Everything that is known of a participant, as the checks read it. At the moment at which accreditors decide, `counted` are those whose word counts
 * then. Left out, all that were written in this round count, whoever wrote them and whatever office they hold today: what two accreditors
 * found stays found, and an accreditation is not undone by a later look because one of them left.
 */
export async function readFacts(
  r: Reader,
  participant: Participant,
  application: Application,
  charter: Charter,
  counted?: Review[],
): Promise<Facts> {
  const [probes, evidence, reviews, signatures] = await Promise.all([
    r.accreditations.probes(participant.id),
    r.accreditations.evidenceOf(application.id),
    counted ?? r.accreditations.reviews(application.id, application.round),
    r.accreditations.signatures(participant.id),
  ]);
  const signed = signatures.some((one) => one.charterVersion === charter.version && one.charterDigest === charter.digest);
  const met = countMet(reviews);
  return {
    entity: entityFacts(participant),
    answers: { ...application.answers, ...(signed ? { "charter.signed": true } : {}) },
    probes: Object.fromEntries(probes.map(({ probe, outcome, startedAt }) => [probe, { outcome, at: startedAt.toISOString() }])),
    evidence: evidenceFacts(charter, evidence, met),
    reviews: met,
  };
}

/** What the participant publishes itself is never asked again. */
export function entityFacts(participant: Participant): Record<string, unknown> {
  const { name, roles, adapter, endpoints, about, keys, datasets, client } = participant;
  return {
    name,
    roles,
    adapter,
    endpoints,
    ...about,
    keys: keys.length,
    datasets: datasets.length,
    redirectUris: client?.redirectUris.length ?? 0,
  };
}

function countMet(reviews: Review[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const review of reviews.filter((one) => one.withoutConflict))
    for (const criterion of review.met) counts[criterion] = (counts[criterion] ?? 0) + 1;
  return counts;
}

/** Evidence is accepted once enough accreditors found the criterion met that asks for it; the newest of a kind counts. */
function evidenceFacts(charter: Charter, evidence: Evidence[], met: Record<string, number>): Facts["evidence"] {
  const accepted = new Set(
    charter.criteria.filter((criterion) => (met[criterion.id] ?? 0) >= QUORUM).flatMap((criterion) => criterion.evidence?.kind ?? []),
  );
  return Object.fromEntries(
    evidence.map(({ kind, date, issuer, validUntil }): [string, Facts["evidence"][string]] => [
      kind,
      { date, issuer, accepted: accepted.has(kind), ...(validUntil === null ? {} : { validUntil }) },
    ]),
  );
}
