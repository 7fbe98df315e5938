import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { decodeJwt, decodeProtectedHeader } from "jose";
import { canonicalJson } from "../../src/core/canonical-json.ts";
import type { ConsentReceipt } from "../../src/core/consent/consent-receipt.ts";
import { grantConsent, refuseConsent } from "../../src/core/consent/decide-consent.ts";
import { sealChanges, type SealingPorts } from "../../src/core/consent/seal-changes.ts";
import { tellChanges } from "../../src/core/consent/tell-changes.ts";
import { withdrawConsent } from "../../src/core/consent/withdraw-consent.ts";
import type { Consent } from "../../src/core/consent/consent.ts";
import type { ConsentChange } from "../../src/core/consent/record-change.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { startEngine, type Engine } from "../support/engine.ts";
import { fakeAccount, fakeAdapter } from "../support/fake-participants.ts";
import { testKey, type TestKey } from "../support/register-fixtures.ts";

const DATASET = "energy.bills";
const never = new AbortController().signal;
let engine: Engine;
let pool: ReturnType<typeof openPool>;
let key: TestKey;
let sealing: SealingPorts;

before(async () => {
  engine = await startEngine(fakeAdapter(fakeAccount(), fakeAccount()), [DATASET]);
  pool = openPool(engine.url, 4);
  key = await testKey();
  sealing = {
    ...engine.ports,
    signer: { signDocument: key.sign },
    operator: { name: "The operator", contact: "1 rue de la Paix, Paris" },
    pseudonymOf: (consentId) => `pseudonym of ${consentId}`,
  };
});
after(async () => {
  await pool.end();
  await engine[Symbol.asyncDispose]();
});

const changesOf = ({ id }: Consent): Promise<ConsentChange[]> => engine.store.read((r) => r.changes.of(id));
const claimsOf = ({ receipt }: ConsentChange): ConsentReceipt => decodeJwt(receipt as string) as unknown as ConsentReceipt;
const states = (changes: ConsentChange[]) => changes.map(({ state, by }) => `${state} by ${by}`);

