import type { LinkId, ParticipantId, PersonId } from "../ids.ts";
import type { DatasetCount } from "../transfer/adapter.ts";
import type { JointContract } from "./joint-contract.ts";

/** Someone who signs in. Relais keeps the provider's pseudonymous subject and nothing else about who they are. */
export interface Person {
  id: PersonId;
  issuer: string;
  subject: string;
  createdAt: Date;
}

/** A signed-in browser. The cookie's value is only kept as its SHA-256. */
export interface Session {
  tokenHash: string;
  personId: PersonId;
  /** The name to greet with, from the provider; it lives and ends with the session. */
  displayName: string;
  createdAt: Date;
  expiresAt: Date;
}

/** How control of an account was shown: signed in at the participant, or wrote and read back with the account's own keys. */
export type ProofMethod = "signed_in" | "write_and_read";

/** A person's proved account at a participant. */
export interface AccountLink {
  id: LinkId;
  personId: PersonId;
  participantId: ParticipantId;
  /** The participant's own name of the account. Never told to another participant. */
  account: string;
  method: ProofMethod;
  provedAt: Date;
  /** Credentials sealed to the worker's key (JWE); null where the person's consent token is enough. */
  sealedCredentials: string | null;
  /** What the account held when it was proved; null where the participant did not say. */
  inventory: DatasetCount[] | null;
  /** The contract behind it, where the participant says that other people hold it too. */
  contract?: JointContract | null;
}
