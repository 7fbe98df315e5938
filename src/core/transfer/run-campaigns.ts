import type { ErrorCode } from "../errors.ts";
import type { ParticipantId } from "../ids.ts";
import type { Ports, Reader, Writer } from "../ports.ts";
import { isAccredited } from "../register/participant.ts";
import type { Acceptance } from "./alike.ts";
import type { Campaign, CampaignId } from "./campaign.ts";
import { acceptanceOf, judge, type Judged } from "./judge.ts";

/** What one transaction accepts, as for what comes by itself (core/transfer/accept-due.ts). */
const BATCH = 2000;
/** Campaigns that are carried on in one round. */
const AT_ONCE = 20;

type CampaignPorts = Pick<Ports, "store" | "policy">;

/**
 * Carries campaigns on, a batch of each in turn, until nothing is left of any; any number of processes may. A batch is accepted, counted and taken
 * off what is still to come in one transaction: after a crash it is as if it had not begun. Returns how many transfers were accepted.
 * @throws what one of them failed at: it waits for the next round, and all others were carried on.
 */
export async function runCampaigns(ports: CampaignPorts, shutdown?: AbortSignal): Promise<number> {
  const failed = new Map<CampaignId, unknown>();
  for (let accepted = 0; ;) {
    const open = await ports.store.read((r) => r.campaigns.open(AT_ONCE + failed.size));
    const steps: Step[] = [];
    for (const campaign of open.filter(({ id }) => !failed.has(id)))
      if (!shutdown?.aborted) steps.push(await carryOn(ports, campaign).catch((error) => noteFailed(failed, campaign, error)));
    accepted += steps.reduce((sum, step) => sum + step.accepted, 0);
    if (!shutdown?.aborted && steps.some(({ isMore }) => isMore)) continue;
    if (failed.size > 0) throw failed.values().next().value;
    return accepted;
  }
}

function noteFailed(failed: Map<CampaignId, unknown>, { id }: Campaign, error: unknown): Step {
  failed.set(id, error);
  return { accepted: 0, isMore: false };
}

interface Step {
  accepted: number;
  isMore: boolean;
}

/** Rights are read anew in each batch: of who asked, and of every consent; by the database's clock. */
async function carryOn({ store, policy }: CampaignPorts, { id, participantId, state }: Campaign): Promise<Step> {
  return store.write(async (w) => {
    const { now } = await w.dispatch.present();
    if (state === "asked") return { accepted: 0, isMore: await w.campaigns.gather(id) };
    const groups = await w.campaigns.take(id, BATCH, now);
    if (groups.length === 0) return { accepted: 0, isMore: await w.campaigns.finish(id, now) };
    const mayAsk = participantId === null || (await isInForce(w, participantId, now));
    const judged = mayAsk ? await judge(w, groups, { policy, now }) : allRefused(groups.flatMap(({ consents }) => consents));
    // The batch is taken off only with an answer to each.
    for (const { error } of judged.unjudged) throw error;
    const terms = { at: now, actor: await actorOf(w, participantId), details: { campaign: id, policy: policy.fingerprint } };
    const accepted = judged.allowed.length === 0 ? 0 : await w.campaigns.accept(acceptanceOf(judged.allowed, terms));
    await w.campaigns.count(id, { accepted, refused: countsOf(judged, judged.allowed.length - accepted) });
    return { accepted, isMore: true };
  });
}

async function isInForce(r: Reader, id: ParticipantId, now: Date): Promise<boolean> {
  return isAccredited(await r.participants.get(id), await r.participants.findMark(id), now);
}

function allRefused(consents: Judged["allowed"]): Judged {
  return { allowed: [], refused: new Map([["not_accredited", consents]]), unjudged: [] };
}

/** What was allowed and not accepted is under way, or was delivered. */
function countsOf({ refused }: Judged, conflicts: number): Campaign["refused"] {
  const counts = new Map<ErrorCode, number>([...refused].map(([code, consents]) => [code, consents.length]));
  if (conflicts > 0) counts.set("conflict", (counts.get("conflict") ?? 0) + conflicts);
  return Object.fromEntries(counts);
}

async function actorOf(w: Writer, id: ParticipantId | null): Promise<Acceptance["actor"]> {
  if (id === null) return "operator";
  return (await w.participants.get(id)).roles.includes("platform") ? "platform" : "holder";
}
