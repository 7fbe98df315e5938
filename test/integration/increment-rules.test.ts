import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { withdrawConsent } from "../../src/core/consent/withdraw-consent.ts";
import type { Consent } from "../../src/core/consent/consent.ts";
import { newId, type LinkId, type TransferId } from "../../src/core/ids.ts";
import type { Adapter } from "../../src/core/transfer/adapter.ts";
import { removeOverdue } from "../../src/core/operation/remove-overdue.ts";
import { cancelTransfer } from "../../src/core/transfer/cancel-transfer.ts";
import { payloadOf, type Manifest, type Receipt } from "../../src/core/transfer/manifest.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { runTransfer } from "../../src/core/transfer/run-transfer.ts";
import { startEngine } from "../support/engine.ts";
import { fakeAccount, fakeAdapter, numberedItems } from "../support/fake-participants.ts";
import { journalLibrary, type JournalLibrary } from "../support/journal-library.ts";
import { allowed, startSandboxWorld, type Resident, type SandboxWorld } from "../support/sandbox-world.ts";

/** The rules of docs/self-data-transfer.md, "What is new", at the edge of what a source may say: each as the platform's own shelf shows it. */

const SET = "energy.contract";
const OTHER = "energy.home";

const library: JournalLibrary = journalLibrary();
let world: SandboxWorld;
let person: Resident;
let consent: Consent;

before(async () => {
  world = await startSandboxWorld("increment-rules", library);
  person = await world.resident("camille");
});
after(() => world?.[Symbol.asyncDispose]());

let names = 0;
/** Of each test its own. */
const fresh = (name: string): string => `${(names += 1)}-${name}`;

beforeEach(async () => {
  Object.assign(library, { isTimed: false, falsify: null, pages: null, isOut: false });
  library.asked.length = 0;
  library.lost.clear();
  if (consent) await withdrawConsent(world.ports, { consentId: consent.id, personId: person.personId });
  consent = await world.recurring(person, [SET]);
});

interface Delivered {
  id: TransferId;
  manifest: Manifest;
  receipt: Receipt;
  kinds: string[];
}

async function deliver(state: "verified" | "partial" = "verified", more: { isFull?: boolean } = {}): Promise<Delivered> {
  const { id } = await requestTransfer(world.ports, { consentId: consent.id, personId: person.personId, ...more });
  assert.deepEqual(await world.run(id), { kind: "ended", state });
  const { documents, events } = await world.store.read(async (r) => ({
    documents: await r.transfers.documents(id),
    events: await r.transfers.events(id),
  }));
  const paper = <T>(kind: string) => payloadOf(documents.find((one) => one.kind === kind)?.jws ?? "") as T;
  return { id, manifest: paper("manifest"), receipt: paper("receipt"), kinds: events.map(({ kind }) => kind) };
}

const keysOf = ({ manifest }: Delivered): string[] => manifest.items.map(({ key }) => key);
const goneIn = ({ manifest }: Delivered): string[] => (manifest.deletions ?? []).map(({ key }) => key);
const told = ({ receipt }: Delivered): string[] => (receipt.deletions ?? []).map(({ key, outcome }) => `${key} ${outcome}`);
/** The digest of what Ancre has there now. */
const held = (key: string, dataset = SET): string | null => world.ancre.shelves.find(person.space, dataset, key)?.sha256 ?? null;
const digest = (key: string): string => library.listed(SET, key).sha256;
const positions = async (): Promise<unknown[]> =>
  (await world.pool.query("select kind, value from relais.delivery_positions where consent_id = $1", [consent.id])).rows;

test("a corrected value replaces the old one under its key, and nothing else moves", async () => {
  const [one, two] = [fresh("one"), fresh("two")];
  library.put(SET, one, { kWh: 1 });
  library.put(SET, two, { kWh: 2 });
  await deliver();
  library.put(SET, two, { kWh: 3 });
  assert.deepEqual(keysOf(await deliver()), [two]);
  assert.equal(held(two), digest(two));
});

test("an older value that comes after a newer one is what the source says now: it stands", async () => {
  const key = fresh("back");
  library.put(SET, key, { v: "old" });
  await deliver();
  library.put(SET, key, { v: "new" });
  await deliver();
  library.put(SET, key, { v: "old" });
  assert.deepEqual(keysOf(await deliver()), [key], "what was proved first is not what is proved now");
  assert.equal(held(key), digest(key));
});

