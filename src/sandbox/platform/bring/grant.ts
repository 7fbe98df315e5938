import { type Configuration, type DPoPHandle, fetchProtectedResource, refreshTokenGrant, type TokenEndpointResponse } from "openid-client";
import { RelaisError } from "../../../core/errors.ts";
import { STATES, type TransferState } from "../../../core/transfer/transfer.ts";
import { answerOf, asRefusal } from "./refusals.ts";

/** A transfer as Relais tells it to the platform that asked for it. */
export interface ToldTransfer {
  id: string;
  state: TransferState;
  /** Who can mend what stopped it; null where nothing did. */
  actor: string | null;
  datasets: { dataset: string; consented: number; sent: number; stored: number; verified: number; omitted: number }[];
}

/** What a person allowed: one consent, and the token that carries it. Every method throws a RelaisError that tells who can mend it. */
export interface Grant {
  /** Asks for the delivery. The same key again gives the same transfer. */
  requestTransfer(idempotencyKey: string): Promise<ToldTransfer>;
  readTransfer(id: string): Promise<ToldTransfer>;
}

interface Connection {
  configuration: Configuration;
  /** Holds the key that the tokens are bound to, and the nonces of Relais (RFC 9449 §8). */
  DPoP: DPoPHandle;
  /** The API that the token is for (RFC 8707). */
  resource: string;
}

interface Tokens {
  access: string;
  refresh: string | null;
  until: number;
}

const EARLY_MILLISECONDS = 30_000;

/** @throws RelaisError `peer_protocol` where the answer names no consent. */
export function grantOf(connection: Connection, answer: TokenEndpointResponse): Grant {
  const consent = answer.authorization_details?.[0]?.["consent"];
  if (typeof consent !== "string") throw new RelaisError("peer_protocol", "The token of Relais names no consent.", { actor: "operator" });
  let tokens = tokensIn(answer);
  const call = async (
    method: "GET" | "POST",
    path: string,
    body: object | null,
    headers: Record<string, string>,
  ): Promise<ToldTransfer> => {
    tokens = await fresh(connection, tokens);
    const { configuration, DPoP, resource } = connection;
    const sent = new Headers({ accept: "application/json", ...(body ? { "content-type": "application/json" } : {}), ...headers });
    return toldIn(
      await answerOf(
        await fetchProtectedResource(configuration, tokens.access, new URL(resource + path), method, body && JSON.stringify(body), sent, {
          DPoP,
        }),
      ),
    );
  };
  return {
    requestTransfer: (key) => call("POST", "/transfers", { consent }, { "idempotency-key": `"${key}"` }).catch(asRefusal),
    readTransfer: (id) => call("GET", `/transfers/${encodeURIComponent(id)}`, null, {}).catch(asRefusal),
  };
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
