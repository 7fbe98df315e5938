import { createPublicKey, verify } from "node:crypto";
import type { Request } from "express";
import { isSignatureError, verifySignature, type VerifiedSignature } from "http-message-sig";
import { RelaisError } from "../../core/errors.ts";
import type { Relais } from "../peer/relais.ts";

const ALGORITHM = "ecdsa-p256-sha256";
const TAG = "self-data-transfer";
const LONGEST_SECONDS = 300;
const SKEW_SECONDS = 30;
/** Covered wherever they are there. */
const WHEN_PRESENT = ["content-digest", "content-type", "idempotency-key"];

interface Settings {
  entityId: string;
  relais: Relais;
  /** True for exactly one call with this nonce until `until`: it survives a restart. */
  useNonce: (nonce: string, until: Date) => boolean;
}

export type SignatureGuard = (request: Request) => Promise<void>;

/** Lets only requests of Relais pass, each once (RFC 9421; docs/self-data-transfer.md, destination side). */
export function signatureGuard({ entityId, relais, useNonce }: Settings): SignatureGuard {
  return async (request) => {
    const signature = await verified(request, entityId, relais);
    const { expires, nonce } = signature.parameters;
    if (!useNonce(String(nonce), new Date((Number(expires) + SKEW_SECONDS) * 1000))) throw refused("was used before");
    if (hasBody(request) && request.get("content-digest") === undefined) throw refused("covers no Content-Digest of the body");
  };
}

async function verified(request: Request, entityId: string, relais: Relais): Promise<VerifiedSignature> {
  const fields = Object.entries(request.headersDistinct).flatMap(([name, values]) => (values ?? []).map((value) => ({ name, value })));
  const message = { kind: "request", method: request.method, targetUri: entityId + request.originalUrl, fields } as const;
  try {
    return await verifySignature(message, {
      label: "relais",
      policy: {
        algorithms: [ALGORITHM],
        requiredComponents: ["@method", "@target-uri", ...WHEN_PRESENT.filter((name) => request.headers[name] !== undefined)],
        requiredParameters: ["created", "expires", "keyid", "alg", "nonce", "tag"],
        maxAge: LONGEST_SECONDS,
        clockSkew: SKEW_SECONDS,
        validate: ({ parameters }) => parameters.tag === TAG && Number(parameters.expires) - Number(parameters.created) <= LONGEST_SECONDS,
      },
      resolveVerifier: async ({ parameters }) => verifierOf(await relais.key(String(parameters.keyid))),
    });
  } catch (error) {
    throw reasonOf(error);
  }
}

function verifierOf(jwk: object): { algorithm: string; verify: (data: Uint8Array, signature: Uint8Array) => boolean } {
  const key = createPublicKey({ key: jwk as never, format: "jwk" });
  return { algorithm: ALGORITHM, verify: (data, signature) => verify("sha256", data, { key, dsaEncoding: "ieee-p1363" }, signature) };
}

/** That Relais cannot be asked for its keys is not the signature's flaw. */
function reasonOf(error: unknown): RelaisError {
  const cause = isSignatureError(error) ? error.cause : error;
  if (cause instanceof RelaisError) return cause;
  return refused("is missing, over, or not by Relais", error);
}

function refused(flaw: string, cause?: unknown): RelaisError {
  return new RelaisError("unauthenticated", `The signature of the request ${flaw}. Relais signs each request anew.`, { cause });
}

function hasBody(request: Request): boolean {
  return request.headers["transfer-encoding"] !== undefined || Number(request.headers["content-length"] ?? 0) > 0;
}
