import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type pg from "pg";
import { selfData } from "../../adapters/self-data/index.ts";
import type { Consent } from "../../src/core/consent/consent.ts";
import { grantConsent } from "../../src/core/consent/decide-consent.ts";
import { requestConsent } from "../../src/core/consent/request-consent.ts";
import { withdrawConsent } from "../../src/core/consent/withdraw-consent.ts";
import { RelaisError, type ErrorCode } from "../../src/core/errors.ts";
import { newId, type LinkId, type PersonId, type TransferId } from "../../src/core/ids.ts";
import type { Store } from "../../src/core/ports.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { participantFrom } from "../../src/core/register/participant-metadata.ts";
import { payloadOf, sha256, type Receipt } from "../../src/core/transfer/manifest.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { runTransfer } from "../../src/core/transfer/run-transfer.ts";
import type { RunPorts } from "../../src/core/transfer/run-ports.ts";
import { createEntityConfigurations } from "../../src/federation/entity-configuration.ts";
import { createVerifier, verifyEntityConfiguration } from "../../src/keys/verifier.ts";
import { networkFor } from "../../src/net/network.ts";
import { createAttemptRecords } from "../../src/postgres/attempt-records.ts";
import { openDatabase, openPool, openPreparedPool } from "../../src/postgres/pool.ts";
import { createStore } from "../../src/postgres/store.ts";
import { accountsByPersona, pseudonymousAccounts } from "../../src/sandbox/accounts/accounts.ts";
import { startHolder, type Program } from "../../src/sandbox/holder/holder.ts";
import { adminPassword } from "../../src/sandbox/holder/proposal-side.ts";
import { startPlatform, type Platform } from "../../src/sandbox/platform/platform.ts";
import { freshDatabase } from "../support/database.ts";
import { inDays } from "../support/engine.ts";
import { policy } from "../support/policy.ts";
import { realClock } from "../support/real-clock.ts";
import { linkAccount, markFor } from "../support/register-fixtures.ts";
import { startTinyRelais, type TinyRelais } from "../support/tiny-relais.ts";

/**
 * A person corrects in their space what an organisation sent, and proposes it: a real holder, a real platform, the real protocol and engine. The
 * old value stands until the holder accepts, by its rule or by a person in its own pages.
 */
const SEED = "proposals";
const HOME = "energy.home";
const owned = new AsyncDisposableStack();
let relais: TinyRelais;
let energy: Program;
let ancre: Platform;
let store: Store;
let pool: pg.Pool;
let ports: RunPorts & { queue: { ring(): Promise<void> } };
let holder: Participant;
let platform: Participant;

before(async () => {
  relais = owned.use(await startTinyRelais());
  const dataDir = owned.adopt(await mkdtemp(join(tmpdir(), "proposals-")), (folder) => rm(folder, { recursive: true }));
  const shared = { dataDir, seed: SEED, relais: relais.issuer, host: "127.0.0.1", port: 0 };
  energy = owned.use(await startHolder({ ...shared, holder: "energy" }));
  ancre = owned.use(await startPlatform(shared));
  const database = owned.use(await freshDatabase());
  pool = owned.adopt(openPool(database.url, 5), (open) => open.end());
  store = createStore(openDatabase(pool));
  const network = owned.use(networkFor({ allowLoopback: true }));
  const configurations = createEntityConfigurations({
    clock: realClock,
    fetchOrigin: network.fetchOrigin,
    verify: verifyEntityConfiguration,
  });
  const register = async (entityId: string): Promise<Participant> => {
    const participant: Participant = {
      ...participantFrom(await configurations.fetch(entityId)),
      id: newId("participant"),
      status: "accredited",
    };
    await store.write(async (w) => {
      await w.register.put(participant);
      await w.register.addMark(markFor(participant.id));
    });
    return participant;
  };
  [holder, platform] = [await register(energy.entityId), await register(ancre.entityId)];
  ports = {
    store,
    records: createAttemptRecords(owned.adopt(openPreparedPool(database.url, 2), (open) => open.end())),
    clock: realClock,
    policy,
    issuer: relais.issuer,
    adapters: { "self-data": selfData, solid: selfData, webdav: selfData, mailbox: selfData },
    queue: { ring: async () => undefined },
    signer: { signDocument: async (type, payload) => relais.sign(type, payload), signRequest: relais.signRequest },
    verifier: createVerifier(),
    opener: { open: async () => ({ kind: "none" }) },
    network,
    tokens: { open: tokensFor },
  };
});
after(() => owned.disposeAsync());

