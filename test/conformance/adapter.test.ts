import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { ADAPTERS } from "../../adapters/index.ts";
import { RelaisError } from "../../src/core/errors.ts";
import { newId } from "../../src/core/ids.ts";
import {
  itemName,
  type Bytes,
  type Destination,
  type Draft,
  type ItemToStore,
  type Opening,
  type Source,
  type SourceItem,
} from "../../src/core/transfer/adapter.ts";
import { sha256, type Manifest } from "../../src/core/transfer/manifest.ts";
import { networkFor, type Outbound } from "../../src/net/network.ts";
import { DATASETS, SERVERS, type ServerAccount, UNKNOWN } from "../support/adapter-accounts.ts";
import { openingFor } from "../support/adapter-opening.ts";

interface Sample extends Omit<ItemToStore, "bytes" | "sha256"> {
  content: Buffer;
}

const BIG = 5 * 1024 * 1024;
const SAMPLES: [what: string, sample: Sample][] = [
  ["a JSON item", sample("energy.consumption.daily", "2024-03-01", "application/json", '{"kWh":12.4}')],
  ["a name with spaces and accents", sample("energy.bills", "facture été n° 3 – 100 % (copie).pdf", "application/pdf", "%PDF-1.7")],
  ["a name in another script", sample("energy.bills", "請求書-🏠.pdf", "application/pdf", "%PDF-1.4")],
  ["a name with the marks of addresses", sample("energy.bills", "a?b#c&d=e+f;g,h'i!j@k:l$m*[n]~o=.txt", "text/plain", "marks")],
  ["a name that looks encoded", sample("energy.bills", "50%25 %2F..%2f.txt", "text/plain", "percent")],
  ["nested names", sample("energy.bills", "2024/03/détail/1.csv", "text/csv", "a;b\n1;2\n")],
  ["a name of 200 bytes", sample("energy.bills", "n".repeat(196) + ".txt", "text/plain", "long")],
  ["an empty item", sample("energy.bills", "empty.bin", "application/octet-stream", "")],
  ["a media type that no ending tells", sample("energy.bills", "reading", "application/vnd.example.reading+json; version=2", "[1]")],
  ["5 MiB", sample("energy.bills", "scan.bin", "application/octet-stream", randomBytes(BIG))],
];

function sample(dataset: string, key: string, mediaType: string, content: string | Buffer): Sample {
  return { dataset, key, mediaType, content: Buffer.from(content as string) };
}

const toStore = ({ content, ...item }: Sample): ItemToStore => ({ ...item, bytes: content.length, sha256: sha256(content) });

async function* inChunks(content: Buffer): Bytes {
  for (let at = 0; at < content.length; at += 65_536) yield content.subarray(at, at + 65_536);
}

async function gather(bytes: Bytes): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function listAll(source: Source, dataset: string): Promise<SourceItem[]> {
  const items: SourceItem[] = [];
  for (let cursor: string | null = null; ;) {
    const page = await source.list(dataset, cursor);
    items.push(...page.items);
    if (page.next === null) return items;
    cursor = page.next;
  }
}

function draftOf(account: ServerAccount): Draft {
  const manifest = {
    transfer: newId("transfer"),
    consent: newId("consent"),
    source: "https://holder.example",
    destination: new URL(account.url).origin,
    subject: account.account,
  };
  const datasets = DATASETS.map((dataset) => ({ dataset, items: null, bytes: null }));
  return { manifest, datasets, expiresAt: new Date(Date.now() + 3_600_000) };
}

function manifestOf(account: ServerAccount, draft: Draft, samples: Sample[]): { manifest: Manifest; jws: string } {
  const items = samples.map(({ dataset, key, mediaType, content }) => ({
    dataset,
    key,
    media_type: mediaType,
    bytes: content.length,
    "sha-256": sha256(content),
  }));
  const manifest: Manifest = { ...draft.manifest, iss: account.issuer, iat: 0, items, omissions: [] };
  return { manifest, jws: account.signManifest(manifest) };
}

/** A proof lists its items in the destination's own order. */
const byName = (a: { dataset: string; key: string }, b: { dataset: string; key: string }): number => (itemName(a) < itemName(b) ? -1 : 1);

const isCode =
  (...codes: string[]) =>
  (error: unknown) =>
    error instanceof RelaisError && codes.includes(error.code);

