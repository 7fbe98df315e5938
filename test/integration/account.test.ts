import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { tellChanges } from "../../src/core/consent/tell-changes.ts";
import { deleteAccount, eraseClosed } from "../../src/core/person/delete-account.ts";
import type { AccountLink } from "../../src/core/person/person.ts";
import { SESSION_COOKIE, startSession } from "../../src/core/person/sessions.ts";
import { unlinkAccount } from "../../src/core/person/unlink-account.ts";
import { makeRecoveryCodes } from "../../src/core/person/ways-in.ts";
import { newId, type PersonId } from "../../src/core/ids.ts";
import type { Consent } from "../../src/core/consent/consent.ts";
import type { StaffMember } from "../../src/core/register/staff.ts";
import { planSwitch } from "../../src/core/switch/plan-switch.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { runTransfer } from "../../src/core/transfer/run-transfer.ts";
import { createHttpApp, listen, type Listening } from "../../src/http/server.ts";
import { createPages } from "../../src/pages/pages.ts";
import { createOauthRecords } from "../../src/postgres/oauth-records.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { PERSON_TABLES } from "../../src/postgres/person-tables.ts";
import { REGISTER_PORTS } from "../support/charter.ts";
import { startEngine, type Engine } from "../support/engine.ts";
import { fakeAccount, fakeAdapter, numberedItems } from "../support/fake-participants.ts";
import { freePort } from "../support/ports.ts";
import { NO_STANDINGS } from "../support/no-standings.ts";

/** What a person can do with everything that Relais holds on them: see it, take it along, take a part away, and end it. */

const DATASET = "energy.consumption.daily";
const ACCREDITOR: StaffMember = {
  name: "Agrément A",
  office: "accreditor",
  person: { issuer: "https://id.test", subject: "accreditor" },
  keys: [],
};
const owned = new AsyncDisposableStack();
let engine: Engine;
let origin = "";
let pool: ReturnType<typeof openPool>;

before(async () => {
  engine = owned.use(await startEngine(fakeAdapter(fakeAccount({ items: numberedItems(DATASET, 3) }), fakeAccount()), [DATASET]));
  pool = owned.adopt(openPool(engine.url, 4), (open) => open.end());
  await query(`update relais.participants set endpoints = endpoints || '{"events": "https://nobody.example/events"}'`);
  const port = await freePort();
  origin = `http://127.0.0.1:${port}`;
  const unused = (): never => {
    throw new Error("not asked for here");
  };
  const ports = {
    ...engine.ports,
    issuer: origin,
    operator: null,
    sealer: { seal: unused, ephemeralProofs: unused },
    standings: NO_STANDINGS,
    callers: { verify: unused, verifyRegister: unused },
    ...REGISTER_PORTS,
    staff: {
      findName: () => null,
      findPerson: (issuer: string, subject: string) =>
        ACCREDITOR.person?.issuer === issuer && ACCREDITOR.person.subject === subject ? ACCREDITOR : null,
    },
  };
  const settings = { issuer: origin, mounted: [createPages(ports)], log: () => undefined, onAnswer: () => undefined };
  const app = createHttpApp(ports, { ...settings, page: (error) => error.message });
  owned.use<Listening>(await listen(app, { host: "127.0.0.1", port }));
});
after(() => owned.disposeAsync());

interface Someone {
  personId: PersonId;
  subject: string;
  cookie: string;
  links: { source: AccountLink; destination: AccountLink };
}

let people = 0;
async function someone(): Promise<Someone> {
  people += 1;
  const subject = `subject-of-person-${people}`;
  const { token, session } = await startSession(engine.ports, { issuer: "https://id.test", subject, displayName: `Person ${people}` });
  const link = (participantId: AccountLink["participantId"]) =>
    engine.store.write((w) =>
      w.accounts.putLink({
        id: newId("link"),
        personId: session.personId,
        participantId,
        account: `account-of-person-${people}`,
        method: "signed_in",
        provedAt: new Date(),
        sealedCredentials: null,
        inventory: [{ dataset: DATASET, items: 3, bytes: 90 }],
      }),
    );
  const links = { source: await link(engine.source.id), destination: await link(engine.destination.id) };
  return { personId: session.personId, subject, cookie: `${SESSION_COOKIE}=${token}`, links };
}

