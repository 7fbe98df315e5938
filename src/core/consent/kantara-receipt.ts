import { RelaisError } from "../errors.ts";
import type { ReceiptTerms } from "./dpv-record.ts";
import type { OwnReceipt } from "./read-receipt.ts";

/**
 * The same as a Kantara Consent Receipt 1.1.0, for tools that read nothing newer. It knows consents that were given, and neither refusals nor proofs:
 * an export, which stands for nothing by itself.
 * @throws RelaisError `not_found` for what was not given.
 */
export function kantaraReceipt({ consent, change, signed }: OwnReceipt, { issuer, operator }: Pick<ReceiptTerms, "issuer" | "operator">) {
  if (consent.decidedAt === null || change.state === "refused" || signed === null)
    throw new RelaisError("not_found", "Kantara receipts are of permissions that were given. The signed file has everything.", {
      actor: "person",
    });
  const { notice } = consent;
  const datasets = notice.datasets.filter(({ id }) => consent.datasets.includes(id));
  return {
    version: "KI-CR-v1.1.0",
    jurisdiction: notice.destination.country,
    consentTimestamp: Math.floor(consent.decidedAt.getTime() / 1000),
    collectionMethod: "web form",
    consentReceiptID: change.id,
    language: change.language,
    piiPrincipalId: subjectIn(signed.claims.receipt),
    piiControllers: [notice.destination, notice.source].map(({ entityId, name, country, privacyContact }) => ({
      piiController: name,
      onBehalf: false,
      contact: privacyContact,
      address: { addressCountry: country },
      email: privacyContact,
      phone: operator?.contact ?? "",
      piiControllerUrl: entityId,
    })),
    policyUrl: `${issuer}/legal`,
    services: [
      {
        service: notice.destination.name,
        purposes: [
          {
            purpose: notice.purpose.words[change.language],
            purposeCategory: [notice.purpose.iri],
            consentType: "EXPLICIT",
            piiCategory: datasets.map(({ title }) => title[change.language]),
            primaryPurpose: true,
            termination: notice.expires,
            thirdPartyDisclosure: true,
            thirdPartyName: notice.destination.name,
          },
        ],
      },
    ],
    sensitive: false,
    spiCat: [],
  };
}

function subjectIn(receipt: Record<string, unknown>): string {
  const [record] = receipt["dpv:hasRecordOfActivity"] as { "dpv:hasDataSubject": { "dct:identifier": string }[] }[];
  return record?.["dpv:hasDataSubject"][0]?.["dct:identifier"] ?? "";
}
