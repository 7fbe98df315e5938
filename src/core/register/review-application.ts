import type { Words } from "../catalogue/data-set.ts";
import { showCertificate } from "../certificates/show-certificate.ts";
import { RelaisError } from "../errors.ts";
import type { Ports, Writer } from "../ports.ts";
import type { Application, ApplicationId, Decider, Decision, Proposal, Review } from "./application.ts";
import { applyReinstatement, applySanction } from "./change-standing.ts";
import type { Charters, Facts } from "./charter.ts";
import { evaluateCriterion } from "./evaluate-criterion.ts";
import { QUORUM, readFacts } from "./facts.ts";
import { grantAccreditation } from "./grant-accreditation.ts";
import type { ParticipantId } from "../ids.ts";
import type { Participant } from "./participant.ts";
import { APPEAL, recordDecision } from "./record-decision.ts";
import { accreditorName, mustBeImpartial, type RegisterCaller } from "./register-caller.ts";
import { criteriaOf } from "./requirements.ts";
import { isElsewhere } from "./settle-change.ts";
import type { MarkingPorts } from "./trust-mark.ts";
import { countedWords, together, type OfficePorts } from "./two-accreditors.ts";

type ReviewingPorts = Pick<Ports, "store" | "queue"> & MarkingPorts & OfficePorts & { charters: Charters };

export type Verdict = Pick<Review, "verdict" | "withoutConflict" | "met" | "reasons"> & { remedy?: Words | null };

/**
 * One accreditor's finding on the present round. Changes are asked for by one; accrediting and refusing take two different ones who declared
 * that they have no conflict of interest, and are accreditors when it is decided. Returns the decision where this review made it.
 * @throws RelaisError `forbidden`, `conflict` (not in review, or reviewed by the same person before), `invalid` (conflict of interest, no reasons).
 */
export async function reviewApplication(
  ports: ReviewingPorts,
  caller: RegisterCaller,
  { applicationId, round, ...verdict }: { applicationId: ApplicationId; round: number } & Verdict,
): Promise<{ decision: Decision | null }> {
  const reviewer = accreditorName(caller);
  if (!verdict.withoutConflict)
    throw new RelaisError(
      "invalid",
      "Declare that you have no conflict of interest with this applicant, or leave it to another accreditor.",
      {
        pointers: ["/without_conflict"],
      },
    );
  return ports.store.write(async (w) => {
    await w.register.lock((await w.accreditations.getApplication(applicationId)).participantId);
    const application = await w.cases.lockApplication(applicationId);
    await mustBeImpartial(w, caller, application.participantId);
    if (application.state !== "in_review" || application.round !== round)
      throw new RelaisError(
        "conflict",
        `The application is ${application.state} in round ${application.round}: it changed since you read it. Read it again.`,
        {
          actor: "operator",
        },
      );
    await w.cases.addReview({ applicationId, round, reviewer, remedy: null, ...verdict, at: ports.clock.now() });
    const counted = await countedReviews(w, ports, application);
    const same = counted.filter((review) => review.verdict === verdict.verdict);
    if (verdict.verdict !== "request_changes" && same.length < QUORUM) return { decision: null };
    return { decision: await CARRY_OUT[verdict.verdict](w, ports, application, { same, counted }) };
  });
}

async function countedReviews(w: Writer, ports: OfficePorts, { id, round, participantId }: Application): Promise<Review[]> {
  const reviews = (await w.accreditations.reviews(id, round)).filter(({ withoutConflict }) => withoutConflict);
  return countedWords(w, ports, reviews, { by: ({ reviewer }) => reviewer, about: [participantId] });
}

/** `same`: those that find what is decided. `counted`: all of the round whose word counts now, for what each found met. */
type CarryOut = (
  w: Writer,
  ports: ReviewingPorts,
  application: Application,
  reviews: { same: Review[]; counted: Review[] },
) => Promise<Decision>;

