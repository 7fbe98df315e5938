import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Consent } from "../../src/core/consent/consent.ts";
import { checkStanding } from "../../src/core/consent/check-consent.ts";
import { grantConsent, refuseConsent } from "../../src/core/consent/decide-consent.ts";
import { requestConsent } from "../../src/core/consent/request-consent.ts";
import { withdrawConsent } from "../../src/core/consent/withdraw-consent.ts";
import type { ErrorCode } from "../../src/core/errors.ts";
import { newId, type PersonId } from "../../src/core/ids.ts";
import type { AccountLink } from "../../src/core/person/person.ts";
import { closeOldPlace } from "../../src/core/switch/close-old-place.ts";
import { planSwitch } from "../../src/core/switch/plan-switch.ts";
import { startSwitch } from "../../src/core/switch/start-switch.ts";
import type { Switch } from "../../src/core/switch/switch.ts";
import { cancelTransfer } from "../../src/core/transfer/cancel-transfer.ts";
import { readTransfer } from "../../src/core/transfer/read-transfer.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { runTransfer } from "../../src/core/transfer/run-transfer.ts";
import type { Transfer } from "../../src/core/transfer/transfer.ts";
import { inDays, startEngine, type Engine } from "../support/engine.ts";
import { fakeAccount, fakeAdapter, numberedItems } from "../support/fake-participants.ts";

/** Whoever knows an id has no right by it: every use case asks whose it is, and what was on the screen. */

const DATASET = "energy.consumption.daily";
let engine: Engine;
let links: { source: AccountLink; destination: AccountLink };
let stranger: PersonId;
let strangersLink: AccountLink;

before(async () => {
  engine = await startEngine(fakeAdapter(fakeAccount({ items: numberedItems(DATASET, 3) }), fakeAccount()), [DATASET, "energy.bills"]);
  const all = await engine.store.read((r) => r.people.listLinks(engine.personId));
  const at = (id: string) => all.find((link) => link.participantId === id) as AccountLink;
  links = { source: at(engine.source.id), destination: at(engine.destination.id) };
  const person = { id: newId("person"), issuer: "https://id.test", subject: "stranger", createdAt: new Date() };
  stranger = person.id;
  strangersLink = await engine.store.write(async (w) => {
    await w.accounts.signIn(person);
    return w.accounts.putLink({ ...links.destination, id: newId("link"), personId: stranger, account: "account-2" });
  });
});
after(() => engine?.[Symbol.asyncDispose]());

