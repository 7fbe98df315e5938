import { generateKeyPairSync, sign, verify } from "node:crypto";
import { newId } from "../../src/core/ids.ts";
import { RECEIPT_TYPE, sha256, type Receipt } from "../../src/core/transfer/manifest.ts";
import type { OwnKey } from "../../src/keys/keyring.ts";
import { signCompact } from "../../src/keys/signer.ts";
import { createVerifier } from "../../src/keys/verifier.ts";
import { figure, median, ratio, timed, type Measure } from "./measure.ts";

const RECEIPTS = 3000;

/** A receipt of one item, made and checked as a platform and Relais do; beside it, the two bare operations on bytes of the same length. */
export async function receipts(rounds: number, say: (line: string) => void): Promise<Measure[]> {
  const bare = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const jwk = (half: "publicKey" | "privateKey") => ({
    ...bare[half].export({ format: "jwk" }),
    kty: "EC",
    kid: "bench",
    use: "sig",
    alg: "ES256",
  });
  const key = {
    kid: "bench",
    privateKey: bare.privateKey,
    publicJwk: jwk("publicKey"),
    privateJwk: jwk("privateKey"),
  } as unknown as OwnKey;
  const { verifyReceipt } = createVerifier();
  const receipt = receiptOf();
  const bytes = Buffer.from(signCompact(key, RECEIPT_TYPE, receipt));
  const results: { ours: number; bare: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    const ours = await timed(async () => {
      for (let made = 0; made < RECEIPTS; made++) await verifyReceipt(signCompact(key, RECEIPT_TYPE, receipt), [key.publicJwk]);
    });
    const alone = await timed(async () => {
      for (let made = 0; made < RECEIPTS; made++)
        if (!verify("sha256", bytes, bare.publicKey, sign("sha256", bytes, bare.privateKey))) throw new Error("no signature");
    });
    say(`receipts, round ${round + 1}: ${(RECEIPTS / ours).toFixed(0)} receipts/s, ${(RECEIPTS / alone).toFixed(0)} bare`);
    results.push({ ours: RECEIPTS / ours, bare: RECEIPTS / alone });
  }
  return [
    figure("receipts made and verified, one after the other", median(results.map((one) => one.ours)), "receipts/s"),
    figure("node:crypto sign and verify of as many bytes", median(results.map((one) => one.bare)), "pairs/s"),
    ratio(
      "receipts / bare",
      median(results.map((one) => one.ours / one.bare)),
      0.25,
      0.5,
      "JSON, the form of each member, and the key of the platform",
    ),
  ];
}

function receiptOf(): Receipt {
  return {
    iss: "https://platform.example",
    iat: Math.floor(Date.now() / 1000),
    transfer: newId("transfer"),
    consent: newId("consent"),
    source: "https://holder.example",
    destination: "https://platform.example",
    manifest: sha256("manifest"),
    observed: false,
    items: [{ dataset: "energy.consumption.daily", key: "2026-11", bytes: 1024, "sha-256": sha256("item") }],
    omissions: [],
  };
}
