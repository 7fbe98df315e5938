import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { createMailer } from "../../src/events/mail.ts";
import { FROM, startMailWorld, type MailWorld } from "../support/mail-world.ts";
import { startMailServer } from "../support/smtp.ts";

const ADDRESS = "zephyrine@kanarienvogel.example";
let world: MailWorld;

before(async () => {
  world = await startMailWorld(["energy.bills"]);
  await world.prove(ADDRESS);
});
after(() => world[Symbol.asyncDispose]());
beforeEach(async () => {
  await query("delete from relais.mails");
  world.smtp.mails.length = 0;
  world.smtp.answers = {};
  world.smtp.beforeYes = async () => undefined;
});

const query = async (text: string, values: unknown[] = []) => (await world.pool.query<Record<string, unknown>>(text, values)).rows;
const write = async (count: number): Promise<void> => {
  for (let index = 0; index < count; index += 1)
    await world.engine.store.write((w) =>
      w.mailing.tell({ personId: world.engine.personId, kind: "address-test", about: "x", occasion: `${index}`, addressId: null }),
    );
};
const ids = () => world.smtp.mails.map(({ headers }) => headers.get("message-id") ?? "");
const outcomes = async () => (await query("select outcome from relais.mails")).map(({ outcome }) => outcome);
const soon = () => query("update relais.mails set due_at = now()");

test("several workers send each mail once", async () => {
  await write(40);
  const sent = await Promise.all([1, 2, 3, 4].map(() => world.worker().tick()));
  assert.equal(
    sent.reduce((sum, one) => sum + one, 0),
    40,
  );
  assert.deepEqual([ids().length, new Set(ids()).size], [40, 40]);
});

test("what the server puts off comes later, with longer and longer pauses, and is given up after 72 hours", async () => {
  await write(1);
  world.smtp.answers = { recipient: () => 451 };
  const worker = world.worker();
  const pauses: number[] = [];
  for (let times = 0; times < 3; times += 1) {
    assert.equal(await worker.tick(), 0);
    const [row] = await query("select extract(epoch from due_at - now())::float as pause, last_failure from relais.mails");
    assert.equal(row?.["last_failure"], "451");
    pauses.push(Number(row?.["pause"]));
    assert.equal(await worker.tick(), 0, "not before its time");
    await soon();
  }
  assert.ok(
    pauses.every((pause, index) => index === 0 || pause > (pauses[index - 1] ?? 0) * 1.2),
    String(pauses),
  );
  assert.equal((await world.engine.store.read((r) => r.mail.addresses(world.engine.personId))).inUse?.unreachableAt, null);
  world.smtp.answers = {};
  assert.equal(await worker.tick(), 1);

  await query("delete from relais.mails");
  await write(1);
  world.smtp.answers = { data: () => 452 };
  await query("update relais.mails set created_at = now() - interval '73 hours'");
  assert.equal(await worker.tick(), 0);
  assert.deepEqual(await outcomes(), ["given_up"]);
});

test("a server that refuses us, or our words, says nothing about the person's address", async () => {
  await write(1);
  for (const answers of [{ sender: () => 550 }, { data: () => 554 }]) {
    world.smtp.answers = answers;
    assert.equal(await world.worker().tick(), 0);
    await soon();
  }
  assert.deepEqual(await outcomes(), [null]);
  assert.equal((await world.engine.store.read((r) => r.mail.addresses(world.engine.personId))).inUse?.unreachableAt, null);
});

test("a server that goes away and comes back: nothing is lost, nothing comes twice, and it is told once each", async () => {
  await write(3);
  const worker = world.worker();
  await world.smtp.stop();
  assert.equal(await worker.tick(), 0);
  assert.equal(await worker.tick(), 0);
  const tried = await query("select from relais.mails where attempts > 0");
  assert.equal(tried.length, 1, "the others are not even tried");
  await world.smtp.start();
  await soon();
  const fresh = world.worker();
  assert.equal(await fresh.tick(), 3);
  assert.equal(new Set(ids()).size, 3);
  for (let rest = 0; worker.away.length < 2 && rest < 50; rest += 1) {
    await query("delete from relais.mails");
    await write(1);
    await worker.tick();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.deepEqual(worker.away, ["ESOCKET", null]);
});

test("a server that falls silent in the middle of a mail leaves it to be sent again, as the same mail", async () => {
  await write(1);
  world.smtp.beforeYes = async () => {
    world.smtp.beforeYes = async () => undefined;
    await world.smtp.stop();
  };
  assert.equal(await world.worker().tick(), 0);
  await world.smtp.start();
  await soon();
  assert.equal(await world.worker().tick(), 1);
  assert.deepEqual([ids().length, new Set(ids()).size], [2, 1], "at least once, under one Message-ID");
});

test("off this machine nothing goes in the clear, nor to a certificate that nobody vouches for", async () => {
  for (const starttls of [false, true]) {
    await using server = await startMailServer({ starttls, host: "0.0.0.0" });
    using mailer = createMailer({ url: server.url.replace("127.0.0.1", "127.0.0.2"), from: FROM, replyTo: null });
    const letter = { subject: "s", text: "t", html: "<p>t</p>", unsubscribe: null };
    const answer = await mailer.hand({ id: "mal_x", at: new Date(), to: ADDRESS, language: "en", letter });
    assert.deepEqual([starttls, answer.kind, server.mails.length], [starttls, "away", 0]);
  }
});
