import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import pg from "pg";
import { openKeyring } from "../../src/keys/keyring.ts";
import { examine } from "../../src/roles/doctor/doctor.ts";
import type { Finding } from "../../src/roles/doctor/finding.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { freePort } from "../support/ports.ts";
import { startNode } from "../support/processes.ts";
import { startRedis } from "../support/redis.ts";

/** Each thing that doctor looks at, broken once. */
const OPERATE = new URL("../../src/operate.ts", import.meta.url).pathname;
const SECRET = "a secret of more than thirty-two characters";
const PLAIN = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(RELAIS_|DATABASE_|REDIS_)/.test(name)));
let database: FreshDatabase;
let folder = "";

before(async () => {
  database = await freshDatabase();
  folder = await mkdtemp(join(tmpdir(), "relais-doctor-"));
  for (const purpose of ["web", "worker"] as const) await openKeyring(join(folder, "keys"), purpose, SECRET);
});
after(async () => {
  await rm(folder, { recursive: true });
  await database[Symbol.asyncDispose]();
});

const settings = (more: Record<string, string> = {}) => ({
  DATABASE_URL: database.url,
  RELAIS_DATA_DIR: folder,
  RELAIS_KEY_ENCRYPTION_SECRET: SECRET,
  ...more,
});

async function findings(more: Record<string, string> = {}): Promise<Record<string, Finding["state"]>> {
  const found = await examine(settings(more));
  for (const { what, state, mend } of found) assert.equal(mend === null, state === "fine", `${what} says who mends it`);
  assert.doesNotMatch(JSON.stringify(found), new RegExp(`${SECRET}|${new URL(database.url).password || "no password"}@`));
  // The worst of each.
  const order = ["fine", "look", "broken"];
  const worst: Record<string, Finding["state"]> = {};
  for (const { what, state } of found)
    if (worst[what] === undefined || order.indexOf(state) > order.indexOf(worst[what])) worst[what] = state;
  return worst;
}

const WELL = {
  settings: "fine",
  disk: "fine",
  mailbox: "fine",
  database: "fine",
  migrations: "fine",
  clock: "fine",
  retention: "fine",
  queue: "fine",
  "keys of web": "fine",
  "keys of worker": "fine",
  mail: "look",
};

const ask = async (text: string) => {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query(text);
  await client.end();
};

test("a whole installation is well, and mail that is not set is said", async () => {
  const { disk, ...rest } = await findings();
  assert.notEqual(disk, "broken");
  assert.deepEqual({ ...rest, disk: "fine" }, WELL);
});

test("every wrong setting is named at once, and nothing else is looked at", async () => {
  const found = await examine(settings({ RELAIS_PORT: "abc", RELAIS_SWEEP_SECONDS: "0" }));
  assert.deepEqual(
    found.map(({ what, state }) => [what, state]),
    [
      ["settings", "broken"],
      ["settings", "broken"],
    ],
  );
});

test("a database that is away, behind, ahead, or whose migrations were changed", async () => {
  assert.equal((await findings({ DATABASE_URL: `postgres://u:p@127.0.0.1:${await freePort()}/d` }))["database"], "broken");
  await ask("insert into relais.migrations values ('9999-future.sql', 'x')");
  assert.equal((await findings())["migrations"], "look", "it only added");
  await ask("update relais.migrations set needs = '9998-unknown.sql' where name = '9999-future.sql'");
  assert.equal((await findings())["migrations"], "broken", "it took something away");
  await ask("update relais.migrations set needs = '0001-register.sql' where name = '9999-future.sql'");
  assert.equal((await findings())["migrations"], "look", "nothing that this release uses");
  await ask("delete from relais.migrations where name = '9999-future.sql'");
  await ask("update relais.migrations set digest = 'x' where name = '0001-register.sql'");
  assert.equal((await findings())["migrations"], "broken");
  await ask("delete from relais.migrations where name = '0001-register.sql'");
  assert.equal((await findings())["migrations"], "look");
});

test("keys that do not open, that others may read, or that are gone", async () => {
  assert.equal((await findings({ RELAIS_KEY_ENCRYPTION_SECRET: `another ${SECRET}` }))["keys of web"], "broken");
  const file = join(folder, "keys", "worker", "sealing.json");
  await chmod(file, 0o644);
  assert.equal((await findings())["keys of worker"], "broken");
  assert.equal((await findings({ RELAIS_ROLES: "web" }))["keys of worker"], undefined, "the web has none of the worker's");
  await chmod(file, 0o600);
  assert.equal((await findings())["keys of worker"], "fine");
  await writeFile(file, "no key");
  assert.equal((await findings())["keys of worker"], "broken");
  await rm(file);
  assert.equal((await findings())["keys of worker"], "broken");
  assert.equal((await findings({ RELAIS_DATA_DIR: join(folder, "none") }))["keys of web"], "look");
});

test("a folder of the mailbox that is there, not there yet, none, or on a disk without room", async () => {
  const of = async (dir: string) => (await findings({ RELAIS_MAILBOX_DIR: dir }))["mailbox"];
  assert.notEqual(await of(folder), "broken");
  assert.equal(await of(join(folder, "not-yet")), "look");
  const file = join(folder, "a-file");
  await writeFile(file, "", { mode: 0o700 });
  assert.equal(await of(file), "broken");
  assert.equal(await of("/proc"), "broken", "nothing is free there");
});

test("a queue and a mail server that are there, and that are not", async () => {
  await using redis = await startRedis();
  assert.equal((await findings({ REDIS_URL: redis.url }))["queue"], "fine");
  const nobody = await freePort();
  const away = await findings({
    REDIS_URL: `redis://127.0.0.1:${nobody}`,
    RELAIS_SMTP_URL: `smtp://127.0.0.1:${nobody}`,
    RELAIS_MAIL_FROM: "a@b.example",
  });
  assert.deepEqual([away["queue"], away["mail"]], ["broken", "broken"]);
});

test("the command ends with 3 where something is broken; migrate fills an empty database and ends", async () => {
  await using empty = await freshDatabase();
  const client = new pg.Client({ connectionString: empty.url });
  await client.connect();
  await client.query("drop schema relais cascade");
  await client.end();
  const env = { ...PLAIN, ...settings({ DATABASE_URL: empty.url }) };
  const run = async (words: string[], more: Record<string, string> = {}) => {
    await using program = startNode([OPERATE, ...words], { env: { ...env, ...more } });
    const { code } = await program.ended;
    return { code, output: program.output() };
  };
  assert.match((await run(["doctor"])).output, /look {4}migrations {6}\d+ have not run yet\.\n\s+→ The operator runs relais migrate/);
  const migrated = await run(["migrate"]);
  assert.match(migrated.output, /^ran 0001-register\.sql, /);
  assert.equal(migrated.code, 0);
  assert.match((await run(["migrate"])).output, /^the database is up to date/);
  const bad = await run(["doctor", "--json"], { DATABASE_URL: "postgres://u:p@127.0.0.1:1/d" });
  assert.equal(bad.code, 3);
  assert.equal((JSON.parse(bad.output) as { ok: boolean }).ok, false);
  assert.equal((await run(["doctor", "--loud"])).code, 2);
});
