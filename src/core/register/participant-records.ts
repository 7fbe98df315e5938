import type { ParticipantId } from "../ids.ts";
import type { Participant, Status, TrustMark } from "./participant.ts";

/** Who is in the register, and their marks. */
export interface ParticipantsReader {
  get(id: ParticipantId): Promise<Participant>;
  findByEntityId(entityId: string): Promise<Participant | null>;
  /** What the status list says of each mark that is not valid (Token Status List: 1 invalid, 2 suspended). */
  markStatuses(now: Date): Promise<{ index: number; status: number }[]>;
  /** Who is told of changes in the register: everybody who is accredited above the sandbox's level and has keys of its own. */
  recipients(): Promise<ParticipantId[]>;
  names(ids: readonly ParticipantId[]): Promise<Map<ParticipantId, string>>;
  entityIds(ids: readonly ParticipantId[]): Promise<Map<ParticipantId, string>>;
  /** The newest mark of this participant, in force or not. */
  findMark(id: ParticipantId): Promise<TrustMark | null>;
}

export interface RegisterWriter {
  /** Inserts, or replaces what the entity says of itself; status stays as it was. */
  put(participant: Participant): Promise<void>;
  setStatus(id: ParticipantId, status: Status): Promise<void>;
  addMark(mark: TrustMark): Promise<void>;
  /** A place in the status list that no mark has, at random. */
  freeStatusIndex(size: number): Promise<number>;
  /** The same by its identifier; null where nobody has it, and then nobody else takes it until the transaction ends. */
  lockEntity(entityId: string): Promise<Participant | null>;
  /**
   * The row, locked until the transaction ends: two decisions about one participant come one after the other. Locks are taken in this order:
   * organisation, participant, application, transfers, public log.
   */
  lock(id: ParticipantId): Promise<Participant>;
  /** Ends every mark in force of this participant. */
  revokeMarks(id: ParticipantId, at: Date): Promise<void>;
}
