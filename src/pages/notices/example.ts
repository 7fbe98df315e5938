import type { Consent } from "../../core/consent/consent.ts";
import type { Sections } from "../../core/consent/notice-text.ts";
import type { Participant } from "../../core/register/participant.ts";
import type { Screen } from "../permissions/decision-view.ts";

/** A request that nobody made, between two places that do not exist: how a wording looks to a person. */
const WORDS = {
  holder: "Électricité Exemple",
  platform: "Espace Exemple",
  bills: {
    title: { fr: "Vos factures", en: "Your bills" },
    description: { fr: "Chaque facture depuis deux ans.", en: "Each bill of the last two years." },
    example: { fr: "mars 2026, 84,20 €", en: "March 2026, €84.20" },
  },
  daily: {
    title: { fr: "Votre consommation par jour", en: "Your consumption by day" },
    description: { fr: "Un nombre par jour depuis 2023.", en: "One number a day since 2023." },
    example: { fr: "12 mars 2026, 9,4 kWh", en: "12 March 2026, 9.4 kWh" },
  },
  purpose: { fr: "Garder et utiliser vos données dans votre espace personnel", en: "Keep and use your data in your personal data space" },
} as const;

function exampleParticipant(name: string, role: "holder" | "platform"): Participant {
  return {
    id: role === "holder" ? "prt_0000000000000000000001" : "prt_0000000000000000000002",
    entityId: `https://${role}.example`,
    name,
    roles: [role],
    adapter: "self-data",
    endpoints: {},
    keys: [],
    datasets: [],
    about: { country: "FR", privacyContact: `donnees@${role}.example` },
    status: "registered",
    client: null,
  };
}

type Shown = Pick<Consent, "id" | "notice" | "noticeHash" | "createdAt" | "expiresAt">;

export function exampleRequest(sections: Sections, now: Date): { consent: Shown; screen: Screen } {
  const [source, destination] = [exampleParticipant(WORDS.holder, "holder"), exampleParticipant(WORDS.platform, "platform")];
  const party = ({ entityId, name, about }: Participant) => ({
    entityId,
    name,
    country: about.country,
    privacyContact: about.privacyContact,
  });
  const expiresAt = new Date(now.getTime() + 90 * 86_400_000);
  return {
    consent: {
      id: "cst_0000000000000000000000",
      noticeHash: "–",
      createdAt: now,
      expiresAt,
      notice: {
        version: "2026-11",
        requester: null,
        source: party(source),
        destination: party(destination),
        action: "copy",
        datasets: [
          { id: "example.bills", kind: "transactional", ...WORDS.bills },
          { id: "example.daily", kind: "trace", ...WORDS.daily },
        ],
        purpose: { iri: "https://w3id.org/dpv#PersonalisedBenefits", words: WORDS.purpose },
        recurrence: null,
        expires: expiresAt.toISOString().slice(0, 10),
        retention: "P1Y",
      },
    },
    screen: {
      requester: null,
      source: { participant: source, mark: null },
      destination: { participant: destination, mark: null },
      account: "…4821",
      sections,
      refusedAt: null,
      ticked: { datasets: [], forms: [], acts: [] },
      now,
    },
  };
}
