import type { ConsentId } from "../ids.ts";
import type { OauthRecord, Reader } from "../ports.ts";
import type { Participant } from "../register/participant.ts";
import type { Consent } from "./consent.ts";

/** What the rules ask about the ends of one consent. Every Reader is one. */
export interface StandingReader {
  participants: Pick<Reader["participants"], "get" | "findMark">;
  people: Pick<Reader["people"], "getLink">;
  conditions: Pick<Reader["conditions"], "stance">;
}

/** What is asked at every use of a token. What a call answers is what the tables say then: nothing in it is older than the call. Answers are shared, and frozen. */
export interface Standings {
  /** The consent, with all that `checkStanding` reads about it; null where there is none. */
  find(id: ConsentId, now: Date): Promise<{ consent: Consent; reader: StandingReader } | null>;
  findConsent(id: ConsentId): Promise<Consent | null>;
  findParticipant(entityId: string): Promise<Participant | null>;
  /** What `findParticipant` last found here, which may have changed since. */
  recall(entityId: string): Recalled | null;
  /**
   * All that a source's question about a token needs, together. Null, with the assertion left unused, where whoever asks is not any more as it was
   * recalled, and where the token is no live one of `clientId` for it about a consent.
   */
  askOnce(question: TokenQuestion): Promise<TokenFacts | null>;
}

/** A participant as it was read, and which version of it that was. */
export interface Recalled {
  participant: Participant;
  version: string;
}
export interface TokenQuestion {
  asker: Recalled;
  /** To whom the token was given. */
  clientId: string;
  token: string;
  /** What this question uses up. */
  once: Pick<OauthRecord, "id" | "expiresAt">;
  now: Date;
}
export interface TokenFacts {
  /** False where the assertion was used before. */
  isFirst: boolean;
  /** What was stored of the token. */
  payload: Record<string, unknown>;
  /** As `find` says it. */
  standing: Awaited<ReturnType<Standings["find"]>>;
}
