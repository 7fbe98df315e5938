import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { link, open, readFile, rename, unlink } from "node:fs/promises";
import { RelaisError } from "../core/errors.ts";

const MARK = "relais-sealed-1";
const PRIVATE = 0o600;
const PUBLIC = 0o644;

/** Files that only their owner may read, encrypted where a secret is given (scrypt, AES-256-GCM). */
export interface PrivateFiles {
  /** Of two processes that make a file at once, one makes it and both read the same. */
  createOnce(file: string, content: () => Promise<string>): Promise<void>;
  replace(file: string, content: string): Promise<void>;
  /** @throws RelaisError `unavailable` where the file is encrypted with another secret, or there is none. */
  read(file: string): Promise<string>;
  /** The same, where there is no time to wait: small files, and seldom. */
  readNow(file: string): string;
}

export function privateFiles(secret: string | undefined): PrivateFiles {
  const opened = (text: string) => (text.startsWith(MARK) ? decrypt(text, secret) : text);
  const closed = (content: string) => (secret === undefined ? content : encrypt(content, secret));
  return {
    createOnce: (file, content) => createOnce(file, async () => closed(await content())),
    replace: (file, content) => replaceFile(file, closed(content), PRIVATE),
    read: async (file) => opened(await readFile(file, "utf8")),
    readNow: (file) => opened(readFileSync(file, "utf8")),
  };
}

export function replacePublic(file: string, content: string): Promise<void> {
  return replaceFile(file, content, PUBLIC);
}

function encrypt(content: string, secret: string): string {
  const [salt, iv] = [randomBytes(16), randomBytes(12)];
  const cipher = createCipheriv("aes-256-gcm", scryptSync(secret, salt, 32), iv);
  const data = Buffer.concat([cipher.update(content, "utf8"), cipher.final()]);
  return [MARK, ...[salt, iv, cipher.getAuthTag(), data].map((part) => part.toString("base64url"))].join(".");
}

function decrypt(text: string, secret: string | undefined): string {
  const [, salt = "", iv = "", tag = "", data = ""] = text.split(".");
  const bytes = (part: string) => Buffer.from(part, "base64url");
  try {
    if (secret === undefined) throw new Error("no secret");
    const decipher = createDecipheriv("aes-256-gcm", scryptSync(secret, bytes(salt), 32), bytes(iv), { authTagLength: 16 }).setAuthTag(
      bytes(tag),
    );
    return Buffer.concat([decipher.update(bytes(data)), decipher.final()]).toString("utf8");
  } catch (cause) {
    throw new RelaisError(
      "unavailable",
      "The keys are encrypted with another secret. The operator must start Relais with the secret that they were made with.",
      { actor: "operator", cause },
    );
  }
}

/** `link` fails where the file exists, and never shows a half-written one. */
async function createOnce(file: string, content: () => Promise<string>): Promise<void> {
  if (await exists(file)) return;
  const draft = await writeDraft(file, await content(), PRIVATE);
  try {
    await link(draft, file);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  } finally {
    await unlink(draft);
  }
}

function exists(file: string): Promise<boolean> {
  return readFile(file).then(
    () => true,
    () => false,
  );
}

async function replaceFile(file: string, content: string, mode: number): Promise<void> {
  await rename(await writeDraft(file, content, mode), file);
}

async function writeDraft(file: string, content: string, mode: number): Promise<string> {
  const draft = `${file}.${randomBytes(8).toString("hex")}`;
  await using handle = await open(draft, "wx", mode);
  await handle.writeFile(content);
  await handle.sync();
  return draft;
}
