import { createHash } from "node:crypto";
import { fromBase64 } from "./base64.ts";
import { LogFault } from "./fault.ts";

/** Signed notes (C2SP signed-note): text, an empty line, and lines of signatures. Signing and checking Ed25519 are handed in. */

/** A key by its name, as a log publishes it. */
export interface NoteKey {
  name: string;
  /** Ed25519, 32 bytes (RFC 8032). */
  publicKey: Buffer;
}

export interface NoteSigner extends NoteKey {
  /** 64 bytes. */
  sign(text: Buffer): Buffer;
}

export type VerifyEd25519 = (publicKey: Buffer, text: Buffer, signature: Buffer) => boolean;

const ED25519 = 1;
const KEY_ID_BYTES = 4;
/** The specification asks for at least 16. */
const MAX_SIGNATURES = 100;
const MAX_NOTE_BYTES = 1_000_000;
const SIGNATURE_LINE = /^— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/u;
/** Below U+0020, but for the newline. */
const CONTROL = /[\u0000-\u0009\u000b-\u001f]/;
const NAME = /^[^\s+\p{Cc}]+$/u;

export function keyId({ name, publicKey }: NoteKey): Buffer {
  return createHash("sha256")
    .update(`${name}\n`)
    .update(Buffer.from([ED25519]))
    .update(publicKey)
    .digest()
    .subarray(0, KEY_ID_BYTES);
}

/** `name+id+base64`: the text form in which a key is published and remembered. */
export function formatKey(key: NoteKey): string {
  return `${key.name}+${keyId(key).toString("hex")}+${typed(key.publicKey).toString("base64")}`;
}

/** @throws LogFault `malformed`. */
export function parseKey(text: string): NoteKey {
  const [, name = "", id = "", encoded = ""] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/s.exec(text) ?? [];
  const bytes = fromBase64(encoded);
  const key = { name, publicKey: bytes?.subarray(1) ?? Buffer.alloc(0) };
  const holds = NAME.test(name) && bytes?.length === 33 && bytes[0] === ED25519 && keyId(key).toString("hex") === id;
  if (!holds) throw new LogFault("malformed", "This is not the key of a log. It looks like name+0123abcd+base64; copy it whole.");
  return key;
}

/** `text` ends in a newline. */
export function signNote(text: string, signer: NoteSigner): string {
  const signature = Buffer.concat([keyId(signer), signer.sign(Buffer.from(text))]);
  return `${text}\n— ${signer.name} ${signature.toString("base64")}\n`;
}

/**
 * The text of a note that this key signed. Signatures by others, such as witnesses, are left alone.
 * @throws LogFault `malformed`, or `not_signed` where there is no signature by this key or one that does not hold.
 */
export function openNote(note: string, key: NoteKey, verify: VerifyEd25519): string {
  const { text, signatures } = splitNote(note);
  const id = keyId(key);
  const own = signatures.filter(({ name, bytes }) => name === key.name && bytes.subarray(0, KEY_ID_BYTES).equals(id));
  if (own.length === 0) {
    const names = signatures.map(({ name }) => name).join(", ");
    throw new LogFault("not_signed", `It is not signed by the key ${key.name}+${id.toString("hex")}, but by another key (${names}).`);
  }
  const message = Buffer.from(text);
  if (!own.every(({ bytes }) => verify(key.publicKey, message, bytes.subarray(KEY_ID_BYTES))))
    throw new LogFault("not_signed", `The signature by ${key.name} does not hold: the text was changed, or somebody else signed it.`);
  return text;
}

function splitNote(note: string): { text: string; signatures: { name: string; bytes: Buffer }[] } {
  const gap = note.lastIndexOf("\n\n");
  const isNote = gap > 0 && note.endsWith("\n") && note.length <= MAX_NOTE_BYTES && note.isWellFormed() && !CONTROL.test(note);
  const lines = note.slice(gap + 2, -1).split("\n");
  if (!isNote || lines.length > MAX_SIGNATURES) throw new LogFault("malformed", "This is not a signed note.");
  return { text: note.slice(0, gap + 1), signatures: lines.map(signatureIn) };
}

function signatureIn(line: string): { name: string; bytes: Buffer } {
  const [, name = "", encoded = ""] = SIGNATURE_LINE.exec(line) ?? [];
  const bytes = fromBase64(encoded);
  if (name === "" || bytes === null || bytes.length <= KEY_ID_BYTES)
    throw new LogFault("malformed", "The note has a line that is no signature.");
  return { name, bytes };
}

function typed(publicKey: Buffer): Buffer {
  return Buffer.concat([Buffer.from([ED25519]), publicKey]);
}
