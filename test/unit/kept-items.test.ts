import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { keepIn } from "../../src/sandbox/device/kept-items.ts";
import type { ReceivedItem } from "../../src/sdk/mailbox.ts";

/** Every key that an item may have becomes a file of its own, whatever else is kept beside it. */
const DELIVERY = { subject: "person", transfer: "trf_1" };

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "kept-items-"));
  await work(folder).finally(() => rm(folder, { recursive: true }));
}

function itemOf(key: string, text: string, more: Partial<ReceivedItem> = {}): ReceivedItem {
  const bytes = (async function* () {
    yield Buffer.from(text);
  })();
  return { ...DELIVERY, source: "s", dataset: "bills", key, mediaType: "text/plain", sealedBy: "s", bytes, ...more };
}

test("the longest keys that an item may have are kept, each for itself", () =>
  inFolder(async (folder) => {
    const { keep } = keepIn(folder, DELIVERY);
    const keys = ["電".repeat(66), `${"電".repeat(65)}気`, "é".repeat(100), "a".repeat(200), "%".repeat(200)];
    for (const key of keys) await keep(itemOf(key, key));
    const names = await readdir(join(folder, "person", "bills"));
    assert.equal(names.length, keys.length);
    const contents = await Promise.all(names.map((name) => readFile(join(folder, "person", "bills", name), "utf8")));
    assert.deepEqual(contents.toSorted(), keys.toSorted());
  }));

test("a draft is nobody's item", () =>
  inFolder(async (folder) => {
    const { keep } = keepIn(folder, DELIVERY);
    await keep(itemOf("a.part", "whole"));
    await keep(itemOf("a", "other"));
    const broken = (async function* () {
      yield Buffer.from("half");
      throw new Error("cut");
    })();
    await assert.rejects(keep({ ...itemOf("a", ""), bytes: broken }), /cut/);
    const read = (name: string) => readFile(join(folder, "person", "bills", name), "utf8");
    assert.deepEqual([await read("a.part"), await read("a")], ["whole", "other"]);
    assert.deepEqual((await readdir(join(folder, "person", "bills"))).toSorted(), ["a", "a.part"]);
  }));

test("a data set called as the folder of proofs has one of its own, and no name leads out of the person's", () =>
  inFolder(async (folder) => {
    const { keep, keepProof } = keepIn(folder, DELIVERY);
    await keepProof({ manifest: "m", receipt: "r" });
    await keep(itemOf("trf_1.receipt.jwt", "an item", { dataset: "proofs" }));
    assert.equal(await readFile(join(folder, "person", "proofs", "trf_1.receipt.jwt"), "utf8"), "r");
    assert.equal(await readFile(join(folder, "person", "%70roofs", "trf_1.receipt.jwt"), "utf8"), "an item");
    await keepIn(folder, { ...DELIVERY, subject: ".." }).keep(itemOf("x", "inside", { dataset: ".." }));
    assert.deepEqual((await readdir(folder)).toSorted(), ["%2E%2E", "person"]);
  }));
