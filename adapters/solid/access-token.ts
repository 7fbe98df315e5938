import { RelaisError } from "../../src/core/errors.ts";
import type { Opening, OutboundResponse } from "../../src/core/transfer/adapter.ts";
import { brokenProtocol, refusalOf } from "./failures.ts";

/** Access tokens live for ten minutes at the Community Solid Server; the last one is not used. */
const MARGIN_SECONDS = 60;
const METADATA_BYTES = 64 * 1024;

/** Access tokens of the pod's own issuer, bound to the opening's key. */
export interface AccessTokens {
  get(): Promise<string>;
  /** The next `get` asks for a new one. */
  forget(): void;
}

interface AccessToken {
  value: string;
  /** Milliseconds of the epoch. */
  freshUntil: number;
}

/** Many requests at once share one token request. */
export function openTokens(opening: Opening): AccessTokens {
  let present: Promise<AccessToken> | null = null;
  const ask = (): Promise<AccessToken> => {
    const asked = requestToken(opening);
    asked.catch(() => (present = null));
    return (present = asked);
  };
  return {
    get: async () => {
      const token = await (present ?? ask());
      return (token.freshUntil > opening.clock.now().getTime() ? token : await ask()).value;
    },
    forget: () => (present = null),
  };
}

async function requestToken(opening: Opening): Promise<AccessToken> {
  const { credentials } = opening;
  if (credentials.kind !== "dpop-client") {
    throw new RelaisError("peer_refused", "A pod needs client credentials. The person should make them at the pod and link it again.", {
      actor: "person",
    });
  }
  const endpoint = await discoverTokenEndpoint(opening, credentials.issuer);
  const askedAt = opening.clock.now().getTime();
  const answer = await postGrant(opening, endpoint, credentials.clientId, credentials.clientSecret);
  const token = await jsonOf(answer);
  const value = token["access_token"];
  const lifetime = typeof token["expires_in"] === "number" ? token["expires_in"] : 0;
  if (typeof value !== "string" || String(token["token_type"]).toLowerCase() !== "dpop") throw brokenProtocol("gives no DPoP access token");
  return { value, freshUntil: askedAt + Math.max(lifetime - MARGIN_SECONDS, lifetime / 2) * 1000 };
}

/** OpenID Connect Discovery §4: the document must name the issuer that was asked. */
async function discoverTokenEndpoint(opening: Opening, issuer: string): Promise<string> {
  const bare = issuer.replace(/\/$/, "");
  const answer = await opening.fetch({
    method: "GET",
    url: `${bare}/.well-known/openid-configuration`,
    headers: { accept: "application/json" },
    limit: METADATA_BYTES,
  });
  if (answer.status !== 200) throw await refusalOf(answer, opening.clock.now());
  const document = await jsonOf(answer);
  if (String(document["issuer"]).replace(/\/$/, "") !== bare) throw brokenProtocol("names another issuer than the one asked");
  if (typeof document["token_endpoint"] !== "string") throw brokenProtocol("names no token endpoint");
  return document["token_endpoint"];
}

/** RFC 6749 §4.4 with a DPoP proof; a nonce that is asked for is answered once (RFC 9449 §8). */
async function postGrant(opening: Opening, url: string, id: string, secret: string): Promise<OutboundResponse> {
  // RFC 6749 §2.3.1: each half is form-encoded before they are joined.
  const authorization = `Basic ${btoa(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`)}`;
  const send = async (nonce?: string): Promise<OutboundResponse> => {
    const headers = {
      authorization,
      "content-type": "application/x-www-form-urlencoded",
      accept: "application/json",
      dpop: await opening.dpopProof({ method: "POST", url, nonce }),
    };
    return opening.fetch({ method: "POST", url, headers, body: "grant_type=client_credentials&scope=webid", limit: METADATA_BYTES });
  };
  let answer = await send();
  const nonce = answer.headers["dpop-nonce"];
  if ((answer.status === 400 || answer.status === 401) && nonce !== undefined) {
    await answer.drop();
    answer = await send(nonce);
  }
  if (answer.status === 200) return answer;
  if (answer.status !== 400) throw await refusalOf(answer, opening.clock.now());
  await answer.drop();
  throw new RelaisError(
    "peer_refused",
    "The pod's server does not accept the credentials. The person should make new ones there and link the pod again.",
    { actor: "person" },
  );
}

async function jsonOf(answer: OutboundResponse): Promise<Record<string, unknown>> {
  const text = await answer.text();
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // Not JSON: said below, as for JSON of another form.
  }
  throw brokenProtocol("answers without the JSON that OpenID Connect asks for");
}
