import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Request, Response } from "express";
import { grantConsent, refuseConsent } from "../../src/core/consent/decide-consent.ts";
import { asId } from "../../src/core/ids.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { openOwnKey } from "../../src/sandbox/peer/own-keys.ts";
import { createPlatformClient, type Pending, type PlatformClient } from "../../src/sdk-client/platform-client.ts";
import { clock, startAuthorization, type Setup } from "../support/authorization-server.ts";
import { browser } from "../support/platform-client.ts";
import { accreditedParticipant, dataset, linkAccount } from "../support/register-fixtures.ts";

/** Ancre's side of the authorization request, against the real authorization server: what it accepts as an answer, and what it does not. */

const CALLBACK = "https://platform.example/bring/callback";
const ASKED = { holder: "https://holder.example", datasets: ["bills"], language: "en" } as const;
const TOLD = { id: "trf_1", state: "queued", actor: null, datasets: [] };
let setup: Setup;
let folder: string;
let holder: Participant;
let platform: Participant;
let client: PlatformClient;
const calls: { method: string; key: string | undefined; consentId: string }[] = [];

before(async () => {
  setup = await startAuthorization();
  folder = await mkdtemp(join(tmpdir(), "platform-client-"));
  const key = await openOwnKey(folder, "documents");
  holder = await accreditedParticipant(setup.store, { entityId: ASKED.holder, roles: ["holder"], datasets: [dataset("bills")] });
  platform = await accreditedParticipant(setup.store, {
    entityId: "https://platform.example",
    roles: ["platform"],
    keys: [key.publicJwk],
    client: { redirectUris: [CALLBACK] },
  });
  client = createPlatformClient({ issuer: setup.issuer, entityId: platform.entityId, redirectUri: CALLBACK, key: key.privateJwk });
  setup.routes.all(["/v1/transfers", "/v1/transfers/:id"], (req, res) => void answerCall(req, res));
});

/** The API as far as a platform's token goes: the real check of token and proof. */
async function answerCall(req: Request, res: Response): Promise<void> {
  const { method, originalUrl } = req;
  try {
    const caller = await setup.authorization.callers.verify({
      authorization: req.get("authorization"),
      dpop: req.get("dpop"),
      method,
      url: setup.issuer + originalUrl,
    });
    calls.push({ method, key: req.get("idempotency-key"), consentId: caller.consentId });
    res.json(TOLD);
  } catch (error) {
    const { code, message, actor } = error as { code: string; message: string; actor: string };
    res.status(403).json({ code, detail: message, actor });
  }
}

