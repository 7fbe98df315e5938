import { rename, rm } from "node:fs/promises";
import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { UsageError } from "./usage-error.ts";

/** Writes it under another name first: under its own name the file is whole, or is what it was. Without a file, to standard output. */
export async function writeWhole(file: string | undefined, parts: AsyncIterable<Uint8Array | string>): Promise<void> {
  if (file === undefined) return pipeline(parts, process.stdout, { end: false });
  const draft = `${file}.part`;
  try {
    await pipeline(parts, createWriteStream(draft));
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true });
    const code = (error as NodeJS.ErrnoException).code ?? "";
    throw ["ENOENT", "EACCES", "EISDIR", "EROFS"].includes(code) ? new UsageError(`--out: ${file} cannot be written (${code}).`) : error;
  }
}
