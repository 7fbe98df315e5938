import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { withdrawConsent } from "../../src/core/consent/withdraw-consent.ts";
import type { ConsentId, PersonId } from "../../src/core/ids.ts";
import { payloadOf, type Manifest } from "../../src/core/transfer/manifest.ts";
import type { Asked, Misbehaviour } from "../support/fault-front.ts";
import { DAILY, startFaultWorld, until, type FaultWorld } from "../support/fault-relais.ts";
import { assertNoLooseFiles, judge, type Accepted } from "../support/outside-judge.ts";
import type { Program } from "../support/processes.ts";
import { realClock } from "../support/real-clock.ts";

/** Little enough that announcement, items and manifest travel in one request. */
const BILLS = "energy.bills";
const ITEMS = 30;
const SIZES = [2000, 3000];
const ACCOUNTS = Array.from({ length: 16 }, (_, place) => `account-${place}`);
let world: FaultWorld;
let worker: Program;
let next = 0;

before(async () => {
  world = await startFaultWorld({
    customers: { few: { [DAILY]: { numbered: ITEMS }, [BILLS]: { large: SIZES } }, many: { [DAILY]: { numbered: 201 } } },
    accounts: ACCOUNTS,
    fronted: true,
  });
  await world.start("web,sweeper");
  worker = await world.start("worker");
});
after(() => world?.[Symbol.asyncDispose]());

const isWhole = ({ method, path }: Asked): boolean => method === "POST" && path === "/inbox/transfers";
/** The first so many requests that carry everything, each in its own way. */
const wholly = (...wrong: Misbehaviour[]): void =>
  world.fronts!.ancre.front.misbehave((asked) => (isWhole(asked) ? wrong.shift() : undefined));
/** It is done, and nobody hears of it. */
const lost: Misbehaviour = { change: () => Promise.reject(new Error("reset")) };

async function begin(datasets: string[], sourceAccount = "few"): Promise<Accepted & { consent: ConsentId; person: PersonId }> {
  const account = ACCOUNTS[next++] as string;
  const person = await world.person({ sourceAccount, destinationAccount: account });
  const consent = await person.consent(datasets);
  return { id: (await person.transfer(consent)).id, account, consent: consent.id, person: person.id };
}

/** What reached Ancre of this transfer, by its own ledger. Announcement and compact form have one address, and the transfer's name for a key. */
async function requestsOf({ id }: Accepted): Promise<string[]> {
  const ledger = await world.witness.ledger();
  return ledger
    .filter(({ event, path = "", idempotencyKey }) => event === "request" && (path.includes(id) || idempotencyKey === `"${id}"`))
    .map(({ method, path = "" }) => `${method} ${path.replace(id, "…").replace(/items\/.*/, "items")}`);
}

const WHOLE = "POST /inbox/transfers";
const LONG = ["PUT /inbox/transfers/…/items", "POST /inbox/transfers/…/complete"];

test("little goes in one request, answered by the receipt", async () => {
  const accepted = await begin([DAILY, BILLS]);
  assert.equal((await world.ended(accepted.id)).state, "verified");
  await judge(world, [accepted], ITEMS + SIZES.length);
  assert.deepEqual(await requestsOf(accepted), [WHOLE]);
  const events = await world.store.read((r) => r.transfers.events(accepted.id));
  assert.deepEqual(
    events.map(({ kind }) => kind),
    ["requested", "attempt_started", "source_counted", "delivering", "delivered", "receipt_received", "verified"],
  );
});

test("more items than one request carries go one by one", async () => {
  const accepted = await begin([DAILY], "many");
  assert.equal((await world.ended(accepted.id)).state, "verified");
  await judge(world, [accepted], 201);
  assert.deepEqual([...new Set(await requestsOf(accepted))].sort(), [WHOLE, ...LONG].sort());
});

for (const [name, wrong] of [
  ["503 before anything is done", { answer: { status: 503 } }],
  ["done, and nobody hears of it", lost],
] as const)
  test(`${name}: the same manifest in one request again, and one receipt`, async () => {
    wholly(wrong, wrong);
    const accepted = await begin([BILLS]);
    const { state, attempts } = await world.ended(accepted.id);
    assert.deepEqual([state, attempts], ["verified", 3]);
    await judge(world, [accepted], SIZES.length);
    assert.deepEqual(new Set(await requestsOf(accepted)), new Set([WHOLE]));
  });

