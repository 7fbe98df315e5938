import { errors, type Client, type Provider, type TokenEndpointGrantContext } from "oidc-provider";
import validateDpop, { checkDpopReplay } from "oidc-provider/lib/helpers/validate_dpop.js";
import { JWT_TOKEN_SECONDS, OPAQUE_TOKEN_SECONDS } from "../core/consent/token-lifetime.ts";
import { asRelaisError, type ErrorCode } from "../core/errors.ts";
import type { Standings } from "../core/consent/standings.ts";
import type { Clock, Store } from "../core/ports.ts";
import type { Policy } from "../core/policy/policy.ts";
import { detailOf, readLiveConsent, type LiveConsent } from "./live-consent.ts";
import { signedToken, type TokenKeys } from "./jwt-token.ts";
import { CONSENT_GRANT } from "./names.ts";

export const TOKEN_SECONDS = OPAQUE_TOKEN_SECONDS;

interface Ports {
  store: Store;
  standings: Standings;
  clock: Clock;
  policy: Policy;
  issuer: string;
  keys: TokenKeys;
}
type Context = TokenEndpointGrantContext<{ consent?: string }>;

/**
 * The worker's grant: a token for one consent at its source, bound to the worker's DPoP key. The consent row is the truth:
 * it is read here, and again at each introspection. Refusals carry our own codes as `error`, so that the worker knows why.
 */
export function registerConsentGrant(provider: Provider, ports: Ports): void {
  provider.registerGrantType<{ consent?: string }>(CONSENT_GRANT, (ctx) => issueToken(provider, ports, ctx), ["consent", "resource"]);
}

async function issueToken(provider: Provider, ports: Ports, ctx: Context): Promise<void> {
  const { client, params } = ctx.oidc;
  if (client.clientId !== `${ports.issuer}/worker`) throw new errors.UnauthorizedClient("this grant is for the worker of Relais");
  const proof = await validateDpop(provider, ctx);
  if (proof === undefined) throw new errors.InvalidDpopProof("a DPoP proof is needed");
  const live = await livingConsent(ports, params.consent);
  if (params.resource !== live.source.entityId) throw new errors.InvalidTarget("resource must be the source of the consent");
  await checkDpopReplay(provider, ctx, proof, client.clientId);
  const isJwt = live.source.about.accessTokens === "jwt";
  const value = isJwt ? await signedToken(ports, live, proof.thumbprint) : await storedToken(provider, client, live, proof.thumbprint);
  ctx.body = { access_token: value, token_type: "DPoP", expires_in: isJwt ? JWT_TOKEN_SECONDS : TOKEN_SECONDS };
}

function storedToken(provider: Provider, client: Client, live: LiveConsent, jkt: string): Promise<string> {
  const token = new provider.AccessToken({
    client,
    gty: CONSENT_GRANT,
    expiresIn: TOKEN_SECONDS,
    rar: [detailOf(live)],
  } as unknown as ConstructorParameters<typeof provider.AccessToken>[0]);
  token.setAudience(live.source.entityId);
  token.setThumbprint("jkt", jkt);
  return token.save();
}

const RIGHTS: readonly ErrorCode[] = ["consent_missing", "consent_ended", "not_accredited", "condition_unmet", "assurance_too_low"];

async function livingConsent(ports: Ports, consentId: unknown): Promise<LiveConsent> {
  try {
    return await readLiveConsent(ports, consentId);
  } catch (cause) {
    const { code, message } = asRelaisError(cause);
    if (code === "not_found") throw new errors.CustomOIDCProviderError("consent_missing", message);
    if (RIGHTS.includes(code)) throw new errors.CustomOIDCProviderError(code, message);
    throw cause;
  }
}