/** An active permission of this person, with its transfer in the state that is asked for. */
async function permission(who: Someone, until: "queued" | "verified"): Promise<Consent> {
  const consent = await engine.consentOf({ personId: who.personId, source: who.links.source, destination: who.links.destination }, [
    DATASET,
  ]);
  const transfer = await requestTransfer(engine.ports, { consentId: consent.id, personId: who.personId, idempotencyKey: consent.id });
  if (until === "verified") await runTransfer(engine.ports, { transferId: transfer.id, epoch: 0 }, engine.terms);
  return consent;
}

async function page(
  who: Someone,
  path: string,
  form?: Record<string, string>,
): Promise<{ status: number; location: string | null; text: string }> {
  const init = form === undefined ? {} : { method: "POST", body: new URLSearchParams(form) };
  const response = await fetch(`${origin}${path}`, {
    ...init,
    redirect: "manual",
    headers: { accept: "text/html", cookie: who.cookie, origin },
  });
  return { status: response.status, location: response.headers.get("location"), text: await response.text() };
}

const query = async (text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> =>
  (await pool.query<Record<string, unknown>>(text, values)).rows;

/** Every table of the product in which this text stands somewhere. */
async function tablesWith(text: string): Promise<string[]> {
  const looks = (await tables()).map(
    (table) => `select '${table}' as name where exists (select from relais."${table}" t where position($1 in t::text) > 0)`,
  );
  return (await query(looks.join(" union all "), [text])).map(({ name }) => String(name));
}

async function tables(): Promise<string[]> {
  const rows = await query("select tablename from pg_tables where schemaname = 'relais' order by 1");
  return rows.map(({ tablename }) => String(tablename));
}

/** Names of columns that lead to a person, whether or not they are foreign keys. */
const LEADING = ["person_id", "consent_id", "transfer_id", "switch_id", "journey_id", "link_id", "source_link_id", "destination_link_id"];
/** Tables that such a column does not make personal, each with the reason. */
const NOT_PERSONAL: Record<string, string> = {};

describe("everything that Relais holds on a person", () => {
  test("is in one list: no table that leads to a person is missing from it", async () => {
    const listed = new Set(PERSON_TABLES.map(({ table }) => table));
    const leading = await query(
      `select distinct c.table_name from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
       where t.table_type = 'BASE TABLE' and c.table_schema = 'relais' and c.column_name = any($1)
       union select distinct c.conrelid::regclass::text from pg_constraint c where c.contype = 'f' and c.confrelid = 'relais.people'::regclass`,
      [LEADING],
    );
    const missing = leading
      .map(({ table_name }) => String(table_name).replace(/^relais\./, ""))
      .filter((table) => !listed.has(table) && !Object.hasOwn(NOT_PERSONAL, table));
    assert.deepEqual(missing, [], "add it to src/postgres/person-tables.ts, so that it is exported and erased");
    const known = new Set(await tables());
    assert.deepEqual(
      [...listed].filter((table) => !known.has(table)),
      [],
      "a listed table is there",
    );
  });

  test("is one file with every row of theirs, none of anybody else's, and nothing that opens anything", async () => {
    const [who, other] = [await someone(), await someone()];
    await permission(who, "verified");
    await permission(other, "verified");
    await makeRecoveryCodes(engine.ports, who.personId);
    const planned = await planSwitch(engine.ports, {
      personId: who.personId,
      sourceLinkId: who.links.source.id,
      destinationLinkId: who.links.destination.id,
      language: "fr",
    }).catch(() => null);
    const response = await fetch(`${origin}/fr/me/account/export`, { headers: { cookie: who.cookie } });
    assert.match(String(response.headers.get("content-disposition")), /attachment; filename="relais-\d{4}-\d\d-\d\d\.json"/);
    assert.equal(response.headers.get("cache-control"), "no-store");
    const text = await response.text();
    const { records, person } = JSON.parse(text) as { records: Record<string, Record<string, unknown>[]>; person: string };
    assert.equal(person, who.personId);
    for (const table of await tablesWith(who.personId)) assert.ok((records[table]?.length ?? 0) > 0, table);
    for (const table of ["transfer_events", "transfer_items", "transfer_documents", "recovery_codes", ...(planned ? ["switches"] : [])])
      assert.ok((records[table]?.length ?? 0) > 0, table);
    assert.equal(JSON.stringify(records["consents"]?.[0]?.["notice"]).includes("2026-11"), true, "with the notice that was read");
    assert.equal(records["transfer_items"]?.length, 3);
    for (const foreign of [other.personId, other.subject, other.links.source.account, other.links.destination.id])
      assert.ok(!text.includes(foreign), foreign);
    assert.doesNotMatch(text, /token_hash|code_hash|sealed_credentials|logout_hint/);
  });

  test("is given to its person alone, and a download that is broken off leaves nothing open", async () => {
    assert.equal((await fetch(`${origin}/fr/me/account/export`, { redirect: "manual" })).status, 303);
    const who = await someone();
    await permission(who, "verified");
    await query(
      `insert into relais.person_notices (person_id, decision_id, participant_id, kind, at) select $1, 'dec_' || n, repeat('x', 2000), 'suspended', now() from generate_series(1, 20000) n`,
      [who.personId],
    );
    const leaving = new AbortController();
    const response = await fetch(`${origin}/fr/me/account/export`, { headers: { cookie: who.cookie }, signal: leaving.signal });
    await response.body?.getReader().read();
    leaving.abort();
    for (const end = Date.now() + 10_000; Date.now() < end;) {
      const open = await query("select 1 from pg_stat_activity where datname = current_database() and state = 'idle in transaction'");
      if (open.length === 0) return;
    }
    assert.fail("a transaction stayed open");
  });
});

describe("a proved account that is taken away", () => {
  test("ends what stands on it, says so before, and forgets what it was", async () => {
    const [who, other] = [await someone(), await someone()];
    const consent = await permission(who, "queued");
    const asked = await page(who, `/en/me/account/links/${who.links.source.id}/remove`);
    assert.match(asked.text, /One permission ends now/);
    assert.match(asked.text, /One transfer stops now/);
    assert.equal((await page(other, `/en/me/account/links/${who.links.source.id}/remove`)).status, 404, "nobody sees somebody else's");
    assert.equal((await page(other, `/en/me/account/links/${who.links.source.id}/remove`, {})).status, 404, "nor takes it away");
    assert.equal((await engine.store.read((r) => r.consents.get(consent.id))).state, "active");
    const removed = await page(who, `/en/me/account/links/${who.links.source.id}/remove`, {});
    assert.equal(removed.location, "/en/me/account?news=unlinked");
    const [ended, transfers] = await engine.store.read(async (r) => [
      await r.consents.get(consent.id),
      await r.transfers.list(who.personId),
    ]);
    assert.deepEqual([ended.state, ended.endedBy, transfers.map(({ state }) => state)], ["withdrawn", "person", ["cancelled"]]);
    assert.equal((await page(who, `/en/me/account/links/${who.links.source.id}/remove`)).status, 404);
    const [row] = await query("select account, sealed_credentials, inventory from relais.account_links where id = $1", [
      who.links.source.id,
    ]);
    assert.deepEqual(row, { account: who.links.source.id, sealed_credentials: null, inventory: null });
    await unlinkAccount(engine.ports, { personId: who.personId, linkId: who.links.destination.id });
    assert.deepEqual(await tablesWith(who.links.source.account), []);
  });
});

describe("sessions", () => {
  test("are seen with their browser, and end with their next request, one or all", async () => {
    const who = await someone();
    const others = await Promise.all(
      ["firefox", "safari"].map(async (browser) => {
        const claims = { issuer: "https://id.test", subject: who.subject, displayName: "x", browser: browser as "firefox" };
        const { token, session } = await startSession(engine.ports, claims);
        return { ...who, cookie: `${SESSION_COOKIE}=${token}`, id: session.id };
      }),
    );
    const [one, two] = others as [(typeof others)[0], (typeof others)[0]];
    assert.match((await page(who, "/en/me/account")).text, /Firefox[\s\S]*Safari|Safari[\s\S]*Firefox/);
    const stranger = await someone();
    assert.equal((await page(stranger, `/en/me/account/sessions/${one.id}/end`, {})).status, 404);
    assert.equal((await page(one, "/en/me")).status, 200);
    await page(who, `/en/me/account/sessions/${one.id}/end`, {});
    assert.equal((await page(one, "/en/me")).status, 303);
    await page(who, "/en/me/account/sessions/end", {});
    assert.deepEqual(
      [(await page(two, "/en/me")).status, (await page(who, "/en/me")).status, (await page(stranger, "/en/me")).status],
      [303, 200, 200],
    );
  });
});

describe("a person's account that is deleted", () => {
  test("leaves nothing that leads to them, ends what they allowed, and touches nobody else", async () => {
    const [who, other] = [await someone(), await someone()];
    const consent = await permission(who, "verified");
    await permission(other, "verified");
    await query("update relais.consents set notice_hash = notice_hash where id = $1", [consent.id]);
    await createOauthRecords(pool).put({
      model: "Grant",
      id: "grant",
      payload: { accountId: who.personId },
      expiresAt: new Date(Date.now() + 60_000),
    });
    const tell = () => tellChanges({ ...engine.ports, subjectFor: (entityId) => `somebody at ${entityId}` }, engine.terms.shutdown);
    await tell();
    const before = await counts(other.personId);
    assert.match((await page(who, "/en/me/account/delete")).text, /One permission ends now/);
    assert.equal((await page(who, "/en/me/account/delete", {})).status, 422, "not without saying so");
    assert.equal((await page(who, "/en/me/account/delete", { sure: "yes" })).location, "/en/deleted");
    assert.equal((await page(who, "/en/me")).status, 303, "signed out everywhere");
    assert.equal(await eraseClosed(engine.ports), 0, "both ends have to be told first");
    await query("update relais.consent_changes set sealed_at = now()");
    await tell();
    const told = await query("select recipient_id from relais.notices where consent_id = $1 and type like '%consent-stopped'", [
      consent.id,
    ]);
    assert.deepEqual(new Set(told.map(({ recipient_id }) => recipient_id)), new Set([engine.source.id, engine.destination.id]));
    assert.equal(await eraseClosed(engine.ports), 0, "and to acknowledge");
    await query("update relais.notices set acknowledged_at = now() where consent_id = $1", [consent.id]);
    assert.equal(await eraseClosed(engine.ports), 1);
    for (const text of [who.personId, who.subject, consent.id, who.links.source.id, who.links.source.account])
      assert.deepEqual(await tablesWith(text), [], text);
    assert.deepEqual(await counts(other.personId), before);
    assert.notEqual(
      (await startSession(engine.ports, { issuer: "https://id.test", subject: who.subject, displayName: "" })).session.personId,
      who.personId,
    );
  });

  test("stops what runs; what has arrived is compared first, and meanwhile nobody signs in", async () => {
    const who = await someone();
    await permission(who, "queued");
    await query("update relais.transfers set state = 'fetching' where person_id = $1", [who.personId]);
    for (const state of ["delivering", "delivered", "received"])
      await query("update relais.transfers set state = $2 where person_id = $1", [who.personId, state]);
    assert.equal(await deleteAccount(engine.ports, who.personId), false);
    assert.deepEqual(
      (await query("select state from relais.consents where person_id = $1", [who.personId])).map(({ state }) => state),
      ["withdrawn"],
    );
    assert.equal(await eraseClosed(engine.ports), 0, "it waits");
    await assert.rejects(startSession(engine.ports, { issuer: "https://id.test", subject: who.subject, displayName: "" }), {
      code: "forbidden",
    });
    await settle(who);
    assert.equal(await eraseClosed(engine.ports), 0, "it waits for what has arrived");
    await query("update relais.transfers set state = 'verified', ended_at = now() where person_id = $1", [who.personId]);
    assert.equal(await eraseClosed(engine.ports), 1);
    assert.deepEqual(await tablesWith(who.personId), []);
    const running = await someone();
    await permission(running, "queued");
    assert.equal(await deleteAccount(engine.ports, running.personId), false);
    await settle(running);
    assert.equal(await eraseClosed(engine.ports), 1, "what only waits or runs is stopped");
  });
});

/** As if everybody had been told, and had acknowledged. */
async function settle({ personId }: Someone): Promise<void> {
  await query(
    "update relais.consent_changes set sealed_at = now(), told_at = now() where consent_id in (select id from relais.consents where person_id = $1)",
    [personId],
  );
}

async function counts(personId: PersonId): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  await engine.store.read(async (r) => {
    for await (const { table } of r.account.records(personId)) found[table] = (found[table] ?? 0) + 1;
  });
  return found;
}

test("who reads the file of an organisation is seen by everybody who acts for it, and by nobody else", async () => {
  const [member, stranger] = [await someone(), await someone()];
  await engine.store.write((w) =>
    w.cases.addMembership({ personId: member.personId, participantId: engine.destination.id, addedAt: new Date() }),
  );
  const { token } = await startSession(engine.ports, { issuer: "https://id.test", subject: "accreditor", displayName: "A" });
  const accreditor = { ...stranger, cookie: `${SESSION_COOKIE}=${token}` };
  assert.equal((await page(accreditor, `/en/accreditation/participants/${engine.destination.id}`)).status, 200);
  const seen = (await page(member, "/en/me/account")).text;
  assert.match(seen, /Agrément A, about platform/);
  assert.ok(seen.includes(`/accreditation/participants/${engine.destination.id}`));
  assert.match((await page(stranger, "/en/me/account")).text, /Nobody did/);
});
