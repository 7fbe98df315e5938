import type { PasskeyId, PersonId } from "../ids.ts";

/** A key pair on a person's device or in their password manager (W3C Web Authentication); we keep the public half. */
export interface Passkey {
  id: PasskeyId;
  personId: PersonId;
  /** The authenticator's own name of it, base64url. */
  credentialId: string;
  /** A random pseudonym of the account, the same for all of its passkeys: it says nothing about the person (WebAuthn §14.6.1). */
  userHandle: string;
  /** As the person calls it. */
  name: string;
  /** COSE key, base64url. */
  publicKey: string;
  /** Signature counter; 0 for authenticators that do not count. */
  counter: number;
  transports: string[];
  /** Kept in several places by its provider: losing one device does not lose it. */
  backedUp: boolean;
  createdAt: Date;
  lastUsedAt: Date | null;
  /** Since its counter went back, which a copy of the key does: nobody signs in by it any more (WebAuthn §6.1.1). */
  blockedAt: Date | null;
}
