import { type Configuration, type DPoPHandle, fetchProtectedResource, refreshTokenGrant, type TokenEndpointResponse } from "openid-client";
import { RelaisError } from "../core/errors.ts";
import { STATES, type TransferState } from "../core/transfer/transfer.ts";
import type { KeptKey } from "./proof-key.ts";
import { answerOf, asRefusal } from "./refusals.ts";

/** A transfer as Relais tells it to the platform that asked for it. */
export interface ToldTransfer {
  id: string;
  state: TransferState;
  /** Who can mend what stopped it; null where nothing did. */
  actor: string | null;
  datasets: { dataset: string; consented: number; sent: number; stored: number; verified: number; omitted: number }[];
}

/** What you keep of a grant, as JSON. It holds tokens and their key: keep it like a password. */
export interface KeptGrant {
  consent: string;
  datasets: string[];
  grantId: string | null;
  tokens: Tokens;
  proofKey: KeptKey;
}

/** What a person allowed: one consent, and the tokens that carry it. Every method throws a RelaisError that tells who can mend it. */
export interface Grant {
  /** Id of the consent. */
  readonly consent: string;
  /** What the person allowed of what was asked. */
  readonly datasets: readonly string[];
  /** Its name for grant management; null where Relais gives none. */
  readonly grantId: string | null;
  /** As it is now: keep it anew after each call, for a token that was renewed in it. */
  kept(): KeptGrant;
  /** Asks for the delivery. The same key again gives the same transfer. */
  requestTransfer(idempotencyKey: string): Promise<ToldTransfer>;
  readTransfer(id: string): Promise<ToldTransfer>;
}

export interface Connection {
  configuration: Configuration;
  /** Holds the key that the tokens are bound to, and the nonces of Relais (RFC 9449 §8). */
  DPoP: DPoPHandle;
  /** The API that the token is for (RFC 8707). */
  resource: string;
  proofKey: KeptKey;
}

interface Tokens {
  access: string;
  refresh: string | null;
  /** Milliseconds since 1970. */
  until: number;
}

const EARLY_MILLISECONDS = 30_000;

export function grantOf(connection: Connection, given: KeptGrant): Grant {
  let kept = given;
  const call = async (
    method: "GET" | "POST",
    path: string,
    body: object | null,
    headers: Record<string, string>,
  ): Promise<ToldTransfer> => {
    kept = { ...kept, tokens: await fresh(connection, kept.tokens) };
    const { configuration, DPoP, resource } = connection;
    const url = new URL(resource + path);
    const sent = new Headers({ accept: "application/json", ...(body ? { "content-type": "application/json" } : {}), ...headers });
    const text = body && JSON.stringify(body);
    return toldIn(await answerOf(await fetchProtectedResource(configuration, kept.tokens.access, url, method, text, sent, { DPoP })));
  };
  const { consent, datasets, grantId } = given;
  return {
    consent,
    datasets,
    grantId,
    kept: () => kept,
    requestTransfer: (key) => call("POST", "/transfers", { consent }, { "idempotency-key": `"${key}"` }).catch(asRefusal),
    readTransfer: (id) => call("GET", `/transfers/${encodeURIComponent(id)}`, null, {}).catch(asRefusal),
  };
}

/** What a token answer gives. @throws RelaisError `peer_protocol` where it names no consent. */
export function keptGrant(answer: TokenEndpointResponse, { proofKey }: Connection): KeptGrant {
  const detail: Record<string, unknown> = answer.authorization_details?.[0] ?? {};
  const { consent, datasets } = detail;
  if (typeof consent !== "string" || !isTexts(datasets))
    throw new RelaisError("peer_protocol", "The token of Relais names no consent.", { actor: "operator" });
  const grantId = answer["grant_id"];
  return { consent, datasets, grantId: typeof grantId === "string" ? grantId : null, tokens: tokensIn(answer), proofKey };
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}

function tokensIn({ access_token: access, refresh_token: refresh, expires_in: seconds }: TokenEndpointResponse, before?: Tokens): Tokens {
  return { access, refresh: refresh ?? before?.refresh ?? null, until: Date.now() + (seconds ?? 0) * 1000 };
}

async function fresh({ configuration, DPoP }: Connection, tokens: Tokens): Promise<Tokens> {
  if (tokens.refresh === null || tokens.until - EARLY_MILLISECONDS > Date.now()) return tokens;
  return tokensIn(await refreshTokenGrant(configuration, tokens.refresh, undefined, { DPoP }), tokens);
}

function toldIn(value: Record<string, unknown>): ToldTransfer {
  const { id, state, datasets } = value;
  const isKnown = typeof id === "string" && STATES.some((known) => known === state) && Array.isArray(datasets);
  if (!isKnown)
    throw new RelaisError("peer_protocol", "Relais tells of the transfer in words that are not understood here.", { actor: "operator" });
  return value as unknown as ToldTransfer;
}
