import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { copyFile, mkdtemp, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import express from "express";
import type pg from "pg";
import { newId } from "../../src/core/ids.ts";
import { originOf } from "../../src/core/ledger/checkpoint.ts";
import type { Store } from "../../src/core/ports.ts";
import { accreditParticipant } from "../../src/core/register/accredit-participant.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { runTransfer } from "../../src/core/transfer/run-transfer.ts";
import { createFederation } from "../../src/federation/federation.ts";
import { createLog } from "../../src/http/log.ts";
import { openKeyring, type Keyring } from "../../src/keys/keyring.ts";
import { openLogKey } from "../../src/keys/log-key.ts";
import { createSigner, signCompact } from "../../src/keys/signer.ts";
import { signedStatements } from "../../src/keys/verifier.ts";
import { openDatabase, openPool } from "../../src/postgres/pool.ts";
import { createStore } from "../../src/postgres/store.ts";
import { verifyDocument } from "../../src/sdk/documents.ts";
import { verifyTrustMark } from "../../src/sdk/trust-marks.ts";
import { clock, listen, type Listening } from "../support/authorization-server.ts";
import { PLAIN, REASONS } from "../support/charter.ts";
import { freshDatabase } from "../support/database.ts";
import { startEngine, type Engine } from "../support/engine.ts";
import { fakeAccount, fakeAdapter, numberedItems } from "../support/fake-participants.ts";

/** One address, two installations: the one that is left, and the one that it becomes. */
const CLI = fileURLToPath(new URL("../../src/cli/relais.ts", import.meta.url));
const DATASET = "energy.consumption.daily";
const SECRETS = { from: "the secret of the one that is left, long enough", to: "the secret of the one that it becomes, long too" };
const owned = new AsyncDisposableStack();
const unused = async (): Promise<never> => Promise.reject(new Error("nobody is asked"));
let dir: string;
let site: Listening;
let old: Installation;
let engine: Engine;
let file: string;
let mark: string;
let documents: string[];

interface Installation {
  url: string;
  folder: string;
  pool: pg.Pool;
  store: Store;
}

async function installation(url: string, name: string): Promise<Installation> {
  const pool = owned.adopt(openPool(url, 4), (open) => open.end());
  return { url, folder: join(dir, name), pool, store: createStore(openDatabase(pool)) };
}

/** An empty one, migrated, never started. */
const fresh = async () => installation(owned.use(await freshDatabase()).url, `new-${randomBytes(4).toString("hex")}`);

function relais(words: string[], env: Record<string, string>, node: string[] = []): Promise<{ code: number; out: string }> {
  return new Promise((done) =>
    execFile(
      process.execPath,
      [...node, CLI, ...words],
      { env: { PATH: process.env["PATH"], ...env }, maxBuffer: 1 << 24 },
      (error, stdout, stderr) => done({ code: error === null ? 0 : Number(error.code ?? 134), out: stdout + stderr }),
    ),
  );
}

const settings = ({ url, folder }: Installation, secret: string, more: Record<string, string> = {}) => ({
  DATABASE_URL: url,
  RELAIS_DATA_DIR: folder,
  RELAIS_KEY_ENCRYPTION_SECRET: secret,
  ...more,
});
const passphrase = () => ["--passphrase-file", join(dir, "passphrase")];
const importInto = (target: Installation, from = file, more: Record<string, string> = {}) =>
  relais(["instance", "import", from, ...passphrase()], settings(target, SECRETS.to, more));

/** What an outsider reaches at the one address. */
async function serve({ folder, store }: Installation, secret: string): Promise<Keyring> {
  const keyring = await openKeyring(join(folder, "keys"), "web", secret);
  const logKey = await openLogKey(join(folder, "keys"), originOf(site.origin), secret);
  const federation = createFederation({
    issuer: site.origin,
    store,
    clock,
    charterVersions: () => ["2026-11"],
    entityConfigurations: { fetch: unused },
    signed: signedStatements,
    keys: () => keyring.publicRing("federation"),
    sign: async (type, payload) => signCompact(keyring.current("federation"), type, payload),
  });
  site.serve(express().use(federation, createLog({ store, key: logKey })));
  return keyring;
}

async function accredit({ store }: Installation, keyring: Keyring, participantId: Participant["id"]): Promise<string> {
  const statements = { signDocument: async (type: string, payload: object) => signCompact(keyring.current("federation"), type, payload) };
  const ports = { store, clock, issuer: site.origin, charters: PLAIN, statements };
  return (await accreditParticipant(ports, { participantId, level: 1, reasons: REASONS })).jwt;
}

before(async () => {
  dir = owned.adopt(await mkdtemp(join(tmpdir(), "relais-move-")), (folder) => rm(folder, { recursive: true }));
  site = owned.adopt(await listen(), (open) => open.close());
  file = join(dir, "instance");
  await writeFile(join(dir, "passphrase"), "a passphrase that nobody guesses\n");
  engine = owned.use(await startEngine(fakeAdapter(fakeAccount({ items: numberedItems(DATASET, 30) }), fakeAccount(), {}), [DATASET]));
  old = await installation(engine.url, "old");
  const keyring = await serve(old, SECRETS.from);
  const worker = await openKeyring(join(old.folder, "keys"), "worker", SECRETS.from);
  mark = await accredit(old, keyring, engine.destination.id);
  const ports = { ...engine.ports, signer: createSigner(() => worker.current("documents"), clock) };
  const consent = await engine.consent([DATASET]);
  const transfer = await requestTransfer(ports, { consentId: consent.id, personId: engine.personId });
  assert.deepEqual(await runTransfer(ports, engine.rings[0]!, engine.terms), { kind: "ended", state: "verified" });
  documents = (await old.store.read((r) => r.transfers.documents(transfer.id))).map(({ jws }) => jws);
  await addEvidence(old, engine.destination.id, { bytes: 400_000, count: 4 });
  await keyring.rotate("federation");
  assert.equal((await relais(["log", "verify", site.origin, "--state", join(dir, "log.state")], {})).code, 0);
  const out = await relais(["instance", "export", file, ...passphrase()], settings(old, SECRETS.from, { RELAIS_PUBLIC_URL: site.origin }));
  assert.equal(out.code, 0, out.out);
});
after(() => owned.disposeAsync());

async function addEvidence(
  { store }: Installation,
  participantId: Participant["id"],
  files: { bytes: number; count: number },
): Promise<void> {
  const [organisationId, applicationId] = [newId("organisation"), newId("application")];
  const now = new Date();
  const application = {
    id: applicationId,
    participantId,
    organisationId,
    charterVersion: "2026-11",
    level: 2,
    state: "draft",
    answers: { "a.b": 1 },
  } as const;
  const times = { round: 0, createdAt: now, submittedAt: null, changedAt: now, until: null, submittedAnswers: null };
  await store.write(async (w) => {
    await w.cases.addOrganisation({ id: organisationId, name: "Été \u{1F33B}", country: "FR", status: "active", createdAt: now });
    await w.cases.addApplication({ ...application, ...times });
    for (let number = 0; number < 2; number++)
      await w.cases.addMessage({ applicationId, author: "participant", name: "x", text: `line\n"${number}"`, at: now });
    const content = randomBytes(files.bytes);
    for (let number = 0; number < files.count; number++)
      await w.cases.addEvidence(
        {
          id: newId("evidence"),
          applicationId,
          kind: "audit",
          fileName: "a.pdf",
          mediaType: "application/pdf",
          bytes: content.length,
          sha256: "x",
          date: "2026-01-01",
          issuer: "A",
          certificate: null,
          validUntil: null,
          addedAt: now,
        },
        content,
      );
  });
}

/** Every row of every table, as PostgreSQL writes it. */
async function everything({ pool }: Installation): Promise<Record<string, string[]>> {
  const { rows: tables } = await pool.query<{ name: string }>(
    "select tablename as name from pg_tables where schemaname = 'relais' and tablename not in ('migrations', 'sessions') order by 1",
  );
  const found: Record<string, string[]> = {};
  for (const { name } of tables) {
    const { rows } = await pool.query<{ row: string }>(`select one::text as row from relais."${name}" one order by 1`);
    found[name] = rows.map(({ row }) => row);
  }
  return found;
}

async function isEmpty(target: Installation): Promise<boolean> {
  const { allowed_moves: _moves, notice_texts: _texts, ...rest } = await everything(target);
  return Object.values(rest).every((rows) => rows.length === 0) && (await stat(join(target.folder, "keys")).catch(() => null)) === null;
}

describe("an installation that was moved", () => {
  let moved: Installation;
  before(async () => {
    moved = await fresh();
    const out = await importInto(moved);
    assert.deepEqual([out.code, out.out.includes(site.origin)], [0, true], out.out);
    await serve(moved, SECRETS.to);
  });

  test("has every row as it was, to the last digit", async () => {
    assert.deepEqual(await everything(moved), await everything(old));
    assert.ok(Object.values(await everything(moved)).filter((rows) => rows.length > 0).length > 15, "many kinds of rows");
  });

  test("an old mark, and one given after the keys were rotated there, verify by what it answers", async () => {
    const standing = async (jwt: string) => (await verifyTrustMark(jwt, { anchor: { entityId: site.origin } })).standing;
    assert.equal(await standing(mark), "active");
    const next = await accredit(moved, await openKeyring(join(moved.folder, "keys"), "web", SECRETS.to), engine.source.id);
    assert.equal(await standing(next), "active");
  });

  test("the log goes on: whoever remembers its checkpoint sees the same history and one entry more", async () => {
    const size = await old.store.read((r) => r.ledger.size());
    assert.equal(await moved.store.read((r) => r.ledger.size()), size + 1, "the decision of the test before");
    const out = await relais(["log", "verify", site.origin, "--state", join(dir, "log.state")], {});
    assert.equal(out.code, 0, out.out);
  });

  test("old manifests and receipts verify by the keys that it publishes", async () => {
    const keyring = await openKeyring(join(moved.folder, "keys"), "web", SECRETS.to);
    const keys = await keyring.publicKeys();
    assert.equal(documents.length, 2);
    for (const jws of documents) await verifyDocument(jws, async () => keys);
  });

  test("its keys are kept under its own secret, and the file is readable by its owner alone", async () => {
    await assert.rejects(openKeyring(join(moved.folder, "keys"), "web", SECRETS.from), { code: "unavailable" });
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.ok(!(await readFile(file)).includes("participants"));
  });

  test("is not filled a second time", async () => {
    const before = await everything(moved);
    const out = await importInto({ ...moved, folder: join(dir, "other") });
    assert.deepEqual([out.code, /not empty/.test(out.out)], [1, true], out.out);
    assert.deepEqual(await everything(moved), before);
  });
});

describe("a file that is not whole changes nothing", () => {
  const damaged = async (change: (path: string) => Promise<unknown>): Promise<string> => {
    const path = join(dir, randomBytes(4).toString("hex"));
    await copyFile(file, path);
    await change(path);
    return path;
  };
  const flip = (where: (size: number) => number) => async (path: string) => {
    const bytes = await readFile(path);
    const place = where(bytes.length);
    bytes[place] = (bytes[place] ?? 0) ^ 1;
    await writeFile(path, bytes);
  };
  const CHUNK = 65_552;
  // oxfmt-ignore
  const DAMAGES: [what: string, change: (path: string) => Promise<unknown>][] = [
    ["cut short in the middle",        async (path) => truncate(path, Math.floor((await stat(path)).size / 2))],
    ["cut short between two chunks",   async (path) => truncate(path, 51 + CHUNK * 20)],
    ["cut short at its last byte",     async (path) => truncate(path, (await stat(path)).size - 1)],
    ["with bytes behind its end",      async (path) => writeFile(path, "x", { flag: "a" })],
    ["with one bit changed",           flip((size) => Math.floor(size / 2))],
    ["with another salt",              flip(() => 20)],
    ["with its last bit changed",      flip((size) => size - 1)],
    ["of something else",              async (path) => writeFile(path, "hello")],
  ];
  for (const [what, change] of DAMAGES)
    test(what, async () => {
      const target = await fresh();
      const { code, out } = await importInto(target, await damaged(change));
      assert.ok(code === 1 || code === 2, out);
      assert.doesNotMatch(out, /\bat .*\.ts:\d+/, "a sentence, not a stack");
      assert.ok(await isEmpty(target));
    });

  test("nor does one for another address, one of another version, or another passphrase", async () => {
    const target = await fresh();
    assert.equal((await importInto(target, file, { RELAIS_PUBLIC_URL: "https://other.example" })).code, 2);
    await writeFile(join(dir, "wrong"), "another passphrase altogether");
    assert.equal(
      (await relais(["instance", "import", file, "--passphrase-file", join(dir, "wrong")], settings(target, SECRETS.to))).code,
      1,
    );
    await target.pool.query("insert into migrations (name, digest) values ('9999-later.sql', 'x')");
    assert.equal((await importInto(target)).code, 2);
    assert.ok(await isEmpty(target));
  });
});

test("memory stays flat, however much there is", async () => {
  await addEvidence(old, engine.source.id, { bytes: 4 << 20, count: 14 });
  const large = join(dir, "large");
  const small = ["--max-old-space-size=56"];
  const env = settings(old, SECRETS.from, { RELAIS_PUBLIC_URL: site.origin });
  const out = await relais(["instance", "export", large, ...passphrase()], env, small);
  assert.equal(out.code, 0, out.out);
  assert.ok((await stat(large)).size > 50_000_000);
});
