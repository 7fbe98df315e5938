import { fileURLToPath } from "node:url";
import type { Charter } from "../core/register/charter.ts";
import { openCharters } from "../policies/charters.ts";

/** The charter that this copy of Relais carries, as of today. */
export function charterInForce(): Charter {
  return openCharters(fileURLToPath(new URL("../../policies/charter", import.meta.url))).current(new Date());
}
