import { createHash, createPrivateKey, createPublicKey, randomUUID, type JsonWebKey } from "node:crypto";
import { readFile } from "node:fs/promises";
import { Readable } from "node:stream";
import {
  allowInsecureRequests,
  clientCredentialsGrant,
  type Configuration,
  discovery,
  fetchProtectedResource,
  getDPoPHandle,
  PrivateKeyJwt,
  randomDPoPKeyPair,
  ResponseBodyError,
  type DPoPHandle,
} from "openid-client";
import { UsageError } from "./usage-error.ts";

/** Relais refused: its own words, and what it says of who can mend it. */
export class Refused extends Error {
  override readonly name = "Refused";
  readonly status: number;
  readonly code: string;

  constructor(status: number, problem: { detail?: string; title?: string; code?: string; actor?: string; support_id?: string }) {
    const who = problem.actor
      ? ` (${problem.code}; can be mended by: ${problem.actor}${problem.support_id ? `; support id ${problem.support_id}` : ""})`
      : "";
    super(`${problem.detail ?? problem.title ?? `Relais answers ${status}.`}${who}`);
    this.status = status;
    this.code = problem.code ?? "";
  }
}

interface File {
  bytes: Uint8Array;
  query: Record<string, string>;
}

/** The register's API in the name of one key. */
export interface RegisterClient {
  get<T>(path: string): Promise<T>;
  /** `version`: what the change was decided on (`If-Match`). */
  send<T>(method: "POST" | "PUT" | "PATCH" | "DELETE", path: string, body?: object, version?: string): Promise<T>;
  upload<T>(path: string, file: File): Promise<T>;
  download(path: string): Promise<{ bytes: Uint8Array; headers: Headers }>;
}

const DEADLINE_SECONDS = 30;

/** Proves itself by private_key_jwt and binds its token to a key of its own (RFC 7523, RFC 9449). */
export async function registerClient({
  relais,
  clientId,
  keyFile,
}: {
  relais: string;
  clientId: string;
  keyFile: string;
}): Promise<RegisterClient> {
  const configuration = await discovery(new URL(relais), clientId, undefined, PrivateKeyJwt(await openKey(keyFile)), {
    algorithm: "oauth2",
    timeout: DEADLINE_SECONDS,
    execute: relais.startsWith("http:") ? [allowInsecureRequests] : [],
  });
  const DPoP = getDPoPHandle(configuration, await randomDPoPKeyPair("ES256"));
  const { access_token: token } = await clientCredentialsGrant(
    configuration,
    { scope: "register", resource: `${relais}/v1` },
    { DPoP },
  ).catch(refusalOf(clientId));
  return clientOf({ relais, configuration, token, DPoP });
}

/** The authorization server knows no such client, or not this key. It says no more to anybody. */
function refusalOf(clientId: string): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof ResponseBodyError)) throw error;
    const detail = `Relais gives ${clientId} no access with this key (${error.error}). Is the name right, and is the key one that it publishes, or that its office was given?`;
    throw new Refused(error.status, { detail });
  };
}

interface Session {
  relais: string;
  configuration: Configuration;
  token: string;
  DPoP: DPoPHandle;
}

function clientOf({ relais, configuration, token, DPoP }: Session): RegisterClient {
  const call = async (
    method: string,
    path: string,
    body?: string | Uint8Array,
    headers: Record<string, string> = {},
  ): Promise<Response> => {
    const sent = body as Parameters<typeof fetchProtectedResource>[4];
    const answer = await fetchProtectedResource(configuration, token, new URL(`${relais}${path}`), method, sent, new Headers(headers), {
      DPoP,
    });
    return checked(answer);
  };
  const json = { "content-type": "application/json" };
  return {
    get: async <T>(path: string) => (await call("GET", path)).json() as T,
    send: async <T>(method: string, path: string, body?: object, version?: string) => {
      const condition: Record<string, string> = {
        ...(version === undefined ? {} : { "if-match": `"${version}"` }),
        ...(method === "POST" ? { "idempotency-key": `"${randomUUID()}"` } : {}),
      };
      const answer = await (body === undefined
        ? call(method, path, undefined, condition)
        : call(method, path, JSON.stringify(body), { ...json, ...condition }));
      return (answer.status === 204 ? undefined : await answer.json()) as T;
    },
    upload: async <T>(path: string, { bytes, query }: File) => {
      const digest = createHash("sha256").update(bytes).digest("base64");
      const headers = { "content-type": "application/octet-stream", "content-digest": `sha-256=:${digest}:` };
      return (await call("POST", `${path}?${new URLSearchParams(query)}`, bytes, headers)).json() as T;
    },
    download: async (path) => {
      const answer = await call("GET", path);
      return { bytes: new Uint8Array(await answer.arrayBuffer()), headers: answer.headers };
    },
  };
}

/** What anybody may read, and joining. */
export async function publicCall<T>(relais: string, path: string, body?: object): Promise<T> {
  const init = body === undefined ? {} : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const answer = await ask(relais, path, { ...init, signal: AbortSignal.timeout(DEADLINE_SECONDS * 1000) });
  return answer.json() as T;
}

/** What anybody may download, as it comes: it may take longer than an answer does. */
export async function publicDownload(relais: string, path: string): Promise<AsyncIterable<Uint8Array>> {
  const { body } = await ask(relais, path, {});
  return body ?? Readable.from([]);
}

async function ask(relais: string, path: string, init: RequestInit): Promise<Response> {
  const answer = await fetch(`${relais}${path}`, { ...init, redirect: "error" }).catch((cause: unknown) => {
    throw new Error(`${relais} does not answer. Is it the address of a Relais that runs?`, { cause });
  });
  return checked(answer);
}

async function checked(answer: Response): Promise<Response> {
  if (answer.ok) return answer;
  const text = await answer.text();
  throw new Refused(answer.status, readProblem(text));
}

function readProblem(text: string): object {
  try {
    return JSON.parse(text) as object;
  } catch {
    return {};
  }
}

/** A private key as PEM (PKCS #8) or JWK. Its `kid` is its RFC 7638 thumbprint, as it is published. */
async function openKey(file: string): Promise<{ key: CryptoKey; kid: string }> {
  const text = await readFile(file, "utf8").catch(() => {
    throw new UsageError(`--key: the file ${file} cannot be read.`);
  });
  try {
    const privateKey = text.trimStart().startsWith("{")
      ? createPrivateKey({ key: JSON.parse(text) as JsonWebKey, format: "jwk" })
      : createPrivateKey(text);
    const jwk = createPublicKey(privateKey).export({ format: "jwk" });
    const key = await crypto.subtle.importKey("jwk", privateKey.export({ format: "jwk" }), { name: "ECDSA", namedCurve: "P-256" }, false, [
      "sign",
    ]);
    return { key, kid: thumbprint(jwk) };
  } catch (cause) {
    throw new UsageError(`--key: ${file} holds no private key of the curve P-256, as PEM (PKCS #8) or JWK.`, { cause });
  }
}

function thumbprint({ crv, kty, x, y }: JsonWebKey): string {
  return createHash("sha256").update(JSON.stringify({ crv, kty, x, y })).digest("base64url");
}
