import { randomUUID, sign } from "node:crypto";
import { promisify } from "node:util";
import { createSignature } from "http-message-sig";
import { rawOf } from "../core/ecdsa-signature.ts";
import type { Clock, Signer } from "../core/ports.ts";
import type { OwnKey } from "./keyring.ts";

const REQUEST_SECONDS = 300;
/** Fields that are covered when they are there (docs/self-data-transfer.md, destination side). */
const COVERED = ["content-digest", "content-type", "idempotency-key"];

/** Compact JWS (RFC 7515), ES256, with `typ` and `kid`. By node:crypto: at volume it signs twice as fast as jose. */
export function signCompact(key: OwnKey, type: string, payload: object): string {
  const input = signingInput(key, type, payload);
  return `${input}.${es256(key, Buffer.from(input)).toString("base64url")}`;
}

function signingInput({ kid }: OwnKey, type: string, payload: object): string {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
  return `${encode({ alg: "ES256", kid, typ: type })}.${encode(payload)}`;
}

/**
 * Signs documents alone, with the key that is current at each call, and says which one that is. On another thread: it is for servers, whose own has
 * requests to answer meanwhile.
 */
export function documentSigner(current: () => OwnKey): Pick<Signer, "signDocument"> & { keyId(): string } {
  const signDocument: Signer["signDocument"] = async (type, payload) => {
    const key = current();
    const input = signingInput(key, type, payload);
    const signature = rawOf(await signElsewhere("sha256", Buffer.from(input), key.privateKey));
    return `${input}.${Buffer.from(signature).toString("base64url")}`;
  };
  return { signDocument, keyId: () => current().kid };
}

const signElsewhere = promisify(sign);

/** Signs with the key that is current at each call, so that a rotation needs no restart. */
export function createSigner(current: () => OwnKey, clock: Pick<Clock, "now">): Signer {
  return {
    signDocument: async (type, payload) => signCompact(current(), type, payload),
    signRequest: (request) => signRequest(current(), clock, request),
  };
}

/** RFC 9421, label `relais`, as docs/self-data-transfer.md says. Returns the two fields to add. */
async function signRequest(
  key: OwnKey,
  clock: Pick<Clock, "now">,
  request: Parameters<Signer["signRequest"]>[0],
): Promise<Record<string, string>> {
  const fields = Object.entries(request.headers).map(([name, value]) => ({ name: name.toLowerCase(), value }));
  const created = Math.floor(clock.now().getTime() / 1000);
  const signed = await createSignature(
    { kind: "request", method: request.method, targetUri: request.url, fields },
    {
      label: "relais",
      components: ["@method", "@target-uri", ...COVERED.filter((name) => fields.some((field) => field.name === name))],
      parameters: {
        created,
        expires: created + REQUEST_SECONDS,
        keyid: key.kid,
        alg: "ecdsa-p256-sha256",
        nonce: randomUUID(),
        tag: "self-data-transfer",
      },
      signer: { algorithm: "ecdsa-p256-sha256", sign: (base) => es256(key, base) },
    },
  );
  return { "signature-input": signed.signatureInput, signature: signed.signature };
}

function es256(key: OwnKey, data: Uint8Array): Buffer {
  return Buffer.from(rawOf(sign("sha256", data, key.privateKey)));
}

/** For requests that are over before they are sent, as probes send them. */
export function anHourAgo(clock: Pick<Clock, "now">): Pick<Clock, "now"> {
  return { now: () => new Date(clock.now().getTime() - 3_600_000) };
}
