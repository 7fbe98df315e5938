import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { refuseConsent } from "../../src/core/consent/decide-consent.ts";
import type { Consent } from "../../src/core/consent/consent.ts";
import { takeUpOrAsk } from "../../src/core/consent/take-up-request.ts";
import { withdrawConsent } from "../../src/core/consent/withdraw-consent.ts";
import type { PersonId } from "../../src/core/ids.ts";
import { startJourney, type Asked, type Journey } from "../support/authorization-journey.ts";
import { clock } from "../support/authorization-server.ts";
import { browser } from "../support/platform-client.ts";
import { policy } from "../support/policy.ts";
import { linkAccount } from "../support/register-fixtures.ts";

/** Who comes back to a request whose way was lost: the same question is not asked twice, and a consent is never the ground of two grants. */

let journey: Journey;

before(async () => {
  journey = await startJourney();
});
after(() => journey[Symbol.asyncDispose]());

const present = ({ consent: { id } }: Asked): Promise<Consent> => journey.setup.store.read((r) => r.consents.get(id));
const countOf = async (personId: PersonId): Promise<number> => (await journey.setup.store.read((r) => r.consents.list(personId))).length;

/** The hour of the interaction passes. */
async function lose(asked: Asked): Promise<void> {
  for (const model of ["Interaction", "InteractionConsent", "InteractionGrant"]) await journey.setup.expireRecords(model);
  assert.equal((await asked.visit.get(asked.finish)).status, 404);
}

async function arrive(asked: Asked): Promise<Record<string, unknown>> {
  const answer = await journey.comeBack(asked);
  const reply = await asked.client.exchange(String(answer.get("code")), asked.verifier);
  assert.equal(reply.status, 200, `${answer} ${JSON.stringify(reply.body)}`);
  const [granted] = reply.body["authorization_details"] as Record<string, unknown>[];
  return { ...granted, grant_id: reply.body["grant_id"] };
}

describe("the same question, asked again", () => {
  test("finds the consent that still waits, in any browser of the person", async () => {
    const personId = await journey.person("waits");
    const first = await journey.ask();
    await lose(first);
    const again = await journey.ask({ visit: browser() });
    assert.equal(again.consent.id, first.consent.id);
    assert.equal(await countOf(personId), 1);
    await journey.allow(again);
    assert.equal((await arrive(again))["consent"], first.consent.id);
  });

  test("finds what was given after its interaction died, and goes on to the platform at once", async () => {
    const personId = await journey.person("given");
    const first = await journey.ask();
    await lose(first);
    await journey.allow(first);
    const again = await journey.ask();
    assert.deepEqual([again.consent.id, again.consent.state], [first.consent.id, "active"]);
    assert.deepEqual((await arrive(again))["datasets"], ["bills"], "what was ticked then");
    assert.equal(await countOf(personId), 1);
  });

  test("finds a yes that waited for another holder of the contract", async () => {
    await journey.person("joint");
    const first = await journey.ask();
    await journey.allow(first);
    await journey.setup.query(`update relais.consents set state = 'suspended' where id = '${first.consent.id}'`);
    assert.match(String((await journey.comeBack(first)).get("error_description")), /waits for an approval/);
    const meanwhile = await journey.ask();
    assert.equal(meanwhile.consent.id, first.consent.id);
    assert.equal((await journey.comeBack(meanwhile)).get("error"), "access_denied");
    await journey.setup.query(`update relais.consents set state = 'active' where id = '${first.consent.id}'`);
    assert.equal((await arrive(await journey.ask()))["consent"], first.consent.id);
  });

  test("of several at once there is one consent", async () => {
    const personId = await journey.person("at-once");
    const asked = await Promise.all(Array.from({ length: 6 }, () => journey.ask()));
    assert.equal(new Set(asked.map(({ consent }) => consent.id)).size, 1);
    assert.equal(await countOf(personId), 1);
    const [{ consent: one }] = asked as [Asked];
    await refuseConsent({ store: journey.setup.store, clock }, { consentId: one.id, personId });
    const { sourceLinkId, destinationLinkId, action, language, notice } = one;
    const { recurrence, expires, retention } = notice;
    const question = { datasets: ["bills", "readings"], purpose: notice.purpose.iri, recurrence, expires, retention, action, language };
    const same = { ...question, personId, sourceLinkId, destinationLinkId, requester: journey.platform.entityId };
    const ports = { store: journey.setup.store, clock, policy };
    const inCore = await Promise.all(Array.from({ length: 20 }, () => takeUpOrAsk(ports, same)));
    assert.equal(new Set(inCore.map(({ id }) => id)).size, 1);
  });

  test("a change that was proposed waits too, and keeps the name of its grant", async () => {
    const personId = await journey.person("changes");
    const first = await journey.ask();
    await journey.allow(first);
    const { grant_id } = await arrive(first);
    const wish = { detail: { datasets: ["readings"] }, form: { grant_management_action: "replace", grant_id: String(grant_id) } };
    const proposed = await journey.ask(wish);
    await lose(proposed);
    const again = await journey.ask(wish);
    assert.equal(again.consent.id, proposed.consent.id);
    assert.equal(await countOf(personId), 2);
    await journey.allow(again, ["readings"]);
    assert.deepEqual([(await arrive(again))["grant_id"], (await present(first)).state], [grant_id, "superseded"]);
  });
});

