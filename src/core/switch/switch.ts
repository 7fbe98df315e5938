import type { ConsentId, LinkId, ParticipantId, PersonId, SwitchId, TransferId } from "../ids.ts";

/**
 * Moving from one platform to another. `verified` is the gate: it is only reached when every item of the plan is stored
 * and verified; nothing says "switched" before. Closing the old place is a separate act of the person, afterwards.
 */
export const SWITCH_STATES = ["planned", "copying", "incomplete", "verified", "closing", "closed", "abandoned"] as const;
export type SwitchState = (typeof SWITCH_STATES)[number];

export const SWITCH_MOVES = {
  planned: ["copying", "abandoned"],
  copying: ["verified", "incomplete", "abandoned"],
  incomplete: ["copying", "abandoned"],
  verified: ["closing"],
  closing: ["closed", "verified"],
  closed: [],
  abandoned: [],
} as const satisfies Record<SwitchState, readonly SwitchState[]>;

export interface Switch {
  id: SwitchId;
  personId: PersonId;
  sourceId: ParticipantId;
  destinationId: ParticipantId;
  sourceLinkId: LinkId;
  destinationLinkId: LinkId;
  state: SwitchState;
  /** The latest copy, and the consent it stands on. */
  consentId: ConsentId | null;
  transferId: TransferId | null;
  epoch: number;
  createdAt: Date;
  verifiedAt: Date | null;
  closedAt: Date | null;
}
