import type { Words } from "../../core/catalogue/data-set.ts";
import { EXPORT_FAULTS } from "../export/faults.ts";
import { ATTACKS } from "./attacks.ts";

/** Everything that a holder of the sandbox can do wrong on purpose. */
export const HOLDER_FAULTS = [...ATTACKS, ...EXPORT_FAULTS] as const;
export type HolderFault = (typeof HOLDER_FAULTS)[number];

/** Who a holder of the sandbox is instead of a reference holder. */
export interface HolderPersona {
  name: string;
  /** Of its data, below the sandbox's own. */
  folder: string;
  contact: string;
  faults: readonly HolderFault[];
  /** What it does, in a sentence for people. */
  flaw: Words;
}

/** What is done to another holder, which has to be named. */
export function isOnAnother(faults: readonly HolderFault[]): boolean {
  return faults.includes("mixes-up") || faults.includes("names-another");
}

function hostile(name: string, folder: string, faults: readonly HolderFault[], fr: string, en: string): HolderPersona {
  return { name, folder, contact: `dpo@${folder}.example`, faults, flaw: { fr, en } };
}

/** Holders that attack whoever comes to sign in, and Relais through them. They stay out of the register until somebody takes them in. */
// oxfmt-ignore
export const HOSTILE_HOLDERS = {
  girouette: hostile("Girouette", "girouette", ["mixes-up", "keeps-codes"], "Elle envoie qui s’y connecte chez un autre organisme, et attend son code.", "It sends whoever signs in on to another organisation, and waits for its code."),
  sirene:    hostile("Sirène", "sirene", ["lures", "turns-programs-away"], "Ses pages envoient des formulaires à Relais, l’affichent dans un cadre et mènent ailleurs ; ses réponses aussi.", "Its pages send forms to Relais, show it in a frame and lead elsewhere; so do its answers."),
} as const satisfies Record<string, HolderPersona>;
export type HostileHolder = keyof typeof HOSTILE_HOLDERS;
export const HOSTILE_NAMES = Object.keys(HOSTILE_HOLDERS) as HostileHolder[];
