import type { ErrorCode } from "../errors.ts";
import type { ConsentId, Id, ParticipantId } from "../ids.ts";
import type { Acceptance, Alike } from "./alike.ts";

export type CampaignId = Id<"campaign">;

/** One list everywhere: the database rejects every move that is not in `CAMPAIGN_MOVES`. */
export const CAMPAIGN_STATES = ["asked", "accepting", "accepted", "cancelled"] as const;
export type CampaignState = (typeof CAMPAIGN_STATES)[number];

export const CAMPAIGN_MOVES = {
  asked: ["accepting", "cancelled"],
  accepting: ["accepted", "cancelled"],
  accepted: [],
  cancelled: [],
} as const satisfies Record<CampaignState, readonly CampaignState[]>;

/** Which consents: these (none any more, once they were looked up), or all that have this in common and are in force when they are looked up. */
export type Selection = { consents: ConsentId[] } | { source?: ParticipantId; destination?: ParticipantId; dataset?: string };

/** Deliveries under many consents that somebody asked for at once. */
export interface Campaign {
  id: CampaignId;
  /** Who asked; null: the operator. */
  participantId: ParticipantId | null;
  selection: Selection;
  state: CampaignState;
  createdAt: Date;
  /** How many consents it is for; null until they were looked up. */
  total: number | null;
  accepted: number;
  /** Why others were not, each with how many. */
  refused: Partial<Record<ErrorCode, number>>;
  endedAt: Date | null;
}

export function refusedIn({ refused }: Pick<Campaign, "refused">): number {
  return Object.values(refused).reduce((sum, count) => sum + count, 0);
}

export interface CampaignsReader {
  get(id: CampaignId): Promise<Campaign>;
  /** Campaigns that are not over, the oldest first. */
  open(limit: number): Promise<Campaign[]>;
  /** The newest first, those before this one alone. Of this participant, or (null) of everybody. @throws RelaisError `not_found`. */
  list(participantId: ParticipantId | null, page: { before: CampaignId | null; limit: number }): Promise<Campaign[]>;
  /** How many of this participant, or of the operator, are not over. */
  countOpen(participantId: ParticipantId | null): Promise<number>;
}

export interface CampaignsWriter extends CampaignsReader {
  add(campaign: Campaign): Promise<void>;
  /**
   * Looks the consents up, once: the participant's own (asked for by it, from it or to it) or, for the operator, anybody's. Of those that are named
   * and are none of these, only the number is kept. False where it was done before, or the campaign is over.
   */
  gather(id: CampaignId): Promise<boolean>;
  /** Takes consents that are still to come, with their rows locked until the transaction ends; what another sweeper holds is passed over. */
  take(id: CampaignId, limit: number, now: Date): Promise<Alike[]>;
  /**
   * Accepts those that have no delivery under way, whose single delivery was not made, and whose period was not served. Returns how many were
   * accepted; the rest is refused as `conflict`.
   */
  accept(acceptance: Acceptance): Promise<number>;
  /** Adds to what was accepted and refused. */
  count(id: CampaignId, more: Pick<Campaign, "accepted" | "refused">): Promise<void>;
  /** Ends it as accepted where nothing is still to come. */
  finish(id: CampaignId, at: Date): Promise<boolean>;
  /** False where it was over before. What was accepted goes on. */
  cancel(id: CampaignId, at: Date): Promise<boolean>;
}
