import { EMPTY_ROOT, HASH_BYTES, hashChildren } from "./tree.ts";

/** The verifiers of RFC 9162. They share no step with what makes the proofs, and answer false rather than throw. */

/** That the entry with this leaf hash is at `index` of the tree (RFC 9162 §2.1.3.2). */
export function isIncluded(claim: { leafHash: Buffer; index: number; size: number; root: Buffer; path: Buffer[] }): boolean {
  const { leafHash, index, size, root, path } = claim;
  if (!areSizes(index, size) || index >= size || !areHashes([leafHash, root, ...path])) return false;
  let [position, last] = [index, size - 1];
  let hash = leafHash;
  for (const sibling of path) {
    if (last === 0) return false;
    if (isOdd(position) || position === last) {
      hash = hashChildren(sibling, hash);
      while (!isOdd(position) && position !== 0) [position, last] = [half(position), half(last)];
    } else {
      hash = hashChildren(hash, sibling);
    }
    [position, last] = [half(position), half(last)];
  }
  return last === 0 && hash.equals(root);
}

export interface TreeHead {
  size: number;
  root: Buffer;
}

/**
 * That the first tree is the beginning of the second (RFC 9162 §2.1.4.2). The RFC leaves two sizes open: everything continues the empty
 * tree, whose root is the hash of nothing, and a tree continues itself; both with an empty proof.
 */
export function isContinued(first: TreeHead, second: TreeHead, path: Buffer[]): boolean {
  if (!areSizes(first.size, second.size) || first.size > second.size || !areHashes([first.root, second.root, ...path])) return false;
  if (first.size === 0) return path.length === 0 && first.root.equals(EMPTY_ROOT) && (second.size > 0 || second.root.equals(EMPTY_ROOT));
  if (first.size === second.size) return path.length === 0 && first.root.equals(second.root);
  const [start, ...rest] = isPowerOfTwo(first.size) && path.length > 0 ? [first.root, ...path] : path;
  return start !== undefined && leadsToBoth(first, second, start, rest);
}

function leadsToBoth(first: TreeHead, second: TreeHead, start: Buffer, rest: Buffer[]): boolean {
  let [position, last] = [first.size - 1, second.size - 1];
  while (isOdd(position)) [position, last] = [half(position), half(last)];
  let [old, now] = [start, start];
  for (const hash of rest) {
    if (last === 0) return false;
    if (isOdd(position) || position === last) {
      [old, now] = [hashChildren(hash, old), hashChildren(hash, now)];
      while (!isOdd(position) && position !== 0) [position, last] = [half(position), half(last)];
    } else {
      now = hashChildren(now, hash);
    }
    [position, last] = [half(position), half(last)];
  }
  return last === 0 && old.equals(first.root) && now.equals(second.root);
}

function areSizes(...numbers: number[]): boolean {
  return numbers.every((number) => Number.isSafeInteger(number) && number >= 0);
}

/** RFC 9162 leaves the length of a hash to its encoding; here it is a rule. */
function areHashes(hashes: Buffer[]): boolean {
  return hashes.every((hash) => hash.length === HASH_BYTES);
}

/** Arithmetic rather than bits, which JavaScript has only 32 of. */
function half(number: number): number {
  return Math.floor(number / 2);
}

function isOdd(number: number): boolean {
  return number % 2 === 1;
}

function isPowerOfTwo(number: number): boolean {
  while (number > 1 && !isOdd(number)) number /= 2;
  return number === 1;
}
