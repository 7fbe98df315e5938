import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import type { Consent } from "../../src/core/consent/consent.ts";
import { answerProblem, reportProblem } from "../../src/core/consent/report-problem.ts";
import { OPERATOR, startMailWorld, type MailWorld } from "../support/mail-world.ts";

/** Whoever answers reports is mailed that some wait: never by whom, about what, or under which permission. */

const SECRET = "Les relevés de ma grand-mère sont partis";
let world: MailWorld;
let consent: Consent;
let contact: string;

before(async () => {
  world = await startMailWorld(["energy.bills"]);
  consent = await world.engine.consent(["energy.bills"]);
  contact = world.engine.destination.about.privacyContact;
});
after(() => world[Symbol.asyncDispose]());
beforeEach(async () => {
  await query("delete from relais.problem_reports");
  await query("delete from relais.office_mails");
  world.smtp.mails.length = 0;
  world.smtp.answers = {};
});

const query = async (text: string) => (await world.pool.query<Record<string, unknown>>(text)).rows;
const soon = () => query("update relais.office_mails set due_at = now()");
const outcomes = async () => (await query("select outcome from relais.office_mails order by created_at, id")).map(({ outcome }) => outcome);
const receivers = () => world.smtp.mails.map(({ to }) => to).toSorted();

async function report(addressee: string): Promise<void> {
  const form = { kind: "other_use", addressee, message: SECRET };
  const { status } = await world.page(`/fr/permissions/${consent.id}/problem`, { cookie: world.cookie, form });
  assert.equal(status, 303);
}

test("a report is mailed to the contact that it is for and to the operator, with a link to the page and nothing about anybody", async () => {
  await report("destination");
  assert.equal(await world.worker().tick(), 2);
  assert.deepEqual(receivers(), [contact, OPERATOR.contact].toSorted());
  for (const { raw, text, html, subject, headers, to } of world.smtp.mails) {
    const page = to === contact ? `/organisation/${world.engine.destination.id}/requests` : "/operator/problems";
    for (const lang of ["fr", "en"])
      for (const body of [text, html]) assert.ok(body.includes(`${world.origin}/${lang}${page}`), `${lang} ${to}`);
    assert.match(text, /Un signalement sur une autorisation attend votre réponse.*One report about a permission waits for your answer/s);
    assert.match(html, /<p lang="en"/);
    assert.equal(headers.get("content-language"), "fr, en");
    assert.doesNotMatch([raw, text, html, subject].join(" "), /grand|cst_|per_|prb_|energy|Someone|someone|other_use/);
    const seen = await world.page(`/fr${page}`);
    assert.equal(seen.status, 303, "nobody reads it without signing in");
  }
  await report("operator");
  await soon();
  await world.worker().tick();
  assert.deepEqual(receivers(), [contact, OPERATOR.contact, OPERATOR.contact].toSorted());
});

test("one an hour at most to each, which counts what waits then; nothing where all was answered meanwhile", async () => {
  await report("source");
  await world.worker().tick();
  world.smtp.mails.length = 0;
  await report("source");
  await report("source");
  assert.equal(await world.worker().tick(), 0);
  const pauses = await query(
    "select round(extract(epoch from due_at - now()) / 60)::int as minutes from relais.office_mails where ended_at is null",
  );
  assert.deepEqual(
    pauses.map(({ minutes }) => minutes),
    [60, 60],
  );
  await soon();
  assert.equal(await world.worker().tick(), 2);
  assert.ok(world.smtp.mails.every(({ text }) => /3 signalements sur des autorisations attendent/.test(text)));
  await report("source");
  for (const { report: one } of await world.engine.store.read((r) => r.problems.list({ limit: 9 })))
    await answerProblem(world.engine.ports, { kind: "operator", name: "Team" }, { id: one.id, answer: "Stopped." });
  await soon();
  assert.equal(await world.worker().tick(), 0);
  assert.deepEqual(await outcomes(), ["sent", "sent", "sent", "sent", "nothing", "nothing"]);
});

test("one that is being sent does not swallow what is reported meanwhile", async () => {
  await report("operator");
  world.smtp.beforeYes = async () => {
    world.smtp.beforeYes = async () => undefined;
    await report("operator");
  };
  await world.worker().tick();
  await soon();
  await world.worker().tick();
  assert.deepEqual(
    world.smtp.mails.map(({ text }) => /\d signalements/.exec(text)?.[0] ?? "1"),
    ["1", "2 signalements"],
  );
});

test("a contact that is a web address gets none, one that does not exist ends its mail, and a server that is away keeps it", async () => {
  const { destination } = world.engine;
  const publish = (privacyContact: string) =>
    world.engine.store.write((w) => w.register.put({ ...destination, about: { ...destination.about, privacyContact } }));
  await publish("https://platform.test/contact");
  await report("destination");
  await world.worker().tick();
  assert.deepEqual([receivers(), (await outcomes()).map(String).toSorted()], [[OPERATOR.contact], ["nothing", "sent"]]);
  await publish(contact);
  await query("delete from relais.office_mails");
  world.smtp.answers = { recipient: (address) => (address === contact ? 550 : null) };
  await report("destination");
  await world.worker().tick();
  assert.deepEqual((await outcomes()).map(String).toSorted(), ["refused", "sent"]);
  await query("delete from relais.office_mails");
  await world.smtp.stop();
  await report("destination");
  const worker = world.worker();
  await worker.tick();
  assert.deepEqual([worker.away.length, await outcomes()], [1, [null, null]]);
  await world.smtp.start();
});

test("where Relais sends no mail nothing is written down to be sent", async () => {
  const said = { consentId: consent.id, personId: world.engine.personId, kind: "other", addressee: "destination", message: "" };
  await reportProblem({ ...world.engine.ports, sendsMail: false }, said);
  assert.deepEqual(await outcomes(), []);
});
