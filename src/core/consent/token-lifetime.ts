import type { Participant } from "../register/participant.ts";

/** Of a token that its source asks about at each use: whatever ends, ends it. */
export const OPAQUE_TOKEN_SECONDS = 300;
/** Of a token that its source checks by itself (RFC 9068): nothing takes it back before its place in a status list is read again. */
export const JWT_TOKEN_SECONDS = 60;

/** How a holder learns what a token opens, and for how many seconds at most a withdrawal may go unnoticed there. Shown in the register. */
export interface TokenChecking {
  format: "opaque" | "jwt";
  lagSeconds: number;
}

/** Null for whoever holds nothing, or takes no tokens. The status list may end a JWT sooner, never later. */
export function tokenChecking({ roles, about, adapter }: Pick<Participant, "roles" | "about" | "adapter">): TokenChecking | null {
  if (!roles.includes("holder") || adapter !== "self-data") return null;
  return about.accessTokens === "jwt" ? { format: "jwt", lagSeconds: JWT_TOKEN_SECONDS } : { format: "opaque", lagSeconds: 0 };
}
