import assert from "node:assert/strict";
import { createHash, createPrivateKey, createPublicKey, sign } from "node:crypto";
import { describe, test } from "node:test";
import { checkpointText, originOf, parseCheckpoint } from "../../src/core/ledger/checkpoint.ts";
import { LogFault } from "../../src/core/ledger/fault.ts";
import { formatKey, keyId, parseKey, signNote, type NoteSigner } from "../../src/core/ledger/note.ts";
import { formatProof, parseProof } from "../../src/core/ledger/proof-file.ts";
import { decodeBundle, encodeBundle, parseTilePath, tilePath, tilesOf } from "../../src/core/ledger/tiles.ts";
import {
  completedBy,
  consistencyProof,
  EMPTY_ROOT,
  Frontier,
  hashLeaf,
  inclusionProof,
  rootOf,
  type Node,
} from "../../src/core/ledger/tree.ts";
import { isContinued, isIncluded } from "../../src/core/ledger/verify-proof.ts";
import { verifyCheckpoint, verifyLogProof } from "../../src/sdk/log.ts";

/** RFC 6962 §2.1 word for word, a second time and in the slow way: what the product computes is compared with this. */
const sha = (...parts: Uint8Array[]) => createHash("sha256").update(Buffer.concat(parts)).digest();
function mth(entries: Buffer[]): Buffer {
  if (entries.length === 0) return sha();
  if (entries.length === 1) return sha(Buffer.from([0]), entries[0]!);
  let k = 1;
  while (k * 2 < entries.length) k *= 2;
  return sha(Buffer.from([1]), mth(entries.slice(0, k)), mth(entries.slice(k)));
}

/** The inputs of the test vectors that Certificate Transparency uses. */
const CT = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"].map((hex) =>
  Buffer.from(hex, "hex"),
);
const CT_ROOT = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328";
const MANY = Array.from({ length: 40 }, (_, place) => Buffer.from(`entry ${place}`));
const source = (entries: Buffer[]) => async (nodes: Node[]) =>
  nodes.map(({ level, index }) => {
    assert.ok((index + 1) * 2 ** level <= entries.length, "only complete subtrees are asked for");
    return mth(entries.slice(index * 2 ** level, (index + 1) * 2 ** level));
  });

const SEED = Buffer.from("010a1402d5546c8d84f2433340f5203afbf98ee17d9c74f6252fc5d5c7283171", "hex");
function signerOf(name: string, seed: Buffer): NoteSigner {
  const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]);
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const publicKey = createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-32);
  return { name, publicKey, sign: (text) => sign(null, text, key) };
}
const LOG = signerOf("relais.test/log", SEED);
const kindOf = (kind: string) => (error: unknown) => error instanceof LogFault && error.kind === kind;
const flipped = (bytes: Buffer) => Buffer.from(bytes.map((byte, place) => (place === 0 ? byte ^ 1 : byte)));

