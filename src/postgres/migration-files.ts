import { readFile, readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { RelaisError } from "../core/errors.ts";
import { sha256 } from "../core/transfer/manifest.ts";

/** One file of `migrations/`, as it was released. What its first line may say is in docs/upgrading.md. */
export interface MigrationFile {
  name: string;
  sql: string;
  digest: string;
  /** Its statements run one by one, outside of a transaction: an index on a table that is large is built while it is written to. */
  isConcurrent: boolean;
  /** What it takes away is used by releases that do not know this other file: they do not work any more. Null: it only adds. */
  needs: string | null;
}

export const MIGRATIONS = fileURLToPath(new URL("migrations/", import.meta.url));

const CONCURRENT = /^-- concurrently\b/;
const CONTRACT = /^-- contract: needs (\S+\.sql)$/m;

/** In the order in which they run. */
export async function readMigrations(folder = MIGRATIONS): Promise<MigrationFile[]> {
  const names = (await readdir(folder)).filter((file) => file.endsWith(".sql")).sort();
  return Promise.all(names.map(async (name) => migrationOf(name, await readFile(`${folder}/${name}`, "utf8"))));
}

export function migrationOf(name: string, sql: string): MigrationFile {
  const [first = ""] = sql.split("\n");
  return { name, sql, digest: sha256(sql), isConcurrent: CONCURRENT.test(first), needs: CONTRACT.exec(first)?.[1] ?? null };
}

export interface ConcurrentStatement {
  sql: string;
  /** The index that it makes; null where it takes one away. */
  makes: string | null;
}

const INDEX = /^create\s+(?:unique\s+)?index\s+concurrently\s+(\w+)\s+on\s/i;
const NO_INDEX = /^drop\s+index\s+concurrently\s+if\s+exists\s+\w+$/i;

/** What may stand in a file that says `-- concurrently`: each can be repeated after it broke off. @throws RelaisError `invalid`. */
export function concurrentStatements({ name, sql }: Pick<MigrationFile, "name" | "sql">): ConcurrentStatement[] {
  const statements = sql.replaceAll(/--.*$/gm, "").split(";");
  return statements
    .map((statement) => statement.trim())
    .filter(Boolean)
    .map((statement) => {
      const makes = INDEX.exec(statement)?.[1] ?? null;
      if (makes === null && !NO_INDEX.test(statement))
        throw new RelaisError(
          "invalid",
          `${name} says that it runs concurrently, and holds more than "create index concurrently" and "drop index concurrently if exists". Those who write it put the rest into a file of its own.`,
          { actor: "relais" },
        );
      return { sql: statement, makes };
    });
}
