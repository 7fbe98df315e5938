import { readFile, readdir } from "node:fs/promises";
import { sha256 } from "../core/transfer/manifest.ts";
import { oneLook } from "./one-look.ts";
import { SCHEMA } from "./pool.ts";

export interface SchemaState {
  /** As PostgreSQL counts: 180004 is 18.4. */
  version: number;
  now: Date;
  /** Files of this release that did not run there. */
  missing: string[];
  changed: string[];
  /** What ran there and is no file of this release. */
  unknown: string[];
}

const FOLDER = new URL("migrations/", import.meta.url);

/** Looks, and changes nothing. @throws what `pg` throws where nobody answers. */
export async function readSchemaState(url: string): Promise<SchemaState> {
  return oneLook(url, async (client) => {
    const { rows } = await client.query<{ version: number; now: Date; known: boolean }>(
      `select current_setting('server_version_num')::int as version, clock_timestamp() as now, to_regclass('${SCHEMA}.migrations') is not null as known`,
    );
    const [{ version, now, known } = { version: 0, now: new Date(0), known: false }] = rows;
    const ran = known ? (await client.query<{ name: string; digest: string }>(`select name, digest from ${SCHEMA}.migrations`)).rows : [];
    return { version, now, ...compare(new Map(ran.map(({ name, digest }) => [name, digest])), await releasedDigests()) };
  });
}

async function releasedDigests(): Promise<Map<string, string>> {
  const names = (await readdir(FOLDER)).filter((file) => file.endsWith(".sql"));
  return new Map(await Promise.all(names.map(async (name) => [name, sha256(await readFile(new URL(name, FOLDER), "utf8"))] as const)));
}

function compare(ran: Map<string, string>, released: Map<string, string>): Pick<SchemaState, "missing" | "changed" | "unknown"> {
  return {
    missing: [...released.keys()].filter((name) => !ran.has(name)).sort(),
    changed: [...ran.keys()].filter((name) => released.has(name) && released.get(name) !== ran.get(name)).sort(),
    unknown: [...ran.keys()].filter((name) => !released.has(name)).sort(),
  };
}