test("a deletion is told in the manifest, done at the platform, and said in its receipt; created again, the same value moves again", async () => {
  const key = fresh("gone");
  library.put(SET, key, { v: 1 });
  await deliver();
  library.remove(SET, key);
  const gone = await deliver();
  assert.deepEqual([keysOf(gone), goneIn(gone), told(gone)], [[], [key], [`${key} removed`]]);
  assert.equal(held(key), null);
  assert.ok(gone.kinds.includes("deletions_told"));
  assert.deepEqual(await world.store.read((r) => r.increments.deletions(gone.id, 10)), [{ dataset: SET, key, outcome: "removed" }]);
  library.put(SET, key, { v: 1 });
  assert.deepEqual(keysOf(await deliver()), [key]);
  assert.equal(held(key), digest(key));
});

test("deleted and created again between two deliveries is a value like any other", async () => {
  const key = fresh("again");
  library.put(SET, key, { v: 1 });
  await deliver();
  library.remove(SET, key);
  library.put(SET, key, { v: 2 });
  const again = await deliver();
  assert.deepEqual([keysOf(again), goneIn(again)], [[key], []]);
});

test("what the person corrected at the platform is kept there when its source deletes it, and the receipt says so", async () => {
  const key = fresh("mine");
  library.put(SET, key, { occupants: 3 });
  await deliver();
  const url = `${world.ancre.url}/correct/${SET}/${key}`;
  const page = await (await fetch(url, { headers: { cookie: person.cookie } })).text();
  const name = /name="(\w*occupants\w*)"/.exec(page)?.[1] ?? "occupants";
  const headers = { cookie: person.cookie, origin: world.ancre.entityId };
  const saved = await fetch(url, { method: "POST", headers, body: new URLSearchParams({ [name]: "4" }), redirect: "manual" });
  assert.equal(saved.status, 303);
  library.remove(SET, key);
  const gone = await deliver();
  assert.deepEqual(told(gone), [`${key} kept`]);
  assert.notEqual(held(key), null);
});

test("a source that says that others' items are gone is not heard: neither of other data sets, nor what it never brought, nor names that are none", async () => {
  const [own, elsewhere] = [fresh("own"), fresh("elsewhere")];
  library.put(SET, own, { v: 1 });
  library.put(OTHER, elsewhere, { v: 1 });
  const others = await world.recurring(person, [OTHER]);
  const { id } = await requestTransfer(world.ports, { consentId: others.id, personId: person.personId });
  assert.deepEqual(await world.run(id), { kind: "ended", state: "verified" });
  await deliver();
  library.falsify = (page) => ({ ...page, gone: [elsewhere, `../${OTHER}/${elsewhere}`, `${OTHER}/${elsewhere}`, "never-brought", ".."] });
  assert.deepEqual(goneIn(await deliver()), []);
  assert.notEqual(held(elsewhere, OTHER), null);
});

// What a manifest of Relais itself could not say, and a platform refuses or leaves alone all the same.
test("a platform deletes only what was announced, and only what came from that source", async () => {
  const key = fresh("kept");
  library.put(SET, key, { v: 1 });
  await deliver();
  const complete = async (source: string, deletions: Manifest["deletions"]) => {
    const transfer = newId("transfer");
    const inbox = `${world.ancre.url}/inbox/transfers`;
    const head = { transfer, consent: newId("consent"), source, destination: world.ancre.entityId, subject: person.space };
    const datasets = [{ dataset: OTHER, items: 0, bytes: 0 }];
    const body = JSON.stringify({ ...head, datasets, expires: "2030-01-01T00:00:00Z" });
    const announced = { "content-type": "application/json", "idempotency-key": `"${transfer}"` };
    assert.equal((await world.relais.send({ method: "POST", url: inbox, headers: announced, body })).status, 201);
    const jws = world.relais.manifest({
      iss: world.relais.issuer,
      iat: 1,
      ...head,
      items: [],
      omissions: [],
      ...(deletions ? { deletions } : {}),
    });
    const headers = { "content-type": "application/self-data-manifest+jwt", "idempotency-key": `"${transfer}/complete"` };
    const answer = await world.relais.send({ method: "POST", url: `${inbox}/${transfer}/complete`, headers, body: jws });
    return { status: answer.status, receipt: answer.status === 200 ? (payloadOf(await answer.text()) as Receipt) : null };
  };
  assert.equal((await complete(world.energy.entityId, [{ dataset: SET, key }])).status, 400, "a data set that was not announced");
  assert.notEqual(held(key), null);
  const [own] = world.ancre.shelves.all(person.space).filter(({ dataset }) => dataset === OTHER);
  assert.ok(own, "the test before left one");
  await world.ancre.shelves.remove({ ...own, source: "https://else.example" });
  assert.notEqual(held(own.key, OTHER), null, "another source's");
});

