import assert from "node:assert/strict";
import { test } from "node:test";
import { CONVERSIONS, conversionFrom, copyKey, isCopyKey } from "../../src/core/conversion/conversions.ts";
import { jsonToCsv } from "../../src/core/conversion/json-to-csv.ts";
import { flawOfItemKey, MAX_KEY_BYTES } from "../../src/core/transfer/item-key.ts";
import { sha256 } from "../../src/core/transfer/manifest.ts";

/** `json-to-csv/1`, as a table: what is written on the left gives what stands on the right, for ever. Another result is another version. */

const convert = (json: string): string | null => {
  const made = jsonToCsv(Buffer.from(json));
  return made === null ? null : Buffer.from(made).toString();
};

const TABLES: [what: string, json: string, csv: string][] = [
  ["one record is one row", '{"date":"2024-03-01","kwh":9.4}', "date,kwh\r\n2024-03-01,9.4\r\n"],
  ["a list of records is a row each", '[{"a":1},{"a":2}]', "a\r\n1\r\n2\r\n"],
  ["the one list in an object is the table", '{"readings":[{"a":1},{"a":2}]}', "a\r\n1\r\n2\r\n"],
  ["a list beside other members is a cell", '{"of":"me","readings":[{"a":1}]}', 'of,readings\r\nme,"[{""a"":1}]"\r\n'],
  ["columns have one order, whatever the source writes", '[{"b":1,"a":2,"10":3,"9":4}]', "10,9,a,b\r\n3,4,2,1\r\n"],
  ["a record may lack what another has", '[{"a":1},{"b":2}]', "a,b\r\n1,\r\n,2\r\n"],
  ["nested objects are dotted columns", '{"period":{"from":"1","until":{"day":"2"}}}', "period.from,period.until.day\r\n1,2\r\n"],
  [
    "a number is as it is written",
    '[{"n":1.10},{"n":-0.0},{"n":1e400},{"n":12345678901234567890.123}]',
    "n\r\n1.10\r\n-0.0\r\n1e400\r\n12345678901234567890.123\r\n",
  ],
  ["also in a cell of JSON", '{"v":[1.10,12345678901234567890],"z":0}', 'v,z\r\n"[1.10,12345678901234567890]",0\r\n'],
  ["a cell of JSON has sorted members", '{"v":[{"b":1, "a":[ true ]}],"z":0}', 'v,z\r\n"[{""a"":[true],""b"":1}]",0\r\n'],
  ["quotes, commas and line breaks", '{"t":"a \\"b\\", c\\nd\\r\\ne"}', 't\r\n"a ""b"", c\nd\r\ne"\r\n'],
  ["spaces at an end are kept", '{"t":" a "}', 't\r\n" a "\r\n'],
  ["Unicode, escaped or not", '{"été":"\\u00e9 – 🏠"}', "été\r\né – 🏠\r\n"],
  ["nothing, an empty text, true and false", '{"a":null,"b":"","c":true,"d":false}', 'a,b,c,d\r\n,"",true,false\r\n'],
  ["no line is empty", '[{"a":null},{"a":1}]', 'a\r\n""\r\n1\r\n'],
  ["an empty object or list", '{"a":{},"b":[],"c":1}', "a,b,c\r\n{},[],1\r\n"],
  [
    "a formula is a text",
    '{"t":"=HYPERLINK(\\"x\\")","u":"+1+1","v":"-1+cmd","w":"@SUM(A1)","x":"\\t=1"}',
    `t,u,v,w,x\r\n"'=HYPERLINK(""x"")",'+1+1,'-1+cmd,'@SUM(A1),'\t=1\r\n`,
  ],
  ["a formula is no name of a column", '{"=1+1":1}', "'=1+1\r\n1\r\n"],
  ["a sign with digits is none", '{"t":"+33 6 12 34 56 78","u":"-12.50","v":-5}', "t,u,v\r\n+33 6 12 34 56 78,-12.50,-5\r\n"],
];

for (const [what, json, csv] of TABLES) test(`a table: ${what}`, () => assert.equal(convert(json), csv));

const NO_TABLES: [what: string, json: string][] = [
  ["no JSON", "date;kwh"],
  ["nothing", ""],
  ["a byte order mark", "\ufeff{}"],
  ["a number alone", "3"],
  ["null", "null"],
  ["a list of numbers", "[1,2]"],
  ["records among other things", '[{"a":1},2]'],
  ["an empty list", "[]"],
  ["an empty record", "{}"],
  ["one name twice", '{"a":1,"a":2}'],
  ["two members for one column", '{"a.b":1,"a":{"b":2}}'],
  ["half a character", '{"a":"\\ud800"}'],
  ["more than 64 levels", `${'{"a":'.repeat(70)}1${"}".repeat(70)}`],
  ["levels without end", "[".repeat(200_000) + "]".repeat(200_000)],
  ["more than 1000 columns", JSON.stringify(Object.fromEntries(Array.from({ length: 1001 }, (_, at) => [`c${at}`, at])))],
  ["a table far larger than its records", JSON.stringify(Array.from({ length: 20_000 }, (_, at) => ({ [`c${at % 900}`]: at })))],
];

for (const [what, json] of NO_TABLES) test(`no table: ${what}`, () => assert.equal(convert(json), null));

test("bytes that are no UTF-8 are no table", () => assert.equal(jsonToCsv(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])), null));

test("the name of a copy is a key, ends so that spreadsheets know it, and is the copy's alone", () => {
  for (const key of ["2024-03-01", "a/b.json", "é".repeat(100), "x".repeat(MAX_KEY_BYTES), `${"y".repeat(190)}/${"z".repeat(9)}`]) {
    const copy = copyKey(key, "csv");
    assert.equal(flawOfItemKey(copy), null, copy);
    assert.ok(copy.endsWith(".relais.csv") && isCopyKey(copy) && !isCopyKey(key), copy);
  }
  assert.equal(copyKey("2024-03-01", "csv"), "2024-03-01.relais.csv");
  assert.notEqual(copyKey(`${"x".repeat(199)}a`, "csv"), copyKey(`${"x".repeat(199)}b`, "csv"), "two long names stay two");
});

test("a media type is read without its parameters, and only what the table names is converted", () => {
  assert.equal(conversionFrom("Application/JSON; charset=utf-8", "csv")?.id, "json-to-csv/1");
  for (const other of ["application/pdf", "application/ld+json", "text/csv", ""]) assert.equal(conversionFrom(other, "csv"), null, other);
});

test("what a conversion makes never changes under its name", () => {
  const original = Buffer.from(
    '[{"date":"2024-03-01","kwh":1.10,"paid":null,"who":{"name":"Zoé, \\"Z\\""}},{"date":"=1","lines":[{"b":2,"a":1}]}]',
  );
  const digests = CONVERSIONS.map(({ id, convert: make }) => [id, sha256(make(original) as Uint8Array)]);
  assert.deepEqual(digests, [
    ["json-to-csv/1", sha256('date,kwh,lines,paid,who.name\r\n2024-03-01,1.10,,,"Zoé, ""Z"""\r\n\'=1,,"[{""a"":1,""b"":2}]",,\r\n')],
  ]);
});
