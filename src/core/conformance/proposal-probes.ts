import type { DataSet } from "../catalogue/data-set.ts";
import type { Manifest } from "../transfer/manifest.ts";
import { outcomesOf, type ProposalOutcome } from "../transfer/proposal.ts";
import { bytesOf, pageOf, withToken } from "./export-probes.ts";
import { breakSignature, byCommand, heldKeys, refuses, sent, STORED, withTrial } from "./inbox-probes.ts";
import { failed, notRun, passed, unexpected, type Finding, type Look, type Probe } from "./probing.ts";
import { beginTrial, receiptOf, type Trial, type TrialItem } from "./trial-transfer.ts";

/** What an organisation that takes proposals has to do with them. Only on its test account, with the value that stands there and with one of nothing. */
export const PROPOSAL_PROBES: Probe[] = [
  {
    name: "proposals.answers-each",
    title: { fr: "Chaque proposition a sa réponse", en: "Each proposal gets its answer" },
    reproduce: byCommand("proposals.answers-each"),
    run: (look) => withProposals(look, (items) => answersEach(look, items)),
  },
  {
    name: "proposals.idempotent",
    title: { fr: "Une proposition n’est pas doublée, et une décision tient", en: "A proposal is not doubled, and a decision stands" },
    reproduce: byCommand("proposals.idempotent"),
    run: (look) => withProposals(look, (items) => isIdempotent(look, items)),
  },
  {
    name: "proposals.refuses-copies",
    title: { fr: "Une copie n’est pas une proposition", en: "A copy is no proposal" },
    reproduce: byCommand("proposals.refuses-copies"),
    run: (look) => withProposals(look, (items) => refusesCopies(look, items)),
  },
  {
    name: "proposals.refuses-bad-signature",
    title: { fr: "Une proposition mal signée est refusée", en: "A wrongly signed proposal is refused" },
    reproduce: byCommand("proposals.refuses-bad-signature"),
    run: (look) => refusesOne(look, (trial, item) => trial.put(item, { tamper: breakSignature })),
  },
  {
    name: "proposals.refuses-replay",
    title: { fr: "Une proposition rejouée est refusée", en: "A replayed proposal is refused" },
    reproduce: byCommand("proposals.refuses-replay"),
    run: (look) => refusesOne(look, async (trial, item) => (await sent(trial, item)) && trial.replay()),
  },
];

const NONE = notRun("Cet organisme ne prend pas de propositions.", "This organisation takes no proposals.");
const EMPTY = notRun(
  "Le compte d’essai n’a rien là où des propositions sont prises : mettez-y un élément.",
  "The test account has nothing where proposals are taken: put an item there.",
);
/** What stands on no account. */
const NOTHING = { key: "conformance-trial", body: new TextEncoder().encode('{"conformance":"trial"}') };

/** The value that stands, proposed again: whatever is decided, nothing changes; and one that is there for nobody. */
async function withProposals(look: Look, work: (items: [TrialItem, TrialItem]) => Promise<Finding>): Promise<Finding> {
  const taken = look.participant.datasets.find(({ acceptsProposals }) => acceptsProposals === true);
  if (taken === undefined) return NONE;
  const standing = await itemThatStands(look, taken);
  return "outcome" in standing ? standing : work([standing, { ...standing, ...NOTHING }]);
}

async function itemThatStands(look: Look, { id }: DataSet): Promise<TrialItem | Finding> {
  const found: { item?: TrialItem } = {};
  const looked = await withToken(look, [id], async (token) => {
    const listed = await pageOf(look, token, id);
    if (!Array.isArray(listed)) return unexpected("page", listed, "200");
    const [first] = listed;
    if (first !== undefined)
      found.item = { dataset: id, key: first.key, mediaType: first.media_type, body: await bytesOf(look, token, id, first) };
    return EMPTY;
  });
  return found.item ?? looked;
}

function refusesOne(look: Look, attempt: Parameters<typeof refuses>[1]): Promise<Finding> {
  return withProposals(look, ([item]) => refuses(look, attempt, [401], { item, action: "propose" }));
}

interface Proposed {
  trial: Trial;
  manifest: Manifest;
  jws: string;
}

/** Announced, put and signed, and stopped at its end. */
function proposing(look: Look, items: TrialItem[], work: (proposed: Proposed) => Promise<Finding>): Promise<Finding> {
  return withTrial(
    look,
    items,
    async (trial) => {
      for (const item of items) {
        const answer = await sent(trial, item);
        if (!STORED.includes(answer.status)) return unexpected("item", answer, "201");
      }
      const jws = await trial.sign(items);
      return work({ trial, jws, manifest: trial.listed(items) });
    },
    "propose",
  );
}

type Known = Parameters<typeof outcomesOf>[2];

/** What the receipt says of each. @throws RelaisError where it does not say exactly one thing of each, or takes back what it had decided. */
async function decisions(look: Look, { trial, jws, manifest }: Proposed, known: Known = []): Promise<ProposalOutcome[] | Finding> {
  const completed = await trial.complete(jws);
  if (completed.status !== 200) return unexpected("complete", completed, "200");
  return outcomesOf(manifest, await receiptOf(look, completed), known);
}

function answersEach(look: Look, items: TrialItem[]): Promise<Finding> {
  return proposing(look, items, async (proposed) => {
    const said = await decisions(look, proposed);
    if (!Array.isArray(said)) return said;
    const count = (outcome: ProposalOutcome["outcome"]) => said.filter((one) => one.outcome === outcome).length;
    const [accepted, waiting, refused] = [count("accepted"), count("waiting"), count("refused")];
    return passed(
      `Reçu signé, une réponse pour chacune : ${accepted} acceptée, ${waiting} en attente, ${refused} refusée avec sa raison.`,
      `Signed receipt, one answer for each: ${accepted} accepted, ${waiting} waiting, ${refused} refused with its reason.`,
    );
  });
}

function isIdempotent(look: Look, items: [TrialItem, TrialItem]): Promise<Finding> {
  return proposing(look, items, async (proposed) => {
    const again = await sent(proposed.trial, items[0]);
    if (!STORED.includes(again.status)) return unexpected("item again", again, "204");
    const held = await heldKeys(proposed.trial);
    if (!Array.isArray(held)) return unexpected("look", held, "200");
    if (held.length !== items.length) return failed("La même proposition est gardée deux fois.", "The same proposal is held twice.");
    const first = await decisions(look, proposed);
    if (!Array.isArray(first)) return first;
    const second = await decisions(look, proposed, first.map(asDecided));
    if (!Array.isArray(second)) return second;
    return passed("Envoyée deux fois, gardée une fois ; ce qui est décidé le reste.", "Sent twice, held once; what was decided stays.");
  });
}

function asDecided({ dataset, key, outcome }: ProposalOutcome): Known[number] {
  return { dataset, key, state: outcome === "accepted" ? "stored" : outcome === "refused" ? "omitted" : "listed" };
}

async function refusesCopies(look: Look, items: TrialItem[]): Promise<Finding> {
  const trial = beginTrial(look);
  const announced = await trial.announce(items);
  await announced.drop();
  if (announced.status === 400)
    return passed("Une annonce qui n’est pas une proposition est refusée.", "An announcement that is no proposal is refused.");
  await (await trial.stop()).drop();
  return unexpected("announce without the action propose", announced, "400");
}
