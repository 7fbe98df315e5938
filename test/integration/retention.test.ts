import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type pg from "pg";
import { removeOverdue, type RetentionPorts } from "../../src/core/operation/remove-overdue.ts";
import { daysOf, RETAINED_KINDS, type KeepingTerms, type RetainedKind } from "../../src/core/operation/retention.ts";
import { runTransfer } from "../../src/core/transfer/run-transfer.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { createStore } from "../../src/postgres/store.ts";
import { openDatabase, openPool } from "../../src/postgres/pool.ts";
import { KEPT, REMOVALS } from "../../src/postgres/retention-rules.ts";
import { examine } from "../../src/roles/doctor/doctor.ts";
import { startEngine, type Engine } from "../support/engine.ts";
import { fakeAccount, fakeAdapter, numberedItems } from "../support/fake-participants.ts";

const DATASET = "energy.consumption.daily";
const TERMS: KeepingTerms = { itemNames: 90, journals: 180, proofs: 1_826 };
const source = fakeAccount({ items: numberedItems(DATASET, 3) });
let engine: Engine;
let pool: pg.Pool;
let given: string;
let person: string;

before(async () => {
  engine = await startEngine(fakeAdapter(source, fakeAccount()), [DATASET]);
  pool = openPool(engine.url, 4);
  person = engine.personId;
  given = (await engine.consent([DATASET])).id;
  await pool.query("update relais.consent_changes set sealed_at = now(), told_at = now()");
});
after(async () => {
  await pool.end();
  await engine[Symbol.asyncDispose]();
});

