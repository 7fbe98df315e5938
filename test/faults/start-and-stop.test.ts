import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, readlink, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { isAlive, waitForEnd } from "../../src/embedded/process.ts";
import { freePort } from "../support/ports.ts";
import { type Program, startNode } from "../support/processes.ts";

const MAIN = new URL("../../src/main.ts", import.meta.url).pathname;
const READY = /relais ready at (\S+)/;
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "relais-start-"));
});
after(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** What `npm start` runs, in a folder of its own, without any setting but these. */
function startRelais(dataDir: string, settings: Record<string, string> = {}): Program {
  return startNode([MAIN], {
    cwd: folder,
    env: { PATH: process.env["PATH"], HOME: folder, RELAIS_DATA_DIR: join(folder, dataDir), ...settings },
  });
}

async function status(url: string): Promise<number> {
  return (await fetch(`${url}/health/ready`)).status;
}

/** Processes whose command line, folder or open place is in this data folder: PostgreSQL, the sandbox, the Solid server. */
async function processesOf(place: string): Promise<string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const words = await Promise.all(
    pids.map(
      async (pid) =>
        `${pid} ${await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")} ${await readlink(`/proc/${pid}/cwd`).catch(() => "")}`,
    ),
  );
  return words.filter((line) => line.includes(place)).map((line) => line.replaceAll("\u0000", " "));
}

async function placeOf(dataDir: string): Promise<string> {
  return (JSON.parse(await readFile(join(folder, dataDir, "postgres.json"), "utf8")) as { place: string }).place;
}

test("one data folder, one Relais: the second start is refused plainly, two folders run side by side, and a stop leaves nothing behind", async () => {
  await using first = startRelais("one");
  const url = (await first.line(READY))[1] as string;
  assert.equal(await status(url), 200);

  await using second = startRelais("one");
  const { code } = await second.ended;
  assert.equal(code, 1);
  assert.match(
    second.output(),
    /^relais: Another Relais \(process \d+\) runs on .*one\. Stop it first, or give this one its own folder with RELAIS_DATA_DIR\.\n$/,
  );
  assert.equal(await status(url), 200, "the first one goes on");

  await using neighbour = startRelais("two");
  const other = (await neighbour.line(READY))[1] as string;
  assert.deepEqual([await status(url), await status(other)], [200, 200]);

  const postgres = Number((await readFile(join(await placeOf("one"), "data", "postmaster.pid"), "utf8")).split("\n")[0]);
  for (const program of [first, neighbour]) assert.deepEqual(await program.kill("SIGTERM"), { code: 0, signal: null }, program.output());
  assert.equal(await waitForEnd(postgres, 30_000), true, "PostgreSQL has ended");
  for (const dataDir of ["one", "two"])
    assert.deepEqual([...(await processesOf(join(folder, dataDir))), ...(await processesOf(await placeOf(dataDir)))], []);
});

test("the next start on a folder answers at the same address", async () => {
  const known = JSON.parse(await readFile(join(folder, "one", "relais.json"), "utf8")) as { url: string };
  await using again = startRelais("one");
  const url = (await again.line(READY))[1];
  assert.equal(url, known.url);
  assert.equal(await status(known.url), 200);
  assert.deepEqual(await again.kill("SIGTERM"), { code: 0, signal: null }, again.output());
});

test("SIGTERM while it starts: it ends by itself, and leaves nothing behind", async () => {
  await using early = startRelais("one");
  await new Promise((resolve) => setTimeout(resolve, 700));
  await early.kill("SIGTERM");
  assert.deepEqual([...(await processesOf(join(folder, "one"))), ...(await processesOf(await placeOf("one")))], []);
});

test("a busy port is said plainly, with the setting that chooses another one", async () => {
  const port = await freePort();
  const holder = createServer().listen(port, "127.0.0.1");
  await using program = startRelais("two", { RELAIS_PORT: String(port) });
  const { code } = await program.ended;
  holder.close();
  assert.equal(code, 1);
  assert.match(program.output(), new RegExp(`^relais: Port ${port} on 127\\.0\\.0\\.1 is in use by another program\\. .*RELAIS_PORT`, "m"));
  assert.doesNotMatch(program.output(), /^\s+at /m);
  assert.deepEqual(await processesOf(await placeOf("two")), [], "the database does not outlive the refusal");
});

test("wrong settings are listed all at once, and no secret is repeated", async () => {
  await using program = startRelais("none", {
    RELAIS_PORT: "many",
    RELAIS_LEASE_SECONDS: "1",
    RELAIS_WROKER_CONCURRENCY: "4",
    DATABASE_URL: "mysql://user:secret-word@localhost/x",
    RELAIS_ROLES: "web,waiter",
  });
  assert.equal((await program.ended).code, 1);
  for (const name of ["RELAIS_PORT", "RELAIS_LEASE_SECONDS", "RELAIS_WROKER_CONCURRENCY", "DATABASE_URL", "RELAIS_ROLES"])
    assert.match(program.output(), new RegExp(`^  - ${name}: `, "m"));
  assert.match(program.output(), /did you mean RELAIS_WORKER_CONCURRENCY\?/);
  assert.doesNotMatch(program.output(), /secret-word/);
});

test("everything killed: PostgreSQL lives on, and the next start takes it over", async () => {
  await using first = startRelais("one");
  await first.line(READY);
  const sandbox = (await processesOf(join(folder, "one")))
    .filter((line) => line.includes("sandbox/main.ts"))
    .map((line) => Number(line.split(" ")[0]));
  const postgres = Number((await readFile(join(await placeOf("one"), "data", "postmaster.pid"), "utf8")).split("\n")[0]);
  await first.kill("SIGKILL");
  for (const pid of sandbox) process.kill(pid, "SIGKILL");
  assert.equal(isAlive(postgres), true);
  await using next = startRelais("one");
  const url = (await next.line(READY))[1] as string;
  assert.equal(await status(url), 200);
  assert.equal(isAlive(postgres), true, "the same server goes on");
  assert.deepEqual(await next.kill("SIGTERM"), { code: 0, signal: null });
  assert.equal(await waitForEnd(postgres, 30_000), true);
});
