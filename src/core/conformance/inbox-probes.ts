import type { OutboundResponse } from "../transfer/adapter.ts";
import { sha256 } from "../transfer/manifest.ts";
import { compactOnce, refusesOtherCompact, takesCompact } from "./compact-trial.ts";
import { failed, passed, unexpected, type Finding, type Look, type Probe } from "./probing.ts";
import { shellWord } from "./shell-word.ts";
import { beginTrial, receiptOf, trialItem, trialText, type Trial, type TrialAction, type TrialItem } from "./trial-transfer.ts";

export const byCommand =
  (name: string) =>
  ({ participant }: Look): string =>
    `relais conformance run --only ${name} --target ${shellWord(participant.entityId)}\n` +
    `# or request by request: relais conformance sign --target ${shellWord(participant.entityId)} --method PUT --url URL --body FILE   # prints a curl command, signed (RFC 9421) and valid for 300 s`;

/** What a destination has to do with what arrives, and with what must not. */
export const INBOX_PROBES: Probe[] = [
  {
    name: "inbox.accepts",
    title: { fr: "L’espace reçoit", en: "The inbox takes" },
    reproduce: byCommand("inbox.accepts"),
    run: inBothForms(accepts, takesCompact),
  },
  {
    name: "inbox.resumes",
    title: { fr: "L’espace reprend après une coupure", en: "The inbox resumes after a break" },
    reproduce: byCommand("inbox.resumes"),
    run: resumes,
  },
  {
    name: "inbox.idempotent",
    title: { fr: "Rien n’est doublé", en: "Nothing is doubled" },
    reproduce: byCommand("inbox.idempotent"),
    run: inBothForms(isIdempotent, compactOnce),
  },
  {
    name: "inbox.refuses-bad-digest",
    title: { fr: "Un contenu altéré est refusé", en: "Altered content is refused" },
    reproduce: byCommand("inbox.refuses-bad-digest"),
    run: inBothForms(refusesBadDigest, refusesOtherCompact),
  },
  {
    name: "inbox.refuses-bad-signature",
    title: { fr: "Une signature fausse est refusée", en: "A wrong signature is refused" },
    reproduce: ({ participant: { endpoints } }) =>
      `curl -si -X POST ${shellWord(`${endpoints.inbox ?? "<inbox_endpoint>"}/transfers`)} -H 'content-type: application/json' -d '{}'   # expected: 401`,
    run: (look) => refuses(look, (trial, item) => trial.put(item, { tamper: breakSignature }), [401]),
  },
  {
    name: "inbox.refuses-replay",
    title: { fr: "Une demande rejouée est refusée", en: "A replayed request is refused" },
    reproduce: byCommand("inbox.refuses-replay"),
    run: (look) =>
      refuses(
        look,
        async (trial, item) => {
          await (await trial.put(item)).drop();
          return trial.replay();
        },
        [401],
      ),
  },
  {
    name: "inbox.refuses-expired",
    title: { fr: "Une demande périmée est refusée", en: "A request that is over is refused" },
    reproduce: byCommand("inbox.refuses-expired"),
    run: (look) => refuses(look, (trial, item) => trial.put(item, { signer: look.pastSigner }), [401]),
  },
  {
    name: "receipt.truthful",
    title: { fr: "Le reçu dit vrai", en: "The receipt tells the truth" },
    reproduce: byCommand("receipt.truthful"),
    run: receiptIsTruthful,
  },
];

/** The same of the compact form, where the participant says that it takes it. */
function inBothForms(long: Probe["run"], compact: (look: Look) => Promise<Finding | null>): Probe["run"] {
  return async (look) => {
    const finding = await long(look);
    const isAsked = finding.outcome === "passed" && look.participant.about.takesCompactForm;
    return isAsked ? ((await compact(look)) ?? finding) : finding;
  };
}

/** A trial that is stopped at its end, whatever happens. */
export async function withTrial(
  look: Look,
  items: TrialItem[],
  work: (trial: Trial) => Promise<Finding>,
  action?: TrialAction,
): Promise<Finding> {
  const trial = beginTrial(look, action);
  try {
    const announced = await trial.announce(items);
    await announced.drop();
    if (announced.status !== 201) return unexpected("announce", announced, "201");
    return await work(trial);
  } finally {
    await trial.stop().then(
      (answer) => answer.drop(),
      () => undefined,
    );
  }
}

export async function sent(trial: Trial, item: TrialItem): Promise<OutboundResponse> {
  const answer = await trial.put(item);
  await answer.drop();
  return answer;
}

export const STORED = [201, 204];

async function accepts(look: Look): Promise<Finding> {
  const items = [trialItem("a"), trialItem("empty", "")];
  return withTrial(look, items, async (trial) => {
    for (const item of items) {
      const answer = await sent(trial, item);
      if (!STORED.includes(answer.status)) return unexpected("item", answer, "201");
    }
    const completed = await trial.complete(await trial.sign(items));
    if (completed.status !== 200) return unexpected("complete", completed, "200");
    await receiptOf(look, completed);
    return passed("Annonce, éléments, bordereau et reçu signé.", "Announcement, items, manifest and signed receipt.");
  });
}

