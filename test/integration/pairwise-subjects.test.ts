import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { decodeJwt } from "jose";
import { pairwiseSubject } from "../../src/authorization/live-consent.ts";
import { sealChanges } from "../../src/core/consent/seal-changes.ts";
import { tellChanges } from "../../src/core/consent/tell-changes.ts";
import type { Consent } from "../../src/core/consent/consent.ts";
import type { ParticipantId } from "../../src/core/ids.ts";
import { headOf } from "../../src/core/transfer/open-ends.ts";
import type { Attempt } from "../../src/core/transfer/attempt.ts";
import { createConsentTokens } from "../../src/keys/consent-tokens.ts";
import { signCompact } from "../../src/keys/signer.ts";
import { startJourney, type Journey } from "../support/authorization-journey.ts";
import { clock } from "../support/authorization-server.ts";
import type { PlatformClient } from "../support/platform-client.ts";
import { loopbackFetch } from "../support/web-fetch.ts";

/** Two participants cannot join what they know of one person: nothing that either is told names the person in words that the other is told too. */

let journey: Journey;
let told: { mine: Told; theirs: Told };

before(async () => {
  journey = await startJourney();
  await journey.person("ada");
  told = { mine: await consented(journey.client), theirs: await consented(journey.thief) };
  assert.equal(told.mine.consent.personId, told.theirs.consent.personId, "one person");
});
after(() => journey[Symbol.asyncDispose]());

interface Told {
  consent: Consent;
  /** Token response, introspection and grant of a platform. */
  platform: unknown[];
  /** What the source is told of the worker's token. */
  source: unknown[];
}

/** One person's consent for this platform, and whatever both ends are told in it. */
async function consented(by: PlatformClient): Promise<Told> {
  const { setup, holder } = journey;
  const asked = await journey.ask({ client: by });
  await journey.allow(asked);
  const reply = await by.exchange(String((await journey.comeBack(asked)).get("code")), asked.verifier);
  const introspect = async (who: PlatformClient, token: string) =>
    (await who.post("/token/introspection", { token }, { proof: null })).body;
  const own = await introspect(by, String(reply.body["access_token"]));
  assert.equal(own["active"], true);
  const held = await createConsentTokens({ issuer: setup.issuer, key: () => setup.worker.current("worker"), fetch: loopbackFetch }).open(
    asked.consent,
    holder,
  );
  const workers = String((await held.consentHeaders({ method: "GET", url: "https://holder.example/x" }))["authorization"]).slice(5);
  const { cnf: _cnf, ...seen } = await introspect(journey.source, workers);
  return { consent: asked.consent, platform: [reply.body, own], source: [seen] };
}

/** Every text in it that could name somebody. */
function names(value: unknown): string[] {
  if (typeof value === "string") return value.length >= 12 ? [value] : [];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(names) : [];
}

/** What both were told, but for what everybody knows: addresses, types, dates and the words of the standards. */
function shared(a: unknown, b: unknown): string[] {
  const isPublic = (text: string) => /^(https?:|self_data_|\d{4}-|dpv:|eu-gdpr:|Bearer|DPoP)/.test(text);
  const known = new Set(names(b));
  return [...new Set(names(a))].filter((text) => known.has(text) && !isPublic(text));
}

test("tokens, introspection and grants", async () => {
  const { mine, theirs } = told;
  assert.deepEqual(shared(mine.platform, theirs.platform), []);
  const subjects = [mine, theirs].map(({ platform }) => (platform[1] as { sub: string }).sub);
  assert.equal(new Set(subjects).size, 2);
  assert.ok(subjects.every((subject) => /^[\w-]{43}$/.test(subject)));
  for (const { platform, source, consent } of [mine, theirs]) {
    // The consent is what a platform and its source are both told of: it names one permission, not a person.
    assert.deepEqual(shared(platform, source), [consent.id]);
    assert.ok(!JSON.stringify([platform, source]).includes(consent.personId));
  }
  const again = await consented(journey.client);
  assert.equal((again.platform[1] as { sub: string }).sub, subjects[0], "for one platform the person keeps one name");
});

test("manifests name the destination's own account, and nothing of the source's", async () => {
  const heads = await journey.setup.store.read((r) =>
    Promise.all(
      [told.mine, told.theirs].map(async ({ consent }) => {
        const [source, destination] = await Promise.all([r.participants.get(consent.sourceId), r.participants.get(consent.destinationId)]);
        const links = {
          source: await r.people.getLink(consent.sourceLinkId),
          destination: await r.people.getLink(consent.destinationLinkId),
        };
        return headOf({
          transfer: { id: `trf_of_${consent.id}` },
          standing: { consent, source, destination },
          links,
        } as unknown as Attempt);
      }),
    ),
  );
  assert.deepEqual(
    heads.map(({ subject }) => subject),
    ["space-ada", "other-ada"],
  );
  assert.ok(!JSON.stringify(heads).includes("customer-ada"));
  assert.deepEqual(shared(heads[0], heads[1]), []);
});

test("receipts of consents and security events", async () => {
  const { setup, holder } = journey;
  const secret = setup.web.secret("subjects");
  const ports = { store: setup.store, clock, issuer: setup.issuer, operator: null };
  const signer = { signDocument: async (type: string, payload: object) => signCompact(setup.worker.current("documents"), type, payload) };
  const never = new AbortController().signal;
  await sealChanges(
    { ...ports, signer, pseudonymOf: (consentId, personId) => pairwiseSubject(setup.worker.secret("subjects"), consentId, personId) },
    never,
  );
  await tellChanges({ ...ports, subjectFor: (entityId, personId) => pairwiseSubject(secret, entityId, personId) }, never);
  const receipts = await Promise.all([told.mine, told.theirs].map(({ consent }) => receiptOf(consent)));
  const persons = receipts.map((receipt) => /"dpv:DataSubject","dct:identifier":"([^"]+)"/.exec(JSON.stringify(receipt))?.[1]);
  assert.ok(persons.every((name) => name !== undefined));
  assert.equal(new Set(persons).size, 2, "each consent's receipts have a name of their own");
  for (const receipt of receipts)
    for (const personal of ["prs_", "space-ada", "other-ada", "customer-ada"])
      assert.ok(!JSON.stringify(receipt).includes(personal), personal);

  const { rows } = await setup.query("select recipient_id, subject from relais.notices where subject is not null");
  const subjectsOf = (id: ParticipantId) => new Set(rows.filter((row) => row["recipient_id"] === id).map((row) => String(row["subject"])));
  const [mine, theirs, source] = [told.mine.consent.destinationId, told.theirs.consent.destinationId, holder.id].map(subjectsOf) as [
    Set<string>,
    Set<string>,
    Set<string>,
  ];
  assert.deepEqual([mine.size, theirs.size, source.size], [1, 1, 1], "one name of the person at each recipient");
  assert.equal(new Set([...mine, ...theirs, ...source]).size, 3);
  assert.deepEqual([...mine], [(told.mine.platform[1] as { sub: string }).sub], "the one that introspection tells");
});

async function receiptOf(consent: Consent): Promise<object> {
  const { rows } = await journey.setup.query("select consent_id, receipt from relais.consent_changes where receipt is not null");
  return decodeJwt(String(rows.find((row) => row["consent_id"] === consent.id)?.["receipt"]));
}
