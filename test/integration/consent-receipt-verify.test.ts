import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import express from "express";
import nodeJose from "node-jose";
import { canonicalJson } from "../../src/core/canonical-json.ts";
import type { Consent } from "../../src/core/consent/consent.ts";
import type { ConsentChange } from "../../src/core/consent/record-change.ts";
import { receiptHash } from "../../src/core/consent/consent-receipt.ts";
import { logNoticeTexts } from "../../src/core/consent/log-notice-texts.ts";
import type { NoticeText, Sections } from "../../src/core/consent/notice-text.ts";
import { publishNoticeText } from "../../src/core/consent/publish-notice-text.ts";
import { sealChanges } from "../../src/core/consent/seal-changes.ts";
import { withdrawConsent } from "../../src/core/consent/withdraw-consent.ts";
import { createFederation } from "../../src/federation/federation.ts";
import { createLog } from "../../src/http/log.ts";
import { openKeyring, type Keyring } from "../../src/keys/keyring.ts";
import { openLogKey } from "../../src/keys/log-key.ts";
import { documentSigner, signCompact } from "../../src/keys/signer.ts";
import { signedStatements } from "../../src/keys/verifier.ts";
import { verifyConsentReceipt as verdictOn } from "../../src/core/verification/verify-consent-receipt.ts";
import { originOf } from "../../src/core/ledger/checkpoint.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { readConsentStanding, shownText, verifyConsentReceipt, type ConsentReceipt } from "../../src/sdk/consent-receipts.ts";
import { clock, listen, type Listening } from "../support/authorization-server.ts";
import { startEngine, type Engine } from "../support/engine.ts";
import { fakeAccount, fakeAdapter } from "../support/fake-participants.ts";
import { testKey } from "../support/register-fixtures.ts";

/** The receipt of a permission in the hands of somebody who asks Relais as any outsider would, or nobody at all. */

const DATASET = "energy.bills";
const CLI = fileURLToPath(new URL("../../src/cli/relais.ts", import.meta.url));
const owned = new AsyncDisposableStack();
const never = new AbortController().signal;
let relais: Listening;
let engine: Engine;
let pool: ReturnType<typeof openPool>;
let web: Keyring;
let worker: Keyring;
let dir: string;

before(async () => {
  relais = await listen();
  owned.defer(() => relais.close());
  engine = owned.use(await startEngine(fakeAdapter(fakeAccount(), fakeAccount()), [DATASET]));
  pool = owned.adopt(openPool(engine.url, 2), (open) => open.end());
  dir = await mkdtemp(join(tmpdir(), "relais-receipts-"));
  owned.defer(() => rm(dir, { recursive: true }));
  [web, worker] = await Promise.all([openKeyring(dir, "web"), openKeyring(dir, "worker")]);
  const app = express();
  app.use(
    createFederation({
      issuer: relais.origin,
      store: engine.store,
      clock,
      charterVersions: () => ["2026-11"],
      entityConfigurations: { fetch: () => Promise.reject(new Error("not asked for here")) },
      signed: signedStatements,
      keys: () => web.publicRing("federation"),
      sign: async (type, payload) => signCompact(web.current("federation"), type, payload),
    }),
  );
  app.use(createLog({ store: engine.store, key: await openLogKey(dir, originOf(relais.origin)) }));
  app.get("/.well-known/jwks.json", (_req, res) => web.publicKeys().then((keys) => void res.json({ keys })));
  relais.serve(app);
});
after(() => owned.disposeAsync());

async function seal(): Promise<void> {
  const signer = documentSigner(() => worker.current("documents"));
  const ports = { store: engine.store, clock, issuer: relais.origin, signer, operator: null, pseudonymOf: (id: string) => `of ${id}` };
  await sealChanges(ports, never);
}
async function lastReceipt({ id }: Consent): Promise<string> {
  await seal();
  return String((await engine.store.read((r) => r.changes.of(id))).findLast((change: ConsentChange) => change.receipt !== null)?.receipt);
}
const keysOf = () => web.publicKeys() as never;
const withdraw = ({ id }: Consent) => withdrawConsent(engine.ports, { consentId: id, personId: engine.personId });