for (const status of [400, 403, 412, 413, 415])
  test(`${status} to the whole: each item is sent by itself in the same attempt, under the manifest that was signed`, async () => {
    wholly({ answer: { status } });
    const accepted = await begin([BILLS]);
    const { state, attempts } = await world.ended(accepted.id);
    assert.deepEqual([state, attempts], ["verified", 1]);
    await judge(world, [accepted], SIZES.length);
    assert.deepEqual(await requestsOf(accepted), [WHOLE, LONG[0], LONG[0], LONG[1]]);
  });

test("what is refused by itself then bears its own reason, though the manifest names it", async () => {
  let refused = 0;
  world.fronts!.ancre.front.misbehave((asked) => {
    if (isWhole(asked)) return refused++ === 0 ? { answer: { status: 413 } } : undefined;
    return asked.method === "PUT" && refused++ === 2 ? { answer: { status: 415 } } : undefined;
  });
  const { id } = await begin([BILLS]);
  assert.equal((await world.ended(id)).state, "partial");
  assert.deepEqual(await omissionsOf({ id }), ["unsupported"]);
});

test("the source has something else by the next attempt: nothing is sent under a manifest that does not name it", async () => {
  wholly({ answer: { status: 503 } });
  let isLater = false;
  world.fronts!.energy.front.misbehave(({ path }) => {
    if (!isLater || !/\/datasets\/[^/?]+\?/.test(path)) return undefined;
    return { change: ({ body, ...rest }) => ({ ...rest, body: JSON.stringify(withoutFirst(JSON.parse(body.toString()))) }) };
  });
  const accepted = await begin([BILLS]);
  await until("a manifest", async () => (await documentsOf(accepted)).length > 0);
  isLater = true;
  assert.equal((await world.ended(accepted.id)).state, "partial");
  world.fronts!.energy.front.misbehave(null);
  const [manifest] = await documentsOf(accepted);
  const { items } = payloadOf(manifest?.jws as string) as Manifest;
  const held = world.witness.items(accepted.account);
  assert.deepEqual([items.length, held.length], [SIZES.length, SIZES.length - 1]);
  assert.deepEqual(await omissionsOf(accepted), ["not_available"]);
  assert.equal(
    held.every(({ key, sha256 }) => items.some((item) => item.key === key && item["sha-256"] === sha256)),
    true,
  );
});

test("the worker is killed while the request is under way: the next one hands over the same", async () => {
  const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  wholly({ change: async (answer) => (reach(), await released, answer) });
  const accepted = await begin([DAILY]);
  await reached;
  await worker.kill("SIGKILL");
  release();
  const [manifest] = await documentsOf(accepted);
  worker = await world.start("worker");
  assert.equal((await world.ended(accepted.id)).state, "verified");
  assert.equal((await documentsOf(accepted)).find(({ kind }) => kind === "manifest")?.jws, manifest?.jws);
  await judge(world, [accepted], ITEMS);
});

test("stopped while the request is under way: it ends as stopped, and no receipt is claimed", async () => {
  const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  wholly({ change: async (answer) => (reach(), await released, answer) });
  const { id, consent, person } = await begin([BILLS]);
  await reached;
  await withdrawConsent({ store: world.store, clock: realClock }, { consentId: consent, personId: person });
  const { state, reason } = await world.ended(id);
  release();
  assert.deepEqual([state, reason], ["cancelled", "consent_ended"]);
  assert.deepEqual(
    (await documentsOf({ id })).map(({ kind }) => kind),
    ["manifest"],
  );
});

test("when all of them have ended, the destination holds no file that no item names", () => assertNoLooseFiles(world));

async function documentsOf({ id }: Pick<Accepted, "id">) {
  return world.store.read((r) => r.transfers.documents(id));
}

async function omissionsOf({ id }: Pick<Accepted, "id">): Promise<(string | null)[]> {
  return (await world.store.read((r) => r.transfers.items(id, { state: "omitted", limit: 10 }))).map(({ reason }) => reason);
}

function withoutFirst<T extends { items: unknown[] }>(page: T): T {
  return { ...page, items: page.items.slice(1) };
}
