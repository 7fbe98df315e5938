import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { originOf } from "../../src/core/ledger/checkpoint.ts";
import { proveEntry } from "../../src/core/ledger/prove-entry.ts";
import { signNote } from "../../src/core/ledger/note.ts";
import { ENTRY_KINDS } from "../../src/core/ledger/ledger.ts";
import { formatProof, parseProof } from "../../src/core/ledger/proof-file.ts";
import { hashLeaf } from "../../src/core/ledger/tree.ts";
import { newId } from "../../src/core/ids.ts";
import { accreditParticipant } from "../../src/core/register/accredit-participant.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { MANIFEST_TYPE, RECEIPT_TYPE } from "../../src/core/transfer/manifest.ts";
import { REASONS, reinstate, suspend } from "../support/charter.ts";
import { logSigner } from "../support/document-check.ts";
import { startPortal, type Portal } from "../support/portal.ts";
import { realClock } from "../support/real-clock.ts";
import { testKey, type TestKey } from "../support/register-fixtures.ts";

/** What a document that somebody hands in is worth: the same by the API and on the page, whatever is handed in. */

let portal: Portal;
let platform: Participant;
let platformKey: TestKey;

before(async () => {
  portal = await startPortal();
  platformKey = await testKey();
  platform = await portal.platform("Nuage <b>libre</b>", { keys: [platformKey.publicJwk] });
});
after(() => portal[Symbol.asyncDispose]());

const marking = () => ({
  store: portal.store,
  clock: realClock,
  issuer: portal.origin,
  statements: { signDocument: portal.keys.federation.sign },
  charters: portal.charters,
  queue: { ring: async () => undefined },
});
const accredit = async () => (await accreditParticipant(marking(), { participantId: platform.id, level: 1, reasons: REASONS })).jwt;

interface Answer {
  kind: string;
  finding: string;
  about: { name: string | null } | null;
  details: Record<string, unknown> | null;
  checks: { check: string; holds: boolean }[];
  unchecked: string[];
  command: string;
  code?: string;
  detail?: string;
}

async function ask(
  document: string | Uint8Array<ArrayBuffer>,
  type: string | null = "text/plain",
): Promise<{ status: number; body: Answer }> {
  const body = typeof document === "string" ? new TextEncoder().encode(document) : document;
  const response = await fetch(`${portal.origin}/v1/verifications`, {
    method: "POST",
    body,
    headers: type === null ? {} : { "content-type": type },
  });
  return { status: response.status, body: (await response.json()) as Answer };
}

const findingOf = async (document: string): Promise<string> => {
  const { body } = await ask(document);
  return `${body.kind} ${body.finding}`;
};

async function paste(document: string, lang = "en"): Promise<{ status: number; text: string }> {
  const form = new FormData();
  form.set("document", document);
  return portal.page(`/${lang}/verify`, { method: "POST", body: form });
}