async function fileOf(jws: string, more: Record<string, string> = {}): Promise<string> {
  const folder = await mkdtemp(join(dir, "case-"));
  for (const [name, text] of Object.entries({ "receipt.jws": jws, ...more })) await writeFile(join(folder, name), text);
  return join(folder, "receipt.jws");
}

function call(...words: string[]): Promise<{ code: number; out: string }> {
  return new Promise((done) =>
    execFile(process.execPath, [CLI, "verify", ...words], (error, out, problems) =>
      done({ code: typeof error?.code === "number" ? error.code : 0, out: out + problems }),
    ),
  );
}

test("the command says who signed it, where the public log holds it, and whether the permission is in force now", async () => {
  const consent = await engine.consent([DATASET]);
  const given = await lastReceipt(consent);
  const { code, out } = await call(await fileOf(given));
  assert.equal(code, 0, out);
  assert.match(out, /given by the person on 20.*signed by http.*its hash is entry 0 of the public log 127.*it is in force now/s);
  await withdraw(consent);
  assert.match((await call(await fileOf(given))).out, /given by the person.*it is not in force now/s);
  assert.match((await call(await fileOf(await lastReceipt(consent)))).out, /withdrawn by the person.*it is not in force now/s);
  // By software that is not ours.
  const key = await nodeJose.JWK.asKey(worker.current("documents").publicJwk);
  assert.equal((await nodeJose.JWS.createVerify(key).verify(given)).payload.length > 1000, true);
});

test("offline, with keys and a proof that one keeps, nothing is asked; and another proof proves nothing", async () => {
  const consent = await engine.consent([DATASET]);
  const jws = await lastReceipt(consent);
  const { log } = await verifyConsentReceipt(jws, keysOf);
  const text = async (path: string) => (await fetch(`${relais.origin}${path}`)).text();
  const [logKey, proof, other] = await Promise.all([text("/log/key"), text(`/log/proof/${log.index}`), text("/log/proof/0")]);
  const keys = { "keys.json": JSON.stringify({ [relais.origin]: { keys: await web.publicKeys() } }), "log.key": logKey };
  const kept = await fileOf(jws, { ...keys, [`entry-${log.index}.tlog-proof`]: proof });
  relais.server.close();
  const { code, out } = await call(kept, "--keys", join(kept, "..", "keys.json"));
  assert.equal(code, 0, out);
  assert.match(out, new RegExp(`its hash is entry ${log.index} of the public log`));
  assert.doesNotMatch(out, /in force/);
  const wrong = await fileOf(jws, { ...keys, "receipt.tlog-proof": other });
  const refused = await call(wrong, "--keys", join(wrong, "..", "keys.json"));
  assert.deepEqual([refused.code, /another entry of the public log/.test(refused.out)], [3, true], refused.out);
  await new Promise<void>((done) => void relais.server.listen(Number(new URL(relais.origin).port), "127.0.0.1", done));
});

test("what was changed, signed by somebody else, or vouched for by no log does not verify; a key of the past does, a revoked one does not", async () => {
  const consent = await engine.consent([DATASET]);
  const jws = await lastReceipt(consent);
  const claims = await verifyConsentReceipt(jws, keysOf);
  const stranger = await testKey();
  const own = documentSigner(() => worker.current("documents"));
  const [head, payload, tail] = jws.split(".");
  const changed = Buffer.from(Buffer.from(String(payload), "base64url").toString().replace('"active"', '"refused"')).toString("base64url");
  const cases: [what: string, jws: string, says: RegExp][] = [
    ["changed", `${head}.${changed}.${tail}`, /changed, or somebody else/],
    ["another key", await stranger.sign("consent-receipt+jwt", claims), /changed, or somebody else/],
    ["another type", await own.signDocument("consent-record+jwt", claims), /changed, or somebody else/],
    [
      "another salt",
      await own.signDocument("consent-receipt+jwt", { ...claims, log: { ...claims.log, salt: "x" } }),
      /not that of the receipt/,
    ],
    ["no log", await own.signDocument("consent-receipt+jwt", { ...claims, log: undefined }), /lacks members/],
  ];
  for (const [what, one, says] of cases) await assert.rejects(verifyConsentReceipt(one, keysOf), says, what);
  const elsewhere: ConsentReceipt = { ...claims, log: { ...claims.log, index: 0 } };
  const { code, out } = await call(await fileOf(await own.signDocument("consent-receipt+jwt", elsewhere)));
  assert.deepEqual([code, /another entry of the public log/.test(out)], [3, true], out);
  const old = worker.current("documents").kid;
  await worker.rotate("documents");
  assert.equal((await verifyConsentReceipt(jws, keysOf)).jti, claims.jti);
  await worker.revoke("documents", old, "compromised");
  await assert.rejects(verifyConsentReceipt(jws, keysOf), /changed, or somebody else/);
});

