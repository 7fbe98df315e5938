import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { refuseConsent } from "../../src/core/consent/decide-consent.ts";
import { withdrawConsent } from "../../src/core/consent/withdraw-consent.ts";
import { removeOverdue } from "../../src/core/operation/remove-overdue.ts";
import { remindPeople } from "../../src/core/person/remind-people.ts";
import { startSession } from "../../src/core/person/sessions.ts";
import { readNotice, tellPeople } from "../../src/core/person/tell-people.ts";
import { endStanding } from "../../src/core/register/change-standing.ts";
import { planSwitch } from "../../src/core/switch/plan-switch.ts";
import { PLAIN, REASONS, reinstate } from "../support/charter.ts";
import { linkIn, OPERATOR, startMailWorld, type MailWorld } from "../support/mail-world.ts";
import { realClock } from "../support/real-clock.ts";
import { testKey } from "../support/register-fixtures.ts";
import type { ReceivedMail } from "../support/smtp.ts";

const BILLS = "energy.bills";
const ADDRESS = "zephyrine@kanarienvogel.example";
const NAMES = { source: "Énergie Kanari", destination: "Coffre Kanari" };
let world: MailWorld;

before(async () => {
  world = await startMailWorld([BILLS]);
  const { source, destination } = world.engine;
  await world.pool.query("update relais.participants set name = $2 where id = $1", [source.id, NAMES.source]);
  await world.pool.query("update relais.participants set name = $2 where id = $1", [destination.id, NAMES.destination]);
  await world.prove(ADDRESS);
});
after(() => world[Symbol.asyncDispose]());
beforeEach(async () => {
  await world.worker().tick();
  world.smtp.mails.length = 0;
});

const person = () => world.engine.personId;
const query = (text: string, values: unknown[] = []) => world.pool.query<Record<string, unknown>>(text, values);
/** What came now, each without anything personal in its subject and with the same words in both forms. */
async function arrived(): Promise<ReceivedMail[]> {
  world.smtp.mails.length = 0;
  await world.worker().tick();
  for (const mail of world.smtp.mails) {
    for (const name of [...Object.values(NAMES), "Kanari", "zephyrine", BILLS, "Someone"])
      assert.ok(!mail.subject.includes(name), mail.subject);
    const plain = mail.text.replaceAll(/\s+/g, " ");
    const words = mail.html
      .replace(/<head>.*<\/head>/s, "")
      .replaceAll(/<[^>]+>/g, "\n")
      .replaceAll("&#39;", "'")
      .replaceAll("&nbsp;|&nbsp;", "")
      .split("\n")
      .map((line) => line.replaceAll(/\s+/g, " ").trim());
    for (const line of words.filter((one) => one.length > 2)) assert.ok(plain.includes(line), `only in HTML: ${line}`);
    assert.equal(mail.headers.get("auto-submitted"), "auto-generated");
  }
  return [...world.smtp.mails];
}
const onlyOne = async (): Promise<ReceivedMail> => {
  const mails = await arrived();
  assert.equal(mails.length, 1, mails.map(({ subject }) => subject).join(" | "));
  return mails[0] as ReceivedMail;
};

test("a permission that is given, stopped, refused or over is mailed in plain words, with a way to stop that needs no web page", async () => {
  const consent = await world.engine.consent([BILLS]);
  const granted = await onlyOne();
  assert.equal(granted.to, ADDRESS);
  assert.equal(granted.headers.get("content-language"), "fr");
  assert.equal(granted.headers.get("list-unsubscribe"), undefined);
  for (const said of [NAMES.source, NAMES.destination, BILLS, "Jusqu’au", "dpo@test.example", OPERATOR.contact, "répondez à ce courriel"])
    assert.ok(granted.text.includes(said), said);
  const [change] = (await world.engine.store.read((r) => r.changes.of(consent.id))).filter(({ state }) => state === "active");
  assert.ok(granted.text.includes(`/fr/permissions/${consent.id}/receipts/${change?.id}`), "the receipt is behind a sign-in");
  assert.equal((await world.page(`/fr/permissions/${consent.id}`)).status, 303);
  assert.doesNotMatch(granted.raw, /eyJ/, "and not in the mail");

  await withdrawConsent(world.engine.ports, { consentId: consent.id, personId: person() });
  assert.match((await onlyOne()).text, /vous avez arrêté cette autorisation/);

  await query("update relais.mail_addresses set language = 'en'");
  const asked = await world.engine.ask([BILLS]);
  assert.deepEqual(await arrived(), [], "being asked is no change");
  await refuseConsent(world.engine.ports, { consentId: asked.id, personId: person() });
  assert.match((await onlyOne()).text, /you refused this/);

  const over = await world.engine.consent([BILLS]);
  await arrived();
  await query("update relais.consents set expires_at = now() where id = $1", [over.id]);
  await world.engine.store.write((w) => w.permissions.expire(new Date()));
  assert.match((await onlyOne()).text, /came to its last day/);
});

