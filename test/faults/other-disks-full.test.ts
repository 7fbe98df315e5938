import assert from "node:assert/strict";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { webdav } from "../../adapters/webdav/index.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { runTransfer, type RunResult } from "../../src/core/transfer/run-transfer.ts";
import { networkFor } from "../../src/net/network.ts";
import type { TransferId } from "../../src/core/ids.ts";
import { startDeviceBeside } from "../support/device-beside.ts";
import { startEngine } from "../support/engine.ts";
import { startFaultWorld, until, type FaultWorld } from "../support/fault-relais.ts";
import { judge } from "../support/outside-judge.ts";
import { noSmallDisk as skip, smallDisk, type SmallDisk } from "../support/small-disk.ts";
import { startApache, WEBDAV_PASSWORD, WEBDAV_USER } from "../support/webdav-server.ts";

/** Disks that are not the database's: a platform's, the mailbox's, and the one that takes the log. */
const BILLS = "energy.bills";
const SIZES = [300_000, 300_000, 300_000];
const ACCOUNTS = ["full", "logged", "still"];
const WWW_DATA = { uid: 33, gid: 33 };
const owned = new AsyncDisposableStack();
let world: FaultWorld;
let platformDisk: SmallDisk;
let mailboxDisk: SmallDisk;
let logDisk: SmallDisk;

before(async () => {
  if (skip !== false) return;
  world = owned.use(
    await startFaultWorld({
      customers: { many: { [BILLS]: { large: SIZES } } },
      accounts: ACCOUNTS,
      prepare: (dir) => {
        platformDisk = smallDisk(join(dir, "sandbox", "ancre"), 8);
        mailboxDisk = smallDisk(join(dir, "mailbox"), 8);
        logDisk = smallDisk(join(dir, "log"), 1);
        return [platformDisk, mailboxDisk, logDisk];
      },
    }),
  );
});
after(async () => {
  await owned.disposeAsync();
});

async function begin(account: string, destination = world.ancre) {
  const person = await world.person({ destination, sourceAccount: "many", destinationAccount: account });
  return { id: (await person.transfer(await person.consent([BILLS]))).id, account };
}

/** It was tried twice and waits to be tried again: whose doing, and why. */
async function puttingOff(id: TransferId): Promise<unknown[]> {
  await until("two attempts", async () => {
    const { attempts, leaseUntil } = await world.store.read((r) => r.transfers.get(id));
    return attempts >= 2 && leaseUntil === null;
  });
  const [transfer, events] = await world.store.read(async (r) => [await r.transfers.get(id), await r.transfers.events(id)] as const);
  assert.equal(transfer.endedAt, null);
  const last = events.findLast(({ kind }) => kind === "retry_planned");
  return [last?.actor, last?.details["reason"]];
}

test(
  "a platform's disk is full: it says so, nothing is called delivered, and the transfer ends verified when there is room",
  { skip },
  async () => {
    await using _relais = await world.start("web,worker,sweeper");
    platformDisk.fill();
    const accepted = await begin("full");
    assert.deepEqual(await puttingOff(accepted.id), ["platform", "peer_unavailable"]);
    assert.equal(world.witness.items("full").length, 0);
    assert.equal(world.sandbox().output().includes("uncaught"), false);
    // What the ledger's last page still takes is soon used up: it answers on.
    for (let asked = 0; asked < 100; asked++) await (await fetch(`${world.ancre.entityId}/nothing-here`)).text();
    platformDisk.free();
    assert.equal((await world.ended(accepted.id)).state, "verified");
    await judge(world, [accepted], SIZES.length);
    const broken = (await world.witness.ledger()).map(({ status = 0 }) => status).filter((status) => status >= 500);
    assert.deepEqual([...new Set(broken)], [503], "what it could not store was put off, and nothing broke");
  },
);