/** As the authorization server says it: what the person allowed, for the source alone. */
async function tokensFor({ sourceLinkId, datasets, action }: Consent, { entityId }: Participant) {
  const { account } = await store.read((r) => r.people.getLink(sourceLinkId));
  return {
    consentHeaders: await relais.consentHeaders({ aud: entityId, account, datasets, actions: [action] }),
    dpopProof: async () => "",
  };
}

interface Resident {
  personId: PersonId;
  customer: string;
  home: LinkId;
  space: LinkId;
  cookie: string;
}

/** A persona who has proved both accounts, holds a copy of the data set in their space, and is signed in there. */
async function resident(id: string): Promise<Resident> {
  const place = accountsByPersona(SEED).findIndex(({ persona }) => persona.id === id);
  const { persona, email, password } = accountsByPersona(SEED)[place] as ReturnType<typeof accountsByPersona>[number];
  const customer = persona.customers.energy as string;
  const personId = newId("person");
  await store.write((w) => w.accounts.signIn({ id: personId, issuer: "https://id.test", subject: personId, createdAt: new Date() }));
  const home = await linkAccount(store, personId, holder.id, customer);
  const space = await linkAccount(store, personId, platform.id, pseudonymousAccounts(SEED, "ancre")[place]?.id as string);
  const entered = await fetch(`${ancre.url}/enter`, { method: "POST", body: new URLSearchParams({ email, password }), redirect: "manual" });
  const cookie = (entered.headers.get("set-cookie") ?? "").split(";")[0] as string;
  const person = { personId, customer, home: home.id, space: space.id, cookie };
  const copied = await started(person, await allowed(person, "copy"));
  assert.deepEqual(await run(copied), { kind: "ended", state: "verified" });
  return person;
}

async function asked({ personId, home, space }: Resident, action: "copy" | "propose", datasets = [HOME]): Promise<Consent> {
  const [sourceLinkId, destinationLinkId] = action === "copy" ? [home, space] : [space, home];
  return requestConsent(ports, {
    personId,
    sourceLinkId,
    destinationLinkId,
    action,
    datasets,
    purpose: "https://w3id.org/dpv#RightsFulfilment",
    recurrence: null,
    expires: inDays(30),
    retention: null,
    language: "fr",
    requester: null,
  });
}

async function allowed(person: Resident, action: "copy" | "propose"): Promise<Consent> {
  const { id: consentId, noticeHash } = await asked(person, action);
  return grantConsent(ports, { consentId, personId: person.personId, datasets: [HOME], noticeHash, language: "fr" });
}

async function started({ personId }: Resident, { id }: Consent): Promise<TransferId> {
  return (await requestTransfer(ports, { consentId: id, personId })).id;
}

/** What the sweep does when the time has come. */
async function run(id: TransferId) {
  await pool.query("update relais.transfers set due_at = now() - interval '1 second' where id = $1", [id]);
  const { epoch } = await store.read((r) => r.transfers.get(id));
  const terms = { leaseSeconds: 30, limits: { maxItemBytes: 1 << 30, maxItems: 1000 }, shutdown: new AbortController().signal };
  return runTransfer(ports, { transferId: id, epoch }, terms);
}

/** The person's own form in their space. */
async function correct({ cookie }: Resident, changed: Record<string, string>): Promise<void> {
  const url = `${ancre.url}/correct/${HOME}/home`;
  const page = await (await fetch(url, { headers: { cookie } })).text();
  const fields = [...page.matchAll(/name="(\w+)" value="([^"]*)"/g)]
    .filter(([, name]) => name !== "drop")
    .map(([, name, value]) => [name, value] as [string, string]);
  const body = new URLSearchParams({ ...Object.fromEntries(fields), ...changed });
  assert.equal((await fetch(url, { method: "POST", headers: { cookie, origin: ancre.entityId }, body, redirect: "manual" })).status, 303);
}

/** The value in force at the holder, as it would be copied now. */
async function inForce({ customer }: Resident): Promise<Record<string, unknown>> {
  const headers = await relais.consentHeaders({ aud: energy.entityId, account: customer, datasets: [HOME] });
  const url = `${energy.url}/export/datasets/${HOME}`;
  const page = (await (await fetch(url, { headers: await headers({ method: "GET", url }) })).json()) as {
    items: { content: Record<string, unknown> }[];
  };
  return page.items[0]?.content ?? {};
}

const admin = (body?: Record<string, string>, password = adminPassword(SEED, "energy")) =>
  fetch(`${energy.url}/admin/proposals`, {
    method: body ? "POST" : "GET",
    headers: { authorization: `Basic ${Buffer.from(`admin:${password}`).toString("base64")}`, origin: energy.entityId },
    ...(body ? { body: new URLSearchParams(body) } : {}),
    redirect: "manual",
  });