describe("every change of a consent leaves its row, and the row its receipt", () => {
  test("whoever changes it, one by one or thousands at once", async () => {
    const given = await engine.consent([DATASET]);
    await withdrawConsent(engine.ports, { consentId: given.id, personId: engine.personId });
    const refused = await engine.ask([DATASET]);
    await refuseConsent(engine.ports, { consentId: refused.id, personId: engine.personId });
    const [expired, unanswered, revoked] = [await engine.consent([DATASET]), await engine.ask([DATASET]), await engine.consent([DATASET])];
    await pool.query("update consents set expires_at = now() where id = any($1)", [[expired.id, unanswered.id]]);
    await engine.store.write((w) => w.permissions.expire(new Date()));
    await engine.store.write((w) =>
      w.permissions.revokeAll({ participantId: engine.destination.id, asSource: false, at: new Date(), by: "operator" }),
    );
    assert.deepEqual(states(await changesOf(given)), ["requested by person", "active by person", "withdrawn by person"]);
    assert.deepEqual(states(await changesOf(refused)), ["requested by person", "refused by person"]);
    assert.deepEqual(states(await changesOf(expired)), ["requested by person", "active by person", "expired by relais"]);
    assert.deepEqual(states(await changesOf(unanswered)), ["requested by person", "expired by relais"]);
    assert.deepEqual(states(await changesOf(revoked)), ["requested by person", "active by person", "revoked by operator"]);
    assert.deepEqual((await changesOf(revoked)).at(-1)?.because, { kind: "standing", participant: engine.destination.id });
    await sealChanges(sealing, never);
    const receipts = await Promise.all(
      [given, refused, expired, unanswered, revoked].map(async (one) => (await changesOf(one)).map(({ receipt }) => receipt !== null)),
    );
    assert.deepEqual(receipts, [
      [false, true, true],
      [false, true],
      [false, true, true],
      [false, false],
      [false, true, true],
    ]);
  });

  test("one receipt, and one leaf of the public log with nothing but its salted hash, whatever races", async () => {
    const consents = await Promise.all(Array.from({ length: 40 }, () => engine.consent([DATASET])));
    await Promise.all(Array.from({ length: 6 }, () => sealChanges(sealing, never)));
    await sealChanges(sealing, never);
    const changes = (await Promise.all(consents.map(changesOf))).map((all) => all.at(-1) as ConsentChange);
    assert.equal(new Set(changes.map(({ logIndex }) => logIndex)).size, 40);
    for (const change of changes) {
      const { log, ...receipt } = claimsOf(change);
      const [leaf] = await engine.store.read((r) => r.ledger.entries({ from: log.index, to: log.index + 1 }));
      const { hash, at: _at, ...rest } = JSON.parse(String(leaf)) as Record<string, unknown>;
      assert.deepEqual(rest, { kind: "consent" });
      const expected = createHash("sha256")
        .update(`${log.salt}\n${canonicalJson(receipt)}`)
        .digest("base64url");
      assert.deepEqual([hash, log.hash, log.index], [expected, expected, change.logIndex]);
    }
    const { rows } = await pool.query<{ n: number }>("select count(*)::int as n from log_entries");
    const { rows: made } = await pool.query<{ n: number }>("select count(receipt)::int as n from consent_changes");
    assert.equal(rows[0]?.n, made[0]?.n);
  });

  test("a process that ends between leaves nothing half done, and the next one goes on", async () => {
    const consent = await engine.consent([DATASET]);
    const size = await engine.store.read((r) => r.ledger.size());
    const signer = { signDocument: () => Promise.reject(new Error("the process ends")) };
    await assert.rejects(sealChanges({ ...sealing, signer }, never));
    assert.equal((await changesOf(consent)).at(-1)?.sealedAt, null);
    assert.equal(await engine.store.read((r) => r.ledger.size()), size);
    await sealChanges(sealing, never);
    assert.equal((await changesOf(consent)).at(-1)?.logIndex, size);
  });
});

describe("a receipt", () => {
  test("shares the notice's hash with screen and record, and says who, what, why, how long, where and how to stop", async () => {
    const consent = await engine.consent([DATASET]);
    await sealChanges(sealing, never);
    const change = (await changesOf(consent)).at(-1) as ConsentChange;
    assert.equal(decodeProtectedHeader(change.receipt as string).typ, "consent-receipt+jwt");
    const claims = claimsOf(change);
    assert.equal(claims.notice_hash, consent.noticeHash);
    assert.deepEqual(claims.status.status_list, { idx: consent.statusIndex % 131_072, uri: "https://relais.test/status-lists/consents/0" });
    const [record] = claims.receipt["dpv:hasRecordOfActivity"] as Record<string, unknown>[];
    const text = JSON.stringify(record);
    for (const expected of [
      consent.noticeHash,
      "pseudonym of",
      "dpv:ConsentGiven",
      "1 rue de la Paix",
      "CNIL",
      "eu-gdpr:A6-1-a",
      DATASET,
      "dpv:CodeOfConduct",
    ])
      assert.ok(text.includes(expected), expected);
    assert.deepEqual(Array.isArray(record?.["dpv:hasProcess"]) && record["dpv:hasProcess"].length, 2);
    for (const personal of [engine.personId, "account-1"]) assert.ok(!text.includes(personal), personal);
  });
});

test("grantConsent still answers with the whole consent", async () => {
  const asked = await engine.ask([DATASET]);
  const consent = await grantConsent(engine.ports, {
    consentId: asked.id,
    personId: engine.personId,
    datasets: [DATASET],
    noticeHash: asked.noticeHash,
    language: "fr",
  });
  assert.equal(consent.statusIndex, asked.statusIndex);
  await tellChanges({ ...engine.ports, subjectFor: (entityId) => `somebody at ${entityId}` }, never);
});
