import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFile, mkdtemp, readdir, readFile, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Consent } from "../../src/core/consent/consent.ts";
import { PACKAGE_TYPE } from "../../src/core/mailbox/package-format.ts";
import { clearMailbox } from "../../src/core/mailbox/sweep-mailbox.ts";
import { sha256 } from "../../src/core/transfer/manifest.ts";
import type { BulkItems } from "../../src/sandbox/holder/bulk.ts";
import { largeItems, numberedItems } from "../../src/sandbox/holder/bulk.ts";
import type { Library } from "../../src/sandbox/export/library.ts";
import { openOwnKey } from "../../src/sandbox/peer/own-keys.ts";
import { sealPackage, type SigningKey } from "../../src/sdk/packages.ts";
import { startMailboxWorld, type MailboxWorld, type WorldSettings } from "../support/mailbox-world.ts";

/** What the mailbox holds, and how much of it: never anything that it could read. */
const [DAILY, BILLS] = ["energy.consumption.daily", "energy.bills"];
const MEBIBYTE = 1024 * 1024;
const CANARY = "canari-5f0c9d1e-Ma-facture-de-mars";
const owned = new AsyncDisposableStack();
after(() => owned.disposeAsync());

async function worldWith(settings: WorldSettings): Promise<MailboxWorld> {
  return owned.use(await startMailboxWorld(settings));
}

/** Everything that lies on the disk of Relais: sealed packages, and what the database says. */
async function heldBy(world: MailboxWorld): Promise<Buffer> {
  const files = await Promise.all((await readdir(world.folder)).map((name) => readFile(join(world.folder, name))));
  const tables = await world.query("select table_name from information_schema.tables where table_schema = 'relais'");
  const rows = await Promise.all(tables.map(({ table_name: name }) => world.query(`select * from relais."${String(name)}"`)));
  assert.ok(tables.length > 50, "every table is looked at");
  return Buffer.concat([...files, Buffer.from(JSON.stringify([rows, world.rings]))]);
}

function textItem(text: string, mediaType = "text/plain"): BulkItems {
  const bytes = Buffer.from(text);
  return {
    count: 1,
    bytes: bytes.length,
    indexOf: (key) => (key === "note.txt" ? 0 : null),
    item: async () => ({
      key: "note.txt",
      mediaType,
      modified: "2026-10-31",
      bytes: bytes.length,
      sha256: sha256(bytes),
      body: async function* () {
        yield bytes;
      },
    }),
  };
}

async function delivered(world: MailboxWorld, customer: string, dataset = DAILY): Promise<string> {
  const { id } = await world.start(await world.allow(customer, [dataset]));
  assert.deepEqual(await world.run(id), { kind: "waiting" });
  return id;
}

test("nothing that could be read touches the disk or the database, while it waits or after", async () => {
  const world = await worldWith({ customers: { one: { [DAILY]: textItem(`${CANARY} `.repeat(5000)) } } });
  const id = await delivered(world, "one");
  const held = await heldBy(world);
  assert.ok(held.length > 150_000, "the package is there");
  for (const form of [CANARY, Buffer.from(CANARY).toString("base64").slice(0, -4), Buffer.from(CANARY).toString("hex")])
    assert.ok(!held.includes(form), `${form} is nowhere`);
  await world.device.fetchNow();
  assert.deepEqual(await world.run(id as never), { kind: "ended", state: "verified" });
  assert.ok(!(await heldBy(world)).includes(CANARY));
  const note = await readFile(join(world.device.folder, "galet-one", DAILY, "note.txt"), "utf8");
  assert.ok(note.startsWith(CANARY), "the device has it");
});

