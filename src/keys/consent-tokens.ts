import { randomUUID } from "node:crypto";
import { z } from "zod";
import type { TestToken } from "../core/conformance/probing.ts";
import { RelaisError, type ErrorCode } from "../core/errors.ts";
import type { ConsentTokens, TokenHolder } from "../core/ports.ts";
import type { Participant } from "../core/register/participant.ts";
import type { Fetch, OutboundResponse } from "../core/transfer/adapter.ts";
import { newProofKey, type ProofKey } from "./dpop.ts";
import type { OwnKey } from "./keyring.ts";
import { signCompact } from "./signer.ts";

export const CONSENT_GRANT = "urn:relais:params:oauth:grant-type:consent";
export const PROBE_GRANT = "urn:relais:params:oauth:grant-type:probe";
const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/** A token is renewed this long before its end, so that none ends on its way. */
const RENEW_BEFORE_SECONDS = 30;
const ASSERTION_SECONDS = 60;

interface Settings {
  issuer: string;
  /** The worker's key of now. */
  key: () => OwnKey;
  /** Reaches the authorization server only. */
  fetch: Fetch;
}

/** The worker as a client (`{issuer}/worker`, private_key_jwt, DPoP): each opening has a DPoP key of its own. */
export function createConsentTokens(settings: Settings): ConsentTokens {
  const nonce: Nonce = { last: undefined };
  return {
    open: async (consent, source) => {
      const asked = { grant_type: CONSENT_GRANT, consent: consent.id, resource: source.entityId };
      return tokenHolder(settings, { asked, proofKey: await newProofKey(), nonce });
    },
  };
}

/** A token for a participant's test account, during one look (`PROBE_GRANT`). */
export interface ProbeToken extends TokenHolder {
  /** Ends the token: from now on it is not active. */
  end(): Promise<void>;
}

export async function openProbeToken(
  settings: Settings,
  look: { runId: string; participant: Pick<Participant, "entityId">; datasets: string[]; actions: string[] },
): Promise<ProbeToken> {
  const { runId: run, participant, datasets, actions } = look;
  const asked = { grant_type: PROBE_GRANT, run, resource: participant.entityId, datasets: datasets.join(" "), actions: actions.join(" ") };
  const holding: Holding = { asked, proofKey: await newProofKey(), nonce: { last: undefined } };
  const first = await requestToken(settings, holding);
  return { ...tokenHolder(settings, holding, Promise.resolve(first)), end: () => revoke(settings, first.value) };
}

export function testTokenOf({ consentHeaders, end }: ProbeToken): TestToken {
  return { headers: consentHeaders, end };
}

interface Holding {
  /** Parameters of the grant. */
  asked: Record<string, string>;
  proofKey: ProofKey;
  nonce: Nonce;
}

/** What the authorization server last gave to prove with (RFC 9449 §8.2): for any key, until it gives another one. */
interface Nonce {
  last: string | undefined;
}

/** RFC 7009. */
async function revoke(settings: Settings, token: string): Promise<void> {
  const answer = await settings.fetch({
    method: "POST",
    url: `${settings.issuer}/token/revocation`,
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({ token, ...authenticationOf(settings) }).toString(),
  });
  if (answer.status !== 200) throw errorFrom(await refusalOf(answer));
  await answer.drop();
}

interface Token {
  value: string;
  renewAt: number;
}

function tokenHolder(settings: Settings, holding: Holding, first: Promise<Token> | null = null): TokenHolder {
  let held = first;
  const token = async (renew: boolean): Promise<Token> => {
    const present = renew ? null : await held?.catch(() => null);
    if (present && present.renewAt > Date.now()) return present;
    held = requestToken(settings, holding);
    return held;
  };
  return {
    dpopProof: holding.proofKey.proof,
    consentHeaders: async ({ method, url, nonce, renew }) => {
      const { value } = await token(renew ?? false);
      return { authorization: `DPoP ${value}`, dpop: await holding.proofKey.proof({ method, url, nonce, accessToken: value }) };
    },
  };
}

const success = z.object({ access_token: z.string(), token_type: z.literal("DPoP"), expires_in: z.number().positive() });

async function requestToken(settings: Settings, holding: Holding): Promise<Token> {
  let answer = await post(settings, holding);
  if (answer.status === 400 && answer.headers["dpop-nonce"] !== undefined) {
    const refusal = await refusalOf(answer);
    if (refusal.error !== "use_dpop_nonce") throw errorFrom(refusal);
    answer = await post(settings, holding);
  }
  if (answer.status !== 200) throw errorFrom(await refusalOf(answer));
  const token = success.parse(JSON.parse(await answer.text()));
  return { value: token.access_token, renewAt: Date.now() + (token.expires_in - RENEW_BEFORE_SECONDS) * 1000 };
}

async function post(settings: Settings, { asked, proofKey, nonce }: Holding): Promise<OutboundResponse> {
  const url = `${settings.issuer}/token`;
  const body = new URLSearchParams({ ...asked, ...authenticationOf(settings) });
  const headers = {
    "content-type": "application/x-www-form-urlencoded",
    accept: "application/json",
    dpop: await proofKey.proof({ method: "POST", url, nonce: nonce.last }),
  };
  const answer = await settings.fetch({ method: "POST", url, headers, body: body.toString() });
  nonce.last = answer.headers["dpop-nonce"] ?? nonce.last;
  return answer;
}

function authenticationOf(settings: Settings): Record<string, string> {
  return {
    client_id: `${settings.issuer}/worker`,
    client_assertion_type: ASSERTION_TYPE,
    client_assertion: clientAssertion(settings),
  };
}

/** RFC 7523 §3, with the issuer as the one audience (FAPI 2.0 §5.3.3.1). */
function clientAssertion({ issuer, key }: Settings): string {
  const iat = Math.floor(Date.now() / 1000);
  const client = `${issuer}/worker`;
  return signCompact(key(), "JWT", { iss: client, sub: client, aud: issuer, jti: randomUUID(), iat, exp: iat + ASSERTION_SECONDS });
}

interface Refusal {
  error: string;
  description: string;
  status: number;
}

async function refusalOf(answer: OutboundResponse): Promise<Refusal> {
  const text = await answer.text();
  const parsed = z.object({ error: z.string(), error_description: z.string().optional() }).safeParse(parseJson(text));
  return { status: answer.status, error: parsed.data?.error ?? "", description: parsed.data?.error_description ?? "" };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Errors of the consent grant that say the right is gone; the authorization server names them by our own codes. */
const RIGHTS: readonly string[] = [
  "consent_ended",
  "consent_missing",
  "not_accredited",
  "condition_unmet",
  "assurance_too_low",
] satisfies ErrorCode[];

function errorFrom({ error, description, status }: Refusal): RelaisError {
  if (RIGHTS.includes(error)) return new RelaisError(error as ErrorCode, description);
  const details = { error, status };
  if (status >= 500 || status === 429)
    return new RelaisError("unavailable", "The authorization server does not answer well. It is tried again.", { details });
  return new RelaisError("internal", "The worker got no consent token. The operator can find the reason by the support id.", { details });
}