function forgedWith(parts: { header: object; payload: object; signature?: string }): string {
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${encode(parts.header)}.${encode(parts.payload)}.${parts.signature ?? ""}`;
}

describe("a trust mark", () => {
  test("is told apart: in force, suspended, replaced, forged, of somebody else", async () => {
    const mark = await accredit();
    const { status, body } = await ask(mark);
    assert.equal(status, 200);
    assert.deepEqual([body.kind, body.finding, body.about?.name, body.details?.["level"]], ["trust_mark", "active", platform.name, 1]);
    assert.deepEqual(body.checks, [
      { check: "signature", holds: true },
      { check: "issued_here", holds: true },
      { check: "standing_now", holds: true },
    ]);
    assert.equal(body.command, `relais verify FILE --anchor ${portal.origin}`);
    assert.equal(
      await findingOf(`\uFEFF ${mark.slice(0, 80)}\r\n${mark.slice(80)}\n`),
      "trust_mark active",
      "as mail programs break lines",
    );
    await suspend(portal.store, platform.id);
    assert.equal(await findingOf(mark), "trust_mark suspended");
    await reinstate(marking(), platform.id);
    assert.equal(await findingOf(mark), "trust_mark revoked");
  });

  test("that is not by us is forged where it says so, and not ours where it does not", async () => {
    const stranger = await testKey();
    const { federation } = portal.keys;
    const iat = Math.floor(Date.now() / 1000);
    const claims = {
      iss: portal.origin,
      sub: platform.entityId,
      trust_mark_type: `${portal.origin}/charter/2026-11`,
      iat,
      exp: iat + 600,
      level: 2,
    };
    const header = { typ: "trust-mark+jwt", kid: federation.kid };
    const signed = await stranger.sign("trust-mark+jwt", claims);
    const table: [what: string, jwt: string, finding: string][] = [
      ["another key", signed, "forged"],
      ["no algorithm", forgedWith({ header: { ...header, alg: "none" }, payload: claims }), "forged"],
      [
        "our kid, another signature",
        forgedWith({ header: { ...header, alg: "ES256" }, payload: claims, signature: signed.split(".")[2] as string }),
        "forged",
      ],
      ["HMAC with our public key", forgedWith({ header: { ...header, alg: "HS256" }, payload: claims, signature: "AAAA" }), "forged"],
      ["our key, in no table", await federation.sign("trust-mark+jwt", claims), "forged"],
      ["another issuer", await stranger.sign("trust-mark+jwt", { ...claims, iss: "https://other.example" }), "not_ours"],
      ["no issuer", await stranger.sign("trust-mark+jwt", {}), "not_ours"],
    ];
    for (const [what, jwt, finding] of table) {
      const { status, body } = await ask(jwt);
      assert.deepEqual([status, body.kind, body.finding, body.details, body.about], [200, "trust_mark", finding, null, null], what);
    }
  });
});

describe("a manifest or a receipt", () => {
  const HOLDER = "https://parc.example";
  const claimsOf = (iss: string, more: object = {}) => ({
    iss,
    iat: Math.floor(Date.now() / 1000),
    transfer: newId("transfer"),
    consent: newId("consent"),
    source: HOLDER,
    destination: platform.entityId,
    items: [{ dataset: "energy.bills", key: "1", bytes: 1500, "sha-256": "x" }],
    omissions: [],
    ...more,
  });

  test("holds where the rightful signer signed it, with what it says and what cannot be seen in it", async () => {
    const { documents } = portal.keys;
    const manifest = await ask(await documents.sign(MANIFEST_TYPE, claimsOf(portal.origin)));
    assert.deepEqual([manifest.body.kind, manifest.body.finding, manifest.body.details?.["bytes"]], ["manifest", "holds", 1500]);
    assert.deepEqual(manifest.body.checks, [
      { check: "signature", holds: true },
      { check: "kept_copy", holds: false },
    ]);
    assert.deepEqual(manifest.body.unchecked, ["files", "counterpart"]);
    assert.equal(await findingOf(await platformKey.sign(RECEIPT_TYPE, claimsOf(platform.entityId, { observed: false }))), "receipt holds");
    assert.equal(await findingOf(await documents.sign(RECEIPT_TYPE, claimsOf(portal.origin, { observed: true }))), "receipt holds");
  });

  test("does not where somebody else signed it, it was changed, or nobody here knows the signer", async () => {
    const { documents } = portal.keys;
    const stranger = await testKey();
    const receipt = await platformKey.sign(RECEIPT_TYPE, claimsOf(platform.entityId));
    const [head, , tail] = receipt.split(".");
    const changed = Buffer.from(JSON.stringify(claimsOf(platform.entityId))).toString("base64url");
    const table: [what: string, jws: string, finding: string][] = [
      ["not by the broker", await stranger.sign(MANIFEST_TYPE, claimsOf(portal.origin)), "manifest forged"],
      ["a manifest by the destination", await platformKey.sign(MANIFEST_TYPE, claimsOf(platform.entityId)), "manifest forged"],
      ["a receipt by the broker that is not observed", await documents.sign(RECEIPT_TYPE, claimsOf(portal.origin)), "receipt forged"],
      [
        "a key that the register does not know today",
        await stranger.sign(RECEIPT_TYPE, claimsOf(platform.entityId)),
        "receipt unknown_key",
      ],
      ["changed", `${head}.${changed}.${tail}`, "receipt unknown_key"],
      [
        "a stranger",
        await stranger.sign(RECEIPT_TYPE, claimsOf("https://x.example", { destination: "https://x.example" })),
        "receipt not_ours",
      ],
      ["without items", await documents.sign(MANIFEST_TYPE, { iss: portal.origin }), "manifest unreadable"],
      ["null items", await documents.sign(MANIFEST_TYPE, claimsOf(portal.origin, { items: [null] })), "manifest unreadable"],
    ];
    for (const [what, jws, finding] of table) assert.equal(await findingOf(jws), finding, what);
  });

  test("by a key of the past holds where it is the very document that Relais keeps", async () => {
    const old = await testKey();
    const claims = claimsOf(platform.entityId);
    const jws = await old.sign(RECEIPT_TYPE, claims);
    assert.equal(await findingOf(jws), "receipt unknown_key");
    await portal.query(
      `set session_replication_role = replica;
       insert into transfer_documents (id, transfer_id, kind, jws, created_at) values ('${newId("document")}', '${claims.transfer}', 'receipt', '${jws}', now());
       reset session_replication_role`,
    );
    const { body } = await ask(jws);
    assert.deepEqual([body.finding, body.checks.map(({ holds }) => holds)], ["holds", [false, true]]);
  });
});

describe("a proof of the log", () => {
  const proof = () => proveEntry({ store: portal.store, key: portal.keys.log }, 0);

  for (const kind of ENTRY_KINDS)
    test(`says that the entry is of the kind ${kind}`, async () => {
      const index = await portal.store.write((w) => w.log.append({ kind, at: new Date(), body: {} }));
      const { body } = await ask(await proveEntry({ store: portal.store, key: portal.keys.log }, index));
      assert.deepEqual([body.finding, body.details?.["entry"]], ["holds", kind]);
    });

  test("leads to the decision and to today’s standing", async () => {
    await accredit();
    const { body } = await ask(await proof());
    assert.deepEqual([body.kind, body.finding, body.about?.name], ["log_proof", "holds", platform.name]);
    assert.match(String(body.details?.["decision"]), /^dec_/);
    assert.equal(body.details?.["standing"], "accredited");
    assert.match(body.command, /^relais log verify --proof FILE --key '127\.0\.0\.1:\d+\/log\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+'$/);
    assert.equal(await findingOf((await proof()).replaceAll("\n", "\r\n").trimEnd()), "log_proof holds", "as a browser sends it");
  });

  test("that was changed is forged, of another log is not ours, cut off is not readable", async () => {
    const whole = await proof();
    const parsed = parseProof(whole);
    assert.equal(await findingOf(formatProof({ ...parsed, extra: Buffer.from('{"kind":"decision"}') })), "log_proof forged");
    assert.equal(await findingOf(formatProof({ ...parsed, index: 1 })), "log_proof forged");
    const root = hashLeaf(Buffer.from("{}"));
    const noteOf = (name: string): string => signNote(`${name}\n1\n${root.toString("base64")}\n`, logSigner(name));
    const lonely = { index: 0, path: [], extra: Buffer.from("{}") };
    assert.equal(await findingOf(formatProof({ ...lonely, checkpoint: noteOf("other.example/log") })), "log_proof not_ours");
    assert.equal(
      await findingOf(formatProof({ ...lonely, checkpoint: noteOf(originOf(portal.origin)) })),
      "log_proof forged",
      "our name, another key",
    );
    assert.equal(await findingOf(whole.slice(0, 200)), "log_proof unreadable");
    assert.equal(await findingOf("c2sp.org/tlog-proof@v1"), "log_proof unreadable");
  });

  test("that our own key signed over another history is a contradiction", async () => {
    const root = hashLeaf(Buffer.from("{}"));
    const checkpoint = signNote(`${portal.keys.log.name}\n1\n${root.toString("base64")}\n`, portal.keys.log);
    assert.equal(await findingOf(formatProof({ index: 0, path: [], extra: Buffer.from("{}"), checkpoint })), "log_proof contradicted");
  });
});

describe("whatever else is handed in", () => {
  const NESTED = "[".repeat(20_000) + "]".repeat(20_000);
  const HOSTILE: [what: string, text: string][] = [
    ["html", "<script>alert('marker-77')</script>"],
    ["deep JSON", NESTED],
    ["dots alone", ".".repeat(1000)],
    ["a token with a deep header", `${Buffer.from(NESTED).toString("base64url")}.e30.x`],
    ["a header that is no object", `${Buffer.from("null").toString("base64url")}.e30.x`],
    ["a prototype as type", `${Buffer.from('{"typ":"__proto__"}').toString("base64url")}.e30.x`],
    ["spaces between", `eyJ ${"x ".repeat(50_000)}`],
    ["a JWT of another kind", forgedWith({ header: { typ: "JWT", alg: "none" }, payload: { iss: "x" } })],
    ["a template", "{{ 7 * 7 }} {% include 'layout.njk' %}"],
  ];

  test("is not readable, in a moment, by the API and on the page", async () => {
    for (const [what, text] of HOSTILE) {
      const { status, body } = await ask(text);
      assert.deepEqual([status, body.finding], [200, "unreadable"], what);
      const page = await paste(text);
      assert.equal(page.status, 200, what);
      assert.match(page.text, /no trust mark, no manifest, no receipt and no proof file/, what);
      assert.doesNotMatch(page.text, /marker-77|>49</, what);
    }
  });

  test("a payload of deep JSON under a known type does no harm", async () => {
    const [header] = forgedWith({ header: { typ: "trust-mark+jwt", alg: "ES256", kid: "x" }, payload: {} }).split(".");
    const deep = Buffer.from(`{"iss":"${portal.origin}","trust_mark_type":"x","a":${NESTED}}`).toString("base64url");
    assert.equal(await findingOf(`${header}.${deep}.AAAA`), "trust_mark forged");
  });

  test("names and claims come out as text, never as markup", async () => {
    const mark = await accredit();
    for (const lang of ["fr", "en"]) {
      const { text } = await paste(mark, lang);
      assert.match(text, /Nuage &lt;b&gt;libre&lt;\/b&gt;/);
      assert.doesNotMatch(text, /<b>libre/);
    }
    const evil = { iss: portal.origin, sub: "<img src=x onerror=alert(1)>", trust_mark_type: "<i>t</i>", iat: 1 };
    const { text } = await paste(await (await testKey()).sign("trust-mark+jwt", evil));
    assert.doesNotMatch(text, /onerror|<i>t/, "what a forged mark claims is not repeated");
  });

  test("has a clear answer where it is too large, of another kind of content, empty, or not text", async () => {
    const large = "x".repeat(256 * 1024 + 1);
    const table: [what: string, answer: Promise<{ status: number; body: Answer }>, status: number, says: RegExp][] = [
      ["too large", ask(large), 413, /256 KiB/],
      ["JSON", ask('{"document":"x"}', "application/json"), 415, /text\/plain/],
      ["a form", ask("document=x", "application/x-www-form-urlencoded"), 415, /text\/plain/],
      ["empty", ask(""), 400, /nothing here/],
      ["spaces", ask(" \n\n "), 400, /nothing here/],
      ["not UTF-8", ask(new Uint8Array([0x65, 0xff, 0xfe])), 400, /UTF-8/],
    ];
    for (const [what, answer, status, says] of table) {
      const got = await answer;
      assert.equal(got.status, status, what);
      assert.match(String(got.body.detail), says, what);
    }
    assert.equal((await ask("x".repeat(256 * 1024))).status, 200, "exactly 256 KiB");
    assert.equal((await ask("x", null)).status, 200, "no content type");
    assert.equal((await fetch(`${portal.origin}/v1/verifications`)).status, 405);
    assert.equal((await paste(large)).status, 413);
    const nothing = await paste("  ");
    assert.equal(nothing.status, 422);
    assert.match(nothing.text, /Paste a document, or choose a file/);
  });

  test("a file is read as a pasted text is; one that is no text, or too large, is refused", async () => {
    const send = (content: Uint8Array<ArrayBuffer>): Promise<{ status: number; text: string }> => {
      const form = new FormData();
      form.set("file", new Blob([content]), "<b>mark.jwt");
      return portal.page("/fr/verify", { method: "POST", body: form });
    };
    const good = await send(new TextEncoder().encode(await accredit()));
    assert.match(good.text, /En vigueur/);
    assert.doesNotMatch(good.text, /<b>mark/);
    assert.equal((await send(new Uint8Array([0xff, 0xd8, 0xff]))).status, 422);
    assert.equal((await send(new Uint8Array(256 * 1024 + 1))).status, 413);
  });

  test("nobody whom it names is asked, and nothing of it is written down", async () => {
    let asked = 0;
    const server = createServer((_req, res) => void ((asked += 1), res.end()));
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    const there = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const stranger = await testKey();
    const claims = { iss: there, sub: there, trust_mark_type: `${there}/type`, ref: there, jwks_uri: there, iat: 1, transfer: "marker-88" };
    const items = { items: [], omissions: [], source: there, destination: there };
    for (const type of ["trust-mark+jwt", MANIFEST_TYPE, RECEIPT_TYPE]) {
      assert.match(await findingOf(await stranger.sign(type, { ...claims, ...items })), /not_ours$/);
      await paste(await stranger.sign(type, { ...claims, ...items, iss: portal.origin }));
    }
    await ask("marker-88".repeat(40_000));
    server.close();
    assert.equal(asked, 0);
    assert.ok(portal.logged.length > 0);
    assert.doesNotMatch(portal.logged.join("\n"), /marker-88|bWFya2VyLTg4/);
  });
});
