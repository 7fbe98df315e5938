import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { RelaisError } from "../../src/core/errors.ts";
import { isPortFree, rememberedPort } from "../../src/embedded/ports.ts";
import { sharedBuffers, startEmbeddedPostgres } from "../../src/embedded/postgres.ts";
import { isAlive } from "../../src/embedded/process.ts";
import { startNode } from "../support/processes.ts";

/** Starts the database, writes a row, says so, and stays. */
const HOLDER = `
  import pg from "pg";
  import { sharedBuffers, startEmbeddedPostgres } from "${new URL("../../src/embedded/postgres.ts", import.meta.url).href}";
  const server = await startEmbeddedPostgres({ dataDir: process.argv[1], log: () => undefined });
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  await client.query("create table if not exists kept (word text)");
  await client.query("insert into kept values ('word')");
  console.log("holding", server.pid, server.port);
  setInterval(() => undefined, 1000);
`;

const log = () => undefined;
let dataDir = "";

before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "relais-embedded-"));
});

after(() => rm(dataDir, { recursive: true, force: true }));

const isRefused = (code: string, words: RegExp) => (error: unknown) =>
  error instanceof RelaisError && error.code === code && words.test(error.message);

async function countKept(url: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ count: number }>("select count(*)::int from kept");
  await client.end();
  return rows[0]?.count ?? 0;
}

test("a database that outlived its killed Relais is taken over, with what it holds, and stopped at the end", async () => {
  await using first = startNode(["--input-type=module", "--eval", HOLDER, dataDir], { cwd: new URL("../..", import.meta.url).pathname });
  const [, pid, port] = (await first.line(/holding (\d+) (\d+)/)).map(Number);
  await assert.rejects(
    startEmbeddedPostgres({ dataDir, log }),
    isRefused("conflict", new RegExp(`process ${first.pid}\\).*RELAIS_DATA_DIR`)),
  );
  await first.kill("SIGKILL");
  assert.ok(isAlive(pid ?? 0));
  const second = await startEmbeddedPostgres({ dataDir, log });
  assert.deepEqual([second.pid, second.port], [pid, port]);
  assert.equal(await countKept(second.url), 1);
  await second.stop();
  assert.ok(!isAlive(second.pid));
});

test("the next start finds everything again, on the same port", async () => {
  await using server = await startEmbeddedPostgres({ dataDir, log });
  assert.equal(await countKept(server.url), 1);
  assert.equal(server.port, await portInFile("postgres"));
});

test("after a kill of both, the marks that were left do not stop the next start", async () => {
  await using first = startNode(["--input-type=module", "--eval", HOLDER, dataDir], { cwd: new URL("../..", import.meta.url).pathname });
  const [, pid] = (await first.line(/holding (\d+)/)).map(Number);
  await first.kill("SIGKILL");
  process.kill(pid ?? 0, "SIGKILL");
  await using server = await startEmbeddedPostgres({ dataDir, log });
  assert.equal(await countKept(server.url), 2);
});

test("a database that is dying while it is looked at is not taken over", async () => {
  await using first = startNode(["--input-type=module", "--eval", HOLDER, dataDir], { cwd: new URL("../..", import.meta.url).pathname });
  const [, pid = 0] = (await first.line(/holding (\d+)/)).map(Number);
  await first.kill("SIGKILL");
  // Frozen, it looks alive and ready, and answers nobody.
  process.kill(pid, "SIGSTOP");
  const starting = startEmbeddedPostgres({ dataDir, log });
  await sleep(500);
  process.kill(pid, "SIGKILL");
  await using server = await starting;
  assert.notEqual(server.pid, pid);
  assert.equal(await countKept(server.url), 3);
});

test("a lock whose process number was given to another program is taken away", async () => {
  await writeFile(join(dataDir, "lock"), `${process.ppid} 1\n`);
  await using server = await startEmbeddedPostgres({ dataDir, log });
  assert.ok(server.port > 0);
});

test("strangers do not get in, and the password is its owner's alone", async () => {
  await using server = await startEmbeddedPostgres({ dataDir, log });
  const url = new URL(server.url);
  url.password = "guess";
  await assert.rejects(countKept(url.href), /password authentication failed/);
  assert.equal((await stat(join(dataDir, "postgres.json"))).mode & 0o777, 0o600);
});

test("a busy remembered port is said plainly", async () => {
  const port = await rememberedPort(dataDir, "web", "RELAIS_PORT");
  assert.equal(await rememberedPort(dataDir, "web", "RELAIS_PORT"), port);
  const other = createServer().listen(port, "127.0.0.1");
  await new Promise((done) => other.once("listening", done));
  assert.equal(await isPortFree(port), false);
  await assert.rejects(
    rememberedPort(dataDir, "web", "RELAIS_PORT"),
    isRefused("unavailable", new RegExp(`port ${port} for web.*RELAIS_PORT`)),
  );
  await new Promise((done) => other.close(done));
});

async function portInFile(name: string): Promise<number | undefined> {
  return (JSON.parse(await readFile(join(dataDir, "ports.json"), "utf8")) as Record<string, number>)[name];
}

test("it keeps a quarter of the memory for what is read and written often, within bounds", async () => {
  const gigabyte = 1 << 30;
  assert.deepEqual([gigabyte / 4, gigabyte, 2 * gigabyte, 64 * gigabyte].map(sharedBuffers), [128, 256, 512, 1024]);
});
