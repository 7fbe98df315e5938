import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { after, before, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import { readDeliveryReport } from "../../src/core/person/delivery-report.ts";
import { startMailWorld, type MailWorld } from "../support/mail-world.ts";

/** Mails that a server took and that come back later, handed in by the operator's mail system as a delivery report. */

const CLI = fileURLToPath(new URL("../../src/cli/relais.ts", import.meta.url));
const ADDRESS = "zephyrine@kanarienvogel.example";
let world: MailWorld;

before(async () => {
  world = await startMailWorld(["energy.bills"]);
});
after(() => world[Symbol.asyncDispose]());
beforeEach(async () => {
  await world.pool.query("delete from relais.mails; delete from relais.mail_addresses; delete from relais.mail_attempts");
  await world.prove(ADDRESS, "en");
});

interface Said {
  action?: string;
  status?: string;
  type?: string;
  headersOnly?: boolean;
  recipients?: number;
}

/** As Postfix writes it (RFC 3464), about this mail. */
function report(
  messageId: string,
  { action = "failed", status = "5.1.1", type = "delivery-status", headersOnly = false, recipients = 1 }: Said = {},
): string {
  const recipient = `Final-Recipient: rfc822; ${ADDRESS}\r\nOriginal-Recipient: rfc822;${ADDRESS}\r\nAction: ${action}\r\nStatus: ${status}\r\nDiagnostic-Code: smtp; 550 ${status}\r\n    no such user`;
  const returned = `Subject: Relais\r\nMessage-ID:\r\n ${messageId}\r\nTo: ${ADDRESS}`;
  return [
    "From: MAILER-DAEMON@mx.example",
    "Subject: Undelivered Mail Returned to Sender",
    `Content-Type: multipart/report; report-type=${type};`,
    '\tboundary="B7.1/mx.example"',
    "",
    "This is a MIME-encapsulated message.",
    "",
    "--B7.1/mx.example",
    "Content-Type: text/plain; charset=us-ascii",
    "",
    "I'm sorry. Action: failed Status: 5.1.1",
    "--B7.1/mx.example",
    `Content-Type: message/${type}`,
    "",
    "Reporting-MTA: dns; mx.example",
    "",
    Array.from({ length: recipients }, () => recipient).join("\r\n\r\n"),
    "",
    "--B7.1/mx.example",
    `Content-Type: ${headersOnly ? "text/rfc822-headers" : "message/rfc822"}`,
    "",
    headersOnly ? returned : `${returned}\r\n\r\nMessage-ID: <mal_0000000000000000000000@elsewhere.example>`,
    "--B7.1/mx.example--",
    "",
  ].join("\r\n");
}

async function bounced(message: string): Promise<{ code: number; out: string }> {
  const child = spawn(process.execPath, [CLI, "mail", "bounced"], { env: { ...process.env, DATABASE_URL: world.engine.url } });
  child.stdin.end(message);
  const [out, problems, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
  return { code: Number(code), out: out + problems };
}

const page = async () => (await world.page("/en/me/mail", { cookie: world.cookie })).text;
async function testMail(): Promise<string> {
  await world.page("/en/me/mail/test", { cookie: world.cookie, form: {} });
  assert.equal(await world.worker().tick(), 1);
  return world.smtp.mails.at(-1)?.headers.get("message-id") ?? "";
}

test("a report that nobody is there marks the address: its owner is told, and nothing more goes there", async () => {
  const id = await testMail();
  const { code, out } = await bounced(report(id));
  assert.deepEqual([code, /^mal_\w{22}: failed 5\.1\.1; nobody is there/.test(out)], [0, true], out);
  assert.doesNotMatch(out, /zephyrine|kanarienvogel/);
  assert.match(await page(), /told us on .* that this address does not exist/);
  await world.engine.store.write((w) =>
    w.mailing.tell({ personId: world.engine.personId, kind: "recovery-used", about: "x", occasion: "later", addressId: null }),
  );
  assert.equal(await world.worker().tick(), 0);
  assert.equal((await bounced(report(id, { headersOnly: true }))).code, 0, "again, it is the same");
});

test("an address that waits to be proved is said to have nobody, too", async () => {
  await world.page("/en/me/mail", { cookie: world.cookie, form: { address: "nobody@kanarienvogel.example" } });
  await world.worker().tick();
  await bounced(report(world.smtp.mails.at(-1)?.headers.get("message-id") ?? ""));
  assert.match(await page(), /The mail sent to n…@k….example on .* came back: nobody is there/);
  assert.doesNotMatch(await page(), /does not exist/, "the one in use is another one");
});

test("what passes, what is no report, what is not ours and what went to a former address change nothing", async () => {
  const id = await testMail();
  const nothing: [what: string, message: string, code: number, says: RegExp][] = [
    ["a full mailbox", report(id, { status: "5.2.2" }), 0, /nothing changes/],
    ["refused words", report(id, { status: "5.7.1" }), 0, /nothing changes/],
    ["a delay", report(id, { action: "delayed", status: "4.4.1" }), 0, /nothing changes/],
    ["another mail", report("<mal_0000000000000000000000@region.example>"), 0, /nothing changes/],
    ["a mail of somebody else", report("<x@elsewhere.example>"), 0, /no mail of Relais/],
    ["two recipients", report(id, { recipients: 2 }), 2, /no delivery report/],
    ["a read receipt", report(id, { type: "disposition-notification" }), 2, /no delivery report/],
    ["a letter", "From: a@b.example\r\nSubject: hello\r\n\r\nAction: failed\r\nStatus: 5.1.1", 2, /no delivery report/],
    ["nothing", "", 2, /no delivery report/],
  ];
  for (const [what, message, code, says] of nothing) {
    const answer = await bounced(message);
    assert.deepEqual([answer.code, says.test(answer.out)], [code, true], `${what}: ${answer.out}`);
    assert.doesNotMatch(await page(), /does not exist/, what);
  }
  // A mail to the address in use then; another one is in use now.
  await world.engine.store.write((w) =>
    w.mailing.tell({ personId: world.engine.personId, kind: "recovery-used", about: "x", occasion: "then", addressId: null }),
  );
  await world.worker().tick();
  const then = world.smtp.mails.at(-1)?.headers.get("message-id") ?? "";
  await world.prove("next@kanarienvogel.example", "en");
  assert.match((await bounced(report(then))).out, /no address of a person in use/);
  assert.doesNotMatch(await page(), /does not exist/);
});

test("a report is read as it is written: folded, in either line end, with or without quotes", () => {
  const message = report("<mal_abcdefghijklmnopqrstuv@region.example>");
  const expected = { mail: "mal_abcdefghijklmnopqrstuv", action: "failed", status: "5.1.1" };
  for (const one of [message, message.replaceAll("\r\n", "\n"), message.replaceAll(/"?B7\.1\/mx\.example"?/g, "B71")])
    assert.deepEqual(readDeliveryReport(one), expected);
});
