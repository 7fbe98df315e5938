import assert from "node:assert/strict";
import { test } from "node:test";
import { migrate } from "../../src/postgres/migrate.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { freshDatabase } from "../support/database.ts";

test("a PostgreSQL that is too old is named, and nothing is made in it", async () => {
  await using database = await freshDatabase();
  await using owned = new AsyncDisposableStack();
  const pool = owned.adopt(openPool(database.url, 1), (open) => open.end());
  await pool.query("drop schema relais cascade");
  await assert.rejects(migrate(pool, { oldest: 99 }), {
    code: "unavailable",
    message: /^This is PostgreSQL \d+\. The operator brings it to 99 or newer\.$/,
  });
  const { rows } = await pool.query("select to_regnamespace('relais') as made");
  assert.deepEqual(rows, [{ made: null }]);
  assert.ok((await migrate(pool)).length > 0);
});
