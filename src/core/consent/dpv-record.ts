import type { Words } from "../catalogue/data-set.ts";
import type { TrustMark } from "../register/participant.ts";
import { ACTS, type Consent, type ConsentState, type Notice } from "./consent.ts";
import type { ConsentChange, RecordedChange } from "./record-change.ts";

/** Who runs this Relais: the way to end a consent without the web. */
export interface ReceiptTerms {
  issuer: string;
  operator: { name: string; contact: string } | null;
  /** The person's name in this receipt: of this consent alone, and known to nobody else. */
  subject: string;
  /** When the receipt is made. */
  madeAt: Date;
}

export const PROFILE = "https://w3id.org/dpv/schema/dpv-27560";

/** Written down here and never fetched. */
export const CONTEXT = {
  dct: "http://purl.org/dc/terms/",
  dpv: "https://w3id.org/dpv#",
  "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
  loc: "https://w3id.org/dpv/loc#",
  schema: "https://schema.org/",
  skos: "http://www.w3.org/2004/02/skos/core#",
  relais: "urn:relais:vocabulary:",
} as const;

/** DPV keeps the ends of a consent apart, as we do. It has no word for what is only interrupted, or replaced: `relais:state` says which. */
export const DPV_STATUS = {
  requested: "dpv:ConsentRequested",
  active: "dpv:ConsentGiven",
  suspended: "dpv:ConsentInvalidated",
  withdrawn: "dpv:ConsentWithdrawn",
  revoked: "dpv:ConsentRevoked",
  refused: "dpv:ConsentRefused",
  expired: "dpv:ConsentExpired",
  superseded: "dpv:ConsentInvalidated",
} as const satisfies Record<ConsentState, string>;

/** The record of a consent at one change of it, in the profile of the vocabulary: its notice, both acts, who takes part, rights and events. */
export function recordOf(recorded: RecordedChange, terms: ReceiptTerms) {
  const { consent, change, marks } = recorded;
  const { notice } = consent;
  return {
    "@type": "dpv:ConsentRecord",
    "dct:conformsTo": `${PROFILE}#record-eu-gdpr`,
    "dct:identifier": consent.id,
    ...(consent.supersedes === null ? {} : { "dct:replaces": consent.supersedes }),
    "dpv:hasDataSubject": [{ "@type": "dpv:DataSubject", "dct:identifier": terms.subject }],
    "dpv:hasJurisdiction": [...new Set([notice.source.country, notice.destination.country])].map((country) => `loc:${country}`),
    "dpv:hasApplicableLaw": ["eu-gdpr:GDPR"],
    "dpv:hasAuthority": authoritiesOf(notice),
    "dpv:hasNotice": [noticeOf(consent, change, terms)],
    "dpv:hasProcess": [
      mandateOf(consent, terms),
      ...((ACTS[notice.action] as readonly string[]).includes("consent") ? [processOf(consent)] : []),
    ],
    "dpv:hasEntity": [
      entityOf(notice.source, { role: "dpv:DataExporter", mark: marks.source }),
      entityOf(notice.destination, { role: "dpv:DataController", mark: marks.destination }),
      ...(notice.requester === null
        ? []
        : [{ "@id": notice.requester.entityId, "@type": ["dpv:DataRequester"], "schema:name": notice.requester.name }]),
    ],
    "dpv:hasConsentControl": controlsOf(consent, terms),
    "dpv:hasRight": rightsOf(consent, terms),
    "dpv:hasConsentStatus": eventsOf(consent, change, terms),
  };
}

/** The exact notice: the screen was made from it, and its hash stands on the screen and in the record too. */
function noticeOf({ notice, noticeHash }: Consent, { language }: ConsentChange, { issuer }: ReceiptTerms) {
  const text = notice.texts?.[language];
  return {
    "@id": `urn:relais:notice:${noticeHash}`,
    "@type": "dpv:ConsentNotice",
    "dct:language": language,
    "schema:version": notice.version,
    "relais:hash": { "schema:algorithm": "sha-256 over RFC 8785", "schema:value": noticeHash },
    ...(text === undefined ? {} : { "relais:text": wordingOf(text) }),
    "dct:publisher": issuer,
  };
}

