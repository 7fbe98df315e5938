import type { Config } from "../../config.ts";

/** `look`: it works, and somebody should know. `broken`: Relais does not work like this. */
export interface Finding {
  what: string;
  state: "fine" | "look" | "broken";
  says: string;
  /** Who mends it, and how; null where there is nothing to mend. */
  mend: string | null;
}

export interface Check {
  what: string;
  /** Changes nothing. */
  look(config: Config): Promise<Finding | Finding[]>;
}

export const fine = (what: string, says: string): Finding => ({ what, state: "fine", says, mend: null });
export const look = (what: string, says: string, mend: string): Finding => ({ what, state: "look", says, mend });
export const broken = (what: string, says: string, mend: string): Finding => ({ what, state: "broken", says, mend });
