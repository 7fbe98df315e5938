import type { DataSet, Language, Words } from "../catalogue/data-set.ts";
import type { Form } from "../conversion/conversions.ts";
import type { Actor } from "../errors.ts";
import type { ConsentId, JourneyId, LinkId, ParticipantId, PersonId, SwitchId } from "../ids.ts";
import type { GivenAct } from "./acts.ts";

export const CONSENT_STATES = ["requested", "active", "suspended", "withdrawn", "revoked", "refused", "expired", "superseded"] as const;
export type ConsentState = (typeof CONSENT_STATES)[number];

export const CONSENT_MOVES = {
  requested: ["active", "suspended", "refused", "expired", "superseded"],
  active: ["suspended", "withdrawn", "revoked", "expired", "superseded"],
  suspended: ["active", "withdrawn", "revoked", "expired", "superseded"],
  withdrawn: [],
  revoked: [],
  refused: [],
  expired: [],
  superseded: [],
} as const satisfies Record<ConsentState, readonly ConsentState[]>;

/**
 * Two acts, each said for itself. The mandate towards the holder: to ask for the data in the person's place (GDPR art. 20, CNIL 2021-070). The
 * consent towards the destination: to receive it for this purpose (GDPR art. 6(1)(a), 7).
 */
export type Act = "mandate" | "consent";

/** The acts that a yes takes. */
export const ACTS = { copy: ["mandate", "consent"], erase: ["mandate"], propose: ["mandate", "consent"] } as const satisfies Record<
  ConsentAction,
  readonly Act[]
>;

/** What the consent allows: copying to the destination, deleting at the source (the last step of a switch), or proposing a correction to a holder. */
export type ConsentAction = "copy" | "erase" | "propose";

export interface Purpose {
  /** A DPV IRI from the closed list in `PURPOSES`. */
  iri: string;
  words: Words;
}

/** What a change or a renewal replaces: the screen shows the difference from it. */
export interface Before {
  consent: ConsentId;
  datasets: { id: string; title: Words }[];
  recurrence: string | null;
  expires: string;
  retention: string | null;
  /** Absent where none was wanted. */
  forms?: Form[];
  /** Whose wish the change is. */
  askedBy: "person" | "requester";
}

/**
 * Everything that the person is shown, and the only source of the screen, the record, the token and the receipt:
 * they cannot diverge. Its hash is kept with the consent.
 */
export interface Notice {
  version: "2026-11";
  requester: { entityId: string; name: string } | null;
  source: { entityId: string; name: string; country: string; privacyContact: string };
  destination: { entityId: string; name: string; country: string; privacyContact: string; processors?: string[]; purposes?: string[] };
  action: ConsentAction;
  /** Data sets that are asked for. The person ticks; none is ticked beforehand. */
  datasets: Pick<DataSet, "id" | "title" | "description" | "example" | "kind">[];
  /** Data sets that were wanted too, and that the holder does not send to this destination; absent where there is none (S-122). */
  withheld?: { id: string; title: Words; because: Words[] }[];
  purpose: Purpose;
  /** ISO 8601 duration between deliveries; null for a single delivery. */
  recurrence: string | null;
  /** Last day on which data may be delivered (RFC 3339 full-date). */
  expires: string;
  /** How long the destination keeps it (ISO 8601 duration); null: until the person deletes it. */
  retention: string | null;
  /** Common forms in which a copy may be put beside each original, if the person wants it; absent where there is none. */
  forms?: Form[];
  /** The published text that the person is shown beside the facts, by language, and its entry in the public log; absent in older notices. */
  texts?: Partial<Record<Language, { version: number; hash: string; log?: number }>>;
  /** Absent where nothing is replaced. */
  before?: Before;
}

