import type { Words } from "../../core/catalogue/data-set.ts";
import { ENTITY_FAULTS } from "../peer/faults.ts";
import { EXPORT_FAULTS } from "../export/faults.ts";
import { INBOX_FAULTS } from "./faults.ts";

/** Everything that a platform of the sandbox can do wrong on purpose. */
export const FAULTS = [...INBOX_FAULTS, ...EXPORT_FAULTS, ...ENTITY_FAULTS, "hides-contact"] as const;
export type Fault = (typeof FAULTS)[number];

/** Who a platform of the sandbox is. */
export interface PlatformPersona {
  name: string;
  /** Of its data, below the sandbox's own. */
  folder: string;
  contact: string;
  faults: readonly Fault[];
  /** What is wrong with it, in a sentence for people; null for the reference platform. */
  flaw: Words | null;
  /** Whether it takes a small transfer in one request. */
  takesCompactForm: boolean;
  /** False for one whose description nobody can accept: it stays out of the register. */
  joins: boolean;
}

export const ANCRE: PlatformPersona = {
  name: "Ancre",
  folder: "ancre",
  contact: "dpo@ancre.example",
  faults: [],
  flaw: null,
  takesCompactForm: true,
  joins: true,
};

function bad(name: string, faults: readonly Fault[], fr: string, en: string, joins = true) {
  const folder = name.toLowerCase();
  return { name, folder, contact: `dpo@${folder}.example`, faults, flaw: { fr, en }, takesCompactForm: true, joins };
}

/** Platforms that are bad on purpose. They stay at level 0, nobody has an account there, and each shows what the checks find. */
// oxfmt-ignore
export const BAD_PLATFORMS = {
  passoire:  bad("Passoire",  ["trusts-everybody"], "Elle croit tout le monde : ni signature, ni délai, ni rejeu ne l’arrêtent.", "It trusts everybody: no signature, no expiry and no replay stops it."),
  mirage:    bad("Mirage",    ["lies-in-receipt", "changes-on-export"], "Ses reçus mentent, et ce qui en ressort a changé.", "Its receipts lie, and what comes out of it has changed."),
  oublieuse: bad("Oublieuse", ["refuses-to-resume", "loses-idempotency"], "Elle ne reprend rien après une coupure, et donne deux reçus pour un envoi.", "It resumes nothing after a break, and gives two receipts for one delivery."),
  sourde:    bad("Sourde",    ["ignores-stop", "hides-contact"], "Elle n’entend pas les arrêts et cache son contact de sécurité.", "It does not hear a stop, and hides its security contact."),
  muette:    bad("Muette",    ["hangs-on-inbox"], "Elle laisse sans réponse tout ce qu’on lui envoie.", "It leaves everything that is sent to it without an answer."),
  faussaire: bad("Faussaire", ["signs-with-another-key"], "Sa description est signée avec une autre clé que la sienne : elle ne peut pas entrer au registre.", "Its description is signed with another key than its own: it cannot join the register.", false),
} as const satisfies Record<string, PlatformPersona>;
export type BadPlatform = keyof typeof BAD_PLATFORMS;
export const BAD_NAMES = Object.keys(BAD_PLATFORMS) as BadPlatform[];
