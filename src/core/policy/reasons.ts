import type { Words } from "../catalogue/data-set.ts";
import type { Actor } from "../errors.ts";
import type { PolicyReason } from "./policy.ts";

interface Meaning {
  /** Who can mend it. */
  actor: Actor;
  /** Said to people, after the names of holder and platform. */
  sentence: Words;
}

/** Each reason in plain words. The ids of the rules in `policies/runtime` are the keys. */
export const REASONS = {
  "never-not-accredited": {
    actor: "platform",
    sentence: {
      fr: "L’organisme ou l’espace n’a pas d’agrément en vigueur.",
      en: "The organisation or the data space has no accreditation in force.",
    },
  },
  "synthetic-only": {
    actor: "platform",
    sentence: {
      fr: "L’un des deux est au niveau 0, réservé aux essais : il n’échange que des données inventées, jamais celles de vraies personnes.",
      en: "One of the two is at level 0, which is for trying things out: it only exchanges made-up data, never data of real people.",
    },
  },
  "below-minimum-level": {
    actor: "platform",
    sentence: {
      fr: "L’organisme demande un niveau d’agrément plus élevé que celui de l’espace.",
      en: "The organisation asks for a higher level of accreditation than the data space has.",
    },
  },
  "outside-hosting-regions": {
    actor: "platform",
    sentence: {
      fr: "L’espace garde les données dans un pays que l’organisme n’accepte pas.",
      en: "The data space keeps data in a country that the organisation does not accept.",
    },
  },
  "missing-certificate": {
    actor: "platform",
    sentence: {
      fr: "L’espace n’a pas montré un certificat que l’organisme demande.",
      en: "The data space has not shown a certificate that the organisation asks for.",
    },
  },
  "excluded-by-holder": {
    actor: "holder",
    sentence: {
      fr: "L’organisme a exclu cet espace. Sa raison est publique, sur sa page du registre.",
      en: "The organisation excluded this data space. Its reason is public, on its page in the register.",
    },
  },
  "not-open-yet": {
    actor: "holder",
    sentence: {
      fr: "L’organisme n’envoie pas encore à cet espace. Sa raison est publique, sur sa page du registre.",
      en: "The organisation does not send to this data space yet. Its reason is public, on its page in the register.",
    },
  },
  "policy-error": {
    actor: "operator",
    sentence: {
      fr: "Relais n’a pas pu décider, et n’envoie rien dans le doute. L’opérateur doit regarder.",
      en: "Relais could not decide, and sends nothing when in doubt. The operator must look.",
    },
  },
} as const satisfies Record<PolicyReason, Meaning>;
