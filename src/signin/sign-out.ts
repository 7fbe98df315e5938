import { buildEndSessionUrl, randomState } from "openid-client";
import type { Language } from "../core/catalogue/data-set.ts";
import type { Session } from "../core/person/person.ts";
import type { Store } from "../core/ports.ts";
import type { Providers, Upstream } from "./providers.ts";

interface Ports {
  issuer: string;
  store: Store;
  upstreams: readonly Upstream[];
  providers: Providers;
}

/**
 * Where the person signs out at the provider too (OpenID Connect RP-Initiated Logout 1.0 §2), and comes back from to `/sign-out/done`.
 * Null where nothing has to be done there, or the provider does not answer: our own session has ended already.
 */
export async function signOutUrl(ports: Ports, { personId, logoutHint }: Session, language: Language): Promise<string | null> {
  if (logoutHint === null) return null;
  const person = await ports.store.read((r) => r.people.find(personId));
  const upstream = ports.upstreams.find(({ issuer, clientId }) => issuer === person?.issuer && clientId === audienceOf(logoutHint));
  const configuration = upstream && (await ports.providers(upstream).catch(() => null));
  if (configuration?.serverMetadata().end_session_endpoint === undefined) return null;
  return buildEndSessionUrl(configuration, {
    id_token_hint: logoutHint,
    post_logout_redirect_uri: `${ports.issuer}/sign-out/done`,
    state: `${language}.${randomState()}`,
  }).href;
}

/** As which client we signed in: we may have two registrations at one provider. */
function audienceOf(idToken: string): unknown {
  const claims = JSON.parse(Buffer.from(idToken.split(".")[1] ?? "", "base64url").toString("utf8")) as { aud?: unknown };
  return [claims.aud].flat()[0];
}
