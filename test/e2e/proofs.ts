import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { decodeJwt } from "jose";
import pg from "pg";
import type { Page } from "playwright-core";
import { publishedKeys } from "../../src/cli/published-keys.ts";
import { noticeHash } from "../../src/core/consent/notice-hash.ts";
import type { Notice } from "../../src/core/consent/consent.ts";
import type { Manifest, Receipt } from "../../src/core/transfer/manifest.ts";
import { press } from "../support/browser.ts";
import type { RunningRelais } from "../support/relais.ts";
import { startNode } from "../support/processes.ts";

export interface Downloaded {
  folder: string;
  manifest: Manifest;
  receipt: Receipt;
}

/** Both documents as the person's browser saves them, and the keys of those who signed. */
export async function downloadProofs(page: Page, folder: string): Promise<Downloaded> {
  await mkdir(folder, { recursive: true });
  const read = async (kind: "manifest" | "receipt"): Promise<string> => {
    const download = page.waitForEvent("download");
    await press(page.locator(`main a[href$="/${kind}"]`));
    const file = join(folder, (await download).suggestedFilename());
    await (await download).saveAs(file);
    return readFile(file, "utf8");
  };
  const manifest: Manifest = decodeJwt(await read("manifest"));
  const receipt: Receipt = decodeJwt(await read("receipt"));
  const keys = await Promise.all(
    [manifest.iss, receipt.iss].map(async (issuer) => [issuer, { keys: await publishedKeys(issuer) }] as const),
  );
  await writeFile(join(folder, "..", "keys.json"), JSON.stringify(Object.fromEntries(keys)));
  return { folder, manifest, receipt };
}

const CLI = new URL("../../src/cli/relais.ts", import.meta.url).pathname;

/** `relais verify` in a process of its own, with keys from a file: nothing is asked of the network. */
export async function relaisVerify({ folder }: Pick<Downloaded, "folder">): Promise<{ code: number | null; said: string }> {
  await using program = startNode([CLI, "verify", folder, "--keys", join(folder, "..", "keys.json")]);
  const { code } = await program.ended;
  return { code, said: program.output() };
}

export interface ConsentRecord {
  state: string;
  hash: string;
  /** Computed anew from the notice that is kept. */
  recomputed: string;
}

export async function consentRecord(relais: RunningRelais, id: string): Promise<ConsentRecord> {
  const client = new pg.Client({ connectionString: await relais.databaseUrl() });
  await client.connect();
  try {
    const { rows } = await client.query<{ state: string; notice_hash: string; notice: Notice }>(
      "select state, notice_hash, notice from consents where id = $1",
      [id],
    );
    const [row] = rows;
    if (!row) throw new Error(`there is no consent ${id}`);
    return { state: row.state, hash: row.notice_hash, recomputed: noticeHash(row.notice) };
  } finally {
    await client.end();
  }
}
