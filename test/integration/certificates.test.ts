import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { handInCertificate, takeBackCertificate } from "../../src/core/certificates/hand-in-certificate.ts";
import { readCertificate } from "../../src/core/certificates/read-certificate.ts";
import { newId } from "../../src/core/ids.ts";
import { resumeAllowed } from "../../src/core/policy/resume-allowed.ts";
import { setConditions } from "../../src/core/policy/set-conditions.ts";
import { addEvidence } from "../../src/core/register/add-evidence.ts";
import type { Application } from "../../src/core/register/application.ts";
import { endStanding } from "../../src/core/register/change-standing.ts";
import type { RegisterCaller } from "../../src/core/register/register-caller.ts";
import { reviewApplication } from "../../src/core/register/review-application.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { runTransfer } from "../../src/core/transfer/run-transfer.ts";
import { charter, charters, criterion, PLAIN, REASONS } from "../support/charter.ts";
import { startEngine, type Engine } from "../support/engine.ts";
import { fakeAccount, fakeAdapter } from "../support/fake-participants.ts";
import { TestOffices } from "../support/offices.ts";
import { testKey } from "../support/register-fixtures.ts";

const DAILY = "energy.consumption.daily";
const PDF = Buffer.from("%PDF-1.7 a certificate");
const TODAY = new Date().toISOString().slice(0, 10);
const A: RegisterCaller = { kind: "accreditor", name: "accreditor A" };
const B: RegisterCaller = { kind: "accreditor", name: "accreditor B" };

let engine: Engine;
let offices: TestOffices;
let now: () => Date;
let platform: RegisterCaller;

beforeEach(async () => {
  offices = new TestOffices();
  engine = await startEngine(fakeAdapter(fakeAccount(), fakeAccount()), [DAILY]);
  now = () => new Date();
  engine.ports = { ...engine.ports, clock: { ...engine.ports.clock, now: () => now() } };
  platform = { kind: "participant", participantId: engine.destination.id, entityId: engine.destination.entityId, name: "platform" };
});
afterEach(() => engine[Symbol.asyncDispose]());

const given = (change: object = {}) => ({
  certificate: "iso-27001",
  issuer: "Certifier",
  date: "2026-01-01",
  validUntil: "2999-01-01",
  fileName: "iso.pdf",
  sha256: null,
  content: PDF,
  ...change,
});
const handIn = (change: object = {}) => handInCertificate(engine.ports, platform, given(change));
const read = (by: RegisterCaller, claimId: Awaited<ReturnType<typeof handIn>>["id"], verdict: "accept" | "refuse" = "accept") =>
  readCertificate({ ...engine.ports, staff: offices }, by, { claimId, verdict, withoutConflict: true, reasons: REASONS });
const wants = (certificates: string[]) =>
  setConditions(
    engine.ports,
    { caller: engine.source.id, holderId: engine.source.id },
    { dataset: "*", minimumLevel: 1, regions: [], certificates, reason: REASONS },
  );
const request = async () => {
  const consent = await engine.consent([DAILY]);
  return requestTransfer(engine.ports, { consentId: consent.id, personId: engine.personId });
};
const present = (id: Awaited<ReturnType<typeof request>>["id"]) => engine.store.read((r) => r.transfers.get(id));
const shown = () => engine.store.read((r) => r.conditions.certificatesOf([engine.destination.id], now()));
const run = async (id: Awaited<ReturnType<typeof request>>["id"]) =>
  runTransfer(engine.ports, { transferId: id, epoch: (await present(id)).epoch }, engine.terms);

test("a holder wants a certificate and the transfer pauses; two accreditors accept it and it goes on; it runs out and the next one pauses", async () => {
  const first = await request();
  const second = await request();
  assert.deepEqual(await wants(["iso-27001"]), { paused: 2, resumed: 0 });
  const claim = await handIn({ validUntil: TODAY });
  assert.deepEqual((await read(A, claim.id)).resumed, 0);
  assert.equal((await present(first.id)).state, "paused");
  engine.rings.length = 0;
  const { resumed, claim: decided } = await read(B, claim.id);
  assert.deepEqual([resumed, decided.state, engine.rings.length], [2, "accepted", 2]);
  assert.deepEqual(await run(first.id), { kind: "ended", state: "verified" });
  assert.equal((await present(second.id)).state, "queued");
  // Its last day ends at midnight, in UTC.
  now = () => new Date(Date.parse(`${TODAY}T00:00:10Z`) + 86_400_000);
  await run(second.id);
  const paused = await present(second.id);
  assert.deepEqual([paused.state, paused.reason, paused.actor], ["paused", "condition_unmet", "platform"]);
  assert.deepEqual(await shown(), []);
  assert.equal(await resumeAllowed(engine.ports), 0);
  const again = await handIn({ validUntil: "2999-01-01" });
  await read(A, again.id);
  // What is due is measured by the database's clock.
  now = () => new Date();
  assert.equal((await read(B, again.id)).resumed, 1);
  assert.deepEqual(await run(second.id), { kind: "ended", state: "verified" });
});

