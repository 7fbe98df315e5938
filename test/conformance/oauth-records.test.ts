import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type pg from "pg";
import type { OauthRecord, OauthRecords } from "../../src/core/ports.ts";
import { createOauthRecords } from "../../src/postgres/oauth-records.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";

let database: FreshDatabase;
let pools: pg.Pool[];
let stores: OauthRecords[];

before(async () => {
  database = await freshDatabase();
  pools = [openPool(database.url), openPool(database.url)];
  stores = pools.map(createOauthRecords);
});
after(async () => {
  await Promise.all(pools.map((pool) => pool.end()));
  await database.drop();
});

const record = (id: string, changed: Partial<OauthRecord> = {}): OauthRecord => ({
  model: "M",
  id,
  payload: { a: 1 },
  expiresAt: new Date(Date.now() + 60_000),
  ...changed,
});
const store = () => stores[0] as OauthRecords;
const parallel = <T>(work: (records: OauthRecords) => Promise<T>) =>
  Promise.all(Array.from({ length: 20 }, (_, index) => work(stores[index % 2] as OauthRecords)));

test("insertOnce: one of twenty in two processes, and again once its time is over", async () => {
  const results = await parallel((records) => records.insertOnce(record("once")));
  assert.equal(results.filter(Boolean).length, 1);
  await store().put(record("old", { expiresAt: new Date(Date.now() - 1000) }));
  assert.equal((await parallel((records) => records.insertOnce(record("old")))).filter(Boolean).length, 1);
});

test("insertOnce tells models apart", async () => {
  assert.ok(await store().insertOnce(record("same", { model: "A" })));
  assert.ok(await store().insertOnce(record("same", { model: "B" })));
});

test("consume: one of twenty, never what is unknown or over", async () => {
  await store().put(record("code"));
  assert.equal((await parallel((records) => records.consume("M", "code"))).filter(Boolean).length, 1);
  assert.notEqual((await store().find("M", "code"))?.consumedAt, null);
  assert.equal(await store().consume("M", "unknown"), false);
  await store().put(record("late", { expiresAt: new Date(Date.now() - 1) }));
  assert.equal(await store().consume("M", "late"), false);
});

test("put replaces, and a put after a consume does not bring it back", async () => {
  await store().put(record("p"));
  await store().consume("M", "p");
  await store().put(record("p", { payload: { b: 2 } }));
  const found = await store().find("M", "p");
  assert.deepEqual(found?.payload, { b: 2 });
  assert.notEqual(found?.consumedAt, null);
});

test("what is past its time does not exist", async () => {
  await store().put(record("gone", { expiresAt: new Date(Date.now() - 1), uid: "u-gone" }));
  assert.equal(await store().find("M", "gone"), null);
  assert.equal(await store().findByUid("M", "u-gone"), null);
});

test("removeByGrant ends all models of a grant and nothing else", async () => {
  await store().put(record("t1", { model: "AccessToken", grantId: "g" }));
  await store().put(record("t2", { model: "RefreshToken", grantId: "g" }));
  await store().put(record("t3", { model: "AccessToken", grantId: "h" }));
  await store().removeByGrant("g");
  assert.deepEqual(await Promise.all([store().find("AccessToken", "t1"), store().find("RefreshToken", "t2")]), [null, null]);
  assert.notEqual(await store().find("AccessToken", "t3"), null);
});

test("the table holds no id that opens anything", async () => {
  await store().put(record("a-bearer-token", { grantId: "a-grant" }));
  const { rows } = await (pools[0] as pg.Pool).query("select id, grant_id from relais.oauth_records");
  assert.ok(!JSON.stringify(rows).includes("a-bearer-token") && !JSON.stringify(rows).includes("a-grant"));
});