interface Logged {
  kind: string;
  at: string;
}
const entries = async () =>
  (await engine.store.read(({ ledger }) => ledger.entries({ from: 0, to: 10_000 }))).map((leaf) => JSON.parse(leaf.toString()) as Logged);
const texts = () => engine.store.read((r) => r.noticeTexts.list());
const office = { name: "Operator", office: "operator" } as const;

async function publish(): Promise<void> {
  const [newest] = await texts();
  const sections = newest?.sections as Sections;
  await publishNoticeText(engine.ports, office, { wording: { fr: sections, en: sections }, after: newest?.version ?? 0 });
}

test("each published wording is told in the public log once, by language, version and hash alone, and in its own transaction", async () => {
  const told = async () =>
    (await entries()).filter(({ kind }) => kind === "notice_text").map(({ at, ...entry }) => [typeof at, canonicalJson(entry)].join(" "));
  await Promise.all([logNoticeTexts(engine.ports), logNoticeTexts(engine.ports)]);
  await publish();
  await logNoticeTexts(engine.ports);
  const expected = (await texts()).map(
    ({ version, language, hash }) => `string ${canonicalJson({ kind: "notice_text", version, language, hash })}`,
  );
  assert.deepEqual((await told()).toSorted(), expected.toSorted());
  for (const { logIndex, hash } of await texts())
    assert.equal(((await entries())[Number(logIndex)] as { hash?: string } | undefined)?.hash, hash);
  await pool.query("alter table logged_texts add constraint full_up check (version < 3)");
  await assert.rejects(publish());
  assert.deepEqual([(await texts()).length, (await told()).length], [4, 4], "neither without the other");
  await pool.query("alter table logged_texts drop constraint full_up");
});

test("a receipt says where the wording that its person read is told of: the command looks there, also offline, and refuses another one", async () => {
  const consent = await engine.consent([DATASET]);
  const jws = await lastReceipt(consent);
  const claims = await verifyConsentReceipt(jws, keysOf);
  const shown = shownText(claims);
  assert.deepEqual(shown, (({ version, language, hash, logIndex }) => ({ version, language, hash, logIndex }))(await text(2, "fr")));
  assert.match(
    (await call(await fileOf(jws))).out,
    new RegExp(`published one: version 2 \\(fr\\), entry ${shown?.logIndex} of the public log`),
  );
  const at = async (path: string) => (await fetch(`${relais.origin}${path}`)).text();
  const keys = { "keys.json": JSON.stringify({ [relais.origin]: { keys: await web.publicKeys() } }), "log.key": await at("/log/key") };
  const offline = async (more: Record<string, string>) => {
    const file = await fileOf(jws, { ...keys, ...more });
    return call(file, "--keys", join(file, "..", "keys.json"));
  };
  const own = { "receipt.tlog-proof": await at(`/log/proof/${claims.log.index}`) };
  assert.match((await offline(own)).out, /whether the wording that was shown is the published one was not looked at/);
  const proof = `entry-${shown?.logIndex}.tlog-proof`;
  assert.match((await offline({ ...own, [proof]: await at(`/log/proof/${shown?.logIndex}`) })).out, /published one: version 2 \(fr\)/);
  const english = (await text(2, "en")).logIndex;
  const refused = await offline({ ...own, [proof]: await at(`/log/proof/${english}`) });
  assert.deepEqual([refused.code, /is not the one that the public log tells of/.test(refused.out)], [3, true], refused.out);
});

