import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { randomUUID } from "node:crypto";
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from "jose";
import type { Signer } from "../../src/core/ports.ts";
import type { Opening } from "../../src/core/transfer/adapter.ts";
import type { Manifest } from "../../src/core/transfer/manifest.ts";
import { contentDigest, MANIFEST_TYPE, sha256 } from "../../src/core/transfer/manifest.ts";
import { newProofKey } from "../../src/keys/dpop.ts";
import { openKeyring, type Keyring } from "../../src/keys/keyring.ts";
import { createSigner, signCompact } from "../../src/keys/signer.ts";

/** What a test says about a token. */
export interface Standing {
  aud: string;
  jkt: string;
  account: string;
  datasets: string[];
  actions?: string[];
}

/** Relais as its peers see it: published keys, signed introspection, signed requests. No person, no store. */
export interface TinyRelais extends AsyncDisposable {
  issuer: string;
  /** A token that is active until it is deleted here. */
  tokens: Map<string, Standing>;
  token(standing: Standing): string;
  /** Headers of requests under a new token, bound to a key of its own. */
  consentHeaders(standing: Omit<Standing, "jkt">): Promise<Opening["consentHeaders"]>;
  signRequest: Signer["signRequest"];
  /** How often a peer asked about a token. */
  asked: number;
  /** Signs and sends one request of the destination side; `changed` overwrites header fields after signing, null removes. */
  send(request: SentRequest): Promise<Response>;
  /** The last request as it was sent, for a replay. */
  last: { method: string; url: string; headers: [string, string][] };
  manifest(manifest: Manifest): string;
  /** Any document of Relais. */
  sign(type: string, payload: object): string;
  /** Proves Relais as a client at this issuer (RFC 7523). */
  assertion(issuer: string): string;
}

export interface SentRequest {
  method: string;
  url: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  changed?: Record<string, string | null>;
}

export async function startTinyRelais(): Promise<TinyRelais> {
  const folder = await mkdtemp(join(tmpdir(), "tiny-relais-"));
  const keys = await openKeyring(folder, "worker");
  const server = createServer((request, response) => void answer(relais, keys, request, response).catch(() => response.destroy())).listen(
    0,
    "127.0.0.1",
  );
  await once(server, "listening");
  const signer = createSigner(() => keys.current("documents"), { now: () => new Date() });
  const relais: TinyRelais = {
    issuer: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    tokens: new Map(),
    asked: 0,
    last: { method: "", url: "", headers: [] },
    token: (standing) => {
      const token = randomUUID();
      relais.tokens.set(token, standing);
      return token;
    },
    consentHeaders: async (standing) => {
      const { jkt, proof } = await newProofKey();
      const accessToken = relais.token({ ...standing, jkt });
      return async ({ method, url, nonce }) => ({
        authorization: `DPoP ${accessToken}`,
        dpop: await proof({ method, url, nonce, accessToken }),
      });
    },
    signRequest: signer.signRequest,
    send: async ({ method, url, headers = {}, body, changed = {} }) => {
      const digest = body === undefined ? {} : { "content-digest": contentDigest(sha256(body)) };
      const covered = { ...digest, ...headers };
      const signed = await signer.signRequest({ method, url, headers: covered });
      const all = Object.entries({ ...covered, ...signed, ...changed }).filter((pair): pair is [string, string] => pair[1] !== null);
      relais.last = { method, url, headers: all };
      return fetch(url, { ...relais.last, ...(body === undefined ? {} : { body: body as string }) });
    },
    sign: (type, payload) => signCompact(keys.current("documents"), type, payload),
    manifest: (manifest) => signCompact(keys.current("documents"), MANIFEST_TYPE, manifest),
    assertion: (aud) => {
      const iat = Math.floor(Date.now() / 1000);
      return signCompact(keys.current("worker"), "JWT", {
        iss: relais.issuer,
        sub: relais.issuer,
        aud,
        jti: randomUUID(),
        iat,
        exp: iat + 60,
      });
    },
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await rm(folder, { recursive: true });
    },
  };
  return relais;
}

async function answer(relais: TinyRelais, keys: Keyring, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.url === "/.well-known/jwks.json")
    return void response.setHeader("content-type", "application/json").end(JSON.stringify({ keys: await keys.publicKeys() }));
  if (request.url !== "/token/introspection" || request.method !== "POST") return void response.writeHead(404).end();
  relais.asked += 1;
  const form = new URLSearchParams(await text(request));
  const aud = await clientOf(relais.issuer, form);
  if (aud === null) return void response.writeHead(401).end();
  const iat = Math.floor(Date.now() / 1000);
  const token_introspection = standingOf(relais.tokens.get(String(form.get("token"))), iat);
  response
    .setHeader("content-type", "application/token-introspection+jwt")
    .end(signCompact(keys.current("worker"), "token-introspection+jwt", { iss: relais.issuer, aud, iat, token_introspection }));
}

/** The client proves itself with a key that it publishes in its entity configuration (RFC 7523). */
async function clientOf(issuer: string, form: URLSearchParams): Promise<string | null> {
  const id = String(form.get("client_id"));
  const statement = await (await fetch(`${id}/.well-known/openid-federation`)).text();
  const { metadata } = JSON.parse(Buffer.from(statement.split(".")[1] ?? "", "base64url").toString()) as {
    metadata: { oauth_client: { jwks: JSONWebKeySet } };
  };
  const keys = createLocalJWKSet(metadata.oauth_client.jwks);
  return jwtVerify(String(form.get("client_assertion")), keys, { issuer: id, subject: id, audience: issuer }).then(
    () => id,
    () => null,
  );
}

function standingOf(standing: Standing | undefined, iat: number): object {
  if (standing === undefined) return { active: false };
  const { aud, jkt, account, datasets, actions = ["copy"] } = standing;
  return {
    active: true,
    aud,
    cnf: { jkt },
    exp: iat + 300,
    account,
    authorization_details: [{ type: "self_data_transfer", actions, locations: [aud], datasets }],
  };
}