describe("is asked anew", () => {
  // oxfmt-ignore
  const ENDS: [what: string, end: (asked: Asked) => Promise<unknown>][] = [
    ["a token was issued",             async (asked) => { await journey.allow(asked); await arrive(asked); }],
    ["a code was handed over",         async (asked) => { await journey.allow(asked); await journey.comeBack(asked); }],
    ["it was refused",                 ({ consent: { id, personId } }) => refuseConsent({ store: journey.setup.store, clock }, { consentId: id, personId })],
    ["it was stopped before its use",  async (asked) => {
      await journey.allow(asked);
      await withdrawConsent({ store: journey.setup.store, clock }, { consentId: asked.consent.id, personId: asked.consent.personId });
    }],
    ["nobody answered in 30 days",     ({ consent: { id } }) => journey.setup.query(`update relais.consents set created_at = now() - interval '31 days' where id = '${id}'`)],
    ["the person proved another account at the source",      ({ consent: { personId } }) => linkAccount(journey.setup.store, personId, journey.holder.id, "a newer contract")],
    ["the person proved another account at the destination", ({ consent: { personId } }) => linkAccount(journey.setup.store, personId, journey.platform.id, "a newer space")],
    ["the source published other words", async () => {
      const { store } = journey.setup;
      const datasets = journey.holder.datasets.map((one) => ({ ...one, description: { fr: "Tout autre chose", en: "Something else" } }));
      await store.write((w) => w.register.put({ ...journey.holder, datasets }));
    }],
  ];
  for (const [what, end] of ENDS)
    test(`where ${what}`, async () => {
      await journey.person(what);
      const first = await journey.ask();
      await end(first);
      const before = await present(first);
      const again = await journey.ask();
      assert.notEqual(again.consent.id, first.consent.id);
      assert.deepEqual([again.consent.state, again.consent.grantDigest], ["requested", null]);
      assert.deepEqual(await present(first), before, "what was asked before stays as it is");
    });

  // oxfmt-ignore
  const OTHERS: [what: string, ask: () => Promise<Asked>][] = [
    ["fewer data sets",    () => journey.ask({ detail: { datasets: ["bills"] } })],
    ["another purpose",    () => journey.ask({ detail: { purpose: "https://w3id.org/dpv#ServiceProvision" } })],
    ["another last day",   () => journey.ask({ detail: { expires: new Date(Date.now() + 200 * 86_400_000).toISOString().slice(0, 10) } })],
    ["another rhythm",     () => journey.ask({ detail: { recurrence: "P1D" } })],
    ["another retention",  () => journey.ask({ detail: { retention: "P3Y" } })],
    ["another client",     () => journey.ask({ client: journey.thief })],
  ];
  for (const [what, ask] of OTHERS)
    test(`for ${what}`, async () => {
      await journey.person(what);
      const first = await journey.ask();
      await journey.allow(first);
      const other = await ask();
      assert.notEqual(other.consent.id, first.consent.id);
      assert.equal(other.consent.state, "requested");
      assert.equal((await arrive(first))["consent"], first.consent.id);
    });

  test("for another person, in the same browser", async () => {
    const visit = browser();
    await journey.person("one");
    const first = await journey.ask({ visit });
    await journey.allow(first);
    const second = await journey.person("two");
    const other = await journey.ask({ visit });
    assert.deepEqual([other.consent.personId, other.consent.state], [second, "requested"]);
    assert.notEqual(other.consent.id, first.consent.id);
  });

  test("for what the person gave at Relais by themselves", async () => {
    await journey.person("alone");
    const first = await journey.ask();
    await journey.allow(first);
    await journey.setup.query(`update relais.consents set requester_id = null where id = '${first.consent.id}'`);
    assert.notEqual((await journey.ask()).consent.id, first.consent.id);
  });
});

test("two requests that share a consent: the first one to come back has the grant, the other is told; there is no second one", async () => {
  await journey.person("shared");
  const [one, two] = [await journey.ask(), await journey.ask()];
  await journey.allow(one);
  const answers = await Promise.all([journey.comeBack(one), journey.comeBack(two)]);
  const denied = answers.filter((answer) => answer.get("error") === "access_denied");
  assert.deepEqual([denied.length, answers.filter((answer) => answer.has("code")).length], [1, 1]);
  assert.match(String(denied[0]?.get("error_description")), /handed on by another request/);
  const grants = await journey.setup.query(
    `select from relais.oauth_records where model = 'Grant' and payload #>> '{rar,0,consent}' = '${one.consent.id}'`,
  );
  assert.equal(grants.rows.length, 1);
  await assert.rejects(
    journey.setup.query(`update relais.consents set grant_digest = 'another' where id = '${one.consent.id}'`),
    /a consent has one grant/,
  );
});

test("nothing failed inside the server", () => assert.deepEqual(journey.setup.reports, []));