const rows = async (text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> =>
  (await pool.query<Record<string, unknown>>(text, values)).rows;

type Told = Parameters<RetentionPorts["onRemoved"]>[0];

async function remove(terms = TERMS, limits?: { rows: number; steps: number }): Promise<{ removed: number; told: Told[] }> {
  const told: Told[] = [];
  const ports: RetentionPorts = {
    store: engine.store,
    onRemoved: (one) => told.push(one),
    onFailure: (kind, error) => assert.fail(`${kind}: ${String(error)}`),
  };
  return { removed: await removeOverdue(ports, terms, undefined, limits), told };
}

/** A row like one that is there, with other members. */
const like = (table: string, from: string, members: string) =>
  `insert into relais.${table} select (jsonb_populate_record(t, ${members})).* from relais.${table} t where t.id = '${from}'`;
const consent = (id: string, members: string) =>
  like("consents", given, `jsonb_build_object('id', '${id}', 'status_index', null, 'grant_digest', null, ${members})`);
const transfer = (id: string, of: string, ended: string) =>
  `insert into relais.transfers (id, consent_id, person_id, source_id, destination_id, datasets, state, epoch, attempts, due_at, expires_at, created_at, ended_at)
   select '${id}', id, person_id, source_id, destination_id, '{}', 'verified', 1, 1, now(), now(), now(), ${ended} from relais.consents where id = '${of}'`;

interface Case {
  /** SQL that leaves a row with this id whose time began then. */
  seed(id: string, at: string): string[];
  /** The column that holds the id. */
  key: string;
  table?: string;
}

const insert = (table: string, columns: string, values: string) => `insert into relais.${table} (${columns}) values (${values})`;
const mail = (id: string, at: string) =>
  insert(
    "mails",
    "id, person_id, kind, about, occasion, ended_at, outcome",
    `'${id}', '${person}', 'consent', 'x', '${id}', ${at}, 'sent'`,
  );
const address = (id: string, more: string) =>
  insert(
    "mail_addresses",
    "id, person_id, sealed, hint, language, given_at, proved_at, replaced_at",
    `'${id}', '${person}', 's', 'h', 'fr', ${more}`,
  );
const link = (id: string, removed: string) =>
  insert(
    "account_links",
    "id, person_id, participant_id, account, method, proved_at, removed_at",
    `'${id}', '${person}', '${engine.source.id}', '${id}', 'signed_in', now(), ${removed}`,
  );

/** Each kind, so that one row of it begins its time at a given moment, and nothing else does. */
const CASES: Record<RetainedKind, Case> = {
  sessions: {
    key: "token_hash",
    seed: (id, at) => [
      insert(
        "sessions",
        "token_hash, id, person_id, display_name, created_at, last_seen_at, expires_at",
        `'${id}', '${id}', '${person}', 'n', now(), now(), ${at}`,
      ),
    ],
  },
  "oauth-records": {
    key: "id",
    seed: (id, at) => [insert("oauth_records", "model, id, payload, expires_at", `'M', '${id}', '{}', ${at}`)],
  },
  "given-answers": {
    key: "key",
    seed: (id, at) => [insert("given_answers", "caller, key, fingerprint, status, body, expires_at", `'c', '${id}', 'f', 202, '', ${at}`)],
  },
  "transfer-keys": {
    key: "key",
    seed: (id, at) => [insert("transfer_keys", "caller, key, fingerprint, transfer_id, created_at", `'c', '${id}', 'f', 't', ${at}`)],
  },
  "mail-links": {
    key: "token_hash",
    seed: (id, at) => [
      mail(`mal_${id}`, "now()"),
      address(`adr_${id}`, `now() - interval '9 days', now() - interval '9 days', now()`),
      insert(
        "mail_links",
        "token_hash, mail_id, person_id, address_id, purpose, about, expires_at",
        `'${id}', 'mal_${id}', '${person}', 'adr_${id}', 'permission', 'x', ${at}`,
      ),
    ],
  },
  mails: { key: "id", seed: (id, at) => [mail(id, at)] },
  "office-mails": { key: "id", seed: (id, at) => [insert("office_mails", "id, ended_at, outcome", `'${id}', ${at}, 'sent'`)] },
  "unproved-addresses": { key: "id", seed: (id, at) => [address(id, `now() - interval '99 days', now(), ${at}`)] },
  "mail-attempts": { key: "mark", seed: (id, at) => [insert("mail_attempts", "mark, at", `'${id}', ${at}`)] },
  "account-openings": { key: "mark", seed: (id, at) => [insert("account_openings", "mark, at", `'${id}', ${at}`)] },
  "person-notices": {
    key: "decision_id",
    seed: (id, at) => [
      insert(
        "person_notices",
        "person_id, decision_id, participant_id, kind, at, read_at",
        `'${person}', '${id}', 'p', 'left', now(), ${at}`,
      ),
    ],
  },
  "person-accesses": {
    key: "viewer",
    seed: (id, at) => [insert("person_accesses", "person_id, viewer, office, what, at", `'${person}', '${id}', 'operator', 'w', ${at}`)],
  },
  "authority-views": { key: "viewer", seed: (id, at) => [insert("authority_views", "viewer, what, at", `'${id}', 'w', ${at}`)] },
  invitations: {
    key: "token_hash",
    seed: (id, at) => [insert("invitations", "token_hash, participant_id, expires_at", `'${id}', '${engine.source.id}', ${at}`)],
  },
  notices: {
    key: "id",
    seed: (id, at) => [
      insert(
        "notices",
        "id, recipient_id, about_id, type, details, created_at, due_at, given_up_at",
        `'${id}', '${engine.source.id}', '${engine.source.id}', 't', '{}', now(), now(), ${at}`,
      ),
    ],
  },
  campaigns: {
    key: "id",
    seed: (id, at) => [insert("campaigns", "id, selection, state, created_at, ended_at", `'${id}', '{}', 'accepted', now(), ${at}`)],
  },
  "mailbox-deliveries": {
    key: "transfer_id",
    seed: (id, at) => [
      transfer(id, given, "now()"),
      insert(
        "mailbox_deliveries",
        "transfer_id, platform_id, subject, created_at, closed_at",
        `'${id}', '${engine.destination.id}', 's', now(), ${at}`,
      ),
    ],
  },
  "item-names": {
    key: "transfer_id",
    table: "transfer_items",
    seed: (id, at) => [
      transfer(id, given, at),
      insert("transfer_items", "transfer_id, dataset, key, media_type, state", `'${id}', 'd', 'k', 'text/plain', 'stored'`),
    ],
  },
  "unanswered-requests": { key: "id", seed: (id, at) => [consent(id, `'state', 'refused', 'ended_at', ${at}`), noticeOf(id, "now()")] },
  transfers: {
    key: "id",
    seed: (id, at) => [consent(`cst_${id}`, `'state', 'withdrawn', 'ended_at', ${at}`), transfer(id, `cst_${id}`, "now()")],
  },
  switches: {
    key: "id",
    seed: (id, at) => [
      consent(`cst_${id}`, `'state', 'withdrawn', 'ended_at', ${at}, 'switch_id', '${id}'`),
      `insert into relais.switches (id, person_id, source_id, destination_id, source_link_id, destination_link_id, state, consent_id, epoch, created_at)
       select '${id}', person_id, source_id, destination_id, source_link_id, destination_link_id, 'closed', id, 1, now() from relais.consents where id = 'cst_${id}'`,
    ],
  },
  permissions: { key: "id", seed: (id, at) => [consent(id, `'state', 'withdrawn', 'ended_at', ${at}`), noticeOf(id, "now()")] },
  journeys: {
    key: "id",
    seed: (id, at) => [
      link(`lnk_${id}`, "null"),
      insert("journeys", "id, person_id, destination_link_id, created_at, expires_at", `'${id}', '${person}', 'lnk_${id}', now(), ${at}`),
    ],
  },
  "removed-accounts": { key: "id", seed: (id, at) => [link(id, at)] },
  "removed-evidence": {
    key: "id",
    seed: (id, at) => [
      `insert into relais.organisations values ('org_1', 'O', 'FR', 'active', now()) on conflict do nothing`,
      `insert into relais.applications (id, participant_id, organisation_id, charter_version, level, state, answers, round, created_at, changed_at)
       values ('app_1', '${engine.source.id}', 'org_1', '1', 1, 'draft', '{}', 1, now(), now()) on conflict do nothing`,
      insert(
        "evidence",
        "id, application_id, kind, file_name, media_type, bytes, sha256, date, issuer, added_at, content, removed_at",
        `'${id}', 'app_1', 'k', 'f', 'm', 1, 's', 'd', 'i', now(), '', ${at}`,
      ),
    ],
  },
};

function noticeOf(consentId: string, acknowledged: string): string {
  return insert(
    "notices",
    "id, recipient_id, consent_id, type, details, created_at, due_at, acknowledged_at",
    `'ntc_${consentId}', '${engine.source.id}', '${consentId}', 't', '{}', now(), now(), ${acknowledged}`,
  );
}

const tableOf = (kind: RetainedKind) => (kind === "item-names" ? "transfer_items" : REMOVALS[kind].table);
const idsIn = async (kind: RetainedKind, like: string) =>
  (await rows(`select ${CASES[kind].key} as id from relais.${tableOf(kind)} where ${CASES[kind].key} like '${like}%' order by 1`)).map(
    ({ id }) => id,
  );

describe("what is past its time goes, and what is not stays, to the minute", () => {
  for (const kind of RETAINED_KINDS)
    test(kind, async () => {
      const limit = `now() - make_interval(secs => ${daysOf(kind, TERMS) * 86_400})`;
      for (const [id, at] of [
        [`${kind}_gone`, `${limit} - interval '1 minute'`],
        [`${kind}_kept`, `${limit} + interval '1 minute'`],
      ] as const)
        for (const text of CASES[kind].seed(id, at)) await pool.query(text);
      const { told } = await remove();
      assert.deepEqual(await idsIn(kind, `${kind}_`), [`${kind}_kept`]);
      assert.ok(told.some((one) => one.kind === kind && one.removed >= 1));
      assert.deepEqual((await remove()).told, [], "nothing is left to remove");
    });
});

test("what is not over has no time: nothing live is due, however old", async () => {
  const ancient = "now() - interval '20 years'";
  const seeds = [
    insert("mails", "id, person_id, kind, about, occasion", `'live_mail', '${person}', 'consent', 'x', 'live'`),
    consent("live_consent", `'created_at', ${ancient}, 'ended_at', null`),
    consent("live_told", `'state', 'withdrawn', 'ended_at', ${ancient}`),
    noticeOf("live_told", "null"),
    consent("live_before", `'state', 'superseded', 'ended_at', ${ancient}`),
    consent("live_after", "'supersedes', 'live_before'"),
    consent("live_sealing", `'state', 'withdrawn', 'ended_at', ${ancient}`),
    "update relais.consent_changes set sealed_at = null where consent_id = 'live_sealing'",
    insert(
      "notices",
      "id, recipient_id, type, details, created_at, due_at",
      `'live_notice', '${engine.source.id}', 't', '{}', ${ancient}, now()`,
    ),
    insert("person_notices", "person_id, decision_id, participant_id, kind, at", `'${person}', 'live', 'p', 'left', ${ancient}`),
    insert("campaigns", "id, selection, state, created_at", `'live_campaign', '{}', 'accepting', ${ancient}`),
    link("live_link", "null"),
  ];
  for (const text of seeds) await pool.query(text);
  await remove();
  const count = async (table: string, key = "id") =>
    Number((await rows(`select count(*)::int as n from relais.${table} where ${key} like 'live%'`))[0]?.["n"]);
  for (const [table, wanted] of [
    ["mails", 1],
    ["consents", 5],
    ["notices", 1],
    ["campaigns", 1],
    ["account_links", 1],
  ] as const)
    assert.equal(await count(table), wanted, table);
  assert.equal(await count("person_notices", "decision_id"), 1);
  assert.equal((await rows("select from relais.notices where consent_id = 'live_told'")).length, 1);
});

test("names go and counts stay: the page of a transfer says the same numbers, however the rows went", async () => {
  const one = await engine.consent([DATASET]);
  const { id } = await requestTransfer(engine.ports, { consentId: one.id, personId: engine.personId });
  assert.equal((await runTransfer(engine.ports, { transferId: id, epoch: 0 }, engine.terms)).kind, "ended");
  const progress = () => engine.store.read((r) => r.transfers.progress(id));
  const said = await progress();
  assert.ok(said.some(({ stored, verified, bytes }) => stored === 3 && verified === 3 && bytes > 0));
  await pool.query("update relais.transfers set ended_at = now() - interval '91 days' where id = $1", [id]);
  await pool.query("update relais.retention_rounds set reached_at = null, reached_id = null where kind = 'item-names'");
  // Two rows a step: the last step finds one, and a page that is read in between says the same.
  await remove(TERMS, { rows: 2, steps: 1 });
  assert.deepEqual(await progress(), said);
  await remove(TERMS, { rows: 2, steps: 50 });
  assert.deepEqual(await progress(), said);
  assert.deepEqual(await engine.store.read((r) => r.transfers.items(id, { limit: 10 })), []);
  assert.equal((await engine.store.read((r) => r.transfers.documents(id))).length, 2, "manifest and receipt stay");
  await pool.query("delete from relais.transfers where id = $1", [id]);
});

test("a permission that is gone stays ended in its status list, and nobody is given its place", async () => {
  await pool.query(consent("place_1", `'state', 'withdrawn', 'ended_at', now() - interval '9 years'`));
  const [{ status_index: index } = {}] = await rows("select status_index from relais.consents where id = 'place_1'");
  const status = () => engine.store.read((r) => r.consents.statuses(0, new Date()));
  const before = (await status())?.find((one) => one.index === index);
  await remove();
  assert.equal((await rows("select from relais.consents where id = 'place_1'")).length, 0);
  assert.deepEqual(
    (await status())?.find((one) => one.index === index),
    before,
  );
  assert.equal(before?.status, 1);
  // Where every place of a list is taken or was, the next one is in the next list.
  await pool.query("insert into relais.ended_places select n from generate_series(0, 131071) n on conflict do nothing");
  await pool.query(consent("place_2", `'state', 'requested'`));
  const [next] = await rows("select status_index from relais.consents where id = 'place_2'");
  assert.ok(Number(next?.["status_index"]) >= 131_072);
  await pool.query("delete from relais.consents where id = 'place_2'");
  await pool.query("truncate relais.ended_places");
});

test("several sweepers beside each other, and one that dies in the middle: each row goes once, and nothing else does", async () => {
  await pool.query(
    `insert into relais.oauth_records (model, id, payload, expires_at)
     select case when n % 2 = 0 then 'old' else 'new' end, n::text, '{}', now() + case when n % 2 = 0 then -1 else 1 end * interval '1 hour' from generate_series(1, 4000) n`,
  );
  const pools = [0, 1, 2].map(() => openPool(engine.url, 2));
  const own = pools.map((one) => createStore(openDatabase(one)));
  const ports = (store: RetentionPorts["store"]): RetentionPorts => ({
    store,
    onRemoved: () => undefined,
    onFailure: () => undefined,
  });
  // The first one is cut off by its database while it works.
  const dying: RetentionPorts["store"] = {
    write: async (work) => {
      const result = await own[0]!.write(work);
      await pools[0]!.query("select pg_terminate_backend(pg_backend_pid())").catch(() => undefined);
      return result;
    },
  };
  const stop = new AbortController();
  const removed = await Promise.all([
    removeOverdue(ports(dying), TERMS, stop.signal, { rows: 7, steps: 20 }),
    removeOverdue(ports(own[1]!), TERMS, undefined, { rows: 7, steps: 400 }),
    removeOverdue(ports(own[2]!), TERMS, undefined, { rows: 7, steps: 400 }),
  ]);
  await remove();
  const left = await rows("select model, count(*)::int as n from relais.oauth_records where model in ('old', 'new') group by 1");
  assert.deepEqual(left, [{ model: "new", n: 2000 }]);
  assert.ok(removed.reduce((sum, one) => sum + one) <= 2000, "no row is counted twice");
  for (const one of pools) await one.end();
});

test("what a round leaves is said, and doctor and the measures tell when it lasts", async () => {
  await pool.query(
    "insert into relais.oauth_records (model, id, payload, expires_at) select 'late', n::text, '{}', now() - interval '1 hour' from generate_series(1, 25) n",
  );
  const { told } = await remove(TERMS, { rows: 5, steps: 2 });
  assert.deepEqual(
    told.filter(({ kind }) => kind === "oauth-records"),
    [{ kind: "oauth-records", removed: 10, left: 15 }],
  );
  const measured = async () =>
    (await engine.store.read((r) => r.operation.measures())).retained.find(({ kind }) => kind === "oauth-records");
  assert.equal((await measured())?.left, 15);
  await pool.query("update relais.retention_rounds set done_at = now() - interval '3 days' where kind = 'oauth-records'");
  assert.ok(((await measured())?.doneSeconds ?? 0) > 250_000);
  const finding = async () => (await examine({ DATABASE_URL: engine.url })).find(({ what }) => what === "retention");
  const found = await finding();
  assert.equal(found?.state, "look");
  assert.match(found.says, /for 3 days, or not looked at: oauth-records \(15\)\./);
  await remove();
  assert.equal((await measured())?.left, 0);
  assert.equal((await finding())?.state, "fine");
});

test("no table of the database is forgotten: each goes by age, or is kept with a reason", async () => {
  const tables = (await rows("select tablename as name from pg_tables where schemaname = 'relais' order by 1")).map(({ name }) =>
    String(name),
  );
  const going = new Set(RETAINED_KINDS.map(tableOf));
  const unnamed = tables.filter((table) => !going.has(table) && !Object.hasOwn(KEPT, table));
  assert.deepEqual(unnamed, [], "say in src/postgres/retention-rules.ts how long it is kept, or why it is");
  assert.deepEqual(
    [...going, ...Object.keys(KEPT)].filter((table) => !tables.includes(table)),
    [],
    "a named table is there",
  );
  assert.deepEqual(
    [...going].filter((table) => Object.hasOwn(KEPT, table)),
    [],
    "a table is in one list",
  );
});
