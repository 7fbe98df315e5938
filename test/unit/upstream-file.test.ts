import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { RelaisError } from "../../src/core/errors.ts";
import { readUpstreams } from "../../src/signin/upstream-file.ts";

/** The file of `RELAIS_SIGNIN_FILE`: what it says, and each way in which it can be wrong. */

const dir = mkdtempSync(join(tmpdir(), "relais-upstreams-"));
after(() => rmSync(dir, { recursive: true }));
const file = (name: string, text: string): string => {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
};
const secret = file("secret", "  shared with the city \n");
const CITY = { id: "city", name: "Ma ville", issuer: "https://login.city.example", client_id: "relais" };

test("says where people sign in, with what is left out as it is by default", () => {
  const path = file(
    "right",
    JSON.stringify([
      CITY,
      {
        ...CITY,
        id: "fc",
        name: "FranceConnect+",
        profile: "franceconnect-plus",
        algorithm: "RS256",
        assurance: "high",
        client_secret_file: secret,
      },
    ]),
  );
  const base = { issuer: "https://login.city.example", clientId: "relais" };
  assert.deepEqual(readUpstreams(path), [
    { ...base, id: "city", name: "Ma ville", profile: "standard", algorithm: undefined, least: null },
    {
      ...base,
      id: "fc",
      name: "FranceConnect+",
      profile: "franceconnect-plus",
      algorithm: "RS256",
      least: "high",
      clientSecret: "shared with the city",
    },
  ]);
});

const without = (member: string) => Object.fromEntries(Object.entries(CITY).filter(([name]) => name !== member));

// oxfmt-ignore
const WRONG: [what: string, text: string, says: RegExp][] = [
  ["no JSON",               "[",                                                                      /It is not JSON/],
  ["no list",               JSON.stringify(CITY),                                                     /expected array/],
  ["an unknown member",     JSON.stringify([{ ...CITY, client_secret: "x" }]),                        /Unrecognized key: "client_secret"/],
  ["no issuer",             JSON.stringify([without("issuer")]),                                      /\[0\]\.issuer/],
  ["no client_id",          JSON.stringify([without("client_id")]),                                   /\[0\]\.client_id/],
  ["a bad address",         JSON.stringify([{ ...CITY, issuer: "login.city.example" }]),              /Invalid URL[\s\S]*\[0\]\.issuer/],
  ["another scheme",        JSON.stringify([{ ...CITY, issuer: "ftp://login.city.example" }]),        /Invalid URL/],
  ["an unknown profile",    JSON.stringify([{ ...CITY, profile: "franceconnect2" }]),                 /"franceconnect-plus"/],
  ["an unknown algorithm",  JSON.stringify([{ ...CITY, algorithm: "HS256" }]),                        /"ES256"\|"RS256"/],
  ["an unknown level",      JSON.stringify([{ ...CITY, assurance: "eidas2" }]),                       /"substantial"/],
  ["an id that is no word", JSON.stringify([{ ...CITY, id: "Ma ville" }]),                            /must be a short lower-case word/],
  ["a reserved id",         JSON.stringify([{ ...CITY, id: "default" }]),                             /is taken/],
  ["one id for two",        JSON.stringify([CITY, { ...CITY, name: "Autre" }]),                       /two have the same id/],
  ["one name for two",      JSON.stringify([CITY, { ...CITY, id: "other" }]),                         /two have the same name/],
  ["too many",              JSON.stringify(Array.from({ length: 21 }, (_, i) => ({ ...CITY, id: `c${i}`, name: `C ${i}` }))), /<=20/],
];

for (const [what, text, says] of WRONG)
  test(`${what} is refused, with what is wrong and who mends it`, () => {
    const path = file("wrong", text);
    assert.throws(
      () => readUpstreams(path),
      (error: unknown) => {
        assert.ok(error instanceof RelaisError);
        assert.deepEqual([error.code, error.actor], ["invalid", "operator"]);
        assert.ok(error.message.startsWith(path), error.message);
        assert.match(error.message, says);
        return true;
      },
    );
  });

test("a file that is not there, or a secret that is not, is named; what is in a secret never is", () => {
  const missing = join(dir, "missing");
  assert.throws(() => readUpstreams(missing), { code: "invalid", message: new RegExp(`^${missing}.*cannot be read`) });
  const path = file("no-secret", JSON.stringify([{ ...CITY, client_secret_file: missing }]));
  assert.throws(() => readUpstreams(path), { code: "invalid", message: new RegExp(missing) });
  const empty = file("empty", " \n");
  assert.throws(() => readUpstreams(file("empty-secret", JSON.stringify([{ ...CITY, client_secret_file: empty }]))), {
    code: "invalid",
    message: /is empty/,
  });
});
