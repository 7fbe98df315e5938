import { mkdir, readFile, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { RelaisError } from "../core/errors.ts";
import { privateFiles, replacePublic } from "./private-files.ts";

/** A file of the folder of keys, opened. */
export interface KeyFile {
  /** `web/federation.json` */
  path: string;
  content: string;
}

const FOLDERS = ["web", "worker", "public"] as const;
const PATH = /^(web|worker|public)\/[a-z]+(\.json)?$/;

/** Every key, seed and public half under `dir`. @throws RelaisError `unavailable` where they are encrypted with another secret. */
export async function readKeyFiles(dir: string, encryptionSecret: string | undefined): Promise<KeyFile[]> {
  const files = privateFiles(encryptionSecret);
  const found: KeyFile[] = [];
  for (const folder of FOLDERS)
    for (const name of await namesIn(join(dir, folder))) {
      const path = `${folder}/${name}`;
      // Drafts of a write that was cut off are no keys.
      if (!PATH.test(path)) continue;
      found.push({ path, content: folder === "public" ? await readFile(join(dir, path), "utf8") : await files.read(join(dir, path)) });
    }
  return found;
}

/** Writes them into a folder that is not there yet, encrypted with this installation's own secret where it has one. @throws RelaisError `conflict`. */
export async function writeKeyFiles(dir: string, found: readonly KeyFile[], encryptionSecret: string | undefined): Promise<void> {
  if (await hasKeys(dir)) throw new RelaisError("conflict", `There are keys in ${dir} already.`, { actor: "operator" });
  const files = privateFiles(encryptionSecret);
  for (const { path, content } of found) {
    if (!PATH.test(path)) throw new RelaisError("invalid", "The file names a key by a path that is none of Relais.", { actor: "operator" });
    const [folder = ""] = path.split("/");
    await mkdir(join(dir, folder), { recursive: true, ...(folder === "public" ? {} : { mode: 0o700 }) });
    await (folder === "public" ? replacePublic(join(dir, path), content) : files.replace(join(dir, path), content));
  }
}

export async function hasKeys(dir: string): Promise<boolean> {
  const folders = await Promise.all(FOLDERS.map((folder) => stat(join(dir, folder)).catch(() => null)));
  return folders.some((folder) => folder !== null);
}

async function namesIn(folder: string): Promise<string[]> {
  const names: string[] = await readdir(folder).catch(() => []);
  return names.sort();
}
