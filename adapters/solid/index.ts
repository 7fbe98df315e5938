import type { Adapter } from "../../src/core/transfer/adapter.ts";
import { openDestination } from "./destination.ts";
import { openSource } from "./source.ts";

/** A Solid pod (Solid Protocol), opened with client credentials of the person and DPoP (Solid-OIDC). */
export const solid: Adapter = {
  name: "solid",
  needsDigest: false,
  concurrency: 4,
  openSource: async (opening) => openSource(opening),
  openDestination: async (opening, draft) => openDestination(opening, draft),
};
