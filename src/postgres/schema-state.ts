import { ranMigrations, type RanMigration } from "./migrate.ts";
import { readMigrations, type MigrationFile } from "./migration-files.ts";
import { oneLook } from "./one-look.ts";

export interface SchemaState {
  /** As PostgreSQL counts: 180004 is 18.4. */
  version: number;
  now: Date;
  /** Files of this release that did not run there. */
  missing: string[];
  changed: string[];
  /** What ran there and is no file of this release: it only added, and this release works beside it. */
  unknown: string[];
  /** Of these, what took away something that this release uses. */
  contracted: string[];
}

/** Looks, and changes nothing. @throws what `pg` throws where nobody answers. */
export async function readSchemaState(url: string): Promise<SchemaState> {
  return oneLook(url, async (client) => {
    const { rows } = await client.query<{ version: number; now: Date }>(
      "select current_setting('server_version_num')::int as version, clock_timestamp() as now",
    );
    const [{ version, now } = { version: 0, now: new Date(0) }] = rows;
    return { version, now, ...compare(await ranMigrations(client), await readMigrations()) };
  });
}

type Compared = Omit<SchemaState, "version" | "now">;

function compare(ran: RanMigration[], files: MigrationFile[]): Compared {
  const released = new Map(files.map(({ name, digest }) => [name, digest]));
  const names = new Set(ran.map(({ name }) => name));
  const unknown = ran.filter(({ name }) => !released.has(name));
  const named = (some: RanMigration[]): string[] => some.map(({ name }) => name).sort();
  return {
    missing: [...released.keys()].filter((name) => !names.has(name)).sort(),
    changed: named(ran.filter(({ name, digest }) => released.has(name) && released.get(name) !== digest)),
    unknown: named(unknown),
    contracted: named(unknown.filter(({ needs }) => needs !== null && !released.has(needs))),
  };
}
