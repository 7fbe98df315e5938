import { RelaisError } from "../errors.ts";
import { newId, type ParticipantId } from "../ids.ts";
import type { Reader, Writer } from "../ports.ts";
import { isAccredited } from "../register/participant.ts";
import type { RegisterCaller } from "../register/register-caller.ts";
import type { Campaign, CampaignId, Selection } from "./campaign.ts";

/** How many of one participant may run at once: each of them may be for everybody. */
const OPEN_AT_ONCE = 5;

/**
 * Writes down that deliveries are wanted under these consents; they are looked up and accepted in the background (`runCampaigns`). A participant
 * asks for its own consents alone; the operator names at least one end.
 * @throws RelaisError `forbidden` (an office that does not run deliveries), `not_accredited`, `rate_limited`, `invalid`.
 */
export async function startCampaign(w: Writer, request: { caller: RegisterCaller; selection: Selection; now: Date }): Promise<Campaign> {
  const { caller, selection, now } = request;
  const participantId = mayStart(caller);
  if (participantId !== null) await mustBeAccredited(w, participantId, now);
  else mustNameAnEnd(selection);
  if ((await w.campaigns.countOpen(participantId)) >= OPEN_AT_ONCE)
    throw new RelaisError("rate_limited", `${OPEN_AT_ONCE} campaigns of yours are not over. Wait until one is, or cancel it.`, {
      retryAfter: 60,
    });
  const campaign: Campaign = {
    id: newId("campaign"),
    participantId,
    selection,
    state: "asked",
    createdAt: now,
    total: null,
    accepted: 0,
    refused: {},
    endedAt: null,
  };
  await w.campaigns.add(campaign);
  return campaign;
}

/** The participant that asks; null for the operator. */
function mayStart(caller: RegisterCaller): ParticipantId | null {
  if (caller.kind === "participant") return caller.participantId;
  if (caller.kind === "operator") return null;
  throw new RelaisError("forbidden", "Deliveries are asked for by participants, for their own consents, and by the operator.", {
    actor: "operator",
  });
}

async function mustBeAccredited(r: Reader, id: ParticipantId, now: Date): Promise<void> {
  const participant = await r.participants.get(id);
  if (isAccredited(participant, await r.participants.findMark(id), now)) return;
  throw new RelaisError("not_accredited", `${participant.name} has no accreditation in force. It can renew it in the register.`);
}

function mustNameAnEnd(selection: Selection): void {
  if ("consents" in selection || selection.source !== undefined || selection.destination !== undefined) return;
  throw new RelaisError("invalid", "Name the source, the destination, or the consents.", { pointers: ["/source", "/destination"] });
}

/** Whose it is, the operator and the authority. @throws RelaisError `not_found` for anybody else. */
export async function readCampaign(r: Reader, caller: RegisterCaller, id: CampaignId): Promise<Campaign> {
  const campaign = await r.campaigns.get(id);
  const isOwn = caller.kind === "participant" && campaign.participantId === caller.participantId;
  if (isOwn || caller.kind === "operator" || caller.kind === "authority") return campaign;
  throw new RelaisError("not_found", "There is no campaign with this id.");
}

/** A participant's own, or everybody's for the operator and the authority; newest first. @throws RelaisError `forbidden`, `not_found` for a cursor of no campaign of theirs. */
export async function listCampaigns(
  r: Pick<Reader, "campaigns">,
  caller: RegisterCaller,
  { before, limit }: { before: CampaignId | null; limit: number },
): Promise<{ campaigns: Campaign[]; next: CampaignId | null }> {
  if (caller.kind === "accreditor")
    throw new RelaisError("forbidden", "Campaigns are seen by whoever asked for them, the operator and the authority.", {
      actor: "operator",
    });
  const found = await r.campaigns.list(caller.kind === "participant" ? caller.participantId : null, { before, limit: limit + 1 });
  const campaigns = found.slice(0, limit);
  return { campaigns, next: found.length > limit ? (campaigns.at(-1)?.id ?? null) : null };
}

/**
 * Ends the accepting: what is accepted goes on, each under its own consent. Again is nothing.
 * @throws RelaisError `not_found`, `forbidden`, `conflict` where everything was accepted before.
 */
export async function cancelCampaign(w: Writer, caller: RegisterCaller, { id, now }: { id: CampaignId; now: Date }): Promise<Campaign> {
  await readCampaign(w, caller, id);
  if (caller.kind === "authority")
    throw new RelaisError("forbidden", "An authority sees everything, and changes nothing.", { actor: "operator" });
  await w.campaigns.cancel(id, now);
  const campaign = await w.campaigns.get(id);
  if (campaign.state === "cancelled") return campaign;
  throw new RelaisError("conflict", "This campaign is over: nothing of it is still to be accepted.");
}