const CARRY_OUT = {
  request_changes: (w, ports, application, { same }) => sendBack(w, ports, application, same, "changes_requested"),
  refuse: (w, ports, application, { same }) => sendBack(w, ports, application, same, "refused"),
  accredit: async (w, ports, application, { same, counted }) => {
    const charter = ports.charters.get(application.charterVersion);
    const participant = await w.participants.get(application.participantId);
    await refuseUnseen(w, participant);
    const facts = await readFacts(w, participant, application, charter, counted);
    const now = ports.clock.now();
    const unmet = criteriaOf(charter, application, participant).filter(
      (criterion) => evaluateCriterion(criterion, facts, now).outcome !== "met",
    );
    if (unmet.length > 0)
      throw new RelaisError(
        "conflict",
        `Two accreditors did not find all criteria met: ${unmet.map(({ id }) => id).join(", ")}. Ask for changes, or find them met.`,
        {
          actor: "operator",
        },
      );
    const { decision } = await grantAccreditation(w, ports, {
      participant,
      application,
      charter,
      level: 2,
      kind: "accredit",
      reasons: joined(same.map(({ reasons }) => reasons)),
      deciders: decidersOf(same),
    });
    await showAccepted(w, participant, application, facts.evidence, now);
    return decision;
  },
} as const satisfies Record<Review["verdict"], CarryOut>;

/** Checks passed where it is spoken to now, and not at a place before. */
async function refuseUnseen(w: Writer, participant: Participant): Promise<void> {
  const newest = (await w.accreditations.probes(participant.id)).toSorted((a, b) => b.startedAt.getTime() - a.startedAt.getTime())[0];
  if (newest !== undefined && (await isElsewhere(w, participant, await w.accreditations.getRun(newest.runId))))
    throw new RelaisError("conflict", `${participant.name} is spoken to elsewhere since the last checks. Wait until they have run again.`, {
      actor: "operator",
    });
}

/** Certificates among the evidence that both accreditors accepted count for holders' conditions from now on. */
async function showAccepted(
  w: Writer,
  participant: Participant,
  { id }: Application,
  evidence: Facts["evidence"],
  at: Date,
): Promise<void> {
  for (const { kind, certificate, validUntil, issuer } of await w.accreditations.evidenceOf(id))
    if (certificate !== null && validUntil !== null && evidence[kind]?.accepted === true)
      await showCertificate(w, participant, { certificate, validUntil, issuer }, at);
}

async function sendBack(
  w: Writer,
  ports: ReviewingPorts,
  application: Application,
  reviews: Review[],
  to: "changes_requested" | "refused",
): Promise<Decision> {
  const at = ports.clock.now();
  const participant = await w.participants.get(application.participantId);
  await w.cases.moveApplication(application.id, ["in_review"], to, { changedAt: at });
  return recordDecision(w, {
    participant,
    application,
    charter: ports.charters.get(application.charterVersion),
    kind: to === "refused" ? "refuse" : "request_changes",
    level: application.level,
    reasons: joined(reviews.map(({ reasons }) => reasons)),
    remedy: remedyOf(reviews),
    appeal: to === "refused" ? APPEAL : null,
    deciders: decidersOf(reviews),
    at,
  });
}

function joined(texts: Words[]): Words {
  const inOne = (lang: keyof Words): string => [...new Set(texts.map((text) => text[lang]))].join(" ");
  return { fr: inOne("fr"), en: inOne("en") };
}

const REMEDY: Words = { fr: "Corrigez ces points et envoyez de nouveau la demande.", en: "Mend these points and submit again." };

function remedyOf(reviews: Review[]): Words {
  const said = reviews.flatMap(({ remedy }) => remedy ?? []);
  return said.length > 0 ? joined(said) : REMEDY;
}

function decidersOf(reviews: Review[]): Decider[] {
  return reviews.map(({ reviewer }) => ({ name: reviewer, role: "accreditor" }));
}

/** How many accreditors each step takes. A suspension protects people at once; giving and ending for good take two. */
export const ACCREDITORS_NEEDED = { suspend: 1, reinstate: 2, revoke: 2, reopen: 2 } as const satisfies Record<Proposal["kind"], number>;

/**
 * A sanction, or its end. The first accreditor of two proposes, the second one confirms, and the effects are one transaction. A proposal of somebody
 * who is no accreditor any more is replaced by that of whoever acts now.
 * @throws RelaisError `forbidden`, `conflict` where its standing does not allow it, or the same accreditor confirms.
 */
