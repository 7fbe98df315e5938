import type { ConsentId } from "../ids.ts";

/** A request that may come again: by whom, under which key, and a digest of all that it asks. */
export interface KeyedRequest {
  caller: string;
  key: string;
  fingerprint: string;
}

/** What was answered, to the byte. */
export interface GivenAnswer {
  status: number;
  location: string | null;
  body: string;
  /** The permission that it is about; null where it is about many. */
  consentId: ConsentId | null;
}

/** How long a key stands for its answer; after that the same request is a new one. Published in the description of the header. */
export const KEY_HOURS = 24;

export function keyEndsAt(now: Date): Date {
  return new Date(now.getTime() + KEY_HOURS * 3_600_000);
}

/** Answers to requests with an Idempotency-Key (draft-ietf-httpapi-idempotency-key-header). */
export interface AnswersWriter {
  /**
   * The answer that this key stands for; null for whoever comes first, to whom the key belongs until the transaction ends: with what the request
   * does, the answer is kept, or neither is.
   * @throws RelaisError `request_running` while another request with this key runs, `idempotency_mismatch` where the key came with another one.
   */
  begin(request: KeyedRequest, now: Date): Promise<GivenAnswer | null>;
  keep(request: KeyedRequest, answer: GivenAnswer, until: Date): Promise<void>;
}
