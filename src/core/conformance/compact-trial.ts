import { sha256 } from "../transfer/manifest.ts";
import { failed, unexpected, type Finding, type Look } from "./probing.ts";
import { beginTrial, receiptOf, trialItem, trialText, type Trial, type TrialItem } from "./trial-transfer.ts";

/** What an inbox has to do that says it takes the compact form. Each answers null where it does. */
type CompactTrial = (look: Look) => Promise<Finding | null>;

/** All that travels is kept, and the receipt says so. */
export const takesCompact: CompactTrial = async (look) => {
  const { trial, items, manifest } = await signedTrial(look, [trialItem("compact"), trialItem("compact empty", "")]);
  const answer = await trial.handOver(manifest, items);
  if (answer.status !== 200) return unexpected("compact form", answer, "200");
  const receipt = await receiptOf(look, answer);
  const stored = new Map(receipt.items.map((item) => [item.key, item["sha-256"]]));
  return receipt.transfer === trial.manifest.transfer && items.every(({ key, body }) => stored.get(key) === sha256(body))
    ? null
    : failed("Le reçu d’une forme compacte ne dit pas ce qui a été envoyé.", "The receipt of a compact form does not say what was sent.");
};

/** The same request again is answered by the same receipt. */
export const compactOnce: CompactTrial = async (look) => {
  const { trial, items, manifest } = await signedTrial(look, [trialItem("compact once")]);
  const answers = [await trial.handOver(manifest, items), await trial.handOver(manifest, items)];
  const wrong = answers.find(({ status }) => status !== 200);
  if (wrong !== undefined) return unexpected("compact form, sent twice", wrong, "200");
  const receipts = new Set(await Promise.all(answers.map((answer) => answer.text())));
  return receipts.size === 1 ? null : failed("La forme compacte deux fois donne deux reçus.", "The compact form twice gives two receipts.");
};

/** Bytes that the manifest does not name are refused. */
export const refusesOtherCompact: CompactTrial = async (look) => {
  const { trial, items, manifest } = await signedTrial(look, [trialItem("compact altered", "as it was")]);
  const answer = await trial.handOver(
    manifest,
    items.map((item) => ({ ...item, body: trialText("as it is!") })),
  );
  await answer.drop();
  await trial.stop().then(
    (stopped) => stopped.drop(),
    () => undefined,
  );
  return answer.status === 412 ? null : unexpected("compact form, altered item", answer, "412");
};

async function signedTrial(look: Look, items: TrialItem[]): Promise<{ trial: Trial; items: TrialItem[]; manifest: string }> {
  const trial = beginTrial(look);
  return { trial, items, manifest: await trial.sign(items) };
}
