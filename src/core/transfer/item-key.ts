import { RelaisError } from "../errors.ts";
import { sha256 } from "./manifest.ts";

/** Longest item key, in bytes of UTF-8: what every common file system takes as one name. */
export const MAX_KEY_BYTES = 200;

/** C0, C1, DEL, and the marks that turn the direction of text (Unicode TR9): a name that shows as another name. */
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/u;

const RULES: [breaks: (key: string) => boolean, sentence: string][] = [
  [(key) => key.length === 0, "is empty"],
  [(key) => Buffer.byteLength(key) > MAX_KEY_BYTES, `is longer than ${MAX_KEY_BYTES} bytes`],
  [(key) => !key.isWellFormed(), "is not well-formed Unicode"],
  [(key) => key !== key.normalize("NFC"), "is not in Unicode normal form C"],
  [(key) => HIDDEN.test(key), "holds a control character or a direction mark"],
  [(key) => key.includes("\\"), "holds a backslash"],
  [(key) => key.split("/").some((part) => part === "" || part === "." || part === ".."), "holds an empty, `.` or `..` part"],
  [(key) => key.split("/").some((part) => /^\s|[\s.]$/u.test(part)), "has a part that begins or ends with a space, or ends with a dot"],
];

/** Why this text cannot be an item key, as the end of a sentence; null where it can. Keys become file names at destinations. */
export function flawOfItemKey(key: string): string | null {
  return RULES.find(([breaks]) => breaks(key))?.[1] ?? null;
}

/** @throws RelaisError `peer_protocol` where the name could reach outside its folder or deceive a reader. */
export function assertItemKey(key: string): void {
  const flaw = flawOfItemKey(key);
  if (flaw !== null) throw new RelaisError("peer_protocol", `The name of an item ${flaw}. The sender must give it another name.`);
}

/**
 * A name that cannot be a key, made fit to be shown: hidden characters become U+FFFD, and it is cut at 200 bytes.
 * Where that changes it, a short digest of the true name follows, so that two bad names stay two.
 */
export function printableKey(key: string): string {
  const visible = key.toWellFormed().replace(new RegExp(HIDDEN, "gu"), "\ufffd").normalize("NFC");
  if (visible === key && visible !== "" && Buffer.byteLength(visible) <= MAX_KEY_BYTES) return visible;
  return markedKey(visible, key);
}

/** A name beside the one that it stands for, and never another's: with a short digest of that one. */
export function markedKey(visible: string, key: string): string {
  const mark = `~${sha256(key).slice(0, 8)}`;
  return cutAt(visible, MAX_KEY_BYTES - mark.length) + mark;
}

/** Whole characters only: half a character would be another one. */
export function cutAt(text: string, bytes: number): string {
  let length = 0;
  let cut = "";
  for (const character of text) {
    length += Buffer.byteLength(character);
    if (length > bytes) return cut;
    cut += character;
  }
  return cut;
}
