import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Consent } from "../../src/core/consent/consent.ts";
import { grantConsent } from "../../src/core/consent/decide-consent.ts";
import { requestConsent } from "../../src/core/consent/request-consent.ts";
import { withdrawConsent } from "../../src/core/consent/withdraw-consent.ts";
import { RelaisError, type ErrorCode } from "../../src/core/errors.ts";
import { newId, type TransferId } from "../../src/core/ids.ts";
import { payloadOf, sha256, type Receipt } from "../../src/core/transfer/manifest.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { pseudonymousAccounts } from "../../src/sandbox/accounts/accounts.ts";
import { adminPassword } from "../../src/sandbox/holder/proposal-side.ts";
import { inDays } from "../support/engine.ts";
import { linkAccount } from "../support/register-fixtures.ts";
import { startSandboxWorld, type Resident } from "../support/sandbox-world.ts";

/**
 * A person corrects in their space what an organisation sent, and proposes it: a real holder, a real platform, the real protocol and engine. The
 * old value stands until the holder accepts, by its rule or by a person in its own pages.
 */
const SEED = "proposals";
const HOME = "energy.home";
const owned = new AsyncDisposableStack();
const world = owned.use(await startSandboxWorld(SEED));
const { relais, energy, ancre, store, ports, holder, run } = world;
after(() => owned.disposeAsync());

/** A persona who has proved both accounts, holds a copy of the data set in their space, and is signed in there. */
async function resident(id: string): Promise<Resident> {
  const person = await world.resident(id);
  const copied = await started(person, await allowed(person, "copy"));
  assert.deepEqual(await run(copied), { kind: "ended", state: "verified" });
  return person;
}

async function asked({ personId, from, to }: Resident, action: "copy" | "propose", datasets = [HOME]): Promise<Consent> {
  const [sourceLinkId, destinationLinkId] = action === "copy" ? [from, to] : [to, from];
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