function ask(): Promise<Consent> {
  return requestConsent(engine.ports, {
    personId: engine.personId,
    sourceLinkId: links.source.id,
    destinationLinkId: links.destination.id,
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

/** The same rows before and after, for everything that both people have. */
async function refused(code: ErrorCode, act: () => Promise<unknown>): Promise<void> {
  const before = await everything();
  await assert.rejects(act(), { code });
  assert.deepEqual(await everything(), before, "nothing changed");
}

function everything(): Promise<unknown> {
  return engine.store.read(async (r) =>
    Promise.all(
      [engine.personId, stranger].map(async (id) => [await r.consents.list(id), await r.transfers.list(id), await r.switches.list(id)]),
    ),
  );
}

describe("a permission that waits for its answer", () => {
  let asked: Consent;
  before(async () => {
    asked = await ask();
  });
  const answer = (change: object) =>
    grantConsent(engine.ports, {
      consentId: asked.id,
      personId: engine.personId,
      datasets: [DATASET],
      noticeHash: asked.noticeHash,
      language: "fr",
      ...change,
    });

  test("is never widened", () => refused("invalid", () => answer({ datasets: [DATASET, "energy.bills"] })));
  test("needs at least one data set", () => refused("invalid", () => answer({ datasets: [] })));
  test("is not given to another notice than the one on the screen", () =>
    refused("conflict", () => answer({ noticeHash: "A".repeat(43) })));
  test("takes both acts, the mandate and the consent", async () => {
    await refused("invalid", () => answer({ acts: ["consent"] }));
    await refused("invalid", () => answer({ acts: ["mandate"] }));
  });
  test("is not given by somebody else", () => refused("not_found", () => answer({ personId: stranger })));
  test("is not refused by somebody else", () =>
    refused("not_found", () => refuseConsent(engine.ports, { consentId: asked.id, personId: stranger })));
  test("moves nothing before it is given", () =>
    refused("consent_ended", () => requestTransfer(engine.ports, { consentId: asked.id, personId: engine.personId })));
  test("is not asked for on somebody else's account", () =>
    refused("not_found", () =>
      requestConsent(engine.ports, {
        personId: engine.personId,
        sourceLinkId: links.source.id,
        destinationLinkId: strangersLink.id,
        action: "copy",
        datasets: [DATASET],
        purpose: "https://w3id.org/dpv#PersonalisedBenefits",
        recurrence: null,
        expires: inDays(30),
        retention: null,
        language: "fr",
        requester: null,
      }),
    ));
});

describe("whose accounts they are (S-199)", () => {
  const both = (change: object) =>
    requestConsent(engine.ports, {
      personId: engine.personId,
      sourceLinkId: links.source.id,
      destinationLinkId: links.destination.id,
      action: "copy",
      datasets: [DATASET],
      purpose: "https://w3id.org/dpv#PersonalisedBenefits",
      recurrence: null,
      expires: inDays(30),
      retention: null,
      language: "fr",
      requester: null,
      ...change,
    });
  test("a stranger's destination, source, or both are not bound, nor by the stranger to this person's", async () => {
    await refused("not_found", () => both({ destinationLinkId: strangersLink.id }));
    await refused("not_found", () => both({ sourceLinkId: strangersLink.id }));
    await refused("not_found", () => both({ personId: stranger }));
    await refused("not_found", () => both({ personId: stranger, destinationLinkId: strangersLink.id }));
    await refused("not_found", () => both({ destinationLinkId: newId("link") }));
  });
  test("not even a defect of ours writes it: the database refuses a mixed permission, switch and transfer", async () => {
    // The store gives each row its own place in the status lists.
    const { statusIndex: _, ...consent } = await ask();
    const row = { ...consent, id: newId("consent"), destinationLinkId: strangersLink.id };
    await assert.rejects(
      engine.store.write((w) => w.permissions.add(row)),
      { code: "internal" },
    );
    await assert.rejects(engine.store.write((w) => w.permissions.add({ ...consent, id: newId("consent"), personId: stranger })));
    const allowed = await engine.consent([DATASET]);
    const transfer = await requestTransfer(engine.ports, { consentId: allowed.id, personId: engine.personId });
    await assert.rejects(engine.store.write((w) => w.deliveries.add({ ...transfer, id: newId("transfer"), personId: stranger }, 0)));
    await cancelTransfer(engine.ports, { transferId: transfer.id, personId: engine.personId });
  });
  test("what the person removed is no account of theirs any more", async () => {
    const gone = await engine.store.write((w) => w.accounts.putLink({ ...links.destination, id: newId("link"), account: "another space" }));
    await engine.store.write((w) => w.belongings.removeLink(gone.id, new Date()));
    await refused("not_found", () => both({ destinationLinkId: gone.id }));
  });
});

describe("how sure the holder is of who asks (S-070)", () => {
  const sure = (assurance: "low" | "substantial" | "high") => engine.store.write((w) => w.accounts.putLink({ ...links.source, assurance }));
  const demands = (assurance: "low" | "substantial" | "high") =>
    engine.store.write((w) =>
      w.register.put({
        ...engine.source,
        datasets: engine.source.datasets.map((one) => (one.id === DATASET ? { ...one, assurance } : one)),
      }),
    );
  after(async () => {
    await sure("low");
    await demands("low");
  });

  test("is asked when the permission is asked for, per data set, and again whenever data would move", async () => {
    await demands("substantial");
    await refused("assurance_too_low", ask);
    const bills = await engine.consent(["energy.bills"]);
    assert.equal(bills.state, "active", "another data set asks for nothing");
    await sure("substantial");
    const consent = await engine.consent([DATASET]);
    const transfer = await requestTransfer(engine.ports, { consentId: consent.id, personId: engine.personId });
    await demands("high");
    await refused("assurance_too_low", () =>
      engine.store.read((r) => checkStanding(r, consent, { policy: engine.ports.policy, now: new Date() })),
    );
    assert.deepEqual(await runTransfer(engine.ports, { transferId: transfer.id, epoch: 0 }, engine.terms), {
      kind: "ended",
      state: "failed",
    });
    const ended = await engine.store.read((r) => r.transfers.get(transfer.id));
    assert.deepEqual([ended.reason, ended.actor], ["assurance_too_low", "person"]);
    await sure("high");
    const again = await requestTransfer(engine.ports, { consentId: consent.id, personId: engine.personId });
    assert.deepEqual(await runTransfer(engine.ports, { transferId: again.id, epoch: 0 }, engine.terms), {
      kind: "ended",
      state: "verified",
    });
  });
});

describe("a permission that was given, and its transfer", () => {
  let consent: Consent;
  let transfer: Transfer;
  before(async () => {
    consent = await engine.consent([DATASET]);
    transfer = await requestTransfer(engine.ports, { consentId: consent.id, personId: engine.personId });
  });

  test("somebody else neither stops it nor asks for a transfer under it", async () => {
    await refused("not_found", () => withdrawConsent(engine.ports, { consentId: consent.id, personId: stranger }));
    await refused("not_found", () => requestTransfer(engine.ports, { consentId: consent.id, personId: stranger }));
  });
  test("somebody else neither sees nor stops the transfer", async () => {
    await refused("not_found", () => readTransfer(engine.ports, { transferId: transfer.id, personId: stranger }));
    await refused("not_found", () => cancelTransfer(engine.ports, { transferId: transfer.id, personId: stranger }));
  });
  test("a second one waits for the first, and a single delivery is made once", async () => {
    const again = () => requestTransfer(engine.ports, { consentId: consent.id, personId: engine.personId });
    await refused("conflict", again);
    assert.deepEqual(await runTransfer(engine.ports, { transferId: transfer.id, epoch: 0 }, engine.terms), {
      kind: "ended",
      state: "verified",
    });
    await refused("conflict", again);
  });
});

describe("a switch", () => {
  let planned: { switch: Switch; consent: Consent };
  const plan = (change: object = {}) =>
    planSwitch(engine.ports, {
      personId: engine.personId,
      sourceLinkId: links.source.id,
      destinationLinkId: links.destination.id,
      language: "fr",
      ...change,
    });
  before(async () => {
    await engine.store.write((w) => w.accounts.putLink({ ...links.source, inventory: [{ dataset: DATASET, items: 3, bytes: 90 }] }));
    planned = await plan();
  });
  const close = (personId = engine.personId) => closeOldPlace(engine.ports, { switchId: planned.switch.id, personId, confirmed: true });
  const start = (personId = engine.personId) =>
    startSwitch(engine.ports, { switchId: planned.switch.id, consentId: planned.consent.id, personId });

  test("is not planned over somebody else's accounts", async () => {
    await refused("not_found", () => plan({ destinationLinkId: strangersLink.id }));
    await refused("not_found", () => plan({ personId: stranger }));
  });
  test("is started by its person alone, and not before the copy is allowed", async () => {
    await refused("not_found", () => start(stranger));
    await refused("consent_ended", () => start());
  });
  test("closes nothing while anything is missing at the new place, and nothing for somebody else", async () => {
    await refused("not_found", () => close());
    await grantConsent(engine.ports, {
      consentId: planned.consent.id,
      personId: engine.personId,
      datasets: [DATASET],
      noticeHash: planned.consent.noticeHash,
      language: "fr",
    });
    const { id } = await start();
    await refused("conflict", () => close());
    await refused("not_found", () => close(stranger));
    assert.deepEqual(await runTransfer(engine.ports, { transferId: id, epoch: 0 }, engine.terms), { kind: "ended", state: "verified" });
    await refused("not_found", () => close(stranger));
    assert.equal((await close()).state, "closing");
    await refused("conflict", () => close());
  });
});
