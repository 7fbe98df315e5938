import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import type { Consent } from "../../src/core/consent/consent.ts";
import type { TransferId } from "../../src/core/ids.ts";
import { unlinkAccount } from "../../src/core/person/unlink-account.ts";
import { numberedItems } from "../../src/sandbox/holder/bulk.ts";
import { createParticipantCall, type ParticipantCall } from "../../src/sdk-client/mailbox-client.ts";
import { startMailboxWorld, type MailboxWorld } from "../support/mailbox-world.ts";
import { realClock } from "../support/real-clock.ts";

/** What platforms and people are told of what waits: also where one row is odd, a connection ends early, or somebody sends too much. */
const DAILY = "energy.consumption.daily";
let world: MailboxWorld;
let device: ParticipantCall;
let stranger: ParticipantCall;

before(async () => {
  world = await startMailboxWorld({ customers: { many: { [DAILY]: numberedItems(5) }, few: { [DAILY]: numberedItems(1) } } });
  device = createParticipantCall({ issuer: world.issuer, entityId: world.device.entityId, key: world.device.key });
  stranger = createParticipantCall({ issuer: world.issuer, entityId: world.other.entityId, key: world.other.key });
});
after(() => world[Symbol.asyncDispose]());
afterEach(() => {
  world.through.call = null;
});

async function deposited(customer = "many"): Promise<{ id: TransferId; consent: Consent }> {
  const consent = await world.allow(customer, [DAILY]);
  const { id } = await world.start(consent);
  assert.deepEqual(await world.run(id), { kind: "waiting" });
  return { id, consent };
}

interface Told {
  transfer: string;
  subject: string;
  state: string;
}

async function listed(query = ""): Promise<Told[]> {
  const answer = await device("GET", `/v1/mailbox${query}`);
  assert.equal(answer.status, 200);
  return ((await answer.json()) as { deliveries: Told[] }).deliveries;
}

test("one person who takes an account away closes the mailbox for nobody", async () => {
  const [gone, stays] = [await deposited("few"), await deposited()];
  const { personId, destinationLinkId: linkId } = gone.consent;
  await unlinkAccount({ store: world.store, clock: realClock }, { personId, linkId });
  const told = await listed();
  const of = (id: TransferId) => told.find(({ transfer }) => transfer === id);
  assert.equal(of(stays.id)?.state, "waiting");
  assert.deepEqual([of(gone.id)?.state, of(gone.id)?.subject], ["stopped", "galet-few"], "as the manifest names the person");
  assert.equal((await device("GET", `/v1/mailbox/${gone.id}`)).status, 200);
});

test("a platform can ask for what waits alone, page by page", async () => {
  const [ended, first, second] = [await deposited("few"), await deposited(), await deposited()];
  await world.withdraw(ended.consent);
  const told = (await listed("?state=waiting")).map(({ transfer }) => transfer);
  assert.deepEqual(
    [ended, first, second].map(({ id }) => told.includes(id)),
    [false, true, true],
  );
  const seen: string[] = [];
  for (let path: string | null = "/v1/mailbox?state=waiting&limit=1"; path !== null;) {
    const answer: Awaited<ReturnType<ParticipantCall>> = await device("GET", path);
    seen.push(...((await answer.json()) as { deliveries: Told[] }).deliveries.map(({ transfer }) => transfer));
    path = /<([^>]+)>; rel="next"/.exec(answer.headers.get("link") ?? "")?.[1] ?? null;
  }
  assert.deepEqual(seen, told, "the link to the next page asks the same");
  assert.equal((await device("GET", "/v1/mailbox?state=paused")).status, 400);
});

interface Waiting {
  id: string;
  key: string;
  bytes: number;
  fetched_at: string | null;
}

async function packagesOf(id: TransferId): Promise<Waiting[]> {
  const { packages } = (await (await device("GET", `/v1/mailbox/${id}/packages`)).json()) as { packages: Waiting[] };
  return packages;
}

async function take(id: TransferId, one: Waiting, range: string): Promise<void> {
  const answer = await device("GET", `/v1/mailbox/${id}/packages/${one.id}`, { headers: { range } });
  assert.equal(answer.status, 206);
  await answer.arrayBuffer();
}

