import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { WEBDAV_PASSWORD, WEBDAV_USER } from "../support/webdav-server.ts";

const run = promisify(execFile);

/** Moves one file from an address to another, by programs of others. */
export type Copy = (ends: { from: string; to: string }) => Promise<string>;

/** `rclone copyto`, which compares no hashes. */
export async function rcloneCopy(): Promise<Copy> {
  const { stdout } = await run("rclone", ["obscure", WEBDAV_PASSWORD]);
  const remote = (url: string) => {
    const { origin, pathname } = new URL(url);
    return `:webdav,vendor=other,user=${WEBDAV_USER},pass=${stdout.trim()},url="${origin}/":${pathname.slice(1)}`;
  };
  return async ({ from, to }) => {
    await run("rclone", ["copyto", remote(from), remote(to), "--ignore-times", "--ignore-checksum", "--config", join(tmpdir(), "none")]);
    return "";
  };
}

/** `curl | tee | curl -T -`, with `sha256sum` beside: each a process, as the shell starts them. Returns the digest of what passed, in hex. */
export const curlPipeline: Copy = (ends) =>
  shell(ends, 'mkfifo past; sha256sum < past > digest & curl -sSf -u "$WHO" "$FROM" | tee past | curl -sSf -u "$WHO" -T - "$TO"; wait');

/** What lies there, read and hashed by two processes. */
export const curlReadBack: Copy = (ends) => shell(ends, 'curl -sSf -u "$WHO" "$TO" | sha256sum > digest');

async function shell({ from, to }: { from: string; to: string }, script: string): Promise<string> {
  const cwd = await mkdtemp(join(tmpdir(), "relais-curl-"));
  const env = { ...process.env, WHO: `${WEBDAV_USER}:${WEBDAV_PASSWORD}`, FROM: from, TO: to };
  try {
    await run("bash", ["-c", `set -euo pipefail; ${script}`], { cwd, env });
    return (await readFile(join(cwd, "digest"), "utf8")).slice(0, 64);
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
}