after(async () => {
  await setup[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

/** From the request to the address that the browser is sent back to. */
async function answered(subject: string, says: "yes" | "no" = "yes"): Promise<{ pending: Pending; callback: URL }> {
  const { personId } = await setup.signIn(subject);
  await linkAccount(setup.store, personId, holder.id, `customer-${subject}`);
  await linkAccount(setup.store, personId, platform.id, `space-${subject}`);
  const pending = await client.begin(ASKED);
  const visit = browser();
  const decide = await visit.get(String((await visit.get(pending.url.href)).location));
  const [, id, next] = /\/en\/permissions\/(cst_\w+)\/decide\?next=(.*)$/.exec(decide.location ?? "") ?? [];
  const consentId = asId("consent", id);
  const { noticeHash } = await setup.store.read((r) => r.consents.get(consentId));
  if (says === "no") await refuseConsent({ store: setup.store, clock }, { consentId, personId });
  else await grantConsent({ store: setup.store, clock }, { consentId, personId, noticeHash, datasets: ["bills"], language: "en" });
  const finished = await visit.get(setup.issuer + decodeURIComponent(next ?? ""));
  return { pending, callback: new URL(String((await visit.get(String(finished.location))).location)) };
}

function changed(url: URL, name: string, value: string | null): URL {
  const copy = new URL(url);
  if (value === null) copy.searchParams.delete(name);
  else copy.searchParams.set(name, value);
  return copy;
}

test("nothing that names the person or what is asked is in the address", async () => {
  const { url } = await client.begin(ASKED);
  assert.deepEqual([...url.searchParams.keys()].toSorted(), ["client_id", "request_uri"]);
});

test("the answer of another issuer, of none, or to another request is refused before the code is shown to anybody", async () => {
  const { pending, callback } = await answered("mixed-up");
  const cases: [name: string, url: URL][] = [
    ["another issuer", changed(callback, "iss", "https://evil.example")],
    ["no issuer", changed(callback, "iss", null)],
    ["another state", changed(callback, "state", "other")],
    ["no state", changed(callback, "state", null)],
  ];
  for (const [name, url] of cases) await assert.rejects(pending.redeem(url), { code: "peer_protocol" }, name);
  const grant = await pending.redeem(callback);
  assert.deepEqual(await grant.requestTransfer("key-1"), TOLD);
  assert.equal(calls.at(-1)?.key, '"key-1"');
});

test("a code is redeemed by the request that it answers, and once", async () => {
  const [mine, other] = [await answered("owner"), await answered("stranger")];
  const injected = changed(other.callback, "code", String(mine.callback.searchParams.get("code")));
  await assert.rejects(other.pending.redeem(injected), { code: "consent_ended" }, "another verifier and another key");
  const { pending, callback } = await answered("twice");
  await pending.redeem(callback);
  await assert.rejects(pending.redeem(callback), { code: "consent_ended" });
});

test("a refusal is the person's", async () => {
  const { pending, callback } = await answered("refuser", "no");
  await assert.rejects(pending.redeem(callback), { code: "consent_missing", actor: "person" });
});

test("another process goes on with what was kept: the request that waits, and then what the person allowed", async () => {
  const { pending, callback } = await answered("moved");
  const settings = { issuer: setup.issuer, entityId: platform.entityId, redirectUri: CALLBACK };
  const other = createPlatformClient({ ...settings, key: (await openOwnKey(folder, "documents")).privateJwk });
  const again = await other.resume(JSON.parse(JSON.stringify(pending.kept)) as Pending["kept"]);
  const grant = await again.redeem(callback);
  assert.deepEqual(grant.datasets, ["bills"]);
  const restored = await client.restore(JSON.parse(JSON.stringify(grant.kept())) as ReturnType<typeof grant.kept>);
  assert.deepEqual(await restored.requestTransfer("key-3"), TOLD);
  assert.equal(calls.at(-1)?.consentId, restored.consent);
});

test("a grant has a name: it is replaced by it, and given back", async () => {
  const { pending, callback } = await answered("manager");
  const { grantId, consent } = await pending.redeem(callback);
  assert.ok(grantId);
  assert.ok((await client.begin({ ...ASKED, replaces: grantId })).url);
  await assert.rejects(client.begin({ ...ASKED, replaces: "unknown" }), { code: "peer_refused" });
  await client.endGrant(grantId);
  assert.equal((await setup.store.read((r) => r.consents.get(asId("consent", consent)))).state, "revoked");
  await assert.rejects(client.endGrant(grantId), { code: "not_found" });
});

test("an access token that is over is renewed for the same consent", async (t) => {
  const { pending, callback } = await answered("patient");
  const grant = await pending.redeem(callback);
  await grant.requestTransfer("key-2");
  const before = calls.at(-1);
  t.mock.timers.enable({ apis: ["Date"], now: Date.now() + 400_000 });
  assert.deepEqual(await grant.readTransfer("trf_1"), TOLD);
  assert.deepEqual([calls.at(-1)?.method, calls.at(-1)?.consentId], ["GET", before?.consentId]);
});

test("while the platform or the holder is suspended nothing is begun", async () => {
  for (const [end, code] of [
    [platform, "not_accredited"],
    [holder, "peer_refused"],
  ] as const) {
    await setup.store.write((w) => w.register.setStatus(end.id, "suspended"));
    await assert.rejects(client.begin(ASKED), { code }, end.entityId);
    await setup.store.write((w) => w.register.setStatus(end.id, "accredited"));
  }
});

test("a Relais that is away is told as such", async () => {
  const key = await openOwnKey(folder, "documents");
  const away = createPlatformClient({
    issuer: "http://127.0.0.1:9",
    entityId: platform.entityId,
    redirectUri: CALLBACK,
    key: key.privateJwk,
  });
  await assert.rejects(away.begin(ASKED), { code: "peer_unavailable", actor: "operator" });
});

test("nothing failed inside the server", () => assert.deepEqual(setup.reports, []));
