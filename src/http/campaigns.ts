import type { Request, Response } from "express";
import type { z } from "zod";
import { RelaisError } from "../core/errors.ts";
import { asId, isId, type ConsentId, type ParticipantId } from "../core/ids.ts";
import type { RegisterCaller } from "../core/register/register-caller.ts";
import { refusedIn, type Campaign as CoreCampaign, type Selection } from "../core/transfer/campaign.ts";
import { cancelCampaign, listCampaigns, readCampaign, startCampaign } from "../core/transfer/start-campaign.ts";
import { answerOnce } from "./answer-once.ts";
import { CampaignsQuery, NewCampaign, type Campaign, type Campaigns } from "./campaign-schemas.ts";
import { parse } from "./parse.ts";
import { registerCallerOf } from "./register-caller.ts";
import type { RoutePorts } from "./route-ports.ts";

/** Deliveries under many consents at once; they are accepted in the background. */
export async function postCampaign(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const caller = await registerCallerOf(ports, req);
  const selection = selectionOf(parse(NewCampaign, req.body, "body"));
  await answerOnce(ports, { req, res, caller: nameOf(caller) }, async (w, now) => {
    const campaign = await startCampaign(w, { caller, selection, now });
    return { status: 202, location: `/v1/campaigns/${campaign.id}`, body: JSON.stringify(describe(campaign)), consentId: null };
  });
}

const PAGE = 20;

/** One's own, or everybody's for the operator and the authority; newest first. */
export async function getCampaigns(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const caller = await registerCallerOf(ports, req);
  const { cursor, limit = PAGE } = parse(CampaignsQuery, req.query, "query");
  const before = cursor === undefined ? null : asId("campaign", cursor);
  const { campaigns, next } = await ports.store.read((r) => listCampaigns(r, caller, { before, limit }));
  if (next !== null) res.set("Link", `</v1/campaigns?${new URLSearchParams({ limit: String(limit), cursor: next })}>; rel="next"`);
  res.json({ campaigns: campaigns.map(describe), next } satisfies z.infer<typeof Campaigns>);
}

export async function getCampaign(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const caller = await registerCallerOf(ports, req);
  const id = asId("campaign", req.params["id"]);
  res.json(describe(await ports.store.read((r) => readCampaign(r, caller, id))));
}

/** What is accepted goes on; the rest is not accepted any more. */
export async function deleteCampaign(ports: RoutePorts, req: Request, res: Response): Promise<void> {
  const caller = await registerCallerOf(ports, req);
  const id = asId("campaign", req.params["id"]);
  res.json(describe(await ports.store.write((w) => cancelCampaign(w, caller, { id, now: ports.clock.now() }))));
}

/** Keys of one caller are no keys of another. */
function nameOf(caller: RegisterCaller): string {
  return caller.kind === "participant" ? caller.entityId : `${caller.kind} ${caller.name}`;
}

function selectionOf(asked: z.infer<typeof NewCampaign>): Selection {
  if ("consents" in asked) return { consents: asked.consents as ConsentId[] };
  const { source, destination, dataset } = asked;
  return {
    ...(source === undefined ? {} : { source: participantIn(source, "/source") }),
    ...(destination === undefined ? {} : { destination: participantIn(destination, "/destination") }),
    ...(dataset === undefined ? {} : { dataset }),
  };
}

function participantIn(text: string, pointer: string): ParticipantId {
  if (isId("participant", text)) return text;
  throw new RelaisError("invalid", `The body is not as described in the API at ${pointer}: it is not the id of a participant.`, {
    pointers: [pointer],
  });
}

function describe(campaign: CoreCampaign): z.infer<typeof Campaign> {
  const { id, state, createdAt, endedAt, total, accepted, refused } = campaign;
  return {
    id,
    state,
    requested_at: createdAt.toISOString(),
    ended_at: endedAt?.toISOString() ?? null,
    total,
    accepted,
    refused: Object.entries(refused).map(([reason, count]) => ({ reason, count })),
    remaining: total === null ? null : state === "accepted" ? 0 : total - accepted - refusedIn(campaign),
  };
}