const decide = (transfer: TransferId, outcome: string, reason = "not_plausible") =>
  admin({ transfer, dataset: HOME, key: "home", outcome, reason });
const itemOf = async (id: TransferId) => (await store.read((r) => r.transfers.items(id, { limit: 10 })))[0];
const stateOf = async (id: TransferId) => (await store.read((r) => r.transfers.get(id))).state;
const refusedAs = (code: ErrorCode) => (error: unknown) => error instanceof RelaisError && error.code === code;

test("what a rule accepts is taken over at once, and what stood before is kept beside it", async () => {
  const person = await resident("camille");
  await correct(person, { occupants: "5" });
  assert.equal((await inForce(person)).occupants, 3, "a correction changes nothing at the holder");
  const id = await started(person, await allowed(person, "propose"));
  assert.deepEqual(await run(id), { kind: "ended", state: "verified" });
  assert.equal((await inForce(person)).occupants, 5);
  assert.equal((await inForce(person)).squareMetres, 84);
  assert.equal((await itemOf(id))?.state, "stored");
});

test("what no rule decides waits for a person: the old value stands, then the new one, and the transfer says each step", async () => {
  const person = await resident("jeanne");
  await correct(person, { squareMetres: "130" });
  const id = await started(person, await allowed(person, "propose"));
  assert.deepEqual(await run(id), { kind: "waiting" });
  assert.deepEqual([await stateOf(id), (await itemOf(id))?.state, (await inForce(person)).squareMetres], ["received", "sent", 112]);
  assert.equal(
    (await store.read((r) => r.transfers.documents(id))).some(({ kind }) => kind === "receipt"),
    false,
    "nothing is final yet",
  );
  assert.deepEqual(await run(id), { kind: "waiting" });
  const page = await (await admin()).text();
  assert.match(page, /&quot;squareMetres&quot;:112|&#34;squareMetres&#34;:112/);
  assert.equal((await decide(id, "accepted")).status, 303);
  assert.deepEqual(await run(id), { kind: "ended", state: "verified" });
  assert.equal((await inForce(person)).squareMetres, 130);
  const kinds = (await store.read((r) => r.transfers.events(id))).map(({ kind, details }) =>
    [kind, details["waiting"] ?? details["accepted"] ?? ""].join(" ").trim(),
  );
  assert.deepEqual(
    kinds.filter((kind) => /receipt|proposal|verified/.test(kind)),
    ["receipt_received 1", "proposal_decided 1", "verified"],
  );
  assert.equal((await decide(id, "refused")).status, 409, "a decision is made once");
});

test("what is refused is told with its reason, changes nothing, and counts as not taken over", async () => {
  const person = await resident("loic-francois");
  await correct(person, { occupants: "99" });
  const id = await started(person, await allowed(person, "propose"));
  assert.deepEqual(await run(id), { kind: "ended", state: "partial" });
  assert.deepEqual([(await itemOf(id))?.state, (await itemOf(id))?.reason], ["omitted", "not_plausible"]);
  assert.equal((await inForce(person)).occupants, 2);
  const [progress] = await store.read((r) => r.transfers.progress(id));
  assert.deepEqual([progress?.expected, progress?.stored, progress?.omitted], [1, 0, 1]);
  const receipt = payloadOf(
    (await store.read((r) => r.transfers.documents(id))).find(({ kind }) => kind === "receipt")?.jws ?? "",
  ) as Receipt;
  assert.deepEqual([receipt.items, receipt.omissions.map(({ reason }) => reason)], [[], ["not_plausible"]]);
});

test("a value that changed at the holder meanwhile is not written over", async () => {
  const person = await resident("ines");
  await correct(person, { squareMetres: "70" });
  const first = await started(person, await allowed(person, "propose"));
  await run(first);
  await correct(person, { squareMetres: "61", occupants: "4" });
  assert.deepEqual(await run(await started(person, await allowed(person, "propose"))), { kind: "ended", state: "verified" });
  await decide(first, "accepted");
  assert.deepEqual(await run(first), { kind: "ended", state: "partial" });
  assert.deepEqual(
    [(await itemOf(first))?.reason, (await inForce(person)).squareMetres, (await inForce(person)).occupants],
    ["out_of_date", 61, 4],
  );
});

test("stopped while it waits: the organisation is told, nothing is decided any more, and the person reads that it was stopped", async () => {
  const person = await resident("paul");
  await correct(person, { heating: "gas" });
  const consent = await allowed(person, "propose");
  const id = await started(person, consent);
  await run(id);
  assert.ok((await store.read((r) => r.transfers.get(id))).dueAt > new Date(), "it is asked again later");
  await withdrawConsent(ports, { consentId: consent.id, personId: person.personId });
  assert.ok((await store.read((r) => r.transfers.get(id))).dueAt <= new Date(), "the organisation is told at once");
  assert.deepEqual(await run(id), { kind: "ended", state: "partial" });
  assert.deepEqual([(await itemOf(id))?.state, (await itemOf(id))?.reason], ["omitted", "stopped"]);
  assert.equal((await decide(id, "accepted")).status, 409);
  assert.equal((await inForce(person)).heating, "electric");
  await assert.rejects(requestTransfer(ports, { consentId: consent.id, personId: person.personId }), refusedAs("consent_ended"));
});

test("a consent to copy proposes nothing, a consent to propose copies nothing, and only what was corrected is read", async () => {
  const person = await resident("lucie");
  const id = await started(person, await allowed(person, "propose"));
  assert.deepEqual(await run(id), { kind: "ended", state: "verified" });
  assert.equal(await itemOf(id), undefined, "nothing was corrected: nothing is read, nothing is sent");
  await assert.rejects(asked(person, "propose", ["energy.bills"]), refusedAs("invalid"));
  const other = await linkAccount(store, newId("person"), holder.id, "EP-0").catch((error: unknown) => error);
  assert.ok(other instanceof RelaisError, "an account of nobody");
});

/** One request of the destination side at the holder, signed by Relais. */
async function announce(changed: object, customer = "EP-1004417") {
  const transfer = newId("transfer");
  const body = JSON.stringify({
    transfer,
    consent: newId("consent"),
    source: ancre.entityId,
    destination: energy.entityId,
    subject: customer,
    action: "propose",
    datasets: [{ dataset: HOME, items: 1, bytes: null }],
    expires: "2030-01-01T00:00:00Z",
    ...changed,
  });
  const answer = await relais.send({
    method: "POST",
    url: `${energy.entityId}/inbox/transfers`,
    headers: { "content-type": "application/json", "idempotency-key": `"${transfer}"` },
    body,
  });
  return { status: answer.status, transfer };
}

// oxfmt-ignore
const ANNOUNCEMENTS: [what: string, changed: object, status: number][] = [
  ["a proposal",                       {},                                     201],
  ["a delivery, as to a platform",     { action: undefined },                  400],
  ["another act",                      { action: "erase" },                    400],
  ["for another organisation",         { destination: "https://else.example" }, 400],
  ["for a customer of nobody",         { subject: "EP-0" },                    404],
];
for (const [what, changed, status] of ANNOUNCEMENTS)
  test(`the holder answers ${status} to ${what}`, async () => {
    assert.equal((await announce(changed)).status, status);
  });

test("the holder takes nothing unsigned, nothing for another data set, and shows its proposals to its own people alone", async () => {
  const unsigned = await fetch(`${energy.url}/inbox/transfers`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "{}",
  });
  assert.equal(unsigned.status, 401);
  const { transfer } = await announce({ datasets: [{ dataset: "energy.bills", items: 1, bytes: null }] });
  const put = await relais.send({
    method: "PUT",
    url: `${energy.entityId}/inbox/transfers/${transfer}/items/energy.bills/x`,
    headers: { "content-type": "application/json", "content-length": "2", "idempotency-key": `"${transfer}/${sha256("energy.bills/x")}"` },
    body: "{}",
  });
  assert.equal(put.status, 400);
  assert.equal((await admin(undefined, "guess")).status, 401);
  const foreign = await fetch(`${energy.url}/admin/proposals`, {
    method: "POST",
    headers: {
      authorization: `Basic ${Buffer.from(`admin:${adminPassword(SEED, "energy")}`).toString("base64")}`,
      origin: "https://evil.example",
    },
    body: new URLSearchParams({ transfer, dataset: HOME, key: "home", outcome: "accepted" }),
  });
  assert.equal(foreign.status, 403);
});

test("the platform keeps what it is sent, and takes no proposals itself", async () => {
  const body = JSON.stringify({
    transfer: newId("transfer"),
    consent: newId("consent"),
    source: energy.entityId,
    destination: ancre.entityId,
    subject: pseudonymousAccounts(SEED, "ancre")[0]?.id,
    action: "propose",
    datasets: [{ dataset: HOME, items: 1, bytes: null }],
    expires: "2030-01-01T00:00:00Z",
  });
  const { transfer } = JSON.parse(body) as { transfer: string };
  const answer = await relais.send({
    method: "POST",
    url: `${ancre.entityId}/inbox/transfers`,
    headers: { "content-type": "application/json", "idempotency-key": `"${transfer}"` },
    body,
  });
  assert.equal(answer.status, 400);
});
