import assert from "node:assert/strict";
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openStaff } from "../../src/policies/staff.ts";
import { testKey, type TestKey } from "../support/register-fixtures.ts";

let folder: string;
let one: TestKey;
let two: TestKey;
let written = 0;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "relais-staff-"));
  [one, two] = await Promise.all([testKey(), testKey()]);
});
after(() => rmSync(folder, { recursive: true }));

const file = () => join(folder, "staff.json");
function write(list: object[]): void {
  writeFileSync(file(), JSON.stringify(list));
  // Each writing is seen, however fast one follows the other.
  const at = new Date(Date.now() + (written += 1) * 1000);
  utimesSync(file(), at, at);
}
const open = (onFailure: (error: unknown) => void = (error) => assert.fail(String(error))) => openStaff(file(), onFailure);

const person = (subject: string, issuer = "https://id.example") => ({ person: { issuer, subject } });
const accreditor = (name: string, more: object) => ({ name, office: "accreditor", ...more });

// oxfmt-ignore
const REFUSED: [what: string, list: () => object[], says: RegExp][] = [
  ["one person under two names", () => [accreditor("A", person("x")), accreditor("B", person("x"))], /"A" and "B" have the same person/],
  ["one key under two names",    () => [accreditor("A", { keys: [one.publicJwk] }), accreditor("B", { keys: [two.publicJwk, one.publicJwk] })], /"A" and "B" have the same key/],
  ["one key with two kids",      () => [accreditor("A", { keys: [one.publicJwk] }), accreditor("B", { keys: [{ ...one.publicJwk, kid: "other", use: "sig", alg: "x" }] })], /"A" and "B" have the same key/],
  ["the first and the third",    () => [accreditor("A", person("x")), accreditor("B", person("y")), accreditor("C", person("x"))], /"A" and "C" have the same person/],
];
for (const [what, list, says] of REFUSED)
  test(`refused at the start: ${what}`, () => {
    write(list());
    assert.throws(() => open(), says);
  });

test("two accreditors are two people with two keys; what else holds another office does not count", () => {
  write([
    accreditor("A", { ...person("x"), keys: [one.publicJwk, { ...one.publicJwk, kid: "again" }] }),
    accreditor("B", { ...person("x", "https://other.example"), keys: [two.publicJwk] }),
    { name: "Authority", office: "authority", ...person("x") },
    accreditor("C", {}),
    accreditor("D", {}),
  ]);
  assert.equal(open().findName("B")?.office, "accreditor");
});

test("where it becomes wrong later, nobody has an office until it is mended", () => {
  write([accreditor("A", person("x")), accreditor("B", person("y"))]);
  const failures: unknown[] = [];
  const staff = open((error) => failures.push(error));
  write([accreditor("A", person("x")), accreditor("B", person("x"))]);
  assert.deepEqual([staff.findName("A"), staff.findPerson("https://id.example", "x")], [null, null]);
  assert.match(String(failures[0]), /"A" and "B"/);
  write([accreditor("A", person("x"))]);
  assert.equal(staff.findPerson("https://id.example", "x")?.name, "A");
});