test("what is taken back is mailed to nobody, and whoever has no address costs nothing", async () => {
  await assert.rejects(
    world.engine.store.write(async (w) => {
      await w.mailing.tell({ personId: person(), kind: "address-test", about: "x", occasion: "x", addressId: null });
      throw new Error("taken back");
    }),
  );
  assert.deepEqual(await arrived(), []);
  await query("update relais.mail_addresses set unreachable_at = now()");
  const consent = await world.engine.consent([BILLS]);
  const { rows } = await query("select from relais.mails where about = $1", [consent.id]);
  assert.equal(rows.length, 0);
  await query("update relais.mail_addresses set unreachable_at = null");
  await withdrawConsent(world.engine.ports, { consentId: consent.id, personId: person() });
  await arrived();
});

test("a standing that changes is mailed once, and not at all where it was read on the pages before", async () => {
  const { sign } = await testKey();
  const ports = { ...world.engine.ports, charters: PLAIN, issuer: "https://relais.test", statements: { signDocument: sign } };
  const end = () =>
    endStanding(ports, "suspend", {
      participantId: world.engine.destination.id,
      deciders: [{ name: "test", role: "accreditor" }],
      reasons: REASONS,
    });
  const consent = await world.engine.consent([BILLS]);
  await arrived();
  const decision = await end();
  await Promise.all([tellPeople(ports), tellPeople(ports)]);
  const told = await onlyOne();
  assert.match(told.text, new RegExp(`${NAMES.destination} was suspended`));
  assert.ok(told.text.includes(`/en/decisions/${decision.id}`));
  await reinstate(ports, world.engine.destination.id);
  await tellPeople(ports);
  for (const notice of await world.engine.store.read((r) => r.personNotices.unread(person())))
    await readNotice(ports, { personId: person(), decisionId: notice.decisionId });
  assert.deepEqual(await arrived(), []);
  await withdrawConsent(world.engine.ports, { consentId: consent.id, personId: person() });
  await arrived();
});

test("after 90 days without a visit each permission is recalled once; its links show both names, stop it without signing in, and show nothing else", async () => {
  const consent = await world.engine.consent([BILLS]);
  await arrived();
  await remindPeople(world.engine.ports);
  assert.deepEqual(await arrived(), [], "whoever was here needs no reminder");
  await query("update relais.people set last_sign_in_at = now() - interval '91 days' where id = $1", [person()]);
  await Promise.all([1, 2, 3].map(() => remindPeople(world.engine.ports)));
  const mail = await onlyOne();
  for (const said of [NAMES.source, NAMES.destination, BILLS, "nothing yet", "Until"]) assert.ok(mail.text.includes(said), said);
  assert.match(mail.headers.get("list-unsubscribe") ?? "", /^<http:\/\/127\.0\.0\.1:\d+\/en\/mail\/unsubscribe\/[\w-]{43}>$/);
  assert.equal(mail.headers.get("list-unsubscribe-post"), "List-Unsubscribe=One-Click");

  const [review, stop] = [linkIn(mail.text, "/mail/permission/"), linkIn(mail.text, "/mail/permission/").replace(/(\/stop)?$/, "/stop")];
  const shown = await world.page(review);
  assert.ok(shown.text.includes(NAMES.source) && shown.text.includes(NAMES.destination));
  for (const hidden of [BILLS, "account-1", "Someone", ADDRESS, consent.notice.expires]) assert.ok(!shown.text.includes(hidden), hidden);
  const buttons = [...shown.text.matchAll(/class="(govuk-button[^"]*)"[^>]*>(?:Review|Stop)</g)].map((match) => match[1]);
  assert.deepEqual([buttons.length, new Set(buttons).size], [2, 1], "Review and Stop look the same");
  assert.equal((await world.page(stop)).status, 200);
  assert.equal((await world.engine.store.read((r) => r.consents.get(consent.id))).state, "active", "looking stops nothing");
  const tries = await Promise.all(Array.from({ length: 20 }, () => world.page(stop, { form: {} })));
  assert.equal(tries.filter(({ status }) => status === 200).length, 1);
  assert.equal((await world.engine.store.read((r) => r.consents.get(consent.id))).state, "withdrawn");
  assert.equal((await world.page(review)).status, 404, "the link is used up");
  assert.match((await onlyOne()).text, /you stopped this permission/, "its owner is told");
  await query("update relais.people set last_sign_in_at = now() where id = $1", [person()]);
});

