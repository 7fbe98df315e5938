import { readFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * What Relais calls itself where nobody named it. Browsers make passkeys for names only, so 127.0.0.1 is called localhost; but an address that
 * was handed out stays: a data folder that began as 127.0.0.1 goes on so.
 */
export async function ownAddress(dataDir: string, host: string, port: number): Promise<string> {
  const listening = `http://${host}:${port}`;
  if (host !== "127.0.0.1" || (await lastAddress(dataDir)) === listening) return listening;
  return `http://localhost:${port}`;
}

async function lastAddress(dataDir: string): Promise<string | null> {
  try {
    const { url } = JSON.parse(await readFile(join(dataDir, "relais.json"), "utf8")) as { url?: unknown };
    return typeof url === "string" ? url : null;
  } catch {
    return null;
  }
}
