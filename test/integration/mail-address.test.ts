import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { FROM, linkIn, OPERATOR, startMailWorld, type MailWorld } from "../support/mail-world.ts";

const ADDRESS = "zephyrine@kanarienvogel.example";
let world: MailWorld;

before(async () => {
  world = await startMailWorld(["energy.bills"]);
});
after(() => world[Symbol.asyncDispose]());
beforeEach(async () => {
  await world.pool.query("delete from relais.mails; delete from relais.mail_addresses; delete from relais.mail_attempts");
  world.smtp.mails.length = 0;
  world.smtp.answers = {};
});

const own = () => world.engine.store.read((r) => r.mail.addresses(world.engine.personId));
const give = (address: string, lang = "fr") => world.page(`/${lang}/me/mail`, { cookie: world.cookie, form: { address } });
const mine = (path: string, form?: Record<string, string>) => world.page(path, { cookie: world.cookie, ...(form ? { form } : {}) });
const lastLink = (kind: string) => linkIn(world.smtp.mails.at(-1)?.text ?? "", kind);

test("an address is asked by mail, and in use only after its reader said yes; looking at the link says nothing", async () => {
  assert.equal((await give(` ${ADDRESS.replace("kanarienvogel", "Kanarienvogel")} `)).location, "/fr/me/mail?news=given");
  assert.deepEqual([(await own()).inUse, (await own()).toProve?.hint], [null, "z…@k….example"]);
  assert.equal(await world.worker().tick(), 1);
  const [mail] = world.smtp.mails;
  assert.ok(mail);
  assert.deepEqual([mail.to, mail.from, mail.subject], [ADDRESS, FROM, "Relais\u00a0: confirmez votre adresse de courriel"]);
  assert.equal(mail.headers.get("auto-submitted"), "auto-generated");
  assert.equal(mail.headers.get("reply-to"), OPERATOR.contact);
  assert.match(mail.headers.get("message-id") ?? "", /^<mal_[0-9A-Za-z]{22}@region\.example>$/);
  assert.equal(mail.headers.get("list-unsubscribe"), undefined, "what somebody asked for is no series to leave");
  assert.ok(mail.text.includes(OPERATOR.contact) && mail.html.includes(OPERATOR.contact), "a way without web");
  assert.doesNotMatch(mail.html, /<img|src=|<script|background-image|url\(/i);

  const link = lastLink("/mail/prove/");
  for (let looks = 0; looks < 3; looks += 1) assert.equal((await world.page(link)).status, 200);
  assert.equal((await own()).inUse, null);
  const proved = await world.page(link, { form: {} });
  assert.match(proved.text, /Identifiez-vous pour voir de quel compte/, "another browser is not told whose account it is");
  assert.doesNotMatch(proved.text, /Someone|kanarienvogel/i);
  assert.ok((await own()).inUse);
  assert.equal((await world.page(link, { form: {} })).status, 404);
  assert.match((await mine("/fr/me/mail")).text, /z…@k….example/);
});

test("of 50 parallel tries one proves the address", async () => {
  await give(ADDRESS);
  await world.worker().tick();
  const link = lastLink("/mail/prove/");
  const answers = await Promise.all(Array.from({ length: 50 }, () => world.page(link, { form: {} })));
  const count = (wanted: number) => answers.filter(({ status }) => status === wanted).length;
  assert.deepEqual([count(200), count(404)], [1, 49]);
});

test("a link is over after a day, and at once where another address is given", async () => {
  await give(ADDRESS);
  await world.worker().tick();
  const link = lastLink("/mail/prove/");
  await world.pool.query("update relais.mail_links set expires_at = now() - interval '1 second'");
  assert.equal((await world.page(link, { form: {} })).status, 404);
  await give("second@kanarienvogel.example");
  await world.worker().tick();
  const second = lastLink("/mail/prove/");
  await give("third@kanarienvogel.example");
  assert.equal((await world.page(second, { form: {} })).status, 404);
  assert.equal((await own()).inUse, null);
});

test("the address itself is in no table: the web seals what only a worker opens", async () => {
  await world.prove(ADDRESS);
  const { rows } = await world.pool.query<{ text: string }>(
    "select string_agg(a::text, ' ') || (select string_agg(m::text, ' ') from relais.mails m) || (select string_agg(t::text, ' ') from relais.mail_attempts t) as text from relais.mail_addresses a",
  );
  assert.doesNotMatch(rows[0]?.text ?? ADDRESS, /zephyrine|kanarienvogel/i);
});

test("another address is told to the one it replaces, which is then forgotten; wishes stay", async () => {
  await world.prove(ADDRESS, "en");
  await mine("/en/me/mail/reminders", { want: "no" });
  const former = (await own()).inUse;
  await world.prove("new@kanarienvogel.example");
  assert.equal(await world.worker().tick(), 1);
  const told = world.smtp.mails.at(-1);
  assert.deepEqual([told?.to, told?.subject], [ADDRESS, "Relais: you changed your mail address"]);
  assert.doesNotMatch(told?.raw ?? "", /new@|n…@/, "the former place does not learn the next one");
  const { rows } = await world.pool.query("select from relais.mail_addresses where id = $1", [former?.id]);
  assert.equal(rows.length, 0);
  const { inUse } = await own();
  assert.deepEqual([inUse?.hint, inUse?.language, inUse?.remindersOffAt !== null], ["n…@k….example", "fr", true]);
});

test("removed, it is gone at once, with what waited to be sent to it and with every link", async () => {
  await world.prove(ADDRESS);
  await mine("/fr/me/mail/test", {});
  await give("second@kanarienvogel.example");
  await mine("/fr/me/mail/remove", {});
  assert.deepEqual(await own(), { inUse: null, toProve: null });
  assert.equal(await world.worker().tick(), 0);
  const { rows } = await world.pool.query<{ links: number }>("select count(*)::int as links from relais.mail_links");
  assert.equal(rows[0]?.links, 0);
});

test("what waited for a removed address does not go to the next one", async () => {
  await world.prove(ADDRESS);
  await world.engine.store.write((w) =>
    w.mailing.tell({ personId: world.engine.personId, kind: "recovery-used", about: "x", occasion: "before", addressId: null }),
  );
  // The server put it off: it is due again only after the next address is in use.
  const due = (when: string) => world.pool.query(`update relais.mails set due_at = ${when} where kind = 'recovery-used'`);
  await due("now() + interval '1 hour'");
  await mine("/fr/me/mail/remove", {});
  await world.prove("next@kanarienvogel.example");
  await due("now()");
  assert.equal(await world.worker().tick(), 0);
  assert.ok(world.smtp.mails.every(({ subject }) => subject.includes("confirmez")));
});

test("what is no address is said at the field; nobody is flooded through us", async () => {
  for (const wrong of [
    "",
    "zephyrine",
    "a@b",
    "a b@c.example",
    "a@c.example, b@d.example",
    "<a@c.example>",
    "a@127.0.0.1",
    `${"a".repeat(65)}@c.example`,
    "a@c.example\r\nBcc: b@d.example",
  ]) {
    const { status, text } = await give(wrong);
    assert.deepEqual([wrong, status], [wrong, 422]);
    assert.match(text, /Écrivez une adresse de courriel/);
  }
  for (let times = 0; times < 5; times += 1) assert.equal((await give(ADDRESS)).status, 303);
  const sixth = await give("other@kanarienvogel.example");
  assert.deepEqual([sixth.status, /Attendez demain/.test(sixth.text)], [422, true]);
  const stranger = await world.signIn("stranger");
  const byStranger = (address: string) => world.page("/fr/me/mail", { cookie: stranger, form: { address } });
  assert.equal((await byStranger(ADDRESS.toUpperCase())).status, 422, "nor by another account");
  assert.equal((await byStranger("other@kanarienvogel.example")).status, 303);
});

test("an address that its server does not know is marked, written to no more, and tried again when its owner says so", async () => {
  await world.prove(ADDRESS, "en");
  world.smtp.answers = { recipient: () => 550 };
  await mine("/en/me/mail/test", {});
  assert.equal(await world.worker().tick(), 0);
  assert.match((await mine("/en/me/mail")).text, /told us on .* that this address does not exist/);
  await world.engine.store.write((w) =>
    w.mailing.tell({ personId: world.engine.personId, kind: "address-test", about: "x", occasion: "later", addressId: null }),
  );
  world.smtp.answers = {};
  assert.equal(await world.worker().tick(), 0, "not written to");
  await world.pool.query("delete from relais.mails");
  assert.equal((await mine("/en/me/mail/test", {})).status, 303);
  assert.equal(await world.worker().tick(), 1);
  assert.doesNotMatch((await mine("/en/me/mail")).text, /does not exist/);
});
