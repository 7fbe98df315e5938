import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import type pg from "pg";
import { pauseDispatch, resumeDispatch } from "../../src/core/dispatch/change-capacity.ts";
import { RelaisError } from "../../src/core/errors.ts";
import { PATIENCE_HOURS } from "../../src/core/transfer/patience.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { runCampaigns } from "../../src/core/transfer/run-campaigns.ts";
import { runTransfer } from "../../src/core/transfer/run-transfer.ts";
import { startCampaign } from "../../src/core/transfer/start-campaign.ts";
import { sweepTransfers } from "../../src/core/transfer/sweep-transfers.ts";
import type { Transfer } from "../../src/core/transfer/transfer.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { startEngine, type Engine } from "../support/engine.ts";
import { fakeAccount, fakeAdapter, numberedItems } from "../support/fake-participants.ts";
import { seedCrowd } from "../support/many-consents.ts";

/** Waiting for a turn costs no patience: only ends that were tried for long enough and did not answer end a transfer whose permission lives. */

const DATASET = "bench";
const HOUR = 3_600_000;

let engine: Engine;
let pool: pg.Pool;

before(async () => {
  const fault = () => {
    throw new RelaisError("peer_unavailable", "The holder does not answer.", { actor: "holder" });
  };
  engine = await startEngine(fakeAdapter(fakeAccount({ items: numberedItems(DATASET, 2), fault }), fakeAccount()), [DATASET]);
  pool = openPool(engine.url, 4);
});
after(async () => {
  await pool?.end();
  await engine?.[Symbol.asyncDispose]();
});
beforeEach(() => pool.query("delete from relais.transfers; delete from relais.dispatch_pauses"));

async function accepted(): Promise<{ transfer: Transfer; endsAt: Date }> {
  const { id: consentId, expiresAt: endsAt } = await engine.consent([DATASET]);
  return { transfer: await requestTransfer(engine.ports, { consentId, personId: engine.personId }), endsAt };
}
const present = ({ id }: Transfer) => engine.store.read((r) => r.transfers.get(id));
const attempt = ({ id, epoch }: Transfer) => runTransfer(engine.ports, { transferId: id, epoch }, engine.terms);
/** A first attempt that fails, and as if all the patience had passed since. */
async function triedForLong(): Promise<Transfer> {
  const { transfer } = await accepted();
  assert.deepEqual(await attempt(transfer), { kind: "waiting" });
  await pool.query(
    "update relais.transfers set expires_at = now() - interval '1 second', due_at = now() + interval '10 minutes' where id = $1",
    [transfer.id],
  );
  return transfer;
}
const swept = async (transfer: Transfer): Promise<Transfer> => {
  await sweepTransfers(engine.ports);
  return present(transfer);
};
const isAboutNow = (at: Date, hours: number) => assert.ok(Math.abs(at.getTime() - Date.now() - hours * HOUR) < HOUR / 2, String(at));

test("what waits for its turn lives as long as its permission; the patience begins with the first attempt, and never outlives the permission", async () => {
  const { transfer, endsAt } = await accepted();
  assert.deepEqual((await present(transfer)).expiresAt, endsAt);
  await attempt(transfer);
  isAboutNow((await present(transfer)).expiresAt, PATIENCE_HOURS);
  await pool.query("update relais.transfers set expires_at = expires_at - interval '1 hour', due_at = now() where id = $1", [transfer.id]);
  await attempt(await present(transfer));
  isAboutNow((await present(transfer)).expiresAt, PATIENCE_HOURS - 1);

  const short = await accepted();
  const soon = new Date(Date.now() + 5 * HOUR);
  await pool.query("update relais.transfers set expires_at = $2 where id = $1", [short.transfer.id, soon]);
  await attempt(short.transfer);
  assert.deepEqual((await present(short.transfer)).expiresAt, soon);
});

test("the same for what a campaign asks for", async () => {
  await seedCrowd(engine, pool, { count: 3, recurrence: null, decidedAt: new Date(Date.now() - 1000), name: "patient." });
  const selection = { source: engine.source.id };
  await engine.store.write((w) => startCampaign(w, { caller: { kind: "operator", name: "Operator" }, selection, now: new Date() }));
  await runCampaigns(engine.ports);
  const { rows } = await pool.query<{ own: boolean }>(
    "select t.expires_at = c.expires_at as own from relais.transfers t join relais.consents c on c.id = t.consent_id",
  );
  assert.ok(rows.length >= 3 && rows.every(({ own }) => own));
});

test("patience that ran out has a reason of its own, and who can mend it", async () => {
  const { state, reason, actor } = await swept(await triedForLong());
  assert.deepEqual([state, reason, actor], ["expired", "patience_over", "holder"]);
});

test("where the permission ended, that is the reason", async () => {
  const transfer = await triedForLong();
  await pool.query("update relais.consents set expires_at = now() - interval '1 second' where id = $1", [transfer.consentId]);
  const { state, reason } = await swept(transfer);
  assert.deepEqual([state, reason], ["expired", "consent_ended"]);
});

test("a retry that waits for its turn is not ended, but one behind a breaker is", async () => {
  const transfer = await triedForLong();
  await pool.query("update relais.transfers set due_at = now() - interval '4 days' where id = $1", [transfer.id]);
  assert.equal((await swept(transfer)).state, "fetching");
  await engine.store.write(async ({ dispatch }) => {
    const { health, now } = await dispatch.health(engine.source.id);
    await dispatch.putHealth({ ...health, failures: 5, openedUntil: new Date(now.getTime() + 60_000) });
  });
  assert.equal((await swept(transfer)).reason, "patience_over");
  await pool.query("delete from relais.participant_health");
});

test("time paused does not count, whoever paused it", async () => {
  const about = { caller: { kind: "operator" as const, name: "Operator" }, participantId: engine.source.id };
  const transfer = await triedForLong();
  await pauseDispatch(engine.ports, about, { dataset: DATASET, reason: "Wrong amounts." });
  assert.equal((await swept(transfer)).endedAt, null);
  await resumeDispatch(engine.ports, about, { dataset: DATASET });
  isAboutNow((await present(transfer)).expiresAt, PATIENCE_HOURS);
  assert.equal((await swept(transfer)).endedAt, null);

  const other = await triedForLong();
  const participantId = engine.destination.id;
  const stop = { participantId, asSource: false, state: "paused", actor: "platform", at: new Date(), limit: 10 } as const;
  await engine.store.write((w) => w.deliveries.stopSome(stop));
  assert.equal((await swept(other)).state, "paused");
  await engine.store.write((w) => w.deliveries.resumeSome({ participantId, at: new Date(), limit: 10 }));
  const { state, expiresAt } = await swept(other);
  assert.equal(state, "queued");
  isAboutNow(expiresAt, PATIENCE_HOURS);
});
