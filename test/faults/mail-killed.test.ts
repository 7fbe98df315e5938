import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { giveAddress } from "../../src/core/person/own-address.ts";
import { openKeyring } from "../../src/keys/keyring.ts";
import { createAddressSealer } from "../../src/keys/mail-addresses.ts";
import { startFaultWorld, until, type FaultWorld } from "../support/fault-relais.ts";
import { realClock } from "../support/real-clock.ts";
import { startMailServer, type MailServer } from "../support/smtp.ts";

const ADDRESS = "zephyrine@kanarienvogel.example";
let world: FaultWorld;
let smtp: MailServer;

before(async () => {
  smtp = await startMailServer();
  world = await startFaultWorld({
    settings: { RELAIS_SMTP_URL: smtp.url, RELAIS_MAIL_FROM: "relais@region.example", RELAIS_LOG_LEVEL: "trace" },
  });
});
after(async () => {
  await world?.[Symbol.asyncDispose]();
  await smtp[Symbol.asyncDispose]();
});

test("a worker killed after the server took a mail, and before it wrote that down: the same mail comes again, and no other", async () => {
  const worker = await world.start("worker");
  const { id: personId } = await world.person({ sourceAccount: "a", destinationAccount: "b" });
  const web = await openKeyring(join(world.dir, "relais", "keys"), "web");
  const addresses = createAddressSealer(web);
  let killed = false;
  smtp.beforeYes = async () => {
    if (killed) return;
    killed = true;
    await worker.kill("SIGKILL");
  };
  await giveAddress({ store: world.store, clock: realClock, addresses }, { personId, text: ADDRESS, language: "en" });
  await until("the mail", () => killed);
  const { rows } = await world.pool.query("select from relais.mails where ended_at is null and due_at > now() and attempts = 1");
  assert.equal(rows.length, 1, "its lease lasts: nobody else sends it meanwhile");
  await world.start("worker");
  await world.pool.query("update relais.mails set due_at = now()");
  await until("the second time", async () => (await world.store.read((r) => r.mail.waiting())) === 0);
  assert.deepEqual(
    smtp.mails.map(({ to, headers, text }) => [to, headers.get("message-id"), text]),
    Array.from({ length: 2 }, () => [ADDRESS, smtp.mails[0]?.headers.get("message-id"), smtp.mails[0]?.text]),
    "also the link in it is the same",
  );
});

test("a server that quotes the address in its refusals: no log holds it, and no row", async () => {
  const { id: personId } = await world.person({ sourceAccount: "c", destinationAccount: "d" });
  const web = await openKeyring(join(world.dir, "relais", "keys"), "web");
  smtp.refusal = (address) => `${address} is not welcome here, <${address}>`;
  smtp.answers = { recipient: () => 450 };
  await giveAddress(
    { store: world.store, clock: realClock, addresses: createAddressSealer(web) },
    { personId, text: ADDRESS, language: "fr" },
  );
  const failed = () => world.pool.query<{ text: string }>("select m::text as text from relais.mails m where last_failure is not null");
  await until("a refusal", async () => (await failed()).rows.length > 0);
  const { rows } = await world.pool.query<{ text: string }>(
    "select (select string_agg(m::text, ' ') from relais.mails m) || (select string_agg(a::text, ' ') from relais.mail_addresses a) as text",
  );
  for (const text of [rows[0]?.text ?? ADDRESS, world.output()]) assert.doesNotMatch(text, /zephyrine|kanarienvogel/i);
  assert.match(world.output(), /"id":"mal_\w+","state":"later","code":"450"/);
});