test("one accreditor, a conflict of interest, the same one twice, a refusal by two: nothing of it counts", async () => {
  const claim = await handIn();
  const size = await engine.store.read((r) => r.ledger.size());
  await assert.rejects(
    readCertificate({ ...engine.ports, staff: offices }, A, {
      claimId: claim.id,
      verdict: "accept",
      withoutConflict: false,
      reasons: REASONS,
    }),
    {
      code: "invalid",
    },
  );
  await assert.rejects(read(platform, claim.id), { code: "forbidden" });
  await assert.rejects(read({ kind: "authority", name: "authority" }, claim.id), { code: "forbidden" });
  await read(A, claim.id);
  await assert.rejects(read(A, claim.id), { code: "conflict" });
  assert.deepEqual(await shown(), []);
  await read(B, claim.id, "refuse");
  await read({ kind: "accreditor", name: "accreditor C" }, claim.id, "refuse");
  assert.equal((await engine.store.read((r) => r.certificates.get(claim.id))).state, "refused");
  await assert.rejects(read({ kind: "accreditor", name: "accreditor D" }, claim.id), { code: "conflict" });
  assert.deepEqual(await shown(), []);
  assert.equal(await engine.store.read((r) => r.ledger.size()), size);
});

test("the reading of somebody who is no accreditor any more stays in the record, and is not one of two", async () => {
  const claim = await handIn();
  await read(A, claim.id);
  offices.dismissed.add(A.name);
  assert.equal((await read(B, claim.id)).claim.state, "handed_in");
  assert.deepEqual(await shown(), []);
  assert.equal((await read({ kind: "accreditor", name: "accreditor C" }, claim.id)).claim.state, "accepted");
  assert.equal((await engine.store.read((r) => r.certificates.readings(claim.id))).length, 3);
});

test("nor is that of somebody who acts for the platform by then", async () => {
  const claim = await handIn();
  const person = { issuer: "https://id.example", subject: "goes over" };
  offices.people.set(A.name, person);
  await read({ ...A, person }, claim.id);
  await engine.store.write(async (w) => {
    const { id: personId } = await w.accounts.signIn({ id: newId("person"), ...person, createdAt: now() });
    await w.cases.addMembership({ personId, participantId: engine.destination.id, addedAt: now() });
  });
  assert.equal((await read(B, claim.id)).claim.state, "handed_in");
  assert.equal((await read({ kind: "accreditor", name: "accreditor C" }, claim.id)).claim.state, "accepted");
});

test("nobody reads a certificate of a platform that they act for", async () => {
  const claim = await handIn();
  const person = { issuer: "https://id.example", subject: "somebody" };
  await engine.store.write(async (w) => {
    const { id: personId } = await w.accounts.signIn({ id: newId("person"), ...person, createdAt: now() });
    await w.cases.addMembership({ personId, participantId: engine.destination.id, addedAt: now() });
  });
  await assert.rejects(read({ ...A, person }, claim.id), { code: "forbidden" });
  assert.deepEqual(await engine.store.read((r) => r.certificates.readings(claim.id)), []);
});

test("two accreditors who accept at the same moment give one certificate and one place in the log", async () => {
  const claim = await handIn();
  const size = await engine.store.read((r) => r.ledger.size());
  await Promise.all([read(A, claim.id), read(B, claim.id)]);
  const [one] = await shown();
  assert.deepEqual([one?.certificate, one?.validUntil, one?.issuer, one?.logIndex], ["iso-27001", "2999-01-01", "Certifier", size]);
  assert.equal(await engine.store.read((r) => r.ledger.size()), size + 1);
});

// oxfmt-ignore
const WRONG: [what: string, change: object, code: string][] = [
  ["a certificate that nobody checks", { certificate: "gold" }, "invalid"],
  ["one that ran out", { validUntil: "2020-01-01" }, "invalid"],
  ["a day that is none", { validUntil: "2999-02-31" }, "invalid"],
  ["one of tomorrow", { date: "2998-01-01" }, "invalid"],
  ["nobody as issuer", { issuer: " " }, "invalid"],
  ["a web page", { content: Buffer.from("<script>") }, "unsupported"],
  ["another file than its digest", { sha256: "x" }, "digest_mismatch"],
];
for (const [what, change, code] of WRONG)
  test(`${what} is not taken`, async () => {
    await assert.rejects(handIn(change), { code });
  });

