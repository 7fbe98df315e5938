import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { CompactSign, exportJWK, generateKeyPair, type JWK } from "jose";
import { UsageError } from "../../src/cli/usage-error.ts";
import { verify } from "../../src/cli/verify.ts";
import { newId } from "../../src/core/ids.ts";
import { MANIFEST_TYPE, RECEIPT_TYPE, sha256, type Manifest, type Receipt } from "../../src/core/transfer/manifest.ts";

const RELAIS = "https://relais.test";
const PLATFORM = "https://platform.test";
const COMMAND = new URL("../../src/cli/relais.ts", import.meta.url).pathname;

type Signing = { key: CryptoKey; jwk: JWK };
const keyFor = async (kid: string): Promise<Signing> => {
  const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
  return { key: privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: "ES256" } };
};
const signed = (typ: string, payload: object, { key, jwk }: Signing) =>
  new CompactSign(Buffer.from(JSON.stringify(payload))).setProtectedHeader({ alg: "ES256", typ, kid: jwk.kid as string }).sign(key);

let folder: string;
let relais: Signing;
let platform: Signing;
let manifest: Manifest;
let receipt: Receipt;
let jws: { manifest: string; receipt: string };

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "relais-verify-"));
  [relais, platform] = [await keyFor("r1"), await keyFor("p1")];
  const ids = { transfer: newId("transfer"), consent: newId("consent"), source: "https://holder.test", destination: PLATFORM };
  const item = { dataset: "energy.bills", key: "2024-03.pdf", bytes: 5, "sha-256": sha256("bytes") };
  manifest = {
    iss: RELAIS,
    iat: 1_790_000_000,
    ...ids,
    subject: "account",
    items: [{ ...item, media_type: "application/pdf" }],
    omissions: [],
  };
  const manifestJws = await signed(MANIFEST_TYPE, manifest, relais);
  receipt = { iss: PLATFORM, iat: 1_790_000_001, ...ids, manifest: sha256(manifestJws), observed: false, items: [item], omissions: [] };
  jws = { manifest: manifestJws, receipt: await signed(RECEIPT_TYPE, receipt, platform) };
});
after(() => rm(folder, { recursive: true }));

interface Files {
  manifest?: string;
  receipt?: string;
  keys?: object;
  item?: string;
}

/** A folder of its own for each case. The issuers do not exist: whatever asked the network would fail. */
async function place(files: Files): Promise<string> {
  const made = await mkdtemp(join(folder, "case-"));
  const keys = files.keys ?? { [RELAIS]: { keys: [relais.jwk] }, [PLATFORM]: { keys: [platform.jwk] } };
  await writeFile(join(made, "keys.json"), JSON.stringify(keys));
  if (files.manifest) await writeFile(join(made, "manifest.jws"), files.manifest);
  if (files.receipt) await writeFile(join(made, "receipt.jws"), files.receipt);
  if (files.item === undefined) return made;
  await mkdir(join(made, "items", "energy.bills"), { recursive: true });
  await writeFile(join(made, "items", "energy.bills", "2024-03.pdf"), files.item);
  return made;
}

/** The real command in a process of its own. */
function call(words: string[]): Promise<{ code: number; out: string }> {
  return new Promise((done) =>
    execFile(process.execPath, [COMMAND, ...words], (error, out, problems) =>
      done({ code: typeof error?.code === "number" ? error.code : 0, out: out + problems }),
    ),
  );
}

const flip = (text: string, at: number) => text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);

test("what belongs together verifies, items included", async () => {
  const { code, out } = await call(["verify", await place({ ...jws, item: "bytes" })]);
  assert.equal(code, 0, out);
  assert.match(out, /all 1 items that were sent are stored/);
  assert.match(out, /1 files/);
});

test("what was changed does not, and --json tells programs", async () => {
  const { code, out } = await call(["verify", "--json", await place({ ...jws, item: "Bytes" })]);
  assert.deepEqual([code, JSON.parse(out).ok, JSON.parse(out).results.length], [3, false, 4]);
});

// oxfmt-ignore
const BROKEN: [name: string, files: () => Promise<Files> | Files, says: RegExp][] = [
  ["one character of the manifest", () => ({ ...jws, manifest: flip(jws.manifest, jws.manifest.indexOf(".") + 40) }), /signature|not readable|lacks/],
  ["one character of the receipt's signature", () => ({ ...jws, receipt: flip(jws.receipt, jws.receipt.length - 20) }), /changed, or somebody else/],
  ["one byte of an item", () => ({ ...jws, item: "Bytes" }), /bytes are not those/],
  ["a key of somebody else", async () => ({ ...jws, keys: { [RELAIS]: { keys: [{ ...(await keyFor("r1")).jwk }] }, [PLATFORM]: { keys: [platform.jwk] } } }), /changed, or somebody else/],
  ["the broker's key used for the platform's receipt", async () => ({ ...jws, receipt: await signed(RECEIPT_TYPE, receipt, relais) }), /No key of https:\/\/platform.test/],
  ["a receipt for another manifest", async () => ({ ...jws, receipt: await signed(RECEIPT_TYPE, { ...receipt, manifest: sha256("other") }, platform) }), /another manifest/],
  ["a receipt with another digest", async () => ({ ...jws, receipt: await signed(RECEIPT_TYPE, { ...receipt, items: [{ ...receipt.items[0], "sha-256": sha256("other") }] }, platform) }), /changed/],
  ["a receipt without the item", async () => ({ ...jws, receipt: await signed(RECEIPT_TYPE, { ...receipt, items: [] }, platform) }), /lost/],
  ["a platform that signs an observed receipt itself", async () => ({ ...jws, receipt: await signed(RECEIPT_TYPE, { ...receipt, observed: true }, platform) }), /should be by https:\/\/relais.test/],
  ["another kind of document", async () => ({ receipt: await signed("JWT", receipt, platform) }), /neither a manifest nor a receipt/],
  ["no signature at all", () => ({ receipt: `${Buffer.from('{"alg":"none","typ":"self-data-receipt+jwt"}').toString("base64url")}.${Buffer.from(JSON.stringify(receipt)).toString("base64url")}.` }), /not accepted/],
];

for (const [name, files, says] of BROKEN) {
  test(`does not verify: ${name}`, async () => {
    const results = await verify([await place(await files())], null);
    const wrong = results.filter((result) => !result.ok);
    assert.ok(wrong.length > 0);
    assert.match(wrong.map((result) => result.says).join("\n"), says);
  });
}

test("a wrong call says how to call it, with exit code 2", async () => {
  const { code, out } = await call(["verify"]);
  assert.deepEqual([code, /Name at least one file/.test(out)], [2, true]);
  await assert.rejects(verify(["/nowhere"], null), UsageError);
  await assert.rejects(verify([folder], "/nowhere.json"), UsageError);
});
