import { createHash, createPrivateKey, randomUUID, sign, type KeyObject } from "node:crypto";
import { exportJWK } from "jose";
import { Pool } from "undici";
import type { TestKey } from "../support/register-fixtures.ts";
import { abreast } from "./measure.ts";

/** A client with its keys, of which many requests are signed before any is sent. */
export interface SigningClient {
  id: string;
  kid: string;
  key: KeyObject;
  /** Public half, as a proof names it. */
  jwk: object;
}

export async function signingClient(id: string, { kid, privateKey }: TestKey): Promise<SigningClient> {
  const { d, ...jwk } = await exportJWK(privateKey);
  return { id, kid, key: createPrivateKey({ key: { ...jwk, d } as never, format: "jwk" }), jwk };
}

function jwsOf({ key }: SigningClient, header: object, payload: object): string {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
  const input = `${encode({ alg: "ES256", ...header })}.${encode(payload)}`;
  return `${input}.${sign("sha256", Buffer.from(input), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
}

/** RFC 7523. */
export function authentication(client: SigningClient, issuer: string): Record<string, string> {
  const iat = Math.floor(Date.now() / 1000);
  const claims = { iss: client.id, sub: client.id, aud: issuer, jti: randomUUID(), iat, exp: iat + 600 };
  return {
    client_id: client.id,
    client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    client_assertion: jwsOf(client, { kid: client.kid, typ: "JWT" }, claims),
  };
}

/** RFC 9449. */
export function proofOf(
  client: SigningClient,
  request: { method: string; url: string; nonce?: string | undefined; token?: string },
): string {
  const { method: htm, url: htu, nonce, token } = request;
  const iat = Math.floor(Date.now() / 1000);
  const ath = token === undefined ? {} : { ath: createHash("sha256").update(token).digest("base64url") };
  const claims = { htm, htu, jti: randomUUID(), iat, ...(nonce === undefined ? {} : { nonce }), ...ath };
  return jwsOf(client, { typ: "dpop+jwt", jwk: client.jwk }, claims);
}

export interface Prepared {
  method: "GET" | "POST";
  path: string;
  headers: Record<string, string>;
  body?: string;
}

export function formRequest(path: string, form: Record<string, string>, headers: Record<string, string> = {}): Prepared {
  const body = new URLSearchParams(form).toString();
  return { method: "POST", path, headers: { "content-type": "application/x-www-form-urlencoded", ...headers }, body };
}

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

/** A way to one server that keeps its connections. */
export interface Line extends AsyncDisposable {
  send(request: Prepared): Promise<Answer>;
  /** Answers per second of all of these, `width` at once; each must be as `isGood` says. */
  rate(requests: Prepared[], width: number, isGood: (answer: Answer) => boolean): Promise<number>;
}

export function lineTo(origin: string, connections: number): Line {
  const pool = new Pool(origin, { connections, pipelining: 1 });
  const send = async (request: Prepared): Promise<Answer> => {
    const { statusCode, headers, body } = await pool.request(request);
    return { status: statusCode, headers, text: await body.text() };
  };
  return {
    send,
    rate: async (requests, width, isGood) => {
      const begun = performance.now();
      await abreast(requests.length, width, async (index) => {
        const answer = await send(requests[index] as Prepared);
        if (!isGood(answer)) throw new Error(`answered ${answer.status}: ${answer.text.slice(0, 300)}`);
      });
      return requests.length / ((performance.now() - begun) / 1000);
    },
    [Symbol.asyncDispose]: () => pool.close(),
  };
}