async function outcomes(id: TransferId): Promise<Map<string, string>> {
  const items = await world.store.read((r) => r.transfers.items(id, { limit: 100 }));
  return new Map(items.map(({ key, state, reason }) => [key, reason ?? state]));
}

test("whoever has all but the last byte has the content: only what was never begun is taken back", async () => {
  const { id, consent } = await deposited();
  const [almost, end, gap, parts, never] = (await packagesOf(id)) as [Waiting, Waiting, Waiting, Waiting, Waiting];
  await take(id, almost, `bytes=0-${almost.bytes - 2}`);
  await take(id, end, "bytes=-1");
  await take(id, gap, "bytes=0-9");
  await take(id, gap, "bytes=11-");
  await take(id, parts, "bytes=0-9");
  await take(id, parts, "bytes=5-");
  const fetched = (await packagesOf(id)).filter((one) => one.fetched_at !== null);
  assert.deepEqual(
    fetched.map(({ key }) => key),
    [parts.key],
    "one byte of the end is not the whole, nor are two pieces with a gap",
  );
  await world.withdraw(consent);
  await world.sweep();
  const told = await outcomes(id);
  const inPart = "fetched_in_part";
  assert.deepEqual(
    [almost, end, gap, parts, never].map(({ key }) => told.get(key)),
    [inPart, inPart, inPart, "sent", "stopped"],
  );
});

test("nothing of a receipt is read before the delivery is the caller's, and no more than one for it can have", async () => {
  const { id, consent } = await deposited();
  const send = (call: ParticipantCall, bytes: number) => call("PUT", `/v1/mailbox/${id}/receipt`, { body: "x".repeat(bytes) });
  assert.equal((await send(stranger, 3 * 1024 * 1024)).status, 404);
  assert.equal((await send(device, 1024 * 1024)).status, 413);
  assert.equal((await send(device, 1024)).status, 400, "what could be one is read, and is none");
  await world.withdraw(consent);
  assert.equal((await send(device, 1024)).status, 409, "nor where it waits for none");
});

test("an attempt past the time of what waits rests until the sweep ends it", async () => {
  const { id } = await deposited();
  await world.query("update mailbox_deliveries set expires_at = now() - interval '1 minute' where transfer_id = $1", [id]);
  await world.query("update transfers set due_at = now() where id = $1", [id]);
  assert.deepEqual(await world.run(id), { kind: "waiting" });
  assert.deepEqual(await world.run(id), { kind: "nothing" }, "it is not due again at once");
  await world.sweep();
  assert.equal((await world.transfer(id)).state, "expired");
});

test("a delivery that cannot be fetched holds up none of the others: the device goes on, and the next look begins it again", async () => {
  await world.device.fetchNow();
  const [bad, good] = [await deposited("few"), await deposited()];
  world.through.call = (call) => async (method, path, sent) => {
    if (path === `/v1/mailbox/${bad.id}/manifest`) throw new Error("the keys of its sealer are away");
    return call(method, path, sent);
  };
  assert.deepEqual(await world.device.fetchNow(), [good.id]);
  world.through.call = null;
  assert.deepEqual(await world.device.fetchNow(), [bad.id]);
});

test("relais mailbox fetch says what it could not keep, keeps the rest, and ends with 1", async () => {
  const [bad, good] = [await deposited("few"), await deposited()];
  const own = dirname(world.device.folder);
  const out = join(own, "by-hand");
  await mkdir(out);
  await writeFile(join(out, "galet-few"), "a file in the way");
  const key = (name: string) => join(own, "keys", `${name}.pem`);
  const who = ["--relais", world.issuer, "--entity", world.device.entityId, "--key", key("documents"), "--sealing-key", key("sealing")];
  const cli = new URL("../../src/cli/relais.ts", import.meta.url).pathname;
  const { code, output } = await new Promise<{ code: unknown; output: string }>((ended) => {
    execFile(process.execPath, [cli, "mailbox", "fetch", ...who, "--out", out], (error, stdout) =>
      ended({ code: error?.code ?? 0, output: stdout }),
    );
  });
  assert.equal(code, 1);
  assert.match(output, new RegExp(`^${bad.id}  not fetched: .+`, "m"));
  assert.match(output, new RegExp(`^${good.id}  5 items kept and acknowledged$`, "m"));
  assert.equal((await readdir(join(out, "galet-many", DAILY))).length, 5);
});
