import { Readable } from "node:stream";
import { decodeJwt } from "jose";
import { type Manifest, RECEIPT_TYPE, sha256 } from "../../core/transfer/manifest.ts";
import type { OwnKey } from "../peer/own-keys.ts";
import type { Intake } from "./intake.ts";
import type { SignatureGuard } from "./signatures.ts";

/** What a platform can do wrong on purpose: each makes known checks fail, so that those who write checks see them fail. */
export const FAULTS = [
  "trusts-everybody",
  "accepts-replay",
  "stores-other-bytes",
  "lies-in-receipt",
  "ignores-stop",
  "hides-contact",
] as const;
export type Fault = (typeof FAULTS)[number];

interface Parts {
  intake: Intake;
  guard: SignatureGuard;
  useNonce: (nonce: string, until: Date) => boolean;
}

/** Whether a nonce counts once. */
export function nonceRule(faults: readonly Fault[], useNonce: Parts["useNonce"]): Parts["useNonce"] {
  return faults.includes("accepts-replay") ? () => true : useNonce;
}

/** The good platform, with its faults in front. */
export function withFaults(
  faults: readonly Fault[],
  { intake, guard, key }: Pick<Parts, "intake" | "guard"> & { key: OwnKey },
): Pick<Parts, "intake" | "guard"> {
  return {
    guard: faults.includes("trusts-everybody") ? async () => undefined : guard,
    intake: {
      ...intake,
      ...(faults.includes("stores-other-bytes") ? { put: (sent, body) => putOther(intake, sent, body) } : {}),
      ...(faults.includes("lies-in-receipt") ? { complete: (transfer, jws) => lie(intake, key, transfer, jws) } : {}),
      ...(faults.includes("ignores-stop") ? { stop: () => undefined } : {}),
    },
  };
}

const OTHER = Buffer.from("something else");

async function putOther(intake: Intake, sent: Parameters<Intake["put"]>[0], body: Readable): Promise<boolean> {
  body.resume();
  return intake.put({ ...sent, bytes: OTHER.length, sha256: sha256(OTHER) }, Readable.from([OTHER]));
}

/** Says of every item that it is there, as the manifest lists it. */
async function lie(intake: Intake, key: OwnKey, transfer: string, jws: string): Promise<string> {
  const truth = decodeJwt(await intake.complete(transfer, jws));
  const { items } = decodeJwt(jws) as unknown as Manifest;
  return key.sign(RECEIPT_TYPE, {
    ...truth,
    items: items.map(({ dataset, key: name, bytes, "sha-256": digest }) => ({ dataset, key: name, bytes, "sha-256": digest })),
  });
}