export async function changeStandingByAccreditor(
  ports: ReviewingPorts,
  caller: RegisterCaller,
  asked: { participantId: ParticipantId; kind: Proposal["kind"]; reasons: Words; remedy: Words | null },
): Promise<{ decision: Decision | null; resumed: number }> {
  const proposer = accreditorName(caller);
  const { rings, decision } = await ports.store.write(async (w) => {
    const participant = await w.register.lock(asked.participantId);
    await mustBeImpartial(w, caller, participant.id);
    const earlier = await earlierProposal(w, ports, asked);
    const names = together(earlier, proposer, ACCREDITORS_NEEDED[asked.kind]);
    if (names === null) {
      refuseImpossible(participant, asked.kind);
      await w.cases.putProposal({ ...asked, proposer, at: ports.clock.now() });
      return { rings: [], decision: null };
    }
    const deciders: Decider[] = names.map((name) => ({ name, role: "accreditor" }));
    return carryOut(w, ports, { ...asked, deciders });
  });
  await ports.queue.ring(rings).catch(() => undefined);
  return { decision, resumed: rings.length };
}

async function earlierProposal(
  w: Writer,
  ports: OfficePorts,
  asked: Pick<Proposal, "participantId" | "kind">,
): Promise<Proposal | undefined> {
  const alike = (await w.accreditations.proposals(asked.participantId)).filter(({ kind }) => kind === asked.kind);
  const [earlier] = await countedWords(w, ports, alike, { by: ({ proposer }) => proposer, about: [asked.participantId] });
  return earlier;
}

const POSSIBLE = {
  suspend: ["accredited", "registered", "expired"],
  reinstate: ["suspended"],
  revoke: ["accredited", "registered", "expired", "suspended"],
  reopen: ["revoked", "registered", "accredited", "suspended", "expired"],
} as const satisfies Record<Proposal["kind"], readonly Participant["status"][]>;

/** What an accreditor may ask for at this standing. */
export function possibleActs(status: Participant["status"]): Proposal["kind"][] {
  const kinds = Object.keys(POSSIBLE) as Proposal["kind"][];
  return kinds.filter((kind) => (POSSIBLE[kind] as readonly string[]).includes(status));
}

function refuseImpossible({ name, status }: Participant, kind: Proposal["kind"]): void {
  if (!possibleActs(status).includes(kind))
    throw new RelaisError("conflict", `${name} is ${status}; "${kind}" is not possible now.`, { actor: "operator" });
}

async function carryOut(
  w: Writer,
  ports: ReviewingPorts,
  asked: { participantId: ParticipantId; kind: Proposal["kind"]; reasons: Words; remedy: Words | null; deciders: Decider[] },
): Promise<{ rings: Awaited<ReturnType<typeof applyReinstatement>>["rings"]; decision: Decision }> {
  switch (asked.kind) {
    case "suspend":
    case "revoke":
      return { rings: [], decision: await applySanction(w, ports, asked.kind, asked) };
    case "reinstate": {
      const { rings, decision } = await applyReinstatement(w, ports, asked);
      return { rings, decision };
    }
    case "reopen":
      return { rings: [], decision: await upholdAppeal(w, ports, asked) };
  }
}

/** An appeal that was upheld: the application that was refused or revoked may be taken up again. */
async function upholdAppeal(
  w: Writer,
  ports: ReviewingPorts,
  { participantId, reasons, deciders }: { participantId: ParticipantId; reasons: Words; deciders: Decider[] },
): Promise<Decision> {
  const at = ports.clock.now();
  const participant = await w.register.lock(participantId);
  const last = (await w.accreditations.applicationsOf(participantId)).find(({ state }) => state === "refused" || state === "revoked");
  if (!last) throw new RelaisError("conflict", "No application of this participant was refused or revoked.", { actor: "operator" });
  const charter = ports.charters.current(at);
  await w.cases.moveApplication(last.id, [last.state], "reopened", { changedAt: at, charterVersion: charter.version });
  if (participant.status === "revoked") await w.register.setStatus(participantId, "registered");
  await w.cases.dropProposals(participantId);
  return recordDecision(w, { participant, application: last, charter, kind: "reopen", level: last.level, reasons, deciders, at });
}

/** What a suspension would stop now, for whoever is about to decide it. @throws RelaisError `forbidden`. */
export async function previewSuspension(
  { store }: Pick<Ports, "store">,
  caller: RegisterCaller,
  participantId: ParticipantId,
): Promise<{ transfers: number; permissions: number }> {
  if (caller.kind !== "authority") accreditorName(caller);
  return store.read(async (r) => r.accreditations.reach(participantId));
}
