import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { withdrawConsent } from "../../src/core/consent/withdraw-consent.ts";
import { RelaisError } from "../../src/core/errors.ts";
import { newId } from "../../src/core/ids.ts";
import type { DeadGroup } from "../../src/core/operation/operation-reader.ts";
import { replayGroup, replayTransfer } from "../../src/core/operation/replay.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { runTransfer } from "../../src/core/transfer/run-transfer.ts";
import type { Transfer } from "../../src/core/transfer/transfer.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { startEngine, type Engine } from "../support/engine.ts";
import { fakeAccount, fakeAdapter, numberedItems } from "../support/fake-participants.ts";

/** What is given up, and what brings it back. The pages on it are looked at in test/e2e/operator-pages.test.ts. */
const DATASET = "energy.consumption.daily";
const owned = new AsyncDisposableStack();
const source = fakeAccount({ items: numberedItems(DATASET, 2) });
let engine: Engine;
let pool: ReturnType<typeof openPool>;

before(async () => {
  engine = owned.use(await startEngine(fakeAdapter(source, fakeAccount()), [DATASET]));
  pool = owned.adopt(openPool(engine.url, 2), (open) => open.end());
});
after(() => owned.disposeAsync());

const run = ({ id, epoch }: Transfer) => runTransfer(engine.ports, { transferId: id, epoch }, engine.terms);
const ask = async () => {
  const consent = await engine.consent([DATASET]);
  return requestTransfer(engine.ports, { consentId: consent.id, personId: engine.personId });
};

async function fail(): Promise<Transfer> {
  source.fault = () => {
    throw new RelaisError("peer_refused", "No.", { actor: "holder" });
  };
  const transfer = await ask();
  assert.deepEqual(await run(transfer), { kind: "ended", state: "failed" });
  delete source.fault;
  return transfer;
}

const groups = () => engine.store.read((r) => r.operation.deadGroups(10));
const count = async () => {
  const { deadLetters } = await engine.store.read((r) => r.operation.measures());
  return deadLetters.find(({ kind }) => kind === "transfer")?.count;
};

test("a failure is given up until its permission ends, its time is over, or it is asked for again", async () => {
  const [withdrawn, old, again] = [await fail(), await fail(), await fail()];
  assert.equal(await count(), 3);
  await withdrawConsent(engine.ports, { consentId: withdrawn.consentId, personId: engine.personId });
  assert.equal(await count(), 2);
  await pool.query("update transfers set ended_at = ended_at - interval '31 days' where id = $1", [old.id]);
  assert.equal(await count(), 1);
  await requestTransfer(engine.ports, { consentId: again.consentId, personId: engine.personId });
  assert.equal(await count(), 0, "the person asked again by themselves");
  assert.deepEqual(await groups(), []);
});

test("a group comes back one by one: who withdrew meanwhile, and whom nothing may go to, stays where they are", async () => {
  const [first, second] = [await fail(), await fail()];
  const [group] = (await groups()) as [DeadGroup];
  assert.deepEqual(
    [group.kind, group.problem, group.actor, group.participantId, group.count],
    ["transfer", "peer_refused", "holder", engine.source.id, 2],
  );
  await engine.store.write((w) => w.register.setStatus(engine.destination.id, "suspended"));
  assert.deepEqual(await replayGroup(engine.ports, group), { count: 0, refused: [{ code: "not_accredited", count: 2 }], isMore: false });
  assert.equal(await count(), 2, "what is refused is still there");
  await engine.store.write((w) => w.register.setStatus(engine.destination.id, "accredited"));
  await withdrawConsent(engine.ports, { consentId: first.consentId, personId: engine.personId });
  assert.deepEqual(await replayGroup(engine.ports, group), { count: 1, refused: [], isMore: false });
  assert.equal(await count(), 0);
  await assert.rejects(replayTransfer(engine.ports, first.id), { code: "consent_ended" });
  const once = await replayTransfer(engine.ports, second.id);
  assert.equal((await replayTransfer(engine.ports, second.id)).id, once.id, "twice is once");
  assert.deepEqual(await run(once), { kind: "ended", state: "verified" });
  await assert.rejects(replayTransfer(engine.ports, once.id), { code: "conflict" });
});

test("what an organisation refused of a person's proposal is for the organisation to mend, though it is the destination", async () => {
  const transfer = await fail();
  await pool.query("update consents set action = 'propose' where id = $1", [transfer.consentId]);
  assert.equal((await groups())[0]?.participantId, engine.destination.id);
  await pool.query("update transfers set actor = 'platform' where id = $1", [transfer.id]);
  assert.equal((await groups())[0]?.participantId, engine.source.id);
  await pool.query("update transfers set actor = 'operator', reason = null where id = $1", [transfer.id]);
  const [group] = (await groups()) as [DeadGroup];
  assert.deepEqual([group.problem, group.participantId], ["internal", null], "without a reason it is ours");
  const letters = await engine.store.read((r) => r.operation.deadLetters(group, 10));
  assert.deepEqual(
    letters.map(({ id }) => id),
    [transfer.id],
  );
  await withdrawConsent(engine.ports, { consentId: transfer.consentId, personId: engine.personId });
});

test("events that a participant never acknowledged stand beside them, and are told again", async () => {
  const id = newId("event");
  await pool.query(
    `insert into notices (id, recipient_id, about_id, type, details, created_at, due_at, attempts, given_up_at, last_failure)
    values ($1, $2, $3, 'accreditation-granted', '{}', now(), now() + interval '1 day', 9, now(), 'no answer')`,
    [id, engine.destination.id, engine.source.id],
  );
  const [group] = (await groups()) as [DeadGroup];
  assert.deepEqual([group.kind, group.problem, group.participantId, group.count], ["notice", "unacknowledged", engine.destination.id, 1]);
  assert.deepEqual(await replayGroup(engine.ports, group), { count: 1, refused: [], isMore: false });
  assert.deepEqual(await groups(), []);
  const { rows } = await pool.query<{ due: boolean }>("select due_at <= now() and given_up_at is null as due from notices where id = $1", [
    id,
  ]);
  assert.deepEqual(rows, [{ due: true }]);
});
