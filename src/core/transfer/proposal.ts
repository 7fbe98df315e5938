import { RelaisError } from "../errors.ts";
import type { Reader, Writer } from "../ports.ts";
import { itemName } from "./adapter.ts";
import type { Manifest, Omission, OmissionReason, Receipt } from "./manifest.ts";
import type { Transfer, TransferItem } from "./transfer.ts";

/** What became of one item that was proposed to an organisation. Nothing is taken over in silence: it says so of each. */
export interface ProposalOutcome {
  dataset: string;
  key: string;
  outcome: "accepted" | "waiting" | "refused";
  reason: OmissionReason | null;
}

/**
 * What the organisation's receipt says of each item that was proposed, and of no other. What it decided once stays decided.
 * @throws RelaisError `peer_protocol` where it speaks of an item or of bytes that were not proposed, says nothing of one, says two things of one, or
 * takes back what it said (`known`: what it said before).
 */
export function outcomesOf(
  manifest: Manifest,
  receipt: Receipt,
  known: readonly Pick<TransferItem, "dataset" | "key" | "state">[],
): ProposalOutcome[] {
  const proposed = new Map(manifest.items.map((item) => [itemName(item), item]));
  const left = new Set(manifest.omissions.map(itemName));
  const accepted = receipt.items.map(({ dataset, key, outcome, bytes, "sha-256": digest }): ProposalOutcome => {
    const sent = proposed.get(itemName({ dataset, key }));
    if (sent === undefined) throw broken("speaks of an item that was not proposed");
    if (sent.bytes !== bytes || sent["sha-256"] !== digest) throw broken("speaks of other content than what was proposed");
    if (outcome === undefined) throw broken("does not say whether an item was accepted or waits for a decision");
    return { dataset, key, outcome, reason: null };
  });
  const refused = receipt.omissions.filter((one) => !left.has(itemName(one))).map(refusalOf);
  if (refused.some((one) => !proposed.has(itemName(one)))) throw broken("refuses an item that was not proposed");
  const all = [...accepted, ...refused];
  if (all.length !== proposed.size || new Set(all.map(itemName)).size !== all.length)
    throw broken("does not say exactly one thing of each item");
  assertKept(all, known);
  return all;
}

function refusalOf({ dataset, key, reason }: Omission): ProposalOutcome {
  return { dataset, key, outcome: "refused", reason };
}

function assertKept(all: readonly ProposalOutcome[], known: readonly Pick<TransferItem, "dataset" | "key" | "state">[]): void {
  const said = new Map(all.map((one) => [itemName(one), one.outcome]));
  const wanted = { stored: "accepted", omitted: "refused" } as const;
  for (const item of known) {
    if (item.state !== "stored" && item.state !== "omitted") continue;
    const now = said.get(itemName(item));
    if (now !== undefined && now !== wanted[item.state]) throw broken("takes back a decision that it had made");
  }
}

function broken(flaw: string): RelaisError {
  return new RelaisError("peer_protocol", `The organisation’s receipt ${flaw}. It must correct its software.`, { actor: "holder" });
}

/** Received, and somebody at the organisation has still to decide on some of it: its receipt is kept when nothing waits any more. */
export async function isUndecided(r: Pick<Reader, "transfers">, { id, state }: Pick<Transfer, "id" | "state">): Promise<boolean> {
  return state === "received" && !(await r.transfers.documents(id)).some(({ kind }) => kind === "receipt");
}

const SOONEST_SECONDS = 30;
const LATEST_SECONDS = 3600;

/** When the organisation is asked again: at first soon, then ever more rarely. */
function askAgainAt({ createdAt }: Pick<Transfer, "createdAt">, now: Date): Date {
  const age = (now.getTime() - createdAt.getTime()) / 1000;
  return new Date(now.getTime() + Math.min(Math.max(age / 4, SOONEST_SECONDS), LATEST_SECONDS) * 1000);
}

/** Lets the transfer rest until the organisation is asked again. */
export async function waitOn(w: Writer, transfer: Transfer, now: Date): Promise<void> {
  await w.deliveries.change(transfer.id, transfer.epoch, { dueAt: askAgainAt(transfer, now), release: true });
}
