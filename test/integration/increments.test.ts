import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Consent } from "../../src/core/consent/consent.ts";
import type { TransferId } from "../../src/core/ids.ts";
import { payloadOf, sha256, type Manifest, type Receipt } from "../../src/core/transfer/manifest.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { itemsOf } from "../../src/sandbox/personas/holdings.ts";
import { startSandboxWorld, type Resident, type SandboxWorld } from "../support/sandbox-world.ts";

/** A recurring permission, from a real holder to a real platform: what is new moves, and nothing else. */

const SEED = "increments";
const BILLS = "energy.bills";

let world: SandboxWorld;
before(async () => void (world = await startSandboxWorld(SEED)));
after(() => world?.[Symbol.asyncDispose]());

interface Delivered {
  id: TransferId;
  manifest: Manifest;
  receipt: Receipt;
  events: [kind: string, details: Record<string, unknown>][];
}

async function deliver(
  { personId }: Resident,
  { id: consentId }: Consent,
  more: { isFull?: boolean } = {},
  state = "verified",
): Promise<Delivered> {
  const { id } = await requestTransfer(world.ports, { consentId, personId, ...more });
  assert.deepEqual(await world.run(id), { kind: "ended", state });
  return read(id);
}

async function read(id: TransferId): Promise<Delivered> {
  const { documents, events } = await world.store.read(async (r) => ({
    documents: await r.transfers.documents(id),
    events: await r.transfers.events(id),
  }));
  const paper = <T>(kind: string) => payloadOf(documents.find((one) => one.kind === kind)?.jws ?? "") as T;
  return { id, manifest: paper("manifest"), receipt: paper("receipt"), events: events.map(({ kind, details }) => [kind, details]) };
}

const detailsOf = ({ events }: Delivered, wanted: string) => events.find(([kind]) => kind === wanted)?.[1];
const progressOf = ({ id }: Delivered) => world.store.read((r) => r.transfers.progress(id));

test("the second delivery asks for what is new, moves that alone, and the next one ends verified with nothing", async () => {
  const person = await world.resident("camille");
  const consent = await world.recurring(person, [BILLS]);
  const first = await deliver(person, consent);
  assert.ok(first.manifest.items.length > 50);
  let today = "";
  const asked = world.requestsAt("energy").filter((line) => !line.includes("/items/"));
  assert.deepEqual(asked, [`GET /export/datasets/${BILLS}`], "count and list are one question");
  for (let day = 1; day <= 31; day++) today = await world.energy.day.next();
  world.requestsAt("ancre");

  const second = await deliver(person, consent);
  const { items, deletions = [] } = second.manifest;
  assert.ok(items.length >= 1 && items.length < 10 && deletions.length >= 1, `${items.length} new, ${deletions.length} gone in a month`);
  const [question, ...reads] = world.requestsAt("energy");
  assert.equal(question, `GET /export/datasets/${BILLS}`, "one question, and no count of everything");
  assert.ok(
    reads.every((line) => items.some(({ key }) => line === `GET /export/datasets/${BILLS}/items/${encodeURIComponent(key)}`)),
    reads.join(),
  );
  assert.deepEqual(world.requestsAt("ancre"), ["POST /inbox/transfers"], "all of it in one request");
  const held = world.ancre.shelves.all(person.space).map(({ key, sha256: digest }) => `${key} ${digest}`);
  const now = await itemsOf({ seed: SEED, until: today }, "energy", person.customer, BILLS);
  assert.deepEqual(
    held.sort(),
    now.map(({ key, content }) => `${key} ${sha256(content)}`).sort(),
    "Ancre has what the holder has: new, corrected and deleted",
  );
  const [row] = await progressOf(second);
  assert.deepEqual([row?.expected, row?.verified], [items.length, items.length], "counted as what is new");
  assert.equal(detailsOf(second, "changes_listed")?.["items"], items.length);
  assert.equal(detailsOf(second, "source_counted"), undefined);

  const third = await deliver(person, consent);
  assert.deepEqual([third.manifest.items, third.manifest.omissions, third.manifest.deletions], [[], [], undefined]);
  assert.deepEqual(world.requestsAt("energy"), [`GET /export/datasets/${BILLS}`]);
  assert.deepEqual(world.requestsAt("ancre"), ["POST /inbox/transfers"]);
  assert.deepEqual(detailsOf(third, "verified"), { stored: 0, omitted: 0, missing: 0 });
});
