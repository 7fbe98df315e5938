import type { Words } from "../catalogue/data-set.ts";

/** Certificates that a holder may want of a platform: a closed list, so that what is wanted is what the register can check. */
export const CERTIFICATES = {
  "iso-27001": { fr: "ISO/IEC 27001 (sécurité de l’information)", en: "ISO/IEC 27001 (information security)" },
  "iso-27701": { fr: "ISO/IEC 27701 (vie privée)", en: "ISO/IEC 27701 (privacy)" },
  "iso-27018": { fr: "ISO/IEC 27018 (données personnelles en nuage)", en: "ISO/IEC 27018 (personal data in the cloud)" },
  hds: { fr: "HDS (hébergeur de données de santé)", en: "HDS (French health data hosting)" },
  secnumcloud: { fr: "SecNumCloud (ANSSI)", en: "SecNumCloud (ANSSI)" },
  europrivacy: { fr: "Europrivacy (RGPD, article 42)", en: "Europrivacy (GDPR Article 42)" },
} as const satisfies Record<string, Words>;

export type Certificate = keyof typeof CERTIFICATES;

export function isCertificate(value: string): value is Certificate {
  return Object.hasOwn(CERTIFICATES, value);
}
