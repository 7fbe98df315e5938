import type { DataSet } from "../catalogue/data-set.ts";
import type { ParticipantId, TrustMarkId } from "../ids.ts";

export const ROLES = ["holder", "platform", "service"] as const;
export type Role = (typeof ROLES)[number];
export const STATUSES = ["registered", "accredited", "suspended", "revoked", "expired"] as const;
export type Status = (typeof STATUSES)[number];

/** How a participant is spoken to: the adapter of the same name under `adapters/`. */
export type AdapterName = "self-data" | "solid" | "webdav" | "mailbox";

/** Those that publish an entity configuration; the operator describes the others. */
export function speaksForItself({ adapter }: Pick<Participant, "adapter">): boolean {
  return adapter === "self-data" || adapter === "mailbox";
}

/** A public key as a JWK (RFC 7517). Only public members are ever stored. */
export interface PublicJwk {
  kty: string;
  kid?: string;
  alg?: string;
  use?: string;
  [member: string]: unknown;
}

/** Where a participant answers. All are absolute https URLs (loopback http only where the configuration allows it). */
export interface Endpoints {
  /** Source side of the Self Data transfer protocol. */
  export?: string;
  /** Destination side of the Self Data transfer protocol. */
  inbox?: string;
  /** OpenID Connect issuer where people prove an account with this participant. */
  issuer?: string;
  /** Where it takes security events by push (RFC 8935). */
  events?: string;
  /** Root of the server, for platforms that speak a standard of their own (Solid, WebDAV). */
  root?: string;
}

/** An organisation in the register. Its keys and endpoints come from its own entity configuration. */
export interface Participant {
  id: ParticipantId;
  /** The https identifier of the entity (OpenID Federation), without a trailing slash. */
  entityId: string;
  name: string;
  roles: Role[];
  adapter: AdapterName;
  endpoints: Endpoints;
  /** Of its documents and of its client. */
  keys: PublicJwk[];
  /** Of its entity statements, and of nothing else (OpenID Federation 1.0 §3.1); none where it publishes none. */
  federationKeys?: PublicJwk[] | undefined;
  /** Data sets that a holder gives back; empty for a platform. */
  datasets: DataSet[];
  /** What people are told: ISO 3166 country of hosting, contact of the data-protection officer, retention in words. */
  about: {
    country: string;
    privacyContact: string;
    policyUri?: string;
    logoUri?: string;
    /** Where its incidents and their handling are published. */
    incidentsUri?: string;
    /** An account of nobody, on which the automatic checks write and read. */
    testAccount?: string;
    /** Who else receives or processes people's data there, by name; absent where nobody does. */
    processors?: string[];
    /** What it uses people's data for beside what they agree to each time: IRIs of the W3C Data Privacy Vocabulary. */
    purposes?: string[];
    /** A holder whose people are all invented: platforms of level 0 may try themselves there. */
    synthetic?: true;
    /** A holder that checks consent tokens itself, without asking for each request; absent: it asks. */
    accessTokens?: "jwt";
    /** A platform that takes announcement, items and manifest in one request. */
    takesCompactForm?: true;
    /** A holder that tells Relais, when a person signs in there, what the account holds and who else is on its contract. */
    tellsInventory?: true;
  };
  status: Status;
  /** OAuth client metadata where the participant asks for consent itself; null where it does not. */
  client: {
    redirectUris: string[];
    /** By certificate (RFC 8705): how it proves itself, and what its tokens are bound to, where this Relais takes certificates. */
    mutualTls?: { authenticates: boolean; binds: boolean };
  } | null;
}

/** The signed, verifiable form of an accreditation (OpenID Federation §7). */
export interface TrustMark {
  id: TrustMarkId;
  participantId: ParticipantId;
  type: string;
  level: 0 | 1 | 2;
  jwt: string;
  issuedAt: Date;
  expiresAt: Date;
  revokedAt: Date | null;
  /** Its place in the status list; null for marks that have none. */
  statusIndex: number | null;
}

/** What an issued mark is now: read from the tables, so that it turns in the transaction of the decision. */
export type MarkStanding = "active" | "suspended" | "revoked" | "expired";

/** A destination or source may take part only while it is accredited and bears a mark that is in force. */
export function isAccredited(participant: Participant, mark: TrustMark | null, now: Date): boolean {
  return participant.status === "accredited" && mark !== null && mark.revokedAt === null && mark.expiresAt > now;
}
