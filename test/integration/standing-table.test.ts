import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { checkStanding } from "../../src/core/consent/check-consent.ts";
import { requestConsent } from "../../src/core/consent/request-consent.ts";
import { withdrawConsent } from "../../src/core/consent/withdraw-consent.ts";
import { RelaisError } from "../../src/core/errors.ts";
import { newId, type PersonId } from "../../src/core/ids.ts";
import type { Participant, Status } from "../../src/core/register/participant.ts";
import { STANDING, type Act } from "../../src/core/register/standing.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { startEngine, inDays, type Engine } from "../support/engine.ts";
import { fakeAccount, fakeAdapter } from "../support/fake-participants.ts";
import { accreditedParticipant, dataset, linkAccount } from "../support/register-fixtures.ts";

/**
 * What may still happen at each standing, tried on a real database and compared with the table: the standing is set past the rules, and each act
 * is asked for as a person or a worker would.
 */
const DATASET = "energy.bills";
const STATUSES = Object.keys(STANDING) as Status[];
let engine: Engine;

before(async () => {
  engine = await startEngine(fakeAdapter(fakeAccount(), fakeAccount()), [DATASET]);
});
after(() => engine[Symbol.asyncDispose]());

interface Scene {
  personId: PersonId;
  holder: Participant;
  platform: Participant;
  other: Participant;
}

/** A holder and two platforms, and a person with accounts at all of them. */
async function scene(): Promise<Scene> {
  const { store } = engine;
  const personId = newId("person");
  await store.write((w) => w.accounts.signIn({ id: personId, issuer: "https://idp.example", subject: personId, createdAt: new Date() }));
  const at = () => `https://${newId("participant")}.example`;
  const holder = await accreditedParticipant(store, {
    entityId: at(),
    roles: ["holder"],
    datasets: [{ ...dataset(DATASET), acceptsProposals: true }],
    endpoints: { inbox: "https://holder.example/inbox" },
  });
  const platform = await accreditedParticipant(store, { entityId: at(), roles: ["platform"] });
  const other = await accreditedParticipant(store, { entityId: at(), roles: ["platform"] });
  return { personId, holder, platform, other };
}

async function activeBetween(scenery: Scene, source: Participant, destination: Participant) {
  const consent = await consentFrom(scenery, source, destination);
  await engine.store.write((w) => w.permissions.move(consent.id, ["requested"], "active", { datasets: [DATASET], decidedAt: new Date() }));
  return engine.store.read((r) => r.consents.get(consent.id));
}

async function proposalFrom({ personId, holder, platform }: Scene) {
  const [sourceLink, destinationLink] = [platform, holder].map(({ id }) => linkAccount(engine.store, personId, id, newId("link")));
  const terms = { recurrence: null, expires: inDays(30), retention: null, language: "fr", requester: null } as const;
  const consent = await requestConsent(engine.ports, {
    personId,
    sourceLinkId: (await sourceLink!).id,
    destinationLinkId: (await destinationLink!).id,
    action: "propose",
    datasets: [],
    purpose: "https://w3id.org/dpv#RightsFulfilment",
    ...terms,
  });
  await engine.store.write((w) => w.permissions.move(consent.id, ["requested"], "active", { datasets: [DATASET], decidedAt: new Date() }));
  return engine.store.read((r) => r.consents.get(consent.id));
}

/** What lies on a platform is what its account held when it was proved. */
async function consentFrom({ personId }: Scene, source: Participant, destination: Participant) {
  const link = await linkAccount(engine.store, personId, source.id, newId("link"));
  const sourceLink = await engine.store.write((w) =>
    w.accounts.putLink({ ...link, inventory: [{ dataset: DATASET, items: 1, bytes: 1 }] }),
  );
  const destinationLink = await linkAccount(engine.store, personId, destination.id, newId("link"));
  return requestConsent(engine.ports, {
    personId,
    sourceLinkId: sourceLink.id,
    destinationLinkId: destinationLink.id,
    action: "copy",
    datasets: [DATASET],
    purpose: "https://w3id.org/dpv#PersonalisedBenefits",
    recurrence: null,
    expires: inDays(30),
    retention: null,
    language: "fr",
    requester: null,
  });
}

async function place(participant: Participant, status: Status): Promise<void> {
  const { default: pg } = await import("pg");
  const client = new pg.Client({ connectionString: engine.url });
  await client.connect();
  await client.query("set session_replication_role = replica");
  await client.query("update relais.participants set status = $2 where id = $1", [participant.id, status]);
  await client.end();
}

async function isAllowed(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    assert.ok(error instanceof RelaisError && error.code === "not_accredited", String(error));
    return false;
  }
}

const now = () => ({ policy: engine.ports.policy, now: new Date() });

/** Each act, as it is really asked for; the participant's standing is set just before the question. */
const ACTS: Record<Act, (status: Status) => Promise<boolean>> = {
  new_consent: async (status) => {
    const all = await scene();
    await place(all.platform, status);
    return isAllowed(consentFrom(all, all.holder, all.platform));
  },
  delivery_in: async (status) => {
    const all = await scene();
    const consent = await activeBetween(all, all.holder, all.platform);
    await place(all.platform, status);
    return isAllowed(requestTransfer(engine.ports, { consentId: consent.id, personId: all.personId }));
  },
  delivery_out: async (status) => {
    const all = await scene();
    const consent = await activeBetween(all, all.holder, all.platform);
    await place(all.holder, status);
    return isAllowed(engine.store.read((r) => checkStanding(r, consent, now())));
  },
  withdrawal: async (status) => {
    const all = await scene();
    const consent = await activeBetween(all, all.holder, all.platform);
    await place(all.platform, status);
    return isAllowed(withdrawConsent(engine.ports, { consentId: consent.id, personId: all.personId }));
  },
  export_out: async (status) => {
    const all = await scene();
    await place(all.platform, status);
    return isAllowed(
      activeBetween(all, all.platform, all.other).then((consent) => engine.store.read((r) => checkStanding(r, consent, now()))),
    );
  },
  // Both ends have to be in good standing, when it is asked for and when it is carried.
  proposal: async (status) => {
    const answers = [];
    for (const end of ["platform", "holder"] as const) {
      const [asked, carried] = [await scene(), await scene()];
      await place(asked[end], status);
      answers.push(await isAllowed(proposalFrom(asked)));
      const given = await proposalFrom(carried);
      await place(carried[end], status);
      answers.push(await isAllowed(engine.store.read((r) => checkStanding(r, given, now()))));
    }
    assert.equal(new Set(answers).size, 1, answers.join());
    return answers[0] === true;
  },
};

for (const status of STATUSES)
  for (const [act, ask] of Object.entries(ACTS) as [Act, (status: Status) => Promise<boolean>][]) {
    const wanted = STANDING[status][act];
    test(`${status}: ${act} ${wanted ? "may happen" : "may not"}`, async () => {
      assert.equal(await ask(status), wanted);
    });
  }
