import assert from "node:assert/strict";
import { test } from "node:test";
import { RelaisError } from "../../src/core/errors.ts";
import { COMPACT_ITEMS, readCompactForm, writeCompactForm, type CompactItem } from "../../src/core/transfer/compact-form.ts";

const JWS = "eyJhbGciOiJFUzI1NiJ9.eyJpdGVtcyI6W119.c2lnbmF0dXJl";
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const item = (key: string, body: Uint8Array): CompactItem => ({ dataset: "energy.bills", key, mediaType: "application/pdf", body });
const read = (form: { contentType: string; body: Uint8Array }) => readCompactForm(form.contentType, Buffer.from(form.body));

test("what is written is read: bytes of every kind, names of every kind, and the same parts give the same bytes", () => {
  const items = [
    item(
      "2024/03 été.pdf",
      Uint8Array.from({ length: 256 }, (_, byte) => byte),
    ),
    item("empty", new Uint8Array()),
    // What looks like an end of a part is none: only the digest of the manifest is.
    item("lines", bytes("\r\n--\r\n\r\n--boundary--\r\n\r\n")),
    item("%2F%00", bytes("a percent sign is a character")),
    { ...item("typed", bytes("{}")), mediaType: 'text/plain; charset="utf-8"' },
  ];
  const form = writeCompactForm(JWS, items);
  const { manifestJws, items: found } = read(form);
  assert.equal(manifestJws, JWS);
  assert.deepEqual(
    found.map((one) => ({ ...one, body: Buffer.from(one.body).toString("hex") })),
    items.map((one) => ({ ...one, body: Buffer.from(one.body).toString("hex") })),
  );
  assert.deepEqual(writeCompactForm(JWS, items), form);
  assert.match(form.contentType, /^multipart\/related; type="application\/self-data-manifest\+jwt"; boundary="[\w-]{43}"$/);
});

test("an item that holds another transfer's delimiter stays one item", () => {
  const inner = writeCompactForm("eyJ.eyJ.other", [item("inner", bytes("x"))]);
  assert.deepEqual(
    read(writeCompactForm(JWS, [item("outer", inner.body)])).items.map(({ key }) => key),
    ["outer"],
  );
});

const GOOD = writeCompactForm(JWS, [item("a", bytes("1"))]);
const text = Buffer.from(GOOD.body).toString();
const boundary = /boundary="(.*)"/.exec(GOOD.contentType)?.[1] as string;
const changed = (from: string | RegExp, to: string) => ({ ...GOOD, body: Buffer.from(text.replace(from, to)) });

// oxfmt-ignore
const FLAWED: Record<string, { contentType: string; body: Uint8Array }> = {
  "names no boundary":                    { ...GOOD, contentType: "multipart/related" },
  "names no boundary (another type)":     { ...GOOD, contentType: `multipart/form-data; boundary="${boundary}"` },
  "does not begin with its boundary":     changed(`--${boundary}`, `x--${boundary}`),
  "last part has no end":                 changed(`--${boundary}--`, ""),
  "followed by something else":           changed(`--${boundary}--`, `--${boundary}x`),
  "followed by something else (epilogue)": { ...GOOD, body: Buffer.concat([GOOD.body, Buffer.from("more")]) },
  "first part is not the manifest":       changed("self-data-manifest+jwt", "json"),
  "a part has no Content-Type":           changed("Content-Type: application/pdf\r\n", ""),
  "a part has no head":                   changed(/Content-Type: application\/pdf[^]*\r\n1/, "1"),
  "no Content-Location":                  changed(/Content-Location: .*\r\n/, ""),
  "no Content-Location (deeper)":         changed("items/energy.bills/a", "items/energy.bills/a/b"),
  "not percent-encoded UTF-8":            changed("items/energy.bills/a", "items/energy.bills/%FF"),
  [`more than ${COMPACT_ITEMS} items`]:   writeCompactForm(JWS, Array.from({ length: COMPACT_ITEMS + 1 }, (_, at) => item(`k${at}`, bytes("")))),
};

for (const [name, form] of Object.entries(FLAWED))
  test(`refused: ${name}`, () => {
    const sentence = name.replace(/ \(.*\)$/, "");
    assert.throws(
      () => read(form),
      (error) => error instanceof RelaisError && error.code === "invalid" && error.message.includes(sentence),
    );
  });
