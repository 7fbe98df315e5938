import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { contentDigest, sha256 } from "../../src/core/transfer/manifest.ts";
import { newProofKey } from "../../src/keys/dpop.ts";
import { startHolder, type Program } from "../../src/sandbox/holder/holder.ts";
import { startTinyRelais, type TinyRelais } from "../support/tiny-relais.ts";

const ACCOUNT = "EP-1004417";
const DAILY = "energy.consumption.daily";
const BILLS = "energy.bills";

interface Listed {
  items: { key: string; media_type: string; bytes: number; digest: string }[];
  next: string | null;
}

let relais: TinyRelais;
let holder: Program;
let folder: string;

before(async () => {
  relais = await startTinyRelais();
  folder = await mkdtemp(join(tmpdir(), "holder-"));
  holder = await startHolder({ dataDir: folder, seed: "1", relais: relais.issuer, host: "127.0.0.1", holder: "energy", port: 0 });
});
after(async () => {
  await holder[Symbol.asyncDispose]();
  await relais[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

/** Gives the headers that carry a person's consent for these data sets, each time with a proof of its own. */
async function consent(datasets: string[]) {
  const proofs = await newProofKey();
  const token = relais.token({ aud: holder.url, jkt: proofs.jkt, account: ACCOUNT, datasets });
  return async (method: string, url: string, accessToken = token) => ({
    authorization: `DPoP ${token}`,
    dpop: await proofs.proof({ method, url, accessToken }),
  });
}

const datasetUrl = (dataset: string): string => `${holder.url}/export/datasets/${dataset}`;

test("the pages of a data set follow each other, and its count comes without them", async () => {
  const headers = await consent([DAILY]);
  const url = datasetUrl(DAILY);
  const pageAt = async (query: string) => (await (await fetch(url + query, { headers: await headers("GET", url) })).json()) as Listed;
  const first = await pageAt("?limit=2");
  const second = await pageAt(`?limit=2&cursor=${first.next}`);
  assert.equal(new Set([...first.items, ...second.items].map(({ key }) => key)).size, 4);
  const head = await fetch(url, { method: "HEAD", headers: await headers("HEAD", url) });
  assert.ok(Number(head.headers.get("self-data-items")) > 1000);
});

test("a printed bill has the bytes that its list announces", async () => {
  const headers = await consent([BILLS]);
  const { items } = (await (await fetch(datasetUrl(BILLS), { headers: await headers("GET", datasetUrl(BILLS)) })).json()) as Listed;
  const pdf = items.find(({ media_type }) => media_type === "application/pdf");
  assert.ok(pdf);
  const url = `${datasetUrl(BILLS)}/items/${encodeURIComponent(pdf.key)}`;
  const bytes = Buffer.from(await (await fetch(url, { headers: await headers("GET", url) })).arrayBuffer());
  assert.deepEqual([bytes.length, contentDigest(sha256(bytes))], [pdf.bytes, pdf.digest]);
});

test("a proof serves once, for its own token and key, within the consent", async () => {
  const [own, stranger] = [await consent([DAILY]), await consent([DAILY])];
  const url = datasetUrl(DAILY);
  const status = async (headers: Record<string, string>, asked = url) => (await fetch(asked, { headers })).status;
  const once = await own("GET", url);
  assert.deepEqual([await status(once), await status(once)], [200, 401], "a replay");
  assert.equal(await status(await own("GET", url, "another token")), 401);
  assert.equal(await status({ ...(await own("GET", url)), dpop: (await stranger("GET", url)).dpop }), 401, "another key");
  const home = datasetUrl("energy.home");
  assert.equal(await status(await own("GET", home), home), 403, "not in the consent");
});
