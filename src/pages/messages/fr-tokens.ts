import type { enTokens } from "./en-tokens.ts";

/** Texts about how a holder checks permissions, in French. */
export const frTokens = {
  "tokens.stops": "Quand une personne arrête une autorisation",
  "tokens.opaque": "Cet organisme demande à Relais avant chaque réponse : il n’envoie plus rien, tout de suite.",
  "tokens.jwt": "Cet organisme contrôle lui-même les autorisations : il peut encore envoyer pendant {seconds} secondes au plus.",
} as const satisfies Record<keyof typeof enTokens, string>;
