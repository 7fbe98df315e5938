import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { CompactSign, importJWK } from "jose";
import type { Consent } from "../../src/core/consent/consent.ts";
import { jsonToCsv } from "../../src/core/conversion/json-to-csv.ts";
import type { TransferId } from "../../src/core/ids.ts";
import { payloadOf, RECEIPT_TYPE, sha256, type Manifest, type Receipt } from "../../src/core/transfer/manifest.ts";
import type { TransferItem } from "../../src/core/transfer/transfer.ts";
import { largeItems, numberedItems } from "../../src/sandbox/holder/bulk.ts";
import { createParticipantCall, type ParticipantCall } from "../../src/sdk-client/mailbox-client.ts";
import type { MailboxCall } from "../../src/sdk/mailbox.ts";
import { startMailboxWorld, type MailboxWorld } from "../support/mailbox-world.ts";
import { testKey } from "../support/register-fixtures.ts";

/** A platform without an address, from the consent to the verified receipt: real holder, real API, real engine, and a device that fetches by the SDKs. */
const [DAILY, BILLS] = ["energy.consumption.daily", "energy.bills"];
const MEBIBYTE = 1024 * 1024;
let world: MailboxWorld;
let device: ParticipantCall;
let stranger: ParticipantCall;

before(async () => {
  world = await startMailboxWorld({
    customers: {
      many: { [DAILY]: numberedItems(5) },
      few: { [DAILY]: numberedItems(2) },
      large: { [BILLS]: largeItems([3 * MEBIBYTE], "mailbox") },
    },
  });
  device = createParticipantCall({ issuer: world.issuer, entityId: world.device.entityId, key: world.device.key });
  stranger = createParticipantCall({ issuer: world.issuer, entityId: world.other.entityId, key: world.other.key });
});
after(() => world[Symbol.asyncDispose]());
afterEach(() => {
  world.through.call = null;
  world.through.offered = null;
});

interface Deposit {
  id: TransferId;
  consent: Consent;
}

async function deposited(customer = "many", dataset = DAILY): Promise<Deposit> {
  const consent = await world.allow(customer, [dataset]);
  const { id } = await world.start(consent);
  assert.deepEqual(await world.run(id), { kind: "waiting" });
  return { id, consent };
}

async function kindsOf(id: TransferId): Promise<string[]> {
  return (await world.store.read((r) => r.transfers.events(id))).map(({ kind }) => kind);
}

/** Rows as texts, in their order. */
const byText = (a: unknown[], b: unknown[]): number => (String(a) < String(b) ? -1 : 1);

function itemsOf(id: TransferId): Promise<TransferItem[]> {
  return world.store.read((r) => r.transfers.items(id, { limit: 100 }));
}

async function packagesOf(id: TransferId): Promise<{ id: string; key: string; bytes: number }[]> {
  const { packages } = (await (await device("GET", `/v1/mailbox/${id}/packages`)).json()) as {
    packages: { id: string; key: string; bytes: number }[];
  };
  return packages.toSorted((a, b) => (a.key < b.key ? -1 : 1));
}

/** A receipt of the device for all of it, with what a test changes. */
async function receiptFor(
  id: TransferId,
  changed: Partial<Receipt> = {},
): Promise<{ claims: Receipt; sign: (key?: Signs) => Promise<string> }> {
  const jws = await (await device("GET", `/v1/mailbox/${id}/manifest`)).text();
  const { transfer, consent, source, destination, items } = payloadOf(jws) as Manifest;
  const stored = items.map(({ dataset, key, bytes, "sha-256": digest }) => ({ dataset, key, bytes, "sha-256": digest }));
  const head = { iss: destination, iat: Math.floor(Date.now() / 1000), transfer, consent, source, destination };
  const claims = { ...head, manifest: sha256(jws), observed: false, items: stored, omissions: [], ...changed };
  return { claims, sign: (key = deviceKey) => key.sign(RECEIPT_TYPE, claims) };
}

interface Signs {
  sign(type: string, payload: object): Promise<string>;
}

const deviceKey: Signs = {
  sign: async (typ, payload) => {
    const { key } = world.device;
    return new CompactSign(new TextEncoder().encode(JSON.stringify(payload)))
      .setProtectedHeader({ alg: "ES256", kid: key.kid, typ })
      .sign(await importJWK(key, "ES256"));
  },
};

const put = (id: TransferId, receipt: string, call = device) => call("PUT", `/v1/mailbox/${id}/receipt`, { body: receipt });

