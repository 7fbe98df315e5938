import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Consent } from "../../src/core/consent/consent.ts";
import type { TransferId } from "../../src/core/ids.ts";
import { payloadOf, type Manifest, type Receipt } from "../../src/core/transfer/manifest.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { startSandboxWorld, type Resident, type SandboxWorld } from "../support/sandbox-world.ts";

/** A recurring permission, from a real holder to a real platform: what is new moves, and nothing else. */

const DAILY = "energy.consumption.daily";

let world: SandboxWorld;
before(async () => void (world = await startSandboxWorld("increments")));
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
const keysOf = ({ manifest }: Delivered): string[] => manifest.items.map(({ key }) => key);
const progressOf = ({ id }: Delivered) => world.store.read((r) => r.transfers.progress(id));

test("the second delivery asks for what is new, moves that alone, and the next one ends verified with nothing", async () => {
  const person = await world.resident("camille");
  const consent = await world.recurring(person, [DAILY]);
  const first = await deliver(person, consent);
  assert.ok(first.manifest.items.length > 1000);
  const before = world.energy.day.last();
  const today = await world.energy.day.next();
  world.requestsAt("energy");
  world.requestsAt("ancre");

  const second = await deliver(person, consent);
  assert.ok(second.manifest.items.length >= 1 && second.manifest.items.length < 40, `${second.manifest.items.length} items of a day`);
  assert.ok(
    keysOf(second).some((key) => key.startsWith(today)),
    `${keysOf(second)} after ${before}`,
  );
  assert.deepEqual(world.requestsAt("energy"), [`GET /export/datasets/${DAILY}`], "one question, and no more");
  assert.equal(world.requestsAt("ancre").filter((line) => line.startsWith("PUT")).length, second.manifest.items.length);
  const [row] = await progressOf(second);
  assert.deepEqual([row?.expected, row?.verified], [second.manifest.items.length, second.manifest.items.length], "counted as what is new");
  assert.equal(detailsOf(second, "changes_listed")?.["items"], second.manifest.items.length);
  assert.equal(detailsOf(second, "source_counted"), undefined);

  const third = await deliver(person, consent);
  assert.deepEqual([third.manifest.items, third.manifest.omissions, third.manifest.deletions], [[], [], undefined]);
  assert.deepEqual(world.requestsAt("energy"), [`GET /export/datasets/${DAILY}`]);
  assert.deepEqual(world.requestsAt("ancre"), ["POST /inbox/transfers", "POST /inbox/transfers/{transfer}/complete"]);
  assert.deepEqual(detailsOf(third, "verified"), { stored: 0, omitted: 0, missing: 0 });
});