test("a reminder that is overtaken by a visit, or by the end of what it recalls, is not sent; the next comes 90 days later", async () => {
  const consent = await world.engine.consent([BILLS]);
  await arrived();
  const away = (days: number) =>
    query("update relais.people set last_sign_in_at = now() - make_interval(days => $2) where id = $1", [person(), days]);
  await query("update relais.mails set created_at = now() - interval '100 days' where kind = 'reminder'");
  await away(95);
  await remindPeople(world.engine.ports);
  await startSession(world.engine.ports, { issuer: "https://id.test", subject: "someone", displayName: "Someone" });
  assert.deepEqual(await arrived(), []);
  await query("update relais.mails set created_at = now() - interval '89 days' where kind = 'reminder'");
  await away(120);
  await remindPeople(world.engine.ports);
  assert.deepEqual(await arrived(), []);
  await query("update relais.mails set created_at = now() - interval '91 days' where kind = 'reminder'");
  await remindPeople(world.engine.ports);
  assert.equal((await onlyOne()).subject, "Relais: what you allow");
  await withdrawConsent(world.engine.ports, { consentId: consent.id, personId: person() });
  await arrived();
});

test("a single delivery that was made lets nothing more go, and is not recalled; mails of long ago are forgotten", async () => {
  const consent = await world.engine.consent([BILLS]);
  await arrived();
  await query(
    `insert into relais.transfers (id, consent_id, person_id, source_id, destination_id, datasets, state, epoch, attempts, due_at, expires_at, created_at, ended_at)
     select 'trf_made', id, person_id, source_id, destination_id, datasets, 'verified', 1, 1, now(), now(), now(), now() from relais.consents where id = $1`,
    [consent.id],
  );
  await query("update relais.mails set created_at = now() - interval '200 days' where kind = 'reminder'");
  await query("update relais.people set last_sign_in_at = now() - interval '120 days' where id = $1", [person()]);
  assert.equal(await remindPeople(world.engine.ports), 0);
  await withdrawConsent(world.engine.ports, { consentId: consent.id, personId: person() });
  await arrived();
  const kept = async () =>
    (await query("select kind, exists (select from relais.mail_links l where l.mail_id = m.id) as linked from relais.mails m")).rows;
  await query("update relais.mails set ended_at = now() - interval '181 days' where kind in ('consent', 'reminder')");
  const fail = (_: string, error: unknown) => assert.fail(String(error));
  await removeOverdue(
    { store: world.engine.store, onRemoved: () => undefined, onFailure: fail },
    { itemNames: 90, journals: 180, proofs: 1_826 },
  );
  assert.ok(
    (await kept()).every(({ kind, linked }) => kind !== "consent" && (kind !== "reminder" || linked)),
    "but for those whose links still work",
  );
  assert.ok((await kept()).some(({ kind }) => kind === "reminder"));
});

