import { createHash, randomBytes, randomUUID } from "node:crypto";
import { newProofKey, type ProofKey } from "../../src/keys/dpop.ts";
import type { TestKey } from "./register-fixtures.ts";

export interface Reply {
  status: number;
  body: Record<string, unknown>;
  headers: Headers;
}

/** A member that is undefined is not sent. */
export type Form = Record<string, string | undefined>;

interface SendOptions {
  at?: string;
  proof?: string | null;
  accept?: string;
}

/** A confidential client that speaks to the authorization server step by step, so that a test can break each step. */
export interface PlatformClient {
  id: string;
  proofs: ProofKey;
  assertion(changed?: Record<string, unknown>): Promise<string>;
  /** A form to one endpoint with a fresh assertion and proof; follows `use_dpop_nonce` once. `at` is the instance to ask. */
  post(path: string, form: Form, options?: SendOptions): Promise<Reply>;
  push(details: unknown, changed?: Form, options?: SendOptions): Promise<Reply & { verifier: string; state: string }>;
  exchange(code: string, verifier: string, options?: SendOptions): Promise<Reply>;
  proof(path: string, nonce?: string): Promise<string>;
}

export async function platformClient(issuer: string, id: string, key: TestKey, redirectUri: string): Promise<PlatformClient> {
  const proofs = await newProofKey();
  const seconds = () => Math.floor(Date.now() / 1000);
  const assertion = (changed = {}) =>
    key.sign("JWT", { iss: id, sub: id, aud: issuer, jti: randomUUID(), iat: seconds(), exp: seconds() + 60, ...changed });
  const proof = (path: string, nonce?: string) => proofs.proof({ method: "POST", url: `${issuer}${path}`, nonce });
  const send = async (
    path: string,
    form: Form,
    { at = issuer, proof: given, accept = "application/json" }: SendOptions,
  ): Promise<Reply> => {
    const whole: Form = {
      client_id: id,
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      client_assertion: await assertion(),
      ...form,
    };
    const sent = Object.entries(whole).filter((entry): entry is [string, string] => entry[1] !== undefined);
    const body = new URLSearchParams(sent);
    const headers: Record<string, string> = { accept, ...(given ? { dpop: given } : {}) };
    const response = await fetch(`${at}${path}`, { method: "POST", body, headers });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text.startsWith("{") ? JSON.parse(text) : { text } };
  };
  const post: PlatformClient["post"] = async (path, form, options = {}) => {
    if (options.proof !== undefined) return send(path, form, options);
    const first = await send(path, form, { ...options, proof: await proof(path) });
    if (first.body.error !== "use_dpop_nonce") return first;
    return send(path, form, { ...options, proof: await proof(path, String(first.headers.get("dpop-nonce"))) });
  };
  return {
    id,
    proofs,
    assertion,
    proof,
    post,
    push: async (details, changed = {}, options = {}) => {
      const verifier = randomBytes(32).toString("base64url");
      const state = randomUUID();
      const challenge = createHash("sha256").update(verifier).digest("base64url");
      const form = {
        response_type: "code",
        redirect_uri: redirectUri,
        code_challenge: challenge,
        code_challenge_method: "S256",
        state,
        authorization_details: JSON.stringify(details),
        ...changed,
      };
      return { ...(await post("/request", form, options)), verifier, state };
    },
    exchange: (code, verifier, options) =>
      post("/token", { grant_type: "authorization_code", code, code_verifier: verifier, redirect_uri: redirectUri }, options),
  };
}

/** A browser of one person: follows redirects by hand and keeps cookies by origin, name and path. `signedIn` holds a cookie from before. */
export function browser(signedIn?: { origin: string; cookie: string }, jars = new Map<string, Jar>()): Browser {
  if (signedIn) {
    const jar: Jar = new Map();
    keep(jar, `${signedIn.cookie}; path=/`);
    jars.set(signedIn.origin, jar);
  }
  const send = async (url: string, init: RequestInit, through = new URL(url).origin): Promise<Page> => {
    const { pathname, origin } = new URL(url);
    const jar = jars.get(origin) ?? new Map();
    jars.set(origin, jar);
    const cookie = [...jar]
      .filter(([, { path }]) => pathname.startsWith(path))
      .map(([name, { value }]) => `${name.split(" ")[0]}=${value}`)
      .join("; ");
    const sent = url.replace(origin, through);
    const response = await fetch(sent, {
      ...init,
      redirect: "manual",
      headers: { "accept-language": "fr", ...(cookie ? { cookie } : {}) },
    });
    const setCookies = response.headers.getSetCookie();
    for (const line of setCookies) keep(jar, line);
    const location = response.headers.get("location");
    return {
      status: response.status,
      location: location === null ? null : new URL(location, url).href,
      text: await response.text(),
      setCookies,
    };
  };
  return {
    copy: () => browser(undefined, new Map([...jars].map(([origin, jar]) => [origin, new Map(jar)]))),
    get: (url, through) => send(url, {}, through),
    post: (url, form) => send(url, { method: "POST", body: new URLSearchParams(form) }),
  };
}

export interface Browser {
  /** `through`: another process that answers for the same origin. */
  get(url: string, through?: string): Promise<Page>;
  post(url: string, form: Record<string, string>): Promise<Page>;
  /** Another window with the same cookies. */
  copy(): Browser;
}

type Jar = Map<string, { value: string; path: string }>;
interface Page {
  status: number;
  location: string | null;
  text: string;
  setCookies: string[];
}

function keep(jar: Jar, line: string): void {
  const [pair = "", ...attributes] = line.split("; ");
  const name = pair.slice(0, pair.indexOf("="));
  const value = pair.slice(pair.indexOf("=") + 1);
  const path = attributes.find((attribute) => attribute.toLowerCase().startsWith("path="))?.slice(5) ?? "/";
  if (value === "" || /expires=Thu, 01 Jan 1970/i.test(line)) jar.delete(`${name} ${path}`);
  else jar.set(`${name} ${path}`, { value, path });
}