/** The published text beside the facts, and where the public log tells of it. */
function wordingOf({ version, hash, log }: { version: number; hash: string; log?: number }) {
  return { "schema:version": String(version), "schema:value": hash, ...(log === undefined ? {} : { "relais:logIndex": log }) };
}

/** The first act: that Relais asks in the person's place (CNIL 2021-070), as it was recorded with the yes; its object and its duration. */
function mandateOf(consent: Consent, { issuer, operator }: ReceiptTerms) {
  const { notice, datasets } = consent;
  const given = consent.acts?.find((one) => one.act === "mandate");
  const towards = notice.action === "propose" ? notice.destination : notice.source;
  const { article, processing } = EXERCISES[notice.action];
  return {
    "@type": "dpv:Process",
    "relais:act": "mandate",
    "dct:title": inBoth({ fr: `Mandat envers ${towards.name}`, en: `Mandate towards ${towards.name}` }),
    "dct:source": "CNIL, délibération 2021-070",
    "dpv:hasRight": [article],
    "dpv:hasDataController": [towards.entityId],
    "dpv:isImplementedByEntity": [
      { "@id": given?.mandatary.entityId ?? issuer, "schema:name": given?.mandatary.name ?? operator?.name ?? "Relais" },
    ],
    "dpv:hasPersonalData": dataOf(notice, datasets),
    "dpv:hasProcessing": [processing, ...(consent.forms.length > 0 ? ["dpv:Transform"] : [])],
    ...(consent.forms.length > 0 ? { "relais:forms": consent.forms } : {}),
    "dpv:hasDuration": {
      "@type": "dpv:UntilTimeDuration",
      "schema:value": notice.expires,
      ...(given ? { "schema:startDate": given.duration.from } : {}),
    },
  };
}

/** The right that is exercised for the person: GDPR articles 20, 17 and 16. */
const EXERCISES: Record<Notice["action"], { article: string; processing: string }> = {
  copy: { article: "eu-gdpr:A20", processing: "dpv:Obtain" },
  erase: { article: "eu-gdpr:A17", processing: "dpv:Erase" },
  propose: { article: "eu-gdpr:A16", processing: "dpv:Modify" },
};

/** The second act: what the destination may do with it. */
function processOf({ notice, datasets }: Consent) {
  const { destination, source, retention, recurrence } = notice;
  return {
    "@type": "dpv:Process",
    "relais:act": "consent",
    "dpv:hasLegalBasis": ["eu-gdpr:A6-1-a"],
    "dpv:hasPurpose": [{ "@type": [notice.purpose.iri], "dct:description": inBoth(notice.purpose.words) }],
    "dpv:hasDataController": [destination.entityId],
    "dpv:hasRecipient": [destination.entityId],
    "dpv:hasPersonalData": dataOf(notice, datasets),
    "dpv:hasProcessing": PROCESSING[notice.action].map((one) => ({ "@type": one, "dpv:hasDataSource": [source.entityId] })),
    "dpv:hasFrequency": recurrence === null ? "dpv:SingularFrequency" : { "@type": "dpv:OftenFrequency", "schema:value": recurrence },
    "dpv:hasStorageCondition": [
      { "@type": "dpv:StorageLocation", "dpv:hasLocation": [`loc:${destination.country}`] },
      {
        "@type": "dpv:StorageDuration",
        "dpv:hasDuration":
          retention === null
            ? { "@type": "dpv:UntilEventDuration", "schema:value": "until the person deletes it" }
            : { "@type": "dpv:FixedOccurrencesDuration", "schema:value": retention },
      },
    ],
    "dpv:hasLocation": [`loc:${destination.country}`],
    "dpv:hasDuration": { "@type": "dpv:UntilTimeDuration", "schema:value": notice.expires },
  };
}

const PROCESSING: Record<Notice["action"], string[]> = {
  copy: ["dpv:Transfer", "dpv:Store", "dpv:Use"],
  erase: ["dpv:Erase"],
  propose: ["dpv:Transfer", "dpv:Modify"],
};

/** What the person allowed; where nothing was, what was asked for: a refusal is a refusal of something. */
function dataOf(notice: Notice, allowed: string[]) {
  const datasets = allowed.length > 0 ? notice.datasets.filter(({ id }) => allowed.includes(id)) : notice.datasets;
  return datasets.map(({ id, title, kind }) => ({
    "@type": "dpv:PersonalData",
    "dct:identifier": id,
    "dct:title": inBoth(title),
    "skos:broader": `relais:${kind}`,
    "dpv:hasNecessity": "dpv:Optional",
  }));
}

