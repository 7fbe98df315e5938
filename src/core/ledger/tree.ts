import { createHash } from "node:crypto";

/** The Merkle tree of RFC 6962 §2.1 with SHA-256: hashes, and which of them a root or a proof is made of. Sizes stay below 2^53. */

export const HASH_BYTES = 32;
/** The root of a log without entries: the hash of nothing. */
export const EMPTY_ROOT = createHash("sha256").digest();

const LEAF = Buffer.from([0]);
const NODE = Buffer.from([1]);

/** A complete subtree: `index` counts the subtrees of 2^level entries from the left. Level 0 are the entries themselves. */
export interface Node {
  level: number;
  index: number;
}

/** Entries `from` to `to`, the latter not included. */
export interface Range {
  from: number;
  to: number;
}

/** Finds the hashes of these nodes, in their order. */
export type HashSource = (nodes: Node[]) => Promise<Buffer[]>;

export function hashLeaf(entry: Uint8Array): Buffer {
  return createHash("sha256").update(LEAF).update(entry).digest();
}

export function hashChildren(left: Uint8Array, right: Uint8Array): Buffer {
  return createHash("sha256").update(NODE).update(left).update(right).digest();
}

/** The root of the first `size` entries (RFC 6962 §2.1). */
export async function rootOf(size: number, hashes: HashSource): Promise<Buffer> {
  if (size === 0) return EMPTY_ROOT;
  const [root] = await hashRanges([{ from: 0, to: size }], hashes);
  return root as Buffer;
}

/** The audit path of entry `index` in the tree of `size` entries, from the leaf's sibling upward (RFC 6962 §2.1.1). */
export function inclusionProof(index: number, size: number, hashes: HashSource): Promise<Buffer[]> {
  assertWithin(index, size);
  return hashRanges(siblings(index, { from: 0, to: size }), hashes);
}

/** That the tree of `first` entries is the beginning of the one of `second` (RFC 6962 §2.1.2). Empty for 0 and for equal sizes. */
export async function consistencyProof(first: number, second: number, hashes: HashSource): Promise<Buffer[]> {
  if (first > second) throw new RangeError(`The tree of ${second} entries holds no tree of ${first}.`);
  if (first === 0) return [];
  return hashRanges(differences(first, { from: 0, to: second }, true), hashes);
}

/** The subtrees that are complete once entry `index` is there, above the entry itself: each pairs with the `sibling` on its left. */
export function completedBy(index: number): { node: Node; sibling: Node }[] {
  const completed = [];
  for (let level = 0, position = index; position % 2 === 1; level++) {
    const parent = (position - 1) / 2;
    completed.push({ node: { level: level + 1, index: parent }, sibling: { level, index: position - 1 } });
    position = parent;
  }
  return completed;
}

/** Complete subtrees that cover the range, from left to right. The range begins where a subtree of its size may begin. */
export function nodesOf({ from, to }: Range): Node[] {
  const nodes: Node[] = [];
  for (let start = from, rest = to - from; rest > 0;) {
    const [level, width] = largestWithin(rest);
    nodes.push({ level, index: start / width });
    start += width;
    rest -= width;
  }
  return nodes;
}

/** All nodes of all ranges are asked for at once; each range is then folded from the right. */
async function hashRanges(ranges: Range[], hashes: HashSource): Promise<Buffer[]> {
  const nodes = ranges.map(nodesOf);
  const found = await hashes(nodes.flat());
  let taken = 0;
  return nodes.map((own) => fold(found.slice(taken, (taken += own.length))));
}

function fold(subtrees: Buffer[]): Buffer {
  return subtrees.reduceRight((right, left) => hashChildren(left, right));
}

/** Grows a root entry by entry and keeps one hash for each complete subtree: what a million entries need is twenty hashes. */
export class Frontier {
  readonly #subtrees: { level: number; hash: Buffer }[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(leafHash: Buffer): void {
    let top = { level: 0, hash: leafHash };
    for (let left = this.#subtrees.at(-1); left?.level === top.level; left = this.#subtrees.at(-1)) {
      this.#subtrees.pop();
      top = { level: top.level + 1, hash: hashChildren(left.hash, top.hash) };
    }
    this.#subtrees.push(top);
    this.#size += 1;
  }

  root(): Buffer {
    return this.#size === 0 ? EMPTY_ROOT : fold(this.#subtrees.map(({ hash }) => hash));
  }
}

function siblings(index: number, { from, to }: Range): Range[] {
  if (to - from === 1) return [];
  const middle = from + splitOf(to - from);
  return index < middle
    ? [...siblings(index, { from, to: middle }), { from: middle, to }]
    : [...siblings(index, { from: middle, to }), { from, to: middle }];
}

/** SUBPROOF of RFC 6962 §2.1.2; `isWhole` while the verifier knows the root of the left part by itself. */
function differences(first: number, { from, to }: Range, isWhole: boolean): Range[] {
  if (first === to) return isWhole ? [] : [{ from, to }];
  const middle = from + splitOf(to - from);
  return first <= middle
    ? [...differences(first, { from, to: middle }, isWhole), { from: middle, to }]
    : [...differences(first, { from: middle, to }, false), { from, to: middle }];
}

/** The level and width of the largest complete subtree of at most `count` entries. In whole numbers: a logarithm rounds. */
function largestWithin(count: number): [level: number, width: number] {
  let [level, width] = [0, 1];
  while (width * 2 <= count) [level, width] = [level + 1, width * 2];
  return [level, width];
}

/** The largest power of two below `size`. */
function splitOf(size: number): number {
  let split = 1;
  while (split * 2 < size) split *= 2;
  return split;
}

function assertWithin(index: number, size: number): void {
  if (!Number.isSafeInteger(index) || index < 0 || index >= size)
    throw new RangeError(`The tree of ${size} entries holds no entry ${index}.`);
}