test("a receipt of another wording than the one that was published is contradicted by the log, for the command and for /verify", async () => {
  const jws = await lastReceipt(await engine.consent([DATASET]));
  const { log, ...claims } = await verifyConsentReceipt(jws, keysOf);
  const published = (await text(2, "fr")).hash;
  const other = JSON.parse(JSON.stringify(claims).replaceAll(published, (await text(1, "fr")).hash)) as typeof claims;
  const hash = receiptHash(other, log.salt);
  const index = await engine.store.write((w) => w.log.append({ kind: "consent", at: new Date(), body: { hash } }));
  const signer = documentSigner(() => worker.current("documents"));
  const made = await signer.signDocument("consent-receipt+jwt", { ...other, log: { ...log, hash, index } });
  const { code, out } = await call(await fileOf(made));
  assert.deepEqual([code, /is not the one that the public log tells of/.test(out)], [3, true], out);
  const ports = {
    issuer: relais.origin,
    store: engine.store,
    clock,
    signed: signedStatements,
    documentKeys: () => web.publicKeys() as never,
  };
  const findings = await Promise.all([jws, made].map(async (one) => verdictOn(ports, one)));
  assert.deepEqual(
    findings.map(({ finding, checks }) => [finding, checks.find(({ check }) => check === "text_in_log")?.holds]),
    [
      ["holds", true],
      ["contradicted", false],
    ],
  );
});

async function text(version: number, language: "fr" | "en"): Promise<NoticeText> {
  const found = (await texts()).find((one) => one.version === version && one.language === language);
  assert.ok(found);
  return found;
}

test("the status lists say of each what the table says, tell nobody which one is asked, and there are no others", async () => {
  const consents = await Promise.all(Array.from({ length: 4 }, () => engine.consent([DATASET])));
  await seal();
  const receipts = await Promise.all(consents.map(async (one) => verifyConsentReceipt(await lastReceipt(one), keysOf)));
  const standings = () => Promise.all(receipts.map((claims) => readConsentStanding(claims)));
  assert.deepEqual(await standings(), ["valid", "valid", "valid", "valid"]);
  const [withdrawn, suspended, over] = consents as [Consent, Consent, Consent];
  await withdraw(withdrawn);
  await pool.query("update consents set state = 'suspended' where id = $1", [suspended.id]);
  await pool.query("update consents set expires_at = now() where id = $1", [over.id]);
  assert.deepEqual(
    await standings(),
    ["ended", "suspended", "ended", "valid"],
    "also where no sweep has written down yet that its time is over",
  );
  const list = `${relais.origin}/status-lists/consents/0`;
  const first = await fetch(list);
  assert.deepEqual(
    [first.headers.get("content-type"), first.headers.get("cache-control")],
    ["application/statuslist+jwt", "public, max-age=5"],
  );
  assert.equal((await fetch(list, { headers: { "if-none-match": String(first.headers.get("etag")) } })).status, 304);
  for (const [name, status] of [
    ["1", 404],
    ["x", 404],
    ["0?time=1", 501],
  ] as const)
    assert.equal((await fetch(`${relais.origin}/status-lists/consents/${name}`)).status, status, name);
});

test("places are drawn at random, each once, however many consents come in one statement or at the same moment", async () => {
  const consent = await engine.consent([DATASET]);
  await Promise.all(Array.from({ length: 30 }, () => engine.ask([DATASET])));
  await pool.query(
    `insert into consents (id, person_id, state, source_id, destination_id, source_link_id, destination_link_id, action, datasets, notice, notice_hash, language,
       created_at, expires_at)
     select 'cst_' || n, person_id, 'requested', source_id, destination_id, source_link_id, destination_link_id, action, '{}', notice, notice_hash, language,
       created_at, expires_at from consents cross join generate_series(1, 3000) n where id = $1`,
    [consent.id],
  );
  const { rows } = await pool.query<{ all: number; places: number; inOrder: number; highest: number }>(
    `select count(*)::int as all, count(distinct status_index)::int as places, max(status_index)::int as highest,
       count(*) filter (where status_index = before + 1)::int as "inOrder" from (select status_index, lag(status_index) over (order by id) as before from consents) placed`,
  );
  const found = rows[0] as { all: number; places: number; inOrder: number; highest: number };
  assert.ok(found.all > 3000 && found.places === found.all && found.highest < 131_072, JSON.stringify(found));
  assert.ok(found.inOrder < 20, "neighbours in time are no neighbours in the list");
});