/** A person's permission: data sets, purpose, source, destination, duration. */
export interface Consent {
  id: ConsentId;
  personId: PersonId;
  state: ConsentState;
  sourceId: ParticipantId;
  destinationId: ParticipantId;
  sourceLinkId: LinkId;
  destinationLinkId: LinkId;
  switchId: SwitchId | null;
  /** The choice of several sources that it was asked in; null where it was asked alone. */
  journeyId: JourneyId | null;
  action: ConsentAction;
  /** What the person ticked: a subset of the notice's data sets. Empty until active. */
  datasets: string[];
  /** In which a copy is put beside each original: what the person ticked of the notice's. Empty until active, and where they want none. */
  forms: Form[];
  notice: Notice;
  noticeHash: string;
  /** What the person did with their yes; null until then, and in records from before both acts were kept. */
  acts: GivenAct[] | null;
  language: Language;
  /** The participant that asked by the authorization endpoint; null where the person began at Relais. */
  requesterId: ParticipantId | null;
  /** The consent that this one changes or renews: with the yes to this one it ends, in the same transaction. */
  supersedes: ConsentId | null;
  /** Digest of the name of the grant that its requester was handed for it; null until then. A consent has one grant, and never another. */
  grantDigest: string | null;
  createdAt: Date;
  decidedAt: Date | null;
  endedAt: Date | null;
  endedBy: Actor | null;
  /** Why, where it was neither its person nor its time. */
  endedBecause: EndReason | null;
  expiresAt: Date;
  /** Its place in the status lists of consents (core/consent/consent-status.ts), given by the store. */
  statusIndex: number;
}

/** As it is asked for: what the store gives and what only comes later is not there yet. */
export type NewConsent = Omit<Consent, "statusIndex" | "endedBecause" | "grantDigest">;

/** What was given for one thing does not hold for another: what changed at a participant, or what was decided about it. */
export type EndReason =
  | { kind: "standing"; participant: ParticipantId }
  | { kind: "terms"; participant: ParticipantId; changes: { what: TermName; before: string[]; after: string[] }[] };

/** What a participant publishes and a consent is given for (S-202). */
export const TERM_NAMES = ["country", "processors", "purposes"] as const;
export type TermName = (typeof TERM_NAMES)[number];
/** The same day of another month; the last one of a shorter month. */
export function addMonths(from: Date, months: number): Date {
  const moved = new Date(from);
  moved.setUTCDate(1);
  moved.setUTCMonth(moved.getUTCMonth() + months);
  const last = new Date(Date.UTC(moved.getUTCFullYear(), moved.getUTCMonth() + 1, 0)).getUTCDate();
  moved.setUTCDate(Math.min(from.getUTCDate(), last));
  return moved;
}

/** How long a request waits for its answer. */
const ANSWER_DAYS = 30;

/** A request from before this moment waits no more. */
export function askedBefore(now: Date): Date {
  return new Date(now.getTime() - ANSWER_DAYS * 86_400_000);
}

/** The last moment at which it can be answered. */
export function answerBy({ createdAt, expiresAt }: Pick<Consent, "createdAt" | "expiresAt">): Date {
  const patience = new Date(createdAt.getTime() + ANSWER_DAYS * 86_400_000);
  return patience < expiresAt ? patience : expiresAt;
}

/** The state as it is now: what is past its time has expired, before any sweep says so. */
export function stateAt(consent: Pick<Consent, "state" | "createdAt" | "expiresAt">, now: Date): ConsentState {
  const mayExpire = (CONSENT_MOVES[consent.state] as readonly ConsentState[]).includes("expired");
  const end = consent.state === "requested" ? answerBy(consent) : consent.expiresAt;
  return mayExpire && end <= now ? "expired" : consent.state;
}

/** Where a page of consents begins, newest first. */
export type ConsentPlace = Pick<Consent, "createdAt" | "id">;

/** A page of what a person's ended consents are; null: whoever sends, or receives. */
export interface EndedConsents {
  personId: PersonId;
  now: Date;
  sourceId: ParticipantId | null;
  destinationId: ParticipantId | null;
  after: ConsentPlace | null;
  limit: number;
}

/** Who sends and who receives. */
export interface ConsentEnds {
  source: { id: ParticipantId; name: string };
  destination: { id: ParticipantId; name: string };
}

/** Purposes that a consent may have: IRIs of the W3C Data Privacy Vocabulary 2.3. */
export const PURPOSES = [
  {
    iri: "https://w3id.org/dpv#PersonalisedBenefits",
    words: { fr: "Garder et utiliser vos données dans votre espace personnel", en: "Keep and use your data in your personal data space" },
  },
  {
    iri: "https://w3id.org/dpv#ServiceProvision",
    words: { fr: "Changer d’espace personnel en gardant vos données", en: "Switch to another personal data space and keep your data" },
  },
  {
    iri: "https://w3id.org/dpv#RightsFulfilment",
    words: { fr: "Faire corriger vos données par l’organisme", en: "Have the organisation correct your data" },
  },
] as const satisfies readonly Purpose[];
