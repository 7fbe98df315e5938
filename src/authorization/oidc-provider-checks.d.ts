/** The library's own DPoP checks. They have no public entry; the version is pinned, and the tests of the consent grant run them. */
declare module "oidc-provider/lib/helpers/validate_dpop.js" {
  import type { KoaContextWithOIDC, Provider } from "oidc-provider";
  interface CheckedProof {
    thumbprint: string;
    jti: string;
    iat: number;
  }
  export default function validateDpop(provider: Provider, ctx: KoaContextWithOIDC): Promise<CheckedProof | undefined>;
  export function checkDpopReplay(provider: Provider, ctx: KoaContextWithOIDC, proof: CheckedProof, clientId: string): Promise<void>;
}
