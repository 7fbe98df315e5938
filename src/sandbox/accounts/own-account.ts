import type { SandboxProvider } from "./provider.ts";

/** Under it an access token of our own issuer tells what an account holds (docs/self-data-transfer.md, source side). */
export const INVENTORY_SCOPE = "self_data.inventory";

/** The account of such a token; null for any other. */
export function ownAccountBy({ provider }: SandboxProvider): (value: string) => Promise<string | null> {
  return async (value) => {
    const token = await provider.AccessToken.find(value);
    return token?.accountId !== undefined && token.scopes.has(INVENTORY_SCOPE) ? token.accountId : null;
  };
}
