import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** How the embedded database of this folder is reached while its Relais runs; null where there is none yet. Starts nothing. */
export async function embeddedUrl(dataDir: string): Promise<string | null> {
  try {
    const { password } = JSON.parse(await readFile(join(dataDir, "postgres.json"), "utf8")) as { password: string };
    const { postgres } = JSON.parse(await readFile(join(dataDir, "ports.json"), "utf8")) as { postgres: number };
    return `postgres://relais:${password}@127.0.0.1:${postgres}/postgres`;
  } catch {
    return null;
  }
}