test("what a holder seals at its side passes unopened, and is proved by the digests of its sealed form", async () => {
  const sealing: { now: { consent: Consent; world: MailboxWorld } | null; keep: Map<string, Buffer> } = { now: null, keep: new Map() };
  const dir = owned.adopt(await mkdtemp(join(tmpdir(), "sealing-holder-")), (path) => rm(path, { recursive: true }));
  const world = await worldWith({ library: sealingLibrary(async (key) => sealedItem(key)) });
  async function sealedItem(key: string): Promise<Buffer> {
    const known = sealing.keep.get(key);
    if (known !== undefined || sealing.now === null) return known ?? Buffer.alloc(0);
    const { consent } = sealing.now;
    const own = await openOwnKey(join(dir, "keys"), "documents");
    const [to] = world.platform.keys.filter(({ use }) => use === "enc");
    const about = { consent: consent.id, destination: world.platform.entityId, dataset: BILLS, key, mediaType: "text/plain" };
    const by = { entityId: world.holder.entityId, key: { ...own.privateJwk, kid: own.kid, alg: "ES256" } as SigningKey };
    const pieces: Uint8Array[] = [];
    for await (const piece of sealPackage(plain(), { to: to as never, by, ...about })) pieces.push(piece);
    sealing.keep.set(key, Buffer.concat(pieces));
    return sealedItem(key);
  }
  async function* plain(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(`${CANARY} `.repeat(8000));
  }
  // The holder of this world signs with the key of its own folder, which its library has.
  await adoptKeys(world, dir);
  const consent = await world.allow("sealed", [BILLS]);
  sealing.now = { consent, world };
  const { id } = await world.start(consent);
  assert.deepEqual(await world.run(id), { kind: "waiting" });
  assert.ok(!(await heldBy(world)).includes(CANARY), "Relais never had it");
  const [item] = await world.store.read((r) => r.transfers.items(id, { limit: 10 }));
  const sealed = sealing.keep.get("2026-03.txt") as Buffer;
  assert.deepEqual([item?.mediaType, item?.bytes, item?.sha256], [PACKAGE_TYPE, sealed.length, sha256(sealed)]);
  const [name] = await readdir(world.folder);
  assert.ok((await readFile(join(world.folder, String(name)))).equals(sealed), "byte for byte as the holder sealed it");
  await world.device.fetchNow();
  assert.deepEqual(await world.run(id), { kind: "ended", state: "verified" });
  const text = await readFile(join(world.device.folder, "galet-sealed", BILLS, "2026-03.txt"), "utf8");
  assert.ok(text.startsWith(CANARY));
});

/** One item in one data set, sealed once. */
function sealingLibrary(sealed: (key: string) => Promise<Buffer>): Library {
  const key = "2026-03.txt";
  return {
    counts: async () => [{ dataset: BILLS, items: 1, bytes: (await sealed(key)).length }],
    page: async ({ dataset }) => {
      const bytes = await sealed(key);
      const item = { key, mediaType: PACKAGE_TYPE, bytes: bytes.length, sha256: sha256(bytes), modified: "2026-10-31" };
      return dataset === BILLS ? { items: [item], next: null } : null;
    },
    read: async () => {
      const bytes = await sealed(key);
      const body = (async function* () {
        yield bytes;
      })();
      return { mediaType: PACKAGE_TYPE, bytes: bytes.length, sha256: sha256(bytes), body };
    },
  };
}

/** The public half of the sealing holder's key, where the device looks for it. */
async function adoptKeys(world: MailboxWorld, dir: string): Promise<void> {
  const { publicJwk } = await openOwnKey(join(dir, "keys"), "documents");
  world.trusted.set(world.holder.entityId, [publicJwk]);
}

test("what only says that it is sealed is left behind, and does not lie here in the clear", async () => {
  const world = await worldWith({ customers: { liar: { [DAILY]: textItem(CANARY, PACKAGE_TYPE) } } });
  const id = await delivered(world, "liar");
  const items = await world.store.read((r) => r.transfers.items(id as never, { limit: 10 }));
  assert.deepEqual(
    items.map(({ state, reason }) => [state, reason]),
    [["omitted", "unsupported"]],
  );
  assert.deepEqual(await readdir(world.folder), []);
});

