import type { LinkId, ParticipantId, PersonId, SessionId } from "../ids.ts";
import type { DatasetCount } from "../transfer/adapter.ts";
import type { Assurance } from "./assurance.ts";
import type { BrowserFamily } from "./browser-family.ts";
import type { JointContract } from "./joint-contract.ts";

/** Someone who signs in. Relais keeps the provider's pseudonymous subject and nothing else about who they are. */
export interface Person {
  id: PersonId;
  issuer: string;
  subject: string;
  createdAt: Date;
}

/** How somebody signed in: at a provider, by a passkey, or by a recovery code. */
export type WayIn = "provider" | "passkey" | "recovery";

/** A signed-in browser. The cookie's value is only kept as its SHA-256. */
export interface Session {
  tokenHash: string;
  /** What the person sees and ends it by; it opens nothing. */
  id: SessionId;
  personId: PersonId;
  /** The name to greet with, from the provider or as the person chose it; it lives and ends with the session. */
  displayName: string;
  way: WayIn;
  /** How sure the provider was of who signed in. */
  assurance: Assurance;
  browser: BrowserFamily;
  /** When they last proved who they are; null where the provider did not say. */
  authenticatedAt: Date | null;
  createdAt: Date;
  /** To five minutes. */
  lastSeenAt: Date;
  expiresAt: Date;
  /** The provider's ID token, where signing out there needs it (OpenID Connect RP-Initiated Logout 1.0 §2). */
  logoutHint: string | null;
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
  /** How sure the participant was of who signed in there; low where it did not say. */
  assurance?: Assurance;
  /** The contract behind it, where the participant says that other people hold it too. */
  contract?: JointContract | null;
}