describe("tree", () => {
  test("the root of the eight entries of the published vectors", async () => {
    assert.equal((await rootOf(8, source(CT))).toString("hex"), CT_ROOT);
    assert.equal(EMPTY_ROOT.toString("hex"), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert.equal(hashLeaf(Buffer.alloc(0)).toString("hex"), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
  });

  test("published proofs: entry 0 of 8, and 6 continued by 8", async () => {
    const hex = (hashes: Buffer[]) => hashes.map((hash) => hash.toString("hex"));
    assert.deepEqual(hex(await inclusionProof(0, 8, source(CT))), [
      "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]);
    assert.deepEqual(hex(await consistencyProof(6, 8, source(CT))), [
      "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
      "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]);
  });

  test("the frontier and the stored subtrees give the same roots as the definition, at every size to 40", async () => {
    const frontier = new Frontier();
    const stored = new Map<string, Buffer>();
    for (const [index, entry] of MANY.entries()) {
      frontier.add(hashLeaf(entry));
      assert.ok(frontier.root().equals(mth(MANY.slice(0, index + 1))));
      assert.ok((await rootOf(index + 1, source(MANY))).equals(frontier.root()));
      stored.set(`0/${index}`, hashLeaf(entry));
      for (const { node, sibling } of completedBy(index)) {
        assert.ok(stored.has(`${sibling.level}/${sibling.index}`), "the sibling is there before");
        const width = 2 ** node.level;
        stored.set(`${node.level}/${node.index}`, mth(MANY.slice(node.index * width, (node.index + 1) * width)));
        assert.equal((node.index + 1) * width, index + 1);
      }
    }
    assert.equal(stored.size, 40 + 20 + 10 + 5 + 2 + 1);
  });

  test("every inclusion proof to size 40 holds, and none holds for another place, size, leaf, root or path", async () => {
    for (let size = 1; size <= 40; size++) {
      const root = mth(MANY.slice(0, size));
      for (let index = 0; index < size; index++) {
        const path = await inclusionProof(index, size, source(MANY.slice(0, size)));
        const claim = { leafHash: hashLeaf(MANY[index]!), index, size, root, path };
        assert.ok(isIncluded(claim), `${index} of ${size}`);
        const wrong = [
          { ...claim, index: index + 1 },
          { ...claim, index: index === 0 ? size : index - 1 },
          { ...claim, leafHash: flipped(claim.leafHash) },
          { ...claim, leafHash: claim.leafHash.subarray(1) },
          { ...claim, root: flipped(root) },
          { ...claim, path: [...path, root] },
          ...(path.length > 0
            ? [
                { ...claim, path: path.slice(1) },
                { ...claim, path: path.slice(0, -1) },
                { ...claim, path: path.with(path.length - 1, flipped(path.at(-1)!)) },
              ]
            : []),
        ];
        for (const other of wrong) assert.equal(isIncluded(other), false, `${index} of ${size}`);
      }
    }
    assert.equal(isIncluded({ leafHash: hashLeaf(MANY[0]!), index: 0, size: 0, root: EMPTY_ROOT, path: [] }), false);
    await assert.rejects(async () => inclusionProof(3, 3, source(MANY)), RangeError);
  });

  test("every consistency proof to size 40 holds, and none for another size, root or path", async () => {
    for (let second = 0; second <= 40; second++) {
      for (let first = 0; first <= second; first++) {
        const [old, now] = [first, second].map((size) => ({ size, root: mth(MANY.slice(0, size)) })) as [
          { size: number; root: Buffer },
          { size: number; root: Buffer },
        ];
        const path = await consistencyProof(first, second, source(MANY.slice(0, second)));
        assert.ok(isContinued(old, now, path), `${first} to ${second}`);
        const wrong: Parameters<typeof isContinued>[] = [
          [{ ...old, root: flipped(old.root) }, now, path],
          [old, now, [...path, old.root]],
          [old, { ...now, root: now.root.subarray(1) }, path],
          ...(first > 0 ? [[old, { ...now, root: flipped(now.root) }, path] as Parameters<typeof isContinued>] : []),
          ...(first < second ? [[now, old, path] as Parameters<typeof isContinued>] : []),
          ...path.map((hash, place) => [old, now, path.with(place, flipped(hash))] as Parameters<typeof isContinued>),
          ...(path.length > 0
            ? [[old, now, path.slice(1)] as Parameters<typeof isContinued>, [old, now, path.slice(0, -1)] as Parameters<typeof isContinued>]
            : []),
        ];
        for (const [place, other] of wrong.entries()) assert.equal(isContinued(...other), false, `${first} to ${second}, case ${place}`);
      }
    }
  });
});

describe("tiles", () => {
  // oxfmt-ignore
  const PATHS: [path: string, tile: object][] = [
    ["0/x001/x234/067", { level: 0, index: 1_234_067, width: 256 }],
    ["0/000", { level: 0, index: 0, width: 256 }],
    ["63/999.p/255", { level: 63, index: 999, width: 255 }],
    ["entries/x001/000.p/1", { level: "entries", index: 1000, width: 1 }],
  ];
  for (const [path, tile] of PATHS) {
    test(`${path} is one tile, and is its one address`, () => {
      assert.deepEqual(parseTilePath(path), tile);
      assert.equal(tilePath(tile as Parameters<typeof tilePath>[0]), path);
    });
  }

  test("no other spelling is an address", () => {
    for (const path of [
      "",
      "0",
      "0/0",
      "0/0000",
      "00/000",
      "64/000",
      "-1/000",
      "0/x000/001",
      "0/001/002",
      "0/x001",
      "0/000.p/0",
      "0/000.p/256",
      "0/000.p/01",
      "0/000.p/",
      "data/000",
      "0/000/",
      "0/x999/x999/x999/x999/x999/x999/999",
    ])
      assert.equal(parseTilePath(path), null, path);
  });

  test("a tree of 70 000 has 273 full tiles and one of 112 hashes", () => {
    const tiles = tilesOf(0, 70_000);
    assert.deepEqual(
      [tiles.length, tiles.at(-1), tilesOf(0, 0).length, tilesOf(0, 256).length],
      [274, { level: 0, index: 273, width: 112 }, 0, 1],
    );
  });

  test("bundles keep entries, empty ones too, and a cut one is told", () => {
    const entries = [Buffer.from("a"), Buffer.alloc(0), Buffer.alloc(65_535, 1)];
    const bundle = encodeBundle(entries);
    assert.deepEqual(decodeBundle(bundle), entries);
    assert.deepEqual([...bundle.subarray(0, 5)], [0, 1, 97, 0, 0]);
    for (const cut of [1, 2, bundle.length - 1]) assert.throws(() => decodeBundle(bundle.subarray(0, cut)), kindOf("malformed"));
  });
});

describe("notes", () => {
  const PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
  const TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
  const NOTE = `${TEXT}\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n`;
  const peterSeed = Buffer.from("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz", "base64").subarray(1);

  test("the published example of a signed note is reproduced byte for byte", () => {
    const peter = signerOf("PeterNeumann", peterSeed);
    assert.equal(formatKey(peter), PETER);
    assert.equal(signNote(TEXT, peter), NOTE);
    assert.deepEqual(parseKey(PETER), { name: "PeterNeumann", publicKey: peter.publicKey });
    // It is a note, and no checkpoint.
    assert.throws(() => verifyCheckpoint(NOTE, PETER), kindOf("malformed"));
    assert.throws(() => verifyCheckpoint(NOTE.replace("answer", "Answer"), PETER), kindOf("not_signed"));
  });

  test("a key with any character changed, left out or added is no key", () => {
    for (let place = 0; place < PETER.length; place++) {
      assert.throws(() => parseKey(PETER.slice(0, place) + PETER.slice(place + 1)), kindOf("malformed"));
      assert.throws(() => parseKey(`${PETER.slice(0, place)}!${PETER.slice(place + 1)}`), kindOf("malformed"));
    }
    for (const text of ["", `${PETER}=`, `${PETER}\n`, "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"])
      assert.throws(() => parseKey(text), kindOf("malformed"));
  });

  const head = { origin: LOG.name, size: 8, root: Buffer.from(CT_ROOT, "hex") };
  const note = signNote(checkpointText(head), LOG);
  const key = formatKey(LOG);

  test("a checkpoint is read back, with foreign signatures and extension lines", () => {
    const witness = signerOf("witness.test", peterSeed);
    const cosigned = note + signNote(checkpointText(head), witness).split("\n\n")[1];
    assert.deepEqual(verifyCheckpoint(note, key), head);
    assert.deepEqual(verifyCheckpoint(cosigned, key), head);
    assert.deepEqual(verifyCheckpoint(signNote(`${checkpointText(head)}more\n`, LOG), key), head);
    assert.equal(originOf("https://relais.test"), LOG.name);
  });

  test("no character of a checkpoint can be changed", () => {
    for (let place = 0; place < note.length; place++) {
      const changed = `${note.slice(0, place)}${note[place] === "A" ? "B" : "A"}${note.slice(place + 1)}`;
      assert.throws(() => verifyCheckpoint(changed, key), LogFault, String(place));
    }
  });

  test("who else signs, and what is no checkpoint, is told apart", () => {
    const other = signerOf(LOG.name, peterSeed);
    const alias = signerOf("other.test/log", SEED);
    assert.throws(() => verifyCheckpoint(signNote(checkpointText(head), other), key), kindOf("not_signed"));
    assert.throws(() => verifyCheckpoint(signNote(checkpointText(head), alias), key), kindOf("not_signed"));
    assert.throws(() => verifyCheckpoint(signNote(checkpointText(head), alias), formatKey(alias)), kindOf("other_log"));
    const id = keyId(LOG).toString("base64");
    assert.throws(() => verifyCheckpoint(`${checkpointText(head)}\n— ${LOG.name} ${id}\n`, key), kindOf("malformed"));
    const texts = [
      "",
      "a\n",
      "a\n1\n",
      `a\n01\n${head.root.toString("base64")}\n`,
      "a\n1\nAAAA\n",
      `a\n-1\n${head.root.toString("base64")}\n`,
      `a\n1\n${head.root.toString("base64")}\n\n`,
      `a\n1\n${head.root.toString("base64").replace("=", "")}\n`,
    ];
    for (const text of texts) assert.throws(() => parseCheckpoint(text), kindOf("malformed"), text);
    for (const broken of [note.slice(0, -1), note.replace("\n\n", "\n"), `\u0000${note}`, note.replaceAll("\n", "\r\n"), ""])
      assert.throws(() => verifyCheckpoint(broken, key), LogFault);
  });
});

describe("proof files", () => {
  const key = formatKey(LOG);
  const made = async (extra: Buffer | null) => {
    const checkpoint = signNote(checkpointText({ origin: LOG.name, size: 8, root: mth(CT) }), LOG);
    return formatProof({ index: 5, path: await inclusionProof(5, 8, source(CT)), checkpoint, extra });
  };

  test("hold with the entry inside, or beside", async () => {
    assert.equal(verifyLogProof(await made(CT[5]!), null, key).index, 5);
    assert.deepEqual(verifyLogProof(await made(null), CT[5]!, key).entry, CT[5]);
    assert.match(await made(null), /^c2sp\.org\/tlog-proof@v1\nindex 5\n(.{44}\n){3}\nrelais\.test\/log\n8\n/);
    assert.deepEqual(parseProof(await made(CT[5]!)).extra, CT[5]);
  });

  test("another entry, index, path or checkpoint does not hold, and without an entry there is nothing to prove", async () => {
    const proof = await made(CT[5]!);
    assert.throws(() => verifyLogProof(proof, CT[4]!, key), kindOf("forged"));
    assert.throws(() => verifyLogProof(proof.replace("index 5", "index 4"), null, key), kindOf("forged"));
    assert.throws(() => verifyLogProof(proof.replace("\n8\n", "\n9\n"), null, key), kindOf("not_signed"));
    assert.throws(() => verifyLogProof(proof.replace("index 5", "index 05"), null, key), kindOf("malformed"));
    assert.throws(() => verifyLogProof(proof.replace("@v1", "@v2"), null, key), kindOf("malformed"));
    const proofWithout = await made(null);
    assert.throws(() => verifyLogProof(proofWithout, null, key), kindOf("malformed"));
    for (let place = 0; place < proof.length; place++) {
      const changed = `${proof.slice(0, place)}${proof[place] === "B" ? "C" : "B"}${proof.slice(place + 1)}`;
      assert.throws(() => verifyLogProof(changed, null, key), LogFault, String(place));
    }
  });
});
