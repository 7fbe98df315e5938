import { sql, type RawBuilder } from "kysely";
import type { PersonRow } from "../core/person/account.ts";
import type { PersonId } from "../core/ids.ts";
import { PERSON_TABLES, type PersonTable } from "./person-tables.ts";
import { SCHEMA, type Database } from "./pool.ts";

const ROWS_AT_ONCE = 200;

/** Needs a transaction: rows come through a cursor. */
export async function* recordsOf(db: Database, personId: PersonId): AsyncGenerator<PersonRow> {
  for (const one of PERSON_TABLES) for await (const row of rowsOf(db, one, personId)) yield { table: one.table, row };
}

async function* rowsOf(db: Database, one: PersonTable, personId: PersonId): AsyncGenerator<PersonRow["row"]> {
  const hidden = sql.join((one.hidden ?? []).map((column) => sql`${column}::text`));
  const shown = one.hidden === undefined ? sql`to_jsonb(t)` : sql`to_jsonb(t) - array[${hidden}]`;
  await sql`declare person_records no scroll cursor for select (${shown})::text as row from ${rows(one, personId)}`.execute(db);
  for (;;) {
    const fetched = await sql<{ row: string }>`fetch ${sql.lit(ROWS_AT_ONCE)} from person_records`.execute(db);
    for (const { row } of fetched.rows) yield JSON.parse(row) as PersonRow["row"];
    if (fetched.rows.length < ROWS_AT_ONCE) break;
  }
  await sql`close person_records`.execute(db);
}

/** Children first: nothing refers to what is gone. */
export async function eraseRecords(db: Database, personId: PersonId): Promise<void> {
  for (const one of PERSON_TABLES.toReversed()) if (!one.stays) await sql`delete from ${rows(one, personId)}`.execute(db);
}

/** `table as t where …`; the condition is ours, the person's id goes as a parameter. */
function rows({ table, where }: PersonTable, personId: PersonId): RawBuilder<unknown> {
  const parts = where.split("$person").map((part) => sql.raw(part));
  return sql`${sql.table(`${SCHEMA}.${table}`)} as t where ${sql.join(parts, sql`${personId}`)}`;
}
