import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, opendir, rename, rm, stat, writeFile, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { RelaisError } from "../core/errors.ts";
import type { PackageFiles } from "../core/mailbox/mailbox.ts";
import { tooLarge } from "../core/mailbox/quota.ts";
import type { Bytes } from "../core/transfer/adapter.ts";

/** Sealed packages in one folder, each in a file of its name (decision 0034). What is half-written ends in `.part`, and is never read. */
export function openPackageFiles(folder: string): PackageFiles {
  const fileOf = (name: string): string => join(folder, name);
  return {
    keep: (id, bytes, most) => keep(folder, id, bytes, most),
    read: async (id, { start, end }) => {
      const handle = await open(fileOf(id)).catch(absent);
      return createReadStream("", { fd: handle, start, end, highWaterMark: READ_BYTES });
    },
    remove: (id) => rm(fileOf(id), { force: true }),
    olderThan: (milliseconds) => olderThan(folder, milliseconds),
    sweep: (name) => rm(fileOf(name), { force: true }),
  };
}

const READ_BYTES = 256 * 1024;

async function keep(folder: string, id: string, bytes: Bytes, most: number): Promise<number> {
  const part = join(folder, `${id}.part`);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const length = await written(part, bytes, most);
    await rename(part, join(folder, id));
    await settled(folder);
    return length;
  } catch (error) {
    await rm(part, { force: true }).catch(() => undefined);
    throw fullOr(error);
  }
}

async function written(part: string, bytes: Bytes, most: number): Promise<number> {
  await using handle = await open(part, "wx", 0o600);
  let length = 0;
  for await (const piece of bytes) {
    length += piece.byteLength;
    if (length > most) throw tooLarge(most);
    await writeAll(handle, piece);
  }
  await handle.sync();
  return length;
}

/** `write` may take a part of it: a disk that is almost full does. */
async function writeAll(handle: FileHandle, piece: Uint8Array): Promise<void> {
  for (let at = 0; at < piece.byteLength;) at += (await handle.write(piece, at)).bytesWritten;
}

/** The name itself is on disk. */
async function settled(folder: string): Promise<void> {
  await using handle = await open(folder);
  await handle.sync();
}

const NO_ROOM = ["ENOSPC", "EDQUOT"];

function fullOr(error: unknown): unknown {
  if (!(error instanceof Error) || !("code" in error) || error instanceof RelaisError) return error;
  const isFull = NO_ROOM.includes(String(error.code));
  return new RelaisError(
    "unavailable",
    isFull
      ? "The folder of the mailbox is full. The operator must make room (RELAIS_MAILBOX_DIR); the transfer then goes on by itself."
      : "The folder of the mailbox cannot be written. The operator must look at it (RELAIS_MAILBOX_DIR).",
    { actor: "operator", cause: error },
  );
}

function absent(cause: unknown): never {
  throw new RelaisError("not_found", "This package is not here any more.", { actor: "operator", cause });
}

async function* olderThan(folder: string, milliseconds: number): AsyncGenerator<string> {
  const now = await timeIn(folder);
  if (now === null) return;
  for await (const { name } of await opendir(folder)) {
    const found = await stat(join(folder, name)).catch(() => null);
    if (found !== null && found.isFile() && found.mtimeMs < now - milliseconds) yield name;
  }
}

/** By a file that is written now: whoever keeps the folder says when its files changed, and this process may have another clock. */
async function timeIn(folder: string): Promise<number | null> {
  const probe = join(folder, `${randomUUID()}.part`);
  try {
    await writeFile(probe, "", { mode: 0o600 });
    return (await stat(probe)).mtimeMs;
  } catch {
    return null;
  } finally {
    await rm(probe, { force: true }).catch(() => undefined);
  }
}