test("one of a kind waits at a time, and is taken back before it is read", async () => {
  const [one, ...others] = await Promise.allSettled(Array.from({ length: 5 }, () => handIn()));
  const taken = [one, ...others].filter((outcome) => outcome?.status === "fulfilled");
  assert.equal(taken.length, 1);
  const [waiting] = await engine.store.read((r) => r.certificates.waiting(10));
  assert.ok(waiting);
  await handIn({ certificate: "hds" });
  await assert.rejects(takeBackCertificate(engine.ports, { ...platform, participantId: engine.source.id } as RegisterCaller, waiting.id), {
    code: "not_found",
  });
  await takeBackCertificate(engine.ports, platform, waiting.id);
  await assert.rejects(read(A, waiting.id), { code: "conflict" });
  await handIn();
});

test("a certificate that stands longer is kept, and a revocation ends them all", async () => {
  for (const validUntil of ["2999-01-01", "2998-01-01"]) {
    const claim = await handIn({ validUntil });
    await read(A, claim.id);
    await read(B, claim.id);
  }
  assert.deepEqual(
    (await shown()).map(({ validUntil }) => validUntil),
    ["2999-01-01"],
  );
  const waiting = await handIn({ certificate: "hds" });
  await endStanding({ ...engine.ports, charters: PLAIN }, "revoke", {
    participantId: engine.destination.id,
    deciders: [{ name: "test", role: "accreditor" }],
    reasons: REASONS,
  });
  assert.deepEqual(await shown(), []);
  await assert.rejects(handIn(), { code: "not_accredited" });
  for (const reader of [A, B]) await assert.rejects(read(reader, waiting.id), { code: "conflict" });
  assert.deepEqual(await shown(), [], "nor does one that waited begin to count");
});

test("a certificate among the evidence of level 2 counts once two accreditors found its criterion met", async () => {
  const words = { fr: "Certificat", en: "Certificate" };
  const versions = charters(
    charter("2026-11", [
      criterion({
        id: "hosting-certificate",
        level: 2,
        check: { kind: "attested_by", evidence: "hosting-certificate", issuers: null },
        evidence: { kind: "hosting-certificate", title: words, maxAgeDays: 1100, issuer: null, certificates: ["iso-27001"] },
      }),
    ]),
  );
  const key = await testKey();
  const ports = { ...engine.ports, charters: versions, statements: { signDocument: key.sign }, staff: offices };
  const application = await draft(versions.current(now()).version);
  const evidence = {
    kind: "hosting-certificate",
    fileName: "iso.pdf",
    date: "2026-01-01",
    issuer: "Certifier",
    sha256: null,
    content: PDF,
  };
  const add = (certificate: string | null, validUntil: string | null) =>
    addEvidence(ports, platform, application.id, { ...evidence, certificate, validUntil });
  await assert.rejects(add("hds", "2999-01-01"), { code: "invalid" });
  await assert.rejects(add("iso-27001", null), { code: "invalid" });
  await add("iso-27001", "2999-01-01");
  await engine.store.write(async (w) => {
    await w.cases.moveApplication(application.id, ["draft"], "submitted", { changedAt: now(), round: 1 });
    await w.cases.moveApplication(application.id, ["submitted"], "checking", { changedAt: now() });
    await w.cases.moveApplication(application.id, ["checking"], "in_review", { changedAt: now() });
  });
  const transfer = await request();
  await wants(["iso-27001"]);
  const verdict = { verdict: "accredit" as const, withoutConflict: true, met: ["hosting-certificate"], reasons: REASONS };
  await reviewApplication(ports, A, { applicationId: application.id, round: 1, ...verdict });
  assert.deepEqual(await shown(), []);
  await reviewApplication(ports, B, { applicationId: application.id, round: 1, ...verdict });
  assert.deepEqual(
    (await shown()).map(({ certificate, validUntil, issuer }) => [certificate, validUntil, issuer]),
    [["iso-27001", "2999-01-01", "Certifier"]],
  );
  await resumeAllowed(engine.ports);
  assert.deepEqual(await run(transfer.id), { kind: "ended", state: "verified" });
});

async function draft(charterVersion: string): Promise<Application> {
  const organisation = newId("organisation");
  const application: Application = {
    id: newId("application"),
    participantId: engine.destination.id,
    organisationId: organisation,
    charterVersion,
    level: 2,
    state: "draft",
    answers: {},
    submittedAnswers: null,
    round: 0,
    createdAt: now(),
    submittedAt: null,
    changedAt: now(),
    until: null,
  };
  await engine.store.write(async (w) => {
    await w.cases.addOrganisation({ id: organisation, name: "Nuage", country: "FR", status: "active", createdAt: now() });
    await w.cases.attach(engine.destination.id, organisation);
    await w.cases.addApplication(application);
  });
  return application;
}