test("what is for a device waits sealed, is fetched, proved by its receipt, and deleted", async () => {
  const { id } = await deposited();
  const waiting = await world.transfer(id);
  assert.equal(waiting.state, "delivered", "everything was sent, and nothing is said to be received");
  assert.equal(waiting.leaseUntil, null, "nobody holds it while it waits");
  assert.ok(waiting.dueAt > new Date(Date.now() + 86_400_000), "and nobody asks");
  assert.equal((await readdir(world.folder)).length, 5);

  assert.deepEqual(await world.device.fetchNow(), [id]);
  assert.deepEqual(world.rings.at(-1)?.transferId, id, "the receipt wakes the transfer");
  assert.equal((await world.transfer(id)).state, "delivered", "the state moves when the receipt was compared");
  assert.deepEqual(await world.run(id), { kind: "ended", state: "verified" });

  const receipt = (await world.store.read((r) => r.transfers.documents(id))).find(({ kind }) => kind === "receipt");
  const { iss, observed, items } = payloadOf(String(receipt?.jws)) as Receipt;
  assert.deepEqual([iss, observed, items.length], [world.device.entityId, false, 5]);
  const files = await readdir(join(world.device.folder, "galet-many", DAILY));
  const found = await readFile(join(world.device.folder, "galet-many", DAILY, String(files[0])));
  assert.equal(sha256(found), (await itemsOf(id)).find(({ key }) => key === files[0])?.sha256, "the item itself");
  await world.sweep();
  assert.deepEqual(await readdir(world.folder), [], "what arrived is deleted here");
  assert.deepEqual(await kindsOf(id), [
    "requested",
    "attempt_started",
    "source_counted",
    "delivering",
    "delivered",
    "deposited",
    "attempt_started",
    "receipt_received",
    "verified",
  ]);
});

test("a copy in a common form is sealed and proved beside its original, and the device has both", async () => {
  const consent = await world.allow("few", [DAILY], ["csv"]);
  const { id } = await world.start(consent);
  assert.deepEqual(await world.run(id), { kind: "waiting" });
  assert.deepEqual(await world.device.fetchNow(), [id]);
  assert.deepEqual(await world.run(id), { kind: "ended", state: "verified" });
  const folder = join(world.device.folder, "galet-few", DAILY);
  const [original, copy] = ["n-000000000", "n-000000000.relais.csv"];
  assert.deepEqual((await readdir(folder)).sort(), [original, copy, "n-000000001", "n-000000001.relais.csv"]);
  const converted = jsonToCsv(await readFile(join(folder, original)));
  assert.deepEqual(await readFile(join(folder, copy)), Buffer.from(converted as Uint8Array));
  const receipt = (await world.store.read((r) => r.transfers.documents(id))).find(({ kind }) => kind === "receipt");
  assert.equal((payloadOf(String(receipt?.jws)) as Receipt).items.length, 4);
});

test("a download that breaks off goes on where it stood", async () => {
  const { id } = await deposited("large", BILLS);
  const ranges: (string | undefined)[] = [];
  let cuts = 3;
  world.through.call = (call) => async (method, path, sent) => {
    const answer = await call(method, path, sent);
    if (!/packages\/pkg_/.test(path) || answer.body === null) return answer;
    ranges.push(sent?.headers?.["range"]);
    return cuts-- > 0 ? { ...plain(answer), body: cutAfter(answer.body, 700_000) } : answer;
  };
  assert.deepEqual(await world.device.fetchNow(), [id]);
  assert.equal(ranges.length, 4);
  assert.equal(ranges[0], undefined);
  const starts = ranges.slice(1).map((range) => Number(/^bytes=(\d+)-$/.exec(String(range))?.[1]));
  assert.ok(
    starts.every((at, place) => at > (starts[place - 1] ?? 0)),
    `each goes on further: ${ranges.join(" ")}`,
  );
  assert.deepEqual(await world.run(id), { kind: "ended", state: "verified" });
});

const plain = ({ status, headers, text }: Awaited<ReturnType<MailboxCall>>) => ({ status, headers, text: () => text() });

async function* cutAfter(body: AsyncIterable<Uint8Array>, bytes: number): AsyncGenerator<Uint8Array> {
  let given = 0;
  for await (const piece of body) {
    if (given + piece.length > bytes) throw new Error("the line is cut");
    given += piece.length;
    yield piece;
  }
}