test(
  "a full disk is said to the operator, leaves nothing half, and the transfer goes on when there is room",
  { skip: process.getuid?.() !== 0 },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "mailbox-full-"));
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", folder]);
    owned.defer(async () => {
      execFileSync("umount", [folder]);
      await rm(folder, { recursive: true });
    });
    const world = await worldWith({ folder, customers: { big: { [BILLS]: largeItems([MEBIBYTE, 5 * MEBIBYTE], "full") } } });
    const { id } = await world.start(await world.allow("big", [BILLS]));
    assert.deepEqual(await world.run(id), { kind: "waiting" });
    const retry = (await world.store.read((r) => r.transfers.events(id))).at(-1);
    assert.deepEqual([retry?.kind, retry?.actor, retry?.details["reason"]], ["retry_planned", "operator", "unavailable"]);
    assert.ok(
      (await readdir(folder)).every((name) => !name.endsWith(".part")),
      "no half package",
    );
    const listed = await world.query("select id from relais.mailbox_packages where transfer_id = $1", [id]);
    assert.deepEqual(
      await readdir(folder),
      listed.map((row) => row["id"]),
      "what lies there is what is listed",
    );

    execFileSync("mount", ["-o", "remount,size=16m", folder]);
    await world.query("update relais.transfers set due_at = now() where id = $1", [id]);
    assert.deepEqual(await world.run(id), { kind: "waiting" });
    await world.device.fetchNow();
    assert.deepEqual(await world.run(id), { kind: "ended", state: "verified" });
  },
);

test("a platform that lets too much wait gets no more until it fetched, and nothing is lost", async () => {
  const world = await worldWith({
    limits: { platformBytes: 300_000, packageBytes: 250_000 },
    customers: {
      some: { [BILLS]: largeItems([200_000], "a") },
      more: { [BILLS]: largeItems([150_000], "b") },
      huge: { [BILLS]: largeItems([260_000], "c") },
    },
  });
  const first = await delivered(world, "some", BILLS);
  const { id } = await world.start(await world.allow("more", [BILLS]));
  assert.deepEqual(await world.run(id), { kind: "waiting" });
  const retry = (await world.store.read((r) => r.transfers.events(id))).at(-1);
  assert.deepEqual([retry?.kind, retry?.actor, retry?.details["reason"]], ["retry_planned", "platform", "peer_unavailable"]);
  assert.equal((await readdir(world.folder)).length, 1);
  await world.query("update relais.transfers set attempts = 500, failures = 500, expires_at = now(), due_at = now() where id = $1", [id]);
  assert.deepEqual(await world.run(id), { kind: "waiting" }, "however often it was tried");
  const { expiresAt } = await world.store.read((r) => r.transfers.get(id));
  assert.ok(expiresAt.getTime() > Date.now() + 3_600_000, "and the patience does not run out meanwhile");
  await world.device.fetchNow();
  assert.deepEqual(await world.run(first as never), { kind: "ended", state: "verified" });
  await world.sweep();
  await world.query("update relais.transfers set due_at = now() where id = $1", [id]);
  assert.deepEqual(await world.run(id), { kind: "waiting" });
  await world.device.fetchNow();
  assert.deepEqual(await world.run(id), { kind: "ended", state: "verified" });

  const huge = await delivered(world, "huge", BILLS);
  const items = await world.store.read((r) => r.transfers.items(huge as never, { limit: 10 }));
  assert.deepEqual(
    items.map(({ state, reason }) => [state, reason]),
    [["omitted", "too_large"]],
  );
});

test("a platform without a key to seal to gets nothing, and the transfer says who can mend it", async () => {
  const world = await worldWith({ customers: { one: { [DAILY]: numberedItems(2) } } });
  const keys = world.platform.keys.filter(({ use }) => use !== "enc");
  await world.store.write((w) => w.register.put({ ...world.platform, keys }));
  const { id } = await world.start(await world.allow("one", [DAILY]));
  assert.deepEqual(await world.run(id), { kind: "ended", state: "failed" });
  const { reason, actor } = await world.transfer(id);
  assert.deepEqual([reason, actor], ["unsupported", "platform"]);
});

test("what a worker that died left behind is deleted, and nothing else", async () => {
  const world = await worldWith({ customers: { one: { [DAILY]: numberedItems(1) } } });
  await delivered(world, "one");
  const [listed] = await readdir(world.folder);
  const names = ["pkg_0000000000000000000001", "pkg_0000000000000000000002.part", String(listed)];
  for (const name of names) await appendFile(join(world.folder, name), "");
  await appendFile(join(world.folder, "pkg_0000000000000000000003.part"), "being written");
  const longAgo = new Date(Date.now() - 2 * 3_600_000);
  for (const name of names) await utimes(join(world.folder, name), longAgo, longAgo);
  await clearMailbox({ store: world.store, files: world.files, shutdown: new AbortController().signal });
  assert.deepEqual(await readdir(world.folder), ["pkg_0000000000000000000003.part", String(listed)].toSorted());
});