test("of two values for one key in one list the later one stands; of an item and its deletion, the item, and it is asked for again", async () => {
  const [twin, torn, last] = [fresh("twin"), fresh("torn"), fresh("z-last")];
  for (const key of [twin, torn, last]) library.put(SET, key, { v: 1 });
  await deliver();
  library.put(SET, twin, { v: 2 });
  const first = library.listed(SET, twin);
  library.put(SET, twin, { v: 3 });
  library.put(SET, torn, { v: 2 });
  const second = library.listed(SET, twin);
  const tornItem = library.listed(SET, torn);
  const before = await positions();
  const next = Buffer.from("1").toString("base64url");
  library.falsify = (_page, cursor) =>
    cursor === null ? { items: [first, tornItem], gone: [], next } : { items: [second], gone: [torn], next: null };
  const torned = await deliver();
  assert.equal(held(twin), second.sha256);
  assert.deepEqual([keysOf(torned).sort(), goneIn(torned)], [[torn, twin].sort(), []]);
  assert.deepEqual(await positions(), before, "it is asked for from the same place");
});

test("a position that the source does not know (any more) begins again: everything is listed, and the next delivery asks for what is new", async () => {
  const key = fresh("forgotten");
  library.put(SET, key, { v: 1 });
  await deliver();
  library.forget();
  const again = await deliver();
  assert.ok(keysOf(again).includes(key));
  assert.deepEqual(
    again.kinds.filter((kind) => /position|count|changes/.test(kind)),
    ["position_unknown", "source_counted"],
  );
  assert.deepEqual(keysOf(await deliver()), []);
});

test("a source without positions is asked by the time of the last proof, two days before it, and what is proved is not sent again", async () => {
  const [old, young] = [fresh("old"), fresh("young")];
  library.isTimed = true;
  library.put(SET, old, { v: 1 });
  await deliver();
  const begun = Date.now();
  library.put(SET, young, { v: 1 });
  assert.deepEqual(keysOf(await deliver()), [young], "the source lists both: it is less than two days");
  const since = library.asked.findLast((one) => one !== null)?.getTime() ?? 0;
  assert.ok(Math.abs(begun - since - 2 * 86_400_000) < 60_000, new Date(since).toISOString());
});

test("what was left behind for a reason that may pass is asked for by the next delivery, though the source does not list it again", async () => {
  const [bill, other] = [fresh("bill.raw"), fresh("other")];
  library.put(SET, bill, { pages: 2 });
  library.put(SET, other, { v: 1 });
  library.lost.add(bill);
  const first = await deliver("partial");
  assert.deepEqual(first.manifest.omissions, [{ dataset: SET, key: bill, reason: "not_available" }]);
  assert.deepEqual((await deliver("partial")).manifest.omissions, first.manifest.omissions, "still not there");
  library.lost.clear();
  const then = await deliver();
  assert.deepEqual([keysOf(then), held(bill)], [[bill], digest(bill)]);
  assert.deepEqual(keysOf(await deliver()), []);
});

test("what is gone is not owed any more", async () => {
  const bill = fresh("never.raw");
  library.put(SET, bill, { pages: 2 });
  library.lost.add(bill);
  await deliver("partial");
  library.remove(SET, bill);
  const then = await deliver();
  assert.deepEqual([then.manifest.omissions, goneIn(then)], [[], []]);
});

