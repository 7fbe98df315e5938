import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { gzipSync, deflateSync } from "node:zlib";
import { exportJWK } from "jose";
import { Refused, registerClient, type RegisterClient } from "../../src/cli/register-client.ts";
import { newId } from "../../src/core/ids.ts";
import { charter, charters, criterion } from "../support/charter.ts";
import { accreditedParticipant, testKey } from "../support/register-fixtures.ts";
import { startWholeApp, UPSTREAM, type WholeApp } from "../support/whole-app.ts";

/** Evidence comes from strangers and is opened by accreditors: over the API and over pages, with names and contents that mean harm. */
const words = { fr: "Rapport d’audit", en: "Audit report" };
const VERSIONS = charters(
  charter("2026-11", [
    criterion({
      id: "audit",
      level: 2,
      check: { kind: "attested_by", evidence: "audit-report", issuers: null },
      evidence: { kind: "audit-report", title: words, maxAgeDays: null, issuer: null },
    }),
  ]),
);
const MIB = 1024 * 1024;

let whole: WholeApp;
let client: RegisterClient;
let folder: string;
let cookie: string;
let accreditor: string;
let ids: { participant: string; application: string };

before(async () => {
  whole = await startWholeApp(VERSIONS);
  folder = await mkdtemp(join(tmpdir(), "relais-evidence-"));
  const key = await testKey();
  const own = await accreditedParticipant(whole.store, { entityId: "https://own.example", roles: ["platform"], keys: [key.publicJwk] });
  const organisation = newId("organisation");
  await whole.store.write(async (w) => {
    await w.cases.addOrganisation({ id: organisation, name: "Own", country: "FR", status: "active", createdAt: new Date() });
    await w.cases.attach(own.id, organisation);
  });
  const keyFile = join(folder, "own.jwk");
  await writeFile(keyFile, JSON.stringify(await exportJWK(key.privateKey)));
  client = await registerClient({ relais: whole.origin, clientId: own.entityId, keyFile });
  const { id } = await client.send<{ id: string }>("POST", "/v1/applications", { level: 2 });
  ids = { participant: own.id, application: id };
  const member = await whole.signIn("member");
  await whole.store.write((w) => w.cases.addMembership({ personId: member.personId, participantId: own.id, addedAt: new Date() }));
  cookie = member.cookie;
  whole.staff.set("A", { name: "A", office: "accreditor", person: { issuer: UPSTREAM, subject: "accreditor" }, keys: [] });
  accreditor = (await whole.signIn("accreditor")).cookie;
});
after(async () => {
  await whole?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

interface Piece {
  id: string;
  file_name: string;
  sha256: string;
}

let serial = 0;
/** Each another file: the same one again would be the same piece. */
const fresh = (content: Buffer): Buffer => Buffer.concat([content, Buffer.from(`\n%${(serial += 1)}`)]);

async function upload(content: Buffer, name: string): Promise<Piece> {
  const query = { kind: "audit-report", name, date: "2026-01-01", issuer: "A" };
  const { evidence } = await client.upload<{ evidence: Piece[] }>(`/v1/applications/${ids.application}/evidence`, {
    bytes: content,
    query,
  });
  return evidence.at(-1) as Piece;
}

/** A form as a browser sends it, or as somebody who is none makes it up. */
function formOf(content: Buffer, disposition: string, type = "application/pdf"): { body: Buffer; headers: Record<string, string> } {
  const boundary = "----relais-test";
  const field = (name: string, value: string): string =>
    `--${boundary}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  const head = `${field("kind", "audit-report")}${field("date", "2026-01-01")}${field("issuer", "A")}--${boundary}\r\ncontent-disposition: form-data; name="file"; ${disposition}\r\ncontent-type: ${type}\r\n\r\n`;
  const body = Buffer.concat([Buffer.from(head), content, Buffer.from(`\r\n--${boundary}--\r\n`)]);
  return { body, headers: { "content-type": `multipart/form-data; boundary=${boundary}`, cookie, origin: whole.origin } };
}

const page = (path: string, init: { headers?: Record<string, string> } = {}): Promise<Response> =>
  fetch(`${whole.origin}${path}`, {
    redirect: "manual",
    ...init,
    headers: { accept: "text/html", cookie, origin: whole.origin, ...init.headers },
  });
const evidencePage = (): string => `/en/organisation/${ids.participant}/evidence`;

async function send(content: Buffer, disposition: string, type?: string): Promise<number> {
  const { body, headers } = formOf(content, disposition, type);
  const { status } = await fetch(`${whole.origin}${evidencePage()}`, {
    method: "POST",
    redirect: "manual",
    headers,
    body: new Uint8Array(body),
  });
  return status;
}

const PDF = Buffer.from(
  "%PDF-1.7\n<html><script>alert(1)</script></html>\n1 0 obj << /OpenAction << /S /JavaScript /JS (app.alert(1)) >> >>",
);
const PNG = Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), Buffer.from("<html><body onload=alert(1)>")]);
const JPEG = Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), Buffer.from("<svg onload=alert(1)>")]);
const BOMB = Buffer.concat([
  Buffer.from("%PDF-1.7\n1 0 obj << /Filter /FlateDecode >> stream\n"),
  deflateSync(Buffer.alloc(20 * MIB)),
  Buffer.from("\nendstream"),
]);
const ZIP = Buffer.from("PK\u0003\u0004");

/** Every way to read it, and what each must say. */
async function assertDownload(id: string, content: Buffer): Promise<void> {
  const answers = [
    await page(`${evidencePage()}/${id}`),
    await page(`/fr/organisation/${ids.participant}/evidence/${id}`, { headers: { accept: "image/png,*/*", "sec-fetch-dest": "image" } }),
    await page(`/en/accreditation/evidence/${id}`, { headers: { cookie: accreditor } }),
  ];
  const { bytes, headers } = await client.download(`/v1/evidence/${id}`);
  for (const [found, body] of [
    ...(await Promise.all(answers.map(async (one) => [one.headers, Buffer.from(await one.arrayBuffer())] as const))),
    [headers, Buffer.from(bytes)] as const,
  ]) {
    assert.deepEqual(body, content);
    assert.match(String(found.get("content-type")), /^application\/octet-stream$/);
    // RFC 6266: a name of our own making, of letters that need no encoding.
    assert.match(String(found.get("content-disposition")), /^attachment; filename="evd_[A-Za-z0-9]+\.(pdf|png|jpg)"$/);
    assert.equal(found.get("x-content-type-options"), "nosniff");
    assert.match(String(found.get("content-security-policy")), /default-src 'none'; sandbox/);
    assert.equal(found.get("cache-control"), "no-store");
    assert.equal(found.get("cross-origin-resource-policy"), "same-origin");
  }
}

// What a file is called, and how it is shown: one line of at most 120 characters that nothing can be read backwards in.
// oxfmt-ignore
const NAMES: [what: string, name: string, shown: RegExp][] = [
  ["a path upwards",            "../../../etc/passwd.pdf",                    /^\.\._\.\._\.\._etc_passwd\.pdf$/],
  ["a path of Windows",         "..\\..\\boot.ini.pdf",                       /^\.\._\.\._boot\.ini\.pdf$/],
  ["a new line and a header",   "a.pdf\r\nSet-Cookie: x=1",                   /^a\.pdf__Set-Cookie: x=1$/],
  ["writing from the right",    "report\u202efdp.exe",                        /^report_fdp\.exe$/],
  ["quotes and semicolons",     "a\"; filename=\"b.html",                     /^a"; filename="b\.html$/],
  ["a tag",                     "\"><script>alert(1)</script>.pdf",           /^"><script>alert\(1\)<_script>\.pdf$/],
  ["emoji",                     "a🧾🧾🧾.pdf",                                 /^a🧾🧾🧾\.pdf$/u],
  ["nothing",                   "",                                           /^file$/],
  ["accents",                   "relevé d’été.pdf",                           /^relevé d’été\.pdf$/],
];

describe("hostile names", () => {
  for (const [what, name, shown] of NAMES)
    test(`${what}: shown as text, and no part of an address or a header`, async () => {
      const content = fresh(PDF);
      const piece = await upload(content, name);
      assert.match(piece.file_name, shown);
      await assertDownload(piece.id, content);
      const html = await (await page(evidencePage())).text();
      assert.doesNotMatch(html, /<script>alert|\u202e/);
    });

  test("five thousand characters: refused by the API with a reason, cut by the form, and never in the middle of a character", async () => {
    await assert.rejects(upload(fresh(PDF), "x".repeat(5000)), (error: unknown) => error instanceof Refused && error.status === 400);
    assert.equal(await send(fresh(PDF), `filename="y${"🧾".repeat(1200)}.pdf"`), 303);
    const html = await (await page(evidencePage())).text();
    assert.ok(/(🧾){100,120}\.pdf/u.test(html) && html.isWellFormed());
  });

  // oxfmt-ignore
  const DISPOSITIONS: [what: string, disposition: string, status: number, shown: RegExp | null][] = [
    ["a path",                    'filename="../../x.pdf"',                       303, /x\.pdf/],
    ["UTF-8 as browsers send it", `filename="à-lire.pdf"`,                        303, /à-lire\.pdf/],
    ["an extended name",          `filename*=UTF-8''%E2%80%AE%E2%82%AC.pdf`,      303, /_€\.pdf/],
    ["two names",                 'filename="a.pdf"; filename="b.html"',          303, /[ab]\.(pdf|html)/],
    ["no name: no file",          "foo=bar",                                      422, null],
  ];
  for (const [what, disposition, status, shown] of DISPOSITIONS)
    test(`by the form, ${what}: ${status}`, async () => {
      assert.equal(await send(fresh(PDF), disposition), status);
      if (shown) assert.match(await (await page(evidencePage())).text(), shown);
    });
});

describe("hostile contents", () => {
  // oxfmt-ignore
  const TAKEN: [what: string, content: Buffer, name: string][] = [
    ["a PDF that is a page and holds a script", PDF,  "a.pdf"],
    ["a PNG that is a page",                    PNG,  "a.html"],
    ["a JPEG that is a drawing with a script",  JPEG, "a.svg"],
    ["a PDF that unpacks to 20 MiB",            BOMB, "bomb.pdf"],
  ];
  for (const [what, content, name] of TAKEN)
    test(`${what}: kept as it is, unpacked by nobody, given as a download only`, async () => {
      const own = fresh(content);
      const piece = await upload(own, name);
      await assertDownload(piece.id, own);
    });

  // oxfmt-ignore
  const REFUSED: [what: string, content: Buffer][] = [
    ["a drawing called PDF",     Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>')],
    ["a page called PDF",        Buffer.from("<!doctype html><script>alert(1)</script>")],
    ["a page before the PDF",    Buffer.from("<script>alert(1)</script>%PDF-1.7")],
    ["an archive called PDF",    ZIP],
    ["nothing",                  Buffer.alloc(0)],
    ["a mark of byte order",     Buffer.from("\ufeff%PDF-1.7")],
  ];
  for (const [what, content] of REFUSED)
    test(`${what}: refused by both ways in`, async () => {
      await assert.rejects(upload(content, "a.pdf"), (error: unknown) => error instanceof Refused && error.status === 415);
      assert.equal(await send(content, 'filename="a.pdf"'), 422);
    });

  test("the same file twice is one piece", async () => {
    const content = fresh(PDF);
    const [first, again] = [await upload(content, "a.pdf"), await upload(content, "b.pdf")];
    assert.equal(first.sha256, again.sha256);
    const { evidence } = await client.get<{ evidence: Piece[] }>(`/v1/applications/${ids.application}`);
    assert.equal(evidence.filter(({ sha256 }) => sha256 === first.sha256).length, 1);
  });
});

interface Poured {
  status: number;
  bytes: number;
}

/** Sends pieces of 64 KiB until it is answered, or has sent so many bytes. */
async function pour(path: string, headers: Record<string, string>, { head = Buffer.alloc(0), most = 1024 * MIB } = {}): Promise<Poured> {
  const call = request(`${whole.origin}${path}`, { method: "POST", headers });
  const answered = once(call, "response").then(([response]) => (response as { statusCode: number }).statusCode);
  let status: number | null = null;
  void answered.then(
    (code) => (status = code),
    () => undefined,
  );
  // The server hangs up on whoever goes on after its answer.
  call.on("error", () => undefined);
  const piece = Buffer.alloc(64 * 1024, "x");
  let bytes = head.length;
  if (head.length > 0) call.write(head);
  for (; status === null && bytes < most; bytes += piece.length)
    if (!call.write(piece)) await Promise.race([once(call, "drain"), answered]);
  if (status === null) call.end();
  const code = await answered;
  call.destroy();
  return { status: code, bytes };
}

describe("sizes", () => {
  const evidence = (): string => `/v1/applications/${ids.application}/evidence?kind=audit-report&name=a.pdf&date=2026-01-01&issuer=A`;
  const authorized = { authorization: "DPoP abc", dpop: "x.y.z", "content-type": "application/pdf" };

  test("a gigabyte that is announced is refused before it comes, and of what is not announced nothing is kept", async () => {
    const before = process.memoryUsage().rss;
    const announced = await pour(evidence(), { ...authorized, "content-length": String(1024 * MIB) });
    assert.equal(announced.status, 413);
    assert.ok(announced.bytes < 64 * MIB, `${announced.bytes} bytes were sent`);
    // What is not announced is read to its end, and nothing of it kept.
    const most = 256 * MIB;
    const chunked = await pour(evidence(), authorized, { most });
    assert.equal(chunked.status, 413);
    const { body, headers } = formOf(Buffer.from("%PDF-1.7"), 'filename="a.pdf"');
    const form = await pour(evidencePage(), headers, { head: Buffer.from(body.subarray(0, body.length - 30)), most });
    assert.equal(form.status, 413);
    assert.ok(process.memoryUsage().rss - before < 150 * MIB, "nothing of that size was kept");
  });

  test("who shows no token is refused before anything is read", async () => {
    const { status, bytes } = await pour(evidence(), { "content-type": "application/pdf" });
    assert.equal(status, 401);
    assert.ok(bytes < 64 * MIB, `${bytes} bytes were sent`);
  });

  test("a body that unpacks to more than ten megabytes is refused while it unpacks", async () => {
    const response = await fetch(`${whole.origin}${evidence()}`, {
      method: "POST",
      headers: { ...authorized, "content-encoding": "gzip" },
      body: new Uint8Array(gzipSync(Buffer.alloc(200 * MIB))),
    });
    assert.equal(response.status, 413);
  });

  test("a file of exactly ten megabytes is taken, one byte more is not", async () => {
    const full = Buffer.alloc(10 * MIB, "x");
    Buffer.from("%PDF-1.7").copy(full);
    assert.ok((await upload(full, "full.pdf")).id);
    await assert.rejects(
      upload(Buffer.concat([full, Buffer.from("x")]), "over.pdf"),
      (error: unknown) => error instanceof Refused && error.status === 413,
    );
  });
});
