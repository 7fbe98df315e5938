import assert from "node:assert/strict";
import { test } from "node:test";
import { concurrentStatements, migrationOf, readMigrations } from "../../src/postgres/migration-files.ts";
import { offencesOf, type Offence } from "../support/migration-rules.ts";

/** The rule was written with this one (docs/upgrading.md). Nothing was released before. */
const FIRST = "0062";
/** What breaks it all the same from there on, and why the release before lives with it. */
const EXCUSED: Readonly<Record<string, readonly Offence[]>> = {};

test("the release before works on what each migration leaves, and nobody waits for it", async () => {
  const files = await readMigrations();
  const names = files.map(({ name }) => name);
  const offences = files
    .filter(({ name }) => name >= FIRST)
    .map((file) => [file.name, offencesOf(file, names).filter((offence) => !EXCUSED[file.name]?.includes(offence))] as const);
  assert.deepEqual(
    offences.filter(([, { length }]) => length > 0),
    [],
  );
  for (const file of files.filter(({ isConcurrent }) => isConcurrent)) concurrentStatements(file);
});

test("of what was written before the rule, it names what breaks it", async () => {
  const files = await readMigrations();
  const of = (start: string): Offence[] => files.filter(({ name }) => name.startsWith(start)).flatMap((file) => offencesOf(file, []));
  assert.deepEqual(of("0027"), ["takes away an index", "rewrites a table", "builds an index while nobody can write"]);
  assert.deepEqual(of("0043-marks"), ["takes away what is read or written"]);
  assert.deepEqual(of("0056-mailbox-subjects").includes("asks for a value that older releases do not give"), true);
  assert.deepEqual(of("0055"), []);
});

// oxfmt-ignore
const CASES: [sql: string, offences: Offence[]][] = [
  ["alter table transfers add column note text;",                                             []],
  ["alter table transfers add column note text not null default '';",                         []],
  ["alter table transfers add column note text not null;",                                    ["asks for a value that older releases do not give"]],
  ["alter table transfers alter column reason set not null;",                                 ["asks for a value that older releases do not give"]],
  ["alter table transfers\n  drop column note; -- not used",                                  ["takes away what is read or written"]],
  ["-- contract: needs 0062-contracts.sql\nalter table transfers drop column note;",          []],
  ["-- contract: needs 0061-nothing.sql\nalter table transfers drop column note;",            ["nothing to know"]],
  ["-- contract: needs 0062-contracts.sql\ncreate index i on transfers (note);",              ["builds an index while nobody can write"]],
  ["alter table transfers rename column note to remark;",                                     ["renames"]],
  ["alter table transfers alter column attempts type bigint;",                                ["rewrites a table"]],
  ["alter table transfers add constraint short check (length(note) < 9);",                    ["refuses what older releases write"]],
  ["create table notes (id text primary key); create index notes_by_id on notes (id);",       []],
  ["create unique index i on transfers (note);",                                              ["builds an index while nobody can write"]],
  ["-- concurrently\ncreate index concurrently i on transfers (note);",                       []],
  ["drop index transfers_due;",                                                               ["takes away an index"]],
  ["-- concurrently\ndrop index concurrently if exists transfers_due;",                       []],
  ["update transfers set note = '';",                                                         ["changes rows in one go"]],
  ["create function f() returns void language plpgsql as $$ begin update transfers set note = ''; end $$;", []],
  ["lock table transfers;",                                                                   ["locks on purpose"]],
];
for (const [sql, offences] of CASES)
  test(`${sql} — ${offences.join(", ") || "fine"}`, () =>
    assert.deepEqual(offencesOf(migrationOf("0099-x.sql", sql), ["0062-contracts.sql"]), offences));

test("what runs concurrently holds nothing that could not be repeated", () => {
  const of = (sql: string) => concurrentStatements(migrationOf("0099-x.sql", `-- concurrently\n${sql}`));
  assert.deepEqual(
    of("create unique index concurrently a on transfers (note);\ndrop index concurrently if exists b;").map(({ makes }) => makes),
    ["a", null],
  );
  assert.throws(() => of("create index concurrently on transfers (note);"), /0099-x\.sql says that it runs concurrently/);
  assert.throws(() => of("alter table transfers add column note text;"), /into a file of its own/);
});
