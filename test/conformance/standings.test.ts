import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type pg from "pg";
import type { Consent } from "../../src/core/consent/consent.ts";
import type { Standings } from "../../src/core/consent/standings.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { createStandings } from "../../src/postgres/standings.ts";
import { suspend, REASONS } from "../support/charter.ts";
import { startEngine, type Engine } from "../support/engine.ts";
import { fakeAccount, fakeAdapter } from "../support/fake-participants.ts";

/** What one statement says of a consent, compared with what the readers say: the same, at every standing, and nothing is kept. */

let engine: Engine;
let pool: pg.Pool;
let standings: Standings;
let consent: Consent;

before(async () => {
  engine = await startEngine(fakeAdapter(fakeAccount(), fakeAccount()), ["one", "two"]);
  pool = openPool(engine.url, 2);
  standings = createStandings(pool);
  consent = await engine.consent(["one", "two"]);
});
after(async () => {
  await pool?.end();
  await engine?.[Symbol.asyncDispose]();
});

async function assertSame(): Promise<void> {
  const now = new Date();
  const read = await standings.find(consent.id, now);
  assert.ok(read);
  const { consent: one, reader } = read;
  const expected = await engine.store.read(async (r) => ({
    consent: await r.consents.get(consent.id),
    source: await r.participants.get(consent.sourceId),
    destination: await r.participants.get(consent.destinationId),
    marks: [await r.participants.findMark(consent.sourceId), await r.participants.findMark(consent.destinationId)],
    link: await r.people.getLink(consent.sourceLinkId),
    stance: await r.conditions.stance(consent.sourceId, consent.destinationId, now),
    known: await r.participants.findByEntityId(engine.source.entityId),
  }));
  const { participants, people, conditions } = reader;
  const found = {
    consent: one,
    source: await participants.get(consent.sourceId),
    destination: await participants.get(consent.destinationId),
    marks: [await participants.findMark(consent.sourceId), await participants.findMark(consent.destinationId)],
    link: await people.getLink(consent.sourceLinkId),
    stance: await conditions.stance(consent.sourceId, consent.destinationId, now),
    known: await standings.findParticipant(engine.source.entityId),
  };
  assert.deepEqual(found, expected);
}

test("the same as the readers say, before and after each change", async () => {
  await assertSame();
  await suspend(engine.store, consent.destinationId);
  await assertSame();
  const excluded = { holderId: consent.sourceId, platformId: consent.destinationId, dataset: "one", reason: REASONS };
  await engine.store.write((w) => w.rules.exclude({ ...excluded, changedAt: new Date(), logIndex: 0 }));
  const stance = (await standings.find(consent.id, new Date()))?.reader.conditions.stance(
    consent.sourceId,
    consent.destinationId,
    new Date(),
  );
  assert.deepEqual((await stance)?.excluded, ["one"]);
  await assertSame();
  await pool.query('update relais.participants set about = about || \'{"country": "DE"}\' where id = $1', [consent.sourceId]);
  await assertSame();
  await pool.query("update relais.consents set state = 'withdrawn', ended_at = now(), ended_by = 'person' where id = $1", [consent.id]);
  await assertSame();
});

test("an account that was unlinked is nobody's", async () => {
  await pool.query("update relais.account_links set removed_at = now() where id = $1", [consent.sourceLinkId]);
  const read = await standings.find(consent.id, new Date());
  await assert.rejects(async () => read?.reader.people.getLink(consent.sourceLinkId), { code: "not_found" });
});

test("of nobody else it knows anything, and who is not there is null", async () => {
  const other = await standings.find("cst_0000000000000000000000", new Date());
  assert.equal(other, null);
  assert.equal(await standings.findParticipant("https://nobody.example"), null);
  const read = await standings.find(consent.id, new Date());
  await assert.rejects(async () => read?.reader.participants.get("prt_x"), { code: "not_found" });
});
