import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { ADAPTERS } from "../../adapters/index.ts";
import { RelaisError } from "../../src/core/errors.ts";
import type { Opening, Source, SourceItem } from "../../src/core/transfer/adapter.ts";
import { sha256 } from "../../src/core/transfer/manifest.ts";
import { networkFor } from "../../src/net/network.ts";
import { startHolder } from "../../src/sandbox/holder/holder.ts";
import { dataSetsOf } from "../../src/sandbox/personas/holdings.ts";
import { openingFor } from "../support/adapter-opening.ts";
import { startTinyRelais } from "../support/tiny-relais.ts";

const CUSTOMER = "EP-1004417";
const DAILY = "energy.consumption.daily";
const BILLS = "energy.bills";
const UNKNOWN = "energy.unknown";
const DATASETS = dataSetsOf("energy").map(({ id }) => id);

async function pagesOf(source: Source, dataset: string): Promise<SourceItem[][]> {
  const pages: SourceItem[][] = [];
  for (let cursor: string | null = null; ;) {
    const { items, next } = await source.list(dataset, cursor);
    pages.push(items);
    if (next === null) return pages;
    cursor = next;
  }
}

async function readAll(source: Source, item: SourceItem): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of await source.read(item)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const isCode = (code: string) => (error: unknown) => error instanceof RelaisError && error.code === code;

describe("self-data on a reference holder", { concurrency: false }, () => {
  const owned = new AsyncDisposableStack();
  let opening: Opening;
  let source: Source;
  let wrong: [what: string, consentHeaders: Opening["consentHeaders"]][];

  before(async () => {
    const relais = owned.use(await startTinyRelais());
    const dataDir = await mkdtemp(join(tmpdir(), "holder-"));
    owned.defer(() => rm(dataDir, { recursive: true }));
    const settings = { dataDir, seed: "1", relais: relais.issuer, host: "127.0.0.1", port: 0 };
    const { url } = owned.use(await startHolder({ ...settings, holder: "energy" }));
    const network = owned.use(networkFor({ allowLoopback: true }));
    const standing = { aud: url, account: CUSTOMER, datasets: [...DATASETS, UNKNOWN] };
    const ended = await relais.consentHeaders(standing);
    relais.tokens.clear();
    wrong = [
      ["ended", ended],
      ["for another source", await relais.consentHeaders({ ...standing, aud: "https://elsewhere.example" })],
    ];
    opening = await openingFor(network, {
      adapter: "self-data",
      url,
      endpoints: { export: `${url}/export` },
      account: CUSTOMER,
      credentials: { kind: "none" },
      consentHeaders: await relais.consentHeaders(standing),
    });
    source = await ADAPTERS["self-data"].openSource(opening);
  });
  after(() => owned.disposeAsync());

  test("counts what its pages list, each key once", async () => {
    const counts = await source.inventory();
    assert.deepEqual(counts.map(({ dataset }) => dataset).sort(), DATASETS.toSorted());
    for (const { dataset, items, bytes } of counts) {
      const listed = (await pagesOf(source, dataset)).flat();
      assert.equal(new Set(listed.map(({ key }) => key)).size, items, dataset);
      const sum = listed.reduce((total, item) => total + (item.bytes ?? NaN), 0);
      assert.deepEqual([listed.length, sum], [items, bytes], dataset);
    }
  });

  test("lists in pages, twice in the same order", async () => {
    const pages = await pagesOf(source, DAILY);
    assert.ok(pages.length > 1);
    assert.deepEqual(await pagesOf(source, DAILY), pages);
  });

  test("gives every item with the bytes that its listing tells", async () => {
    for (const dataset of DATASETS)
      for (const item of (await pagesOf(source, dataset)).flat()) {
        const bytes = await readAll(source, item);
        assert.deepEqual([bytes.length, sha256(bytes)], [item.bytes, item.sha256], `${dataset}/${item.key}`);
      }
  });

  test("gives an item that an earlier opening listed, at its own address", async () => {
    for (const dataset of [BILLS, DAILY]) {
      const listed = (await source.list(dataset, null)).items.slice(0, 20);
      await using later = await ADAPTERS["self-data"].openSource(opening);
      for (const item of listed) assert.equal(sha256(await readAll(later, { ...item, content: null })), item.sha256, item.key);
    }
  });

  test("knows no other data set", async () => {
    await assert.rejects(source.list(UNKNOWN, null), isCode("not_found"));
  });

  test("refuses a wrong token", async () => {
    for (const [what, consentHeaders] of wrong) {
      await using stranger = await ADAPTERS["self-data"].openSource({ ...opening, consentHeaders });
      await assert.rejects(stranger.inventory(), isCode("unauthenticated"), what);
      await assert.rejects(stranger.list(DAILY, null), isCode("unauthenticated"), what);
    }
  });
});