test("ranges are those of RFC 9110", async () => {
  const { id } = await deposited("large", BILLS);
  const [{ id: name, bytes } = { id: "", bytes: 0 }] = await packagesOf(id);
  const whole = Buffer.from(await (await device("GET", `/v1/mailbox/${id}/packages/${name}`)).arrayBuffer());
  assert.equal(whole.length, bytes);
  const at = async (headers: Record<string, string>) => {
    const answer = await device("GET", `/v1/mailbox/${id}/packages/${name}`, { headers });
    return { status: answer.status, range: answer.headers.get("content-range"), body: Buffer.from(await answer.arrayBuffer()) };
  };
  const expectations: [Record<string, string>, number, [number, number] | null][] = [
    [{ range: "bytes=0-0" }, 206, [0, 0]],
    [{ range: "bytes=100-" }, 206, [100, bytes - 1]],
    [{ range: "bytes=-5" }, 206, [bytes - 5, bytes - 1]],
    [{ range: `bytes=10-${bytes * 2}` }, 206, [10, bytes - 1]],
    [{ range: "bytes=0-1,5-6" }, 200, null],
    [{ range: "lines=1-2" }, 200, null],
    [{ range: "bytes=5-9", "if-range": `"${name}"` }, 206, [5, 9]],
    [{ range: "bytes=5-9", "if-range": '"another"' }, 200, null],
  ];
  for (const [headers, status, range] of expectations) {
    const answer = await at(headers);
    const [start, end] = range ?? [0, bytes - 1];
    assert.equal(answer.status, status, JSON.stringify(headers));
    assert.equal(answer.range, range && `bytes ${start}-${end}/${bytes}`, JSON.stringify(headers));
    assert.ok(answer.body.equals(whole.subarray(start, end + 1)), JSON.stringify(headers));
  }
  const beyond = await at({ range: `bytes=${bytes}-` });
  assert.deepEqual([beyond.status, beyond.range], [416, `bytes */${bytes}`]);
});

test("what is another platform's does not exist", async () => {
  const { id } = await deposited();
  const [{ id: name } = { id: "" }] = await packagesOf(id);
  const receipt = await (await receiptFor(id)).sign();
  for (const path of ["", "/packages", `/packages/${name}`, "/manifest"])
    assert.equal((await stranger("GET", `/v1/mailbox/${id}${path}`)).status, 404, path);
  assert.equal((await put(id, receipt, stranger)).status, 404);
  const { deliveries } = (await (await stranger("GET", "/v1/mailbox")).json()) as { deliveries: unknown[] };
  assert.deepEqual(deliveries, []);
  const { id: second } = await deposited();
  assert.equal((await device("GET", `/v1/mailbox/${second}/packages/${name}`)).status, 404, "nor is one of another delivery in this one");
  assert.equal((await fetch(`${world.issuer}/v1/mailbox`)).status, 401);
});

test("a receipt counts only where the platform signed it for this manifest, and only one does", async () => {
  const { id } = await deposited();
  const good = await receiptFor(id);
  const { id: other } = await deposited();
  const forged: [string, string][] = [
    ["by a key that is not published", await good.sign(await testKey())],
    ["for another transfer", await (await receiptFor(other)).sign()],
    ["for another manifest", await (await receiptFor(id, { manifest: sha256("x") })).sign()],
    ["in another name", await (await receiptFor(id, { iss: "https://else.example" })).sign()],
    ["as if Relais had looked", await (await receiptFor(id, { observed: true })).sign()],
    ["of another form", await (await receiptFor(id, { items: "all" as never })).sign()],
    ["that is none", "x.y.z"],
    ["of another type", await deviceKey.sign("self-data-manifest+jwt", good.claims)],
  ];
  for (const [why, receipt] of forged) assert.equal((await put(id, receipt)).status, 400, why);
  assert.deepEqual(await world.run(id), { kind: "nothing" }, "nothing woke it");
  const receipt = await good.sign();
  assert.equal((await put(id, receipt)).status, 202);
  assert.equal((await put(id, receipt)).status, 202, "the same again is the same");
  assert.equal((await put(id, await good.sign())).status, 409, "another one is not");
  assert.deepEqual(await world.run(id), { kind: "ended", state: "verified" });
});

test("a receipt that comes while the attempt lies down still wakes the transfer", async () => {
  const { id } = await world.start(await world.allow("many", [DAILY]));
  world.through.offered = async () => {
    world.through.offered = null;
    assert.ok((await world.device.fetchNow()).includes(id));
  };
  assert.deepEqual(await world.run(id), { kind: "waiting" });
  assert.ok((await world.transfer(id)).dueAt <= new Date(), "it is due at once");
  assert.deepEqual(await world.run(id), { kind: "ended", state: "verified" });
});