test(
  "the mailbox's disk is full: nothing is offered half, the operator is named, and the device has it all when there is room",
  { skip },
  async () => {
    await using _relais = await world.start("web,worker,sweeper", { RELAIS_MAILBOX_DIR: mailboxDisk.folder });
    await using device = await startDeviceBeside(world);
    mailboxDisk.fill();
    const { id } = await begin("boxed", device.participant);
    assert.deepEqual(await puttingOff(id), ["operator", "unavailable"]);
    assert.equal((await world.store.read((r) => r.mailbox.find(id)))?.offeredAt ?? null, null);
    assert.deepEqual(await readdir(mailboxDisk.folder), ["ballast"], "no half package either");
    mailboxDisk.free();
    assert.equal((await world.ended(id)).state, "verified");
    assert.equal((await device.kept("boxed", BILLS)).length, SIZES.length);
    await until("an empty mailbox", async () => (await readdir(mailboxDisk.folder)).length === 0);
  },
);

test(
  "the disk of the log is full: every process works on, what it could not say is counted, and it ends as it should",
  { skip },
  async () => {
    const log = join(logDisk.folder, "relais.log");
    const relais = await world.start("web,worker,sweeper", { RELAIS_LOG_LEVEL: "debug" }, { log });
    logDisk.fill();
    const first = await begin("logged");
    assert.equal((await world.ended(first.id)).state, "verified");
    // More than it keeps of what it cannot say.
    for (let round = 0; round < 15; round++)
      await Promise.all(Array.from({ length: 100 }, () => fetch(`${world.url}/health/ready`).then((answer) => answer.text())));
    const said = relais.output().length;
    logDisk.free();
    const second = await begin("still");
    assert.equal((await world.ended(second.id)).state, "verified");
    await until("a line again", () => relais.output().length > said);
    await until("the count of what is missing", () => /"count":\d+,"msg":"lines of the log are missing/.test(relais.output()));
    for (const line of relais.output().split("\n")) if (line.startsWith("{")) JSON.parse(line);
    assert.deepEqual(await relais.kill("SIGTERM"), { code: 0, signal: null });
    await judge(world, [first, second], SIZES.length);
  },
);

test(
  "a WebDAV server's disk is full: 507, each item has its reason, nothing is called verified, and the same is verified when there is room",
  { skip },
  async () => {
    await using apache = await startApache();
    await using network = networkFor({ allowLoopback: true });
    const [from, to] = ["from", "to"].map((name) => join(apache.folder, "data", name)) as [string, string];
    await mkdir(from);
    for (const [index, size] of SIZES.entries()) await writeFile(join(from, `${index}.bin`), Buffer.alloc(size, index));
    using disk = smallDisk(to, 2, WWW_DATA);
    await using engine = await startEngine(webdav, ["files"], {
      source: { adapter: "webdav", entityId: apache.url.slice(0, -1), endpoints: { root: `${apache.url}from/` } },
      destination: { adapter: "webdav", entityId: `${apache.url}to`, endpoints: { root: `${apache.url}to/` } },
      network,
      credentials: { kind: "basic", user: WEBDAV_USER, password: WEBDAV_PASSWORD },
    });
    const deliver = async (): Promise<{ result: RunResult; omitted: [string, string | null][] }> => {
      const consent = await engine.consent(["files"]);
      const { id } = await requestTransfer(engine.ports, { consentId: consent.id, personId: engine.personId });
      const result = await runTransfer(engine.ports, { transferId: id, epoch: 0 }, engine.terms);
      const items = await engine.store.read((r) => r.transfers.items(id, { state: "omitted", limit: 10 }));
      return { result, omitted: items.map(({ key, reason }) => [key, reason] as [string, string | null]) };
    };
    disk.fill();
    const full = await deliver();
    assert.deepEqual(full, {
      result: { kind: "ended", state: "partial" },
      omitted: SIZES.map((_, index) => [`${index}.bin`, "too_large"]),
    });
    assert.deepEqual(
      (await readdir(to, { recursive: true })).filter((name) => name.endsWith(".bin")),
      [],
    );
    disk.free();
    assert.deepEqual(await deliver(), { result: { kind: "ended", state: "verified" }, omitted: [] });
  },
);
