import type { Standings } from "../../src/core/consent/standings.ts";

/** For an application that nobody calls with a token. */
export const NO_STANDINGS: Standings = {
  find: async () => null,
  findConsent: async () => null,
  findParticipant: async () => null,
  recall: () => null,
  askOnce: async () => null,
};