for (const [name, start] of SERVERS) {
  describe(name, { concurrency: false }, () => {
    let account: ServerAccount;
    let network: Outbound;
    let opening: Opening;
    let draft: Draft;
    let destination: Destination;
    const samples = SAMPLES.map(([, each]) => each);
    const adapter = () => ADAPTERS[account.adapter];

    before(async () => {
      network = networkFor({ allowLoopback: true });
      account = await start();
      opening = await openingFor(network, account);
      draft = draftOf(account);
      destination = await adapter().openDestination(opening, draft.manifest);
    });
    after(async () => {
      await network[Symbol.asyncDispose]();
      await account[Symbol.asyncDispose]();
    });

    test("announces, and announces again", async () => {
      assert.equal((await destination.announce(draft)).size, 0);
      assert.equal((await destination.announce(draft)).size, 0);
    });

    for (const [what, each] of SAMPLES) {
      test(`stores ${what}`, async () => {
        await destination.put(toStore(each), each.content.length > 1000 ? inChunks(each.content) : each.content);
        await destination.put(toStore(each), each.content);
      });
    }

    test("replaces a value under the same key", async () => {
      const first = sample("energy.consumption.daily", "2024-03-02", "application/json", '{"kWh":1}');
      const second = sample("energy.consumption.daily", "2024-03-02", "application/json", '{"kWh":222}');
      await destination.put(toStore(first), first.content);
      await destination.put(toStore(second), second.content);
      samples.push(second);
    });

    test("stores two items of one new folder at once", async () => {
      const twins = ["new/a.txt", "new/b.txt"].map((key) => sample("energy.bills", key, "text/plain", key));
      await Promise.all(twins.map((twin) => destination.put(toStore(twin), inChunks(twin.content))));
      samples.push(...twins);
    });

    test("refuses bytes that are not those announced, and stores nothing", async () => {
      const wrong = sample("energy.bills", "wrong.txt", "text/plain", "right");
      await assert.rejects(destination.put(toStore(wrong), Buffer.from("WRONG")), isCode("digest_mismatch"));
      await assert.rejects(destination.put(toStore(wrong), inChunks(Buffer.from("longer than right"))), isCode("digest_mismatch"));
    });

    test("never takes a name that leaves its folder", async () => {
      for (const key of ["../../up.txt", "a/../../../up", "a\\b", "x\u202etxt.exe"]) {
        const hostile = sample("energy.bills", key, "text/plain", "x");
        await assert.rejects(destination.put(toStore(hostile), hostile.content), isCode(account.hostileIs));
      }
    });

    test("stops in the middle of an item when the signal aborts", async () => {
      const abort = new AbortController();
      const other = draftOf(account);
      const stopped = await adapter().openDestination(await openingFor(network, account, abort.signal), other.manifest);
      await stopped.announce(other);
      const item = {
        dataset: "energy.bills",
        key: "halfway.bin",
        mediaType: "application/octet-stream",
        bytes: BIG,
        sha256: sha256(randomBytes(8)),
      };
      const endless = async function* (): Bytes {
        yield randomBytes(70_000);
        abort.abort(new RelaisError("consent_ended", "Withdrawn."));
        for (;;) yield randomBytes(70_000);
      };
      await assert.rejects(stopped.put(item, endless()), isCode("consent_ended", "stopped"));
      await stopped.stop();
    });

    test("proves what is stored, twice the same", async () => {
      const again = await adapter().openDestination(opening, draft.manifest);
      await again.announce(draft);
      const lost = sample("energy.bills", "never-sent.txt", "text/plain", "x");
      const { manifest, jws } = manifestOf(account, draft, [...samples, lost]);
      const proof = await again.complete(manifest, jws);
      if (proof.kind === "waiting") throw new Error("This adapter has its proof at once.");
      const items =
        proof.kind === "observed"
          ? proof.items
          : (JSON.parse(Buffer.from(proof.jws.split(".")[1] ?? "", "base64url").toString()) as Manifest).items;
      const expected = samples.map(({ dataset, key, content }) => ({ dataset, key, bytes: content.length, "sha-256": sha256(content) }));
      assert.deepEqual(items.toSorted(byName), expected.toSorted(byName));
      assert.deepEqual(await again.complete(manifest, jws), proof);
    });

    test("gives an inventory of what was stored, and of nothing else", async () => {
      await using source = await adapter().openSource(opening);
      const counts = await source.inventory();
      const expected = DATASETS.map((dataset) => ({
        dataset,
        items: samples.filter((each) => each.dataset === dataset).length,
      }));
      assert.deepEqual(
        counts.map(({ dataset, items }) => ({ dataset, items })).sort((a, b) => (a.dataset < b.dataset ? -1 : 1)),
        expected,
      );
    });

    test("gives back every item with its key, media type and bytes", async () => {
      await using source = await adapter().openSource(opening);
      for (const dataset of DATASETS) {
        const listed = new Map((await listAll(source, dataset)).map((item) => [itemName(item), item]));
        for (const each of samples.filter((candidate) => candidate.dataset === dataset)) {
          const item = listed.get(itemName(each));
          assert.ok(item, each.key);
          assert.equal(item.mediaType, each.mediaType);
          if (item.bytes !== null) assert.equal(item.bytes, each.content.length);
          assert.ok((await gather(await source.read(item))).equals(each.content), each.key);
          assert.ok((await gather(await source.read(item))).equals(each.content), `${each.key} again`);
        }
      }
    });

    test("reads an item that an earlier opening listed", async () => {
      await using first = await adapter().openSource(opening);
      const [item] = (await first.list("energy.consumption.daily", null)).items;
      await using second = await adapter().openSource(opening);
      const { dataset, key, mediaType, bytes, sha256: digest } = item as SourceItem;
      assert.ok((await gather(await second.read({ dataset, key, mediaType, bytes, sha256: digest, content: null }))).length > 0);
    });

    test("knows no other data set", async () => {
      await using source = await adapter().openSource(opening);
      await assert.rejects(source.list(UNKNOWN, null), isCode("not_found"));
    });

    test("refuses wrong credentials", async () => {
      await using source = await adapter().openSource({ ...opening, ...account.wrong });
      await assert.rejects(source.inventory(), isCode(account.wrongIs));
    });

    test("erases the asked data sets and no others", async () => {
      const asked = ["energy.consumption.daily"];
      await using eraser = await adapter().openSource({ ...opening, ...(await account.only(asked)) });
      await eraser.erase(asked);
      await using source = await adapter().openSource(opening);
      assert.deepEqual(
        (await source.inventory()).map(({ dataset }) => dataset),
        ["energy.bills"],
      );
    });

    test("erases, and erases again", async () => {
      await using source = await adapter().openSource(opening);
      await source.erase(DATASETS);
      await source.erase(DATASETS);
      assert.deepEqual(await source.inventory(), []);
    });
  });
}