test("an attempt that dies and a delivery that is stopped change nothing: the next one brings all that is new since the last proof", async () => {
  const [one, two] = [fresh("one"), fresh("two")];
  library.put(SET, one, { v: 1 });
  await deliver();
  const before = await positions();
  library.put(SET, two, { v: 1 });
  library.isOut = true;
  const { id } = await requestTransfer(world.ports, { consentId: consent.id, personId: person.personId });
  assert.deepEqual(await world.run(id), { kind: "waiting" });
  assert.deepEqual(await positions(), before);
  await cancelTransfer(world.ports, { transferId: id, personId: person.personId });
  library.isOut = false;
  assert.deepEqual(await positions(), before);
  assert.deepEqual(keysOf(await deliver()), [two]);
  assert.notDeepEqual(await positions(), before);
});

test("asked for everything, a delivery brings everything, and begins a new place; another permission knows nothing of this one's", async () => {
  const key = fresh("all");
  library.put(SET, key, { v: 1 });
  await deliver();
  assert.deepEqual(keysOf(await deliver()), []);
  const all = await deliver("verified", { isFull: true });
  assert.ok(keysOf(all).includes(key));
  assert.ok(all.kinds.includes("source_counted"));
  assert.deepEqual(keysOf(await deliver()), []);
  consent = await world.recurring(person, [SET]);
  assert.ok(keysOf(await deliver()).includes(key));
});

test("a permission for a single delivery keeps no place", async () => {
  library.put(SET, fresh("once"), { v: 1 });
  consent = await world.recurring(person, [SET], null);
  await deliver();
  assert.deepEqual(await positions(), []);
});

test("a space that cannot sign keeps its copy of what its source deleted, and the observed receipt says so", async () => {
  const base = fakeAdapter(fakeAccount({ items: numberedItems(SET, 2) }), fakeAccount());
  const news = { items: [], omissions: [], gone: ["item-000000"], next: null, position: "2" };
  const openSource: Adapter["openSource"] = async (opening) => ({ ...(await base.openSource(opening)), changes: async () => news });
  await using engine = await startEngine({ ...base, openSource }, [SET]);
  const { personId, ports } = engine;
  const [from, to] = await engine.store.read((r) => r.people.listLinks(personId));
  const isFrom = from?.participantId === engine.source.id;
  const [sourceLinkId, destinationLinkId] = [(isFrom ? from : to)?.id as LinkId, (isFrom ? to : from)?.id as LinkId];
  const given = await allowed(ports, { personId, from: sourceLinkId, to: destinationLinkId }, [SET], "P1D");
  const ends: (Receipt & { id: TransferId })[] = [];
  for (let delivery = 1; delivery <= 2; delivery++) {
    const { id, epoch } = await requestTransfer(ports, { consentId: given.id, personId });
    assert.deepEqual(await runTransfer(ports, { transferId: id, epoch }, engine.terms), { kind: "ended", state: "verified" });
    const documents = await engine.store.read((r) => r.transfers.documents(id));
    ends.push({ id, ...(payloadOf(documents.find(({ kind }) => kind === "receipt")?.jws ?? "") as Receipt) });
  }
  assert.equal(ends[0]?.deletions, undefined);
  assert.deepEqual([ends[1]?.observed, ends[1]?.deletions], [true, [{ dataset: SET, key: "item-000000", outcome: "kept" }]]);
});

test("names of what was brought go by age: a deletion is told all the same, and what was left behind is looked for among everything", async () => {
  const [left, other] = [fresh("left.raw"), fresh("other")];
  library.put(SET, left, { v: 1 });
  library.lost.add(left);
  await deliver("partial");
  await world.pool.query("update relais.transfers set ended_at = now() - interval '100 days' where consent_id = $1", [consent.id]);
  const ports = {
    store: world.store,
    onRemoved: () => undefined,
    onFailure: (kind: string, error: unknown) => assert.fail(`${kind}: ${String(error)}`),
  };
  assert.ok((await removeOverdue(ports, { itemNames: 90, journals: 180, proofs: 1_826 })) > 0);
  library.lost.clear();
  const next = await deliver();
  assert.ok(keysOf(next).includes(left), keysOf(next).join());
  assert.equal(held(left), digest(left));
  library.put(SET, other, { v: 1 });
  await deliver();
  await world.pool.query("update relais.transfers set ended_at = now() - interval '100 days' where consent_id = $1", [consent.id]);
  await removeOverdue(ports, { itemNames: 90, journals: 180, proofs: 1_826 });
  library.remove(SET, other);
  const gone = await deliver();
  assert.deepEqual([goneIn(gone), told(gone), held(other)], [[other], [`${other} removed`], null]);
});
