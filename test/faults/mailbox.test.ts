import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { CLI, startDeviceBeside, type DeviceBeside } from "../support/device-beside.ts";
import { DAILY, startFaultWorld, until, type FaultWorld } from "../support/fault-relais.ts";
import type { Program } from "../support/processes.ts";

/** The mailbox in the program as it runs: web and worker in processes of their own, a device in a third, killed and started again. */
const [FEW, MANY] = [20, 1500];
/** How every item of the holder begins. */
const CONTENT = '{"index":"00000';
let world: FaultWorld;
/** Sealed packages lie here. */
let boxes: string;
let device: DeviceBeside;
let worker: Program;
const owned = new AsyncDisposableStack();

before(async () => {
  const customers = { few: { [DAILY]: { numbered: FEW } }, many: { [DAILY]: { numbered: MANY } }, byHand: { [DAILY]: { numbered: FEW } } };
  boxes = owned.adopt(await mkdtemp(join(tmpdir(), "mailbox-product-")), (path) => rm(path, { recursive: true, force: true }));
  world = owned.use(await startFaultWorld({ customers, settings: { RELAIS_LOG_LEVEL: "trace", RELAIS_MAILBOX_DIR: boxes } }));
  await world.start("web");
  worker = await world.start("worker,sweeper");
  device = owned.use(await startDeviceBeside(world));
});
after(() => owned.disposeAsync());

async function started(customer: string) {
  const person = await world.person({ destination: device.participant, sourceAccount: customer, destinationAccount: `galet-${customer}` });
  return person.transfer(await person.consent([DAILY]));
}

const keptOf = (customer: string) => device.kept(`galet-${customer}`, DAILY);
const waiting = () => readdir(boxes).catch(() => []);

/** All that lies in the folders of Relais, and all that any process wrote. */
async function traces(): Promise<Buffer> {
  const all = [Buffer.from(world.output())];
  for (const folder of [join(world.dir, "relais"), boxes]) {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    all.push(...(await Promise.all(files.map((file) => readFile(file).catch(() => Buffer.alloc(0))))));
  }
  return Buffer.concat(all);
}

test("a device beside the running program receives what a person allowed, and nothing of it is readable here", async () => {
  const { id } = await started("few");
  await until("packages", async () => (await waiting()).length > 0 || (await keptOf("few")).length > 0);
  const held = await traces();
  assert.equal((await world.ended(id)).state, "verified");
  assert.ok(!held.includes(CONTENT) && !(await traces()).includes(CONTENT), "no content in the data folder or in a log");
  const kept = await keptOf("few");
  assert.equal(kept.length, FEW);
  const item = await readFile(join(device.folder, "items", "galet-few", DAILY, String(kept[0])), "utf8");
  assert.ok(item.startsWith(CONTENT), "the device has it");
  await until("an empty mailbox", async () => (await waiting()).length === 0);
});

test("a worker that is killed while it seals leaves nothing half, and another one goes on; each item arrives once", async () => {
  const { id } = await started("many");
  await until("the first packages", async () => (await waiting()).length > 50);
  await worker.kill("SIGKILL");
  assert.equal((await keptOf("many")).length, 0, "nothing is offered before all of it is there");
  worker = await world.start("worker,sweeper");
  const { state, attempts } = await world.ended(id);
  assert.equal(state, "verified");
  assert.ok(attempts >= 3, `broken off, gone on, and the receipt: ${attempts}`);
  assert.equal((await keptOf("many")).length, MANY);
  const progress = await world.store.read((r) => r.transfers.progress(id));
  assert.deepEqual(
    progress.map(({ expected, stored, verified }) => [expected, stored, verified]),
    [[MANY, MANY, MANY]],
  );
});

test("the same by hand: relais mailbox list and fetch", async () => {
  // Stopped, it still has its name and keys: the command acts for it.
  process.kill(device.program.pid, "SIGSTOP");
  owned.defer(() => void process.kill(device.program.pid, "SIGCONT"));
  const { id } = await started("byHand");
  await until("the offer", async () => (await world.store.read((r) => r.mailbox.find(id)))?.offeredAt);
  const key = (name: string) => join(device.folder, "keys", `${name}.pem`);
  const who = ["--relais", world.url, "--entity", device.participant.entityId, "--key", key("documents")];
  assert.match((await relais("mailbox", "list", ...who)).stdout, new RegExp(`${id}  waiting +${FEW} packages`));
  const out = join(world.dir, "by-hand");
  const fetched = await relais("mailbox", "fetch", ...who, "--sealing-key", key("sealing"), "--out", out);
  assert.equal(fetched.stdout, `${id}  ${FEW} items kept and acknowledged\n`);
  assert.equal((await world.ended(id)).state, "verified");
  assert.equal((await readdir(join(out, "galet-byHand", DAILY))).length, FEW);
  assert.equal((await readdir(join(out, "galet-byHand", "proofs"))).length, 2);
  assert.match((await relais("mailbox", "list", ...who)).stdout, new RegExp(`${id}  acknowledged`));
});

const relais = (...words: string[]) => promisify(execFile)(process.execPath, [CLI, ...words]);
