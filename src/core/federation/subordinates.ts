import type { MarkStanding, Participant, TrustMark } from "../register/participant.ts";

export interface SubordinateFilter {
  /** Any of these; none for all. */
  entityTypes: string[];
  /** With a mark in force. */
  marked: boolean;
  markType?: string | undefined;
  sub?: string | undefined;
}

export interface Subordinate {
  participant: Participant;
  /** In force. */
  marks: TrustMark[];
  /** What the register accepted last, where it is not over. */
  configuration: string | null;
}

/** Who is below us in the federation, asked of the tables at each call: a decision shows in the same moment. */
export interface SubordinatesReader {
  /** In the order of their identifiers, in one query. */
  entityIds(filter: SubordinateFilter, now: Date): Promise<string[]>;
  /** Null for who is none, or is suspended or revoked. */
  find(entityId: string, now: Date): Promise<Subordinate | null>;
  /** Of a mark by its `jti`, with the mark itself; null where there is none. */
  standingOf(markId: string, now: Date): Promise<{ jwt: string; standing: MarkStanding } | null>;
}