export async function heldKeys(trial: Trial): Promise<string[] | OutboundResponse> {
  const answer = await trial.look();
  if (answer.status !== 200) return answer;
  const page = JSON.parse(await answer.text()) as { items?: { key?: unknown }[] };
  return (page.items ?? []).map(({ key }) => String(key));
}

async function resumes(look: Look): Promise<Finding> {
  const items = [trialItem("first"), trialItem("second")] as const;
  return withTrial(look, [...items], async (trial) => {
    await sent(trial, items[0]);
    const again = await trial.announce([...items]);
    await again.drop();
    if (again.status !== 409) return unexpected("announce again", again, "409");
    const held = await heldKeys(trial);
    if (!Array.isArray(held)) return unexpected("look", held, "200");
    if (held.join() !== "first") return failed("La liste de ce qui est arrivé est fausse.", "The list of what arrived is wrong.");
    await sent(trial, items[1]);
    const completed = await trial.complete(await trial.sign([...items]));
    await completed.drop();
    return completed.status === 200
      ? passed("Seul le reste est envoyé après une coupure.", "Only the rest is sent after a break.")
      : unexpected("complete", completed, "200");
  });
}

async function isIdempotent(look: Look): Promise<Finding> {
  const item = trialItem("once");
  return withTrial(look, [item], async (trial) => {
    await sent(trial, item);
    const second = await sent(trial, item);
    if (!STORED.includes(second.status)) return unexpected("item again", second, "204");
    const held = await heldKeys(trial);
    if (!Array.isArray(held) || held.length !== 1) return failed("Le même élément est gardé deux fois.", "The same item is held twice.");
    const manifest = await trial.sign([item]);
    const receipts = [await trial.complete(manifest), await trial.complete(manifest)];
    const [first, again] = await Promise.all(receipts.map((answer) => answer.text()));
    return first === again && receipts.every(({ status }) => status === 200)
      ? passed("Envoyé deux fois, gardé une fois, même reçu.", "Sent twice, held once, the same receipt.")
      : failed("Compléter deux fois donne deux reçus.", "Completing twice gives two receipts.");
  });
}

/** Nothing of it may be there afterwards either. */
export async function refuses(
  look: Look,
  attempt: (trial: Trial, item: TrialItem) => Promise<OutboundResponse>,
  wanted: number[],
  { item, action }: { item: TrialItem; action?: TrialAction } = { item: trialItem("refused") },
): Promise<Finding> {
  const work = async (trial: Trial): Promise<Finding> => {
    const answer = await attempt(trial, item);
    await answer.drop();
    if (!wanted.includes(answer.status)) return unexpected("item", answer, wanted.join("/"));
    return passed("La demande est refusée.", "The request is refused.");
  };
  return withTrial(look, [item], work, action);
}

async function refusesBadDigest(look: Look): Promise<Finding> {
  const item = trialItem("altered", "as it was");
  return withTrial(look, [item], async (trial) => {
    const answer = await trial.put(item, { body: trialText("as it is!") });
    await answer.drop();
    if (answer.status !== 412) return unexpected("item", answer, "412");
    const held = await heldKeys(trial);
    return Array.isArray(held) && held.length === 0
      ? passed("Un contenu altéré est refusé, et rien n’en reste.", "Altered content is refused, and nothing of it stays.")
      : failed("Le contenu refusé est pourtant gardé.", "The refused content is held all the same.");
  });
}

/** Another signature of the same length. */
export function breakSignature(headers: Record<string, string>): Record<string, string> {
  const signature = headers["signature"] ?? "";
  const at = signature.indexOf(":") + 3;
  return { ...headers, signature: signature.slice(0, at) + (signature[at] === "A" ? "B" : "A") + signature.slice(at + 1) };
}

/** An item of the manifest that was never sent must not be in the receipt, and what is there has its own digest and length. */
async function receiptIsTruthful(look: Look): Promise<Finding> {
  const [item, ghost] = [trialItem("there", "stored"), trialItem("ghost", "never sent")];
  return withTrial(look, [item, ghost], async (trial) => {
    await sent(trial, item);
    const completed = await trial.complete(await trial.sign([item, ghost]));
    if (completed.status !== 200) return unexpected("complete", completed, "200");
    const receipt = await receiptOf(look, completed);
    const { transfer, consent } = trial.manifest;
    if (receipt.transfer !== transfer || receipt.consent !== consent || receipt.iss !== look.participant.entityId)
      return failed("Le reçu parle d’un autre transfert.", "The receipt speaks of another transfer.");
    const [only, ...others] = receipt.items;
    if (others.length > 0 || only?.key !== "there")
      return failed("Le reçu nomme un élément qui n’est jamais arrivé.", "The receipt names an item that never arrived.");
    if (only.bytes !== item.body.length || only["sha-256"] !== sha256(item.body))
      return failed("Le reçu donne une autre empreinte ou une autre taille.", "The receipt gives another digest or length.");
    return passed("Le reçu dit exactement ce qui est gardé.", "The receipt says exactly what is kept.");
  });
}