test("what nobody fetches is deleted at its time, and everybody is told why", async () => {
  const { id } = await deposited();
  const [{ id: name } = { id: "" }] = await packagesOf(id);
  const receipt = await (await receiptFor(id)).sign();
  await world.query("update mailbox_deliveries set expires_at = now() - interval '1 second' where transfer_id = $1", [id]);
  await world.sweep();
  const { state, reason, actor } = await world.transfer(id);
  assert.deepEqual([state, reason, actor], ["expired", "peer_unavailable", "platform"]);
  assert.ok((await itemsOf(id)).every((item) => item.state === "omitted" && item.reason === "not_fetched"));
  assert.ok(!(await readdir(world.folder)).includes(name), "the bytes are gone");
  const told = (await (await device("GET", `/v1/mailbox/${id}`)).json()) as { state: string; packages: number };
  assert.deepEqual([told.state, told.packages], ["expired", 0]);
  assert.equal((await device("GET", `/v1/mailbox/${id}/packages/${name}`)).status, 404);
  assert.equal((await put(id, receipt)).status, 409);
  assert.equal((await kindsOf(id)).at(-1), "expired");
});

test("a permission that ends is in force at the mailbox at once, and what was not fetched is taken back", async () => {
  const { id, consent } = await deposited();
  const [first, ...rest] = await packagesOf(id);
  await (await device("GET", `/v1/mailbox/${id}/packages/${first?.id}`)).arrayBuffer();
  await world.withdraw(consent);
  for (const path of ["/packages", `/packages/${rest[0]?.id}`, "/manifest"])
    assert.equal((await device("GET", `/v1/mailbox/${id}${path}`)).status, 403, path);
  await world.sweep();
  const left = await itemsOf(id);
  assert.deepEqual(
    left.map(({ key, state, reason }) => [key, state, reason]).toSorted(byText),
    [[first?.key, "sent", null], ...rest.map(({ key }) => [key, "omitted", "stopped"])].toSorted(byText),
    "the one that was fetched lies at the platform, and the person is told so",
  );
  assert.ok((await readdir(world.folder)).every((name) => ![first, ...rest].some((one) => one?.id === name)));
});

test("what was changed or exchanged at rest is refused by the device, and no other item suffers", async () => {
  const { id } = await deposited();
  const [changed, one, two] = await packagesOf(id);
  const file = (name: string | undefined) => join(world.folder, String(name));
  const bytes = await readFile(file(changed?.id));
  bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
  await writeFile(file(changed?.id), bytes);
  const [a, b] = [await readFile(file(one?.id)), await readFile(file(two?.id))];
  await writeFile(file(one?.id), b);
  await writeFile(file(two?.id), a);
  await world.device.fetchNow();
  assert.deepEqual(await world.run(id), { kind: "ended", state: "partial" });
  const outcomes = (await itemsOf(id)).map(({ key, state, reason }) => [key, state, reason]);
  const refused = [changed, one, two].map((each) => [each?.key, "omitted", "refused_by_destination"]);
  assert.deepEqual(outcomes.filter(([, state]) => state === "omitted").toSorted(byText), refused.toSorted(byText));
  assert.equal(outcomes.filter(([, state]) => state === "stored").length, 2);
});

test("an attempt that is repeated brings nothing twice", async () => {
  const { id } = await deposited();
  const before = await packagesOf(id);
  await world.query("update transfers set due_at = now() where id = $1", [id]);
  assert.deepEqual(await world.run(id), { kind: "waiting" });
  assert.deepEqual(await packagesOf(id), before);
  assert.equal((await kindsOf(id)).filter((kind) => kind === "deposited").length, 1);
  await world.device.fetchNow();
  assert.deepEqual(await world.run(id), { kind: "ended", state: "verified" });
});

test("the list goes on from page to page", async () => {
  const { id } = await deposited();
  const seen: string[] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const path: string = `/v1/mailbox/${id}/packages?limit=2${cursor === "" ? "" : `&cursor=${cursor}`}`;
    const page = (await (await device("GET", path)).json()) as { packages: { id: string }[]; next: string | null };
    seen.push(...page.packages.map((one) => one.id));
    cursor = page.next;
  }
  assert.equal(new Set(seen).size, 5);
  assert.equal(seen.length, 5);
});