function inBoth({ fr, en }: Words) {
  return [
    { "@language": "fr", "@value": fr },
    { "@language": "en", "@value": en },
  ];
}

/** The charter is the code of conduct (27560), and the trust mark its proof. */
function entityOf({ entityId, name, country, privacyContact }: Notice["source"], { role, mark }: { role: string; mark: TrustMark | null }) {
  return {
    "@id": entityId,
    "@type": [role, "dpv:LegalEntity"],
    "schema:name": name,
    "schema:addressCountry": country,
    "dpv:hasContact": privacyContact,
    ...(mark === null
      ? {}
      : {
          "dpv:hasOrganisationalMeasure": [
            { "@id": mark.type, "@type": "dpv:CodeOfConduct", "relais:trustMark": mark.id, "relais:level": String(mark.level) },
          ],
        }),
  };
}

/** At least one way needs no web. */
function controlsOf({ id, notice }: Consent, { issuer, operator }: ReceiptTerms) {
  return [
    { "@type": "dpv:WithdrawConsent", "dpv:isExercisedAt": `${issuer}/permissions/${id}`, "dct:medium": "web" },
    {
      "@type": "dpv:WithdrawConsent",
      "schema:name": operator?.name ?? notice.destination.name,
      "dpv:isExercisedAt": operator?.contact ?? notice.destination.privacyContact,
      "dct:medium": "mail or letter",
    },
  ];
}

const RIGHTS = [
  ["eu-gdpr:A7-3", "withdraw the consent"],
  ["eu-gdpr:A15", "access"],
  ["eu-gdpr:A16", "rectification"],
  ["eu-gdpr:A17", "erasure"],
  ["eu-gdpr:A18", "restriction"],
  ["eu-gdpr:A20", "portability"],
  ["eu-gdpr:A77", "complaint to an authority"],
] as const;

function rightsOf({ notice }: Consent, { issuer }: ReceiptTerms) {
  return RIGHTS.map(([article, title]) => ({
    "@type": ["dpv:DataSubjectRight", article],
    "dct:title": title,
    "dpv:isExercisedAt": article === "eu-gdpr:A7-3" ? issuer : notice.destination.privacyContact,
  }));
}

/** Of the country where the data goes, and of the one where it comes from (GDPR art. 77). */
function authoritiesOf({ source, destination }: Notice) {
  const countries = [...new Set([destination.country, source.country])];
  return countries.map((country) => ({
    "@type": "dpv:DataProtectionAuthority",
    "dpv:hasJurisdiction": [`loc:${country}`],
    ...(country === "FR" ? { "schema:name": "CNIL", "schema:url": "https://www.cnil.fr/fr/plaintes" } : {}),
  }));
}

/** What happened up to this change; the last one is what the receipt is for. */
function eventsOf(consent: Consent, change: ConsentChange, { issuer }: ReceiptTerms) {
  const given = change.earlier !== "requested" && consent.decidedAt !== null;
  return [
    ...(given ? [eventOf({ state: "active", at: consent.decidedAt as Date, by: "person" }, consent, issuer)] : []),
    { ...eventOf(change, consent, issuer), ...(change.because === null ? {} : { "relais:because": change.because }) },
  ];
}

function eventOf({ state, at, by }: Pick<ConsentChange, "state" | "at" | "by">, { notice }: Consent, issuer: string) {
  const isGiven = state === "active";
  return {
    "@type": isGiven ? [DPV_STATUS[state], "dpv:ExplicitlyExpressedConsent"] : [DPV_STATUS[state]],
    "relais:state": state,
    "dpv:isIndicatedAtTime": at.toISOString(),
    "dpv:isIndicatedBy": BY[by] ?? issuer,
    "dpv:hasIndicationMethod": by === "person" ? "button on the page that shows the notice" : "entry in the register",
    ...(isGiven ? { "dpv:hasDuration": { "@type": "dpv:UntilTimeDuration", "schema:value": notice.expires } } : {}),
  };
}

const BY: Partial<Record<ConsentChange["by"], string>> = {
  person: "dpv:DataSubject",
  holder: "dpv:DataExporter",
  platform: "dpv:DataController",
};
