import type { Reader } from "../ports.ts";
import type { Charters, Criterion, Outcome } from "./charter.ts";
import { evaluateCriterion } from "./evaluate-criterion.ts";
import { readFacts } from "./facts.ts";
import type { Participant } from "./participant.ts";
import { criteriaOf } from "./requirements.ts";

/** What a holder may see of how a platform was accredited: findings and names of documents, never a file, an answer or a message. */
export interface EvidenceSummary {
  /** Version of the charter that its accreditation is under; null where it has none by an application. */
  charter: string | null;
  criteria: { criterion: Criterion; outcome: Outcome }[];
  /** Documents that two accreditors read and accepted. */
  evidence: { kind: string; title: NonNullable<Criterion["evidence"]>["title"]; issuer: string; date: string; validUntil: string | null }[];
}

export async function summarizeEvidence(r: Reader, charters: Charters, participant: Participant, now: Date): Promise<EvidenceSummary> {
  const application = await r.accreditations.findGiven(participant.id);
  const charter = application && charters.list().find(({ version }) => version === application.charterVersion);
  if (!application || !charter) return { charter: null, criteria: [], evidence: [] };
  const facts = await readFacts(r, participant, application, charter);
  const asked = criteriaOf(charter, application, participant);
  const accepted = (await r.accreditations.evidenceOf(application.id)).filter(({ kind }) => facts.evidence[kind]?.accepted === true);
  return {
    charter: charter.version,
    criteria: asked.map((criterion) => ({ criterion, outcome: evaluateCriterion(criterion, facts, now).outcome })),
    evidence: accepted.flatMap(({ kind, issuer, date, validUntil }) => {
      const title = asked.find(({ evidence }) => evidence?.kind === kind)?.evidence?.title;
      return title ? [{ kind, title, issuer, date, validUntil }] : [];
    }),
  };
}