test("one click in a mail program ends reminders, and nothing else does", async () => {
  const consent = await world.engine.consent([BILLS]);
  await query("update relais.people set last_sign_in_at = now() - interval '400 days' where id = $1", [person()]);
  await query("update relais.mails set created_at = now() - interval '200 days' where kind = 'reminder'");
  await remindPeople(world.engine.ports);
  const mail = (await arrived()).find(({ headers }) => headers.has("list-unsubscribe"));
  const link = new URL((mail?.headers.get("list-unsubscribe") ?? "").slice(1, -1)).pathname;
  const wants = async () => (await world.engine.store.read((r) => r.mail.addresses(person()))).inUse?.remindersOffAt === null;
  assert.equal((await world.page(link)).status, 200);
  assert.equal(await wants(), true, "a program that opens links changes nothing");
  for (const forged of [link.replace(/.$/, (end) => (end === "A" ? "B" : "A")), link.replace("unsubscribe", "prove")])
    assert.equal((await world.page(forged, { form: { "List-Unsubscribe": "One-Click" } })).status, 404);
  const clicked = await world.page(link, { form: { "List-Unsubscribe": "One-Click" } });
  assert.deepEqual([clicked.status, await wants()], [200, false]);
  await query("update relais.mails set created_at = now() - interval '200 days' where kind = 'reminder'");
  assert.equal(await remindPeople(world.engine.ports), 0);
  await withdrawConsent(world.engine.ports, { consentId: consent.id, personId: person() });
  assert.equal((await arrived()).length, 1, "what changes is still told");
});

test("a switch is told when it begins, and its person before the old place is asked to delete", async () => {
  const { personId } = world.engine;
  const links = await world.engine.store.read((r) => r.people.listLinks(personId));
  const at = (participantId: string) => links.find((link) => link.participantId === participantId)?.id ?? assert.fail();
  const { switch: planned } = await planSwitch(world.engine.ports, {
    personId,
    sourceLinkId: at(world.engine.source.id),
    destinationLinkId: at(world.engine.destination.id),
    language: "en",
  });
  assert.deepEqual(await arrived(), []);
  const move = (from: "planned" | "copying" | "verified", to: "copying" | "verified" | "closing") =>
    world.engine.store.write((w) => w.moves.change(planned.id, [from], to));
  await move("planned", "copying");
  assert.match((await onlyOne()).text, /Nothing is deleted before you ask/);
  await move("copying", "verified");
  await move("verified", "closing");
  const closing = () => world.engine.store.read((r) => r.switches.closing());
  assert.deepEqual(await closing(), [], "nobody is asked to delete before");
  assert.match((await onlyOne()).text, /We ask Énergie Kanari for it now/);
  assert.deepEqual(
    (await closing()).map(({ id }) => id),
    [planned.id],
  );
});

test("a sign-in with a browser that was not used before is told, one that was is not", async () => {
  const signIn = (browser: "firefox" | "other") =>
    startSession(world.engine.ports, { issuer: "https://id.test", subject: "someone", displayName: "Someone", browser });
  await signIn("other");
  assert.deepEqual(await arrived(), []);
  await signIn("firefox");
  assert.match((await onlyOne()).text, /with Firefox, for the first time/);
  await signIn("firefox");
  assert.deepEqual(await arrived(), []);
  await query("insert into relais.recovery_codes (code_hash, person_id, created_at) values ('digest', $1, now())", [person()]);
  await query("update relais.recovery_codes set used_at = now() where person_id = $1", [person()]);
  assert.match((await onlyOne()).subject, /a recovery code was used/);
});

test("a link ends with the address that it was sent to", async () => {
  const consent = await world.engine.consent([BILLS]);
  await query("update relais.people set last_sign_in_at = now() - interval '400 days' where id = $1", [person()]);
  await query("update relais.mail_addresses set reminders_off_at = null");
  await query("update relais.mails set created_at = now() - interval '200 days' where kind = 'reminder'");
  await remindPeople({ store: world.engine.store, clock: realClock });
  const mail = (await arrived()).find(({ headers }) => headers.has("list-unsubscribe"));
  const link = linkIn(mail?.text ?? "", "/mail/permission/");
  assert.equal((await world.page(link)).status, 200);
  await world.page("/en/me/mail/remove", { cookie: world.cookie, form: {} });
  assert.equal((await world.page(link)).status, 404);
  assert.equal((await world.engine.store.read((r) => r.consents.get(consent.id))).state, "active");
});
