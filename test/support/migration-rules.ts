import type { MigrationFile } from "../../src/postgres/migration-files.ts";

/** What a file does that processes of the release before do not live with, or that makes everybody wait (docs/upgrading.md). */
export type Offence = keyof typeof RULES | "nothing to know";

interface Rule {
  /** On a statement without comments, in small letters, with single spaces. */
  matches: RegExp;
  /** A file that contracts may: whoever is too old for it does not start. */
  mayContract: boolean;
  /** Of a table that the same file makes, nobody knows yet. */
  onNewToo: boolean;
}

// oxfmt-ignore
const RULES = {
  "takes away what is read or written": { matches: /\bdrop (table|view|materialized view|column|function|trigger|type|sequence|schema)\b|\balter (column )?\w+ drop default\b/, mayContract: true, onNewToo: true },
  "takes away an index": { matches: /^drop index (?!concurrently)/, mayContract: false, onNewToo: true },
  "renames": { matches: /\brename\b/, mayContract: true, onNewToo: true },
  "rewrites a table": { matches: /\balter (column )?\w+ (set data )?type\b|\badd column .*\bgenerated always as\b/, mayContract: true, onNewToo: false },
  "asks for a value that older releases do not give": { matches: /\bset not null\b|\badd column (if not exists )?\w+ (?!.*\b(?:default|generated)\b)[^,;]*\bnot null\b/, mayContract: true, onNewToo: false },
  "refuses what older releases write": { matches: /\badd (constraint \w+ )?(check|foreign key|unique|exclude|primary key)\b/, mayContract: true, onNewToo: false },
  "builds an index while nobody can write": { matches: /^create (unique )?index (?!concurrently)/, mayContract: false, onNewToo: false },
  "changes rows in one go": { matches: /^(update|delete from)\b/, mayContract: false, onNewToo: false },
  "locks on purpose": { matches: /^(lock|vacuum|cluster|reindex|truncate)\b/, mayContract: false, onNewToo: true },
} as const satisfies Record<string, Rule>;

export function offencesOf(file: MigrationFile, known: readonly string[]): Offence[] {
  const statements = statementsOf(file.sql);
  const made = new Set(statements.flatMap((statement) => /^create table (?:if not exists )?(\w+)/.exec(statement)?.[1] ?? []));
  const found = (Object.entries(RULES) as [Offence, Rule][]).flatMap(([offence, { matches, mayContract, onNewToo }]) => {
    const isExcused = (statement: string): boolean => !onNewToo && made.has(tableOf(statement));
    const isOffended = statements.some((statement) => matches.test(statement) && !isExcused(statement));
    return isOffended && !(mayContract && file.needs !== null) ? [offence] : [];
  });
  const isVain = file.needs !== null && !known.some((name) => name === file.needs && name < file.name);
  return isVain ? [...found, "nothing to know"] : found;
}

/** Bodies of functions are no statements of the file. */
function statementsOf(sql: string): string[] {
  const bare = sql
    .replaceAll(/--.*$/gm, "")
    .replaceAll(/\$(\w*)\$[\s\S]*?\$\1\$/g, "''")
    .toLowerCase();
  return bare
    .split(";")
    .map((statement) => statement.trim().replaceAll(/\s+/g, " "))
    .filter(Boolean);
}

function tableOf(statement: string): string {
  return (
    /^(?:alter table (?:only |if exists )*|update |delete from |create (?:unique )?index (?:\w+ )?on )(?:relais\.)?(\w+)/.exec(
      statement,
    )?.[1] ?? ""
  );
}
