import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ConfigError, readConfig } from "../../src/config.ts";

function problemsOf(environment: Record<string, string>): string[] {
  try {
    readConfig(environment);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems;
  }
  return assert.fail("the settings were accepted");
}

test("nothing set gives the embedded parts and the sandbox", () => {
  const config = readConfig({ PATH: "/bin" });
  assert.equal(config.postgres.url, null);
  assert.equal(config.redis.url, null);
  assert.equal(config.sandbox.on, true);
  assert.equal(config.sandbox.allowLoopback, true);
  assert.deepEqual(config.roles, ["web", "worker", "sweeper"]);
});

test("a database by URL switches the sandbox off unless it is asked for", () => {
  const DATABASE_URL = "postgres://u:p@db.example/relais";
  assert.equal(readConfig({ DATABASE_URL }).sandbox.on, false);
  assert.equal(readConfig({ DATABASE_URL }).sandbox.allowLoopback, false);
  assert.equal(readConfig({ DATABASE_URL, RELAIS_SANDBOX: "on" }).sandbox.on, true);
});

test("as shipped, the transfers of a worker that was killed go on within ten seconds: its lease, and an idle dispatcher's look", () => {
  const LOOK_SECONDS = 1;
  assert.ok(readConfig({}).transfer.leaseSeconds + LOOK_SECONDS < 10);
});

test("the result is frozen to its leaves", () => {
  const config = readConfig({});
  assert.throws(() => Object.assign(config.http, { host: "0.0.0.0" }), TypeError);
  assert.throws(() => config.roles.push("web"), TypeError);
});

const WRONG: [what: string, environment: Record<string, string>, problem: RegExp][] = [
  ["a port that is text", { RELAIS_PORT: "abc" }, /^RELAIS_PORT: is "abc"; expected a whole number from 0 to 65535$/],
  ["a port too high", { RELAIS_PORT: "70000" }, /^RELAIS_PORT: is "70000"; expected 65535 or less$/],
  ["half a port", { RELAIS_PORT: "80.5" }, /^RELAIS_PORT: is "80.5"; expected a whole number/],
  ["an unknown role", { RELAIS_ROLES: "web,boss" }, /^RELAIS_ROLES: is "web,boss"; expected a list out of web, worker, sweeper$/],
  ["yes for on", { RELAIS_SANDBOX: "yes" }, /^RELAIS_SANDBOX: is "yes"; expected on or off$/],
  [
    "another database",
    { DATABASE_URL: "mysql://u:p@h/d" },
    /^DATABASE_URL: has an unusable value; expected a URL that begins with postgres/,
  ],
  [
    "metrics where the public is",
    { RELAIS_PORT: "8080", RELAIS_METRICS_PORT: "8080" },
    /^RELAIS_METRICS_PORT: is the port of pages and API/,
  ],
  ["plain http outside", { RELAIS_PUBLIC_URL: "http://relais.example" }, /^RELAIS_PUBLIC_URL: is http; expected https/],
  ["a misspelt name", { RELAIS_LOG_LEVLE: "info" }, /^RELAIS_LOG_LEVLE: is not a setting of Relais; did you mean RELAIS_LOG_LEVEL\?$/],
  ["a file for what is no secret", { RELAIS_PORT_FILE: "/x" }, /^RELAIS_PORT_FILE: is not a setting of Relais/],
  ["an unreadable file", { DATABASE_URL_FILE: "/nowhere/at/all" }, /^DATABASE_URL_FILE: names a file that cannot be read/],
  ["an operator whom nobody can write to", { RELAIS_OPERATOR_NAME: "Région" }, /^RELAIS_OPERATOR_CONTACT: is unset; expected/],
  ["a contact of nobody", { RELAIS_OPERATOR_CONTACT: "dpo@region.example" }, /^RELAIS_OPERATOR_NAME: is unset; expected/],
  [
    "a contact that is no address",
    { RELAIS_OPERATOR_NAME: "R", RELAIS_OPERATOR_CONTACT: "call us" },
    /expected a mail address, or an https address/,
  ],
  [
    "certificates from nobody",
    { RELAIS_CLIENT_CERTIFICATE_HEADER: "Client-Cert" },
    /^RELAIS_CLIENT_CERTIFICATE_PROXIES: is unset; expected the addresses/,
  ],
  ["a proxy without a header", { RELAIS_CLIENT_CERTIFICATE_PROXIES: "10.0.0.1" }, /^RELAIS_CLIENT_CERTIFICATE_HEADER: is unset; expected/],
  [
    "a proxy by name",
    { RELAIS_CLIENT_CERTIFICATE_HEADER: "Client-Cert", RELAIS_CLIENT_CERTIFICATE_PROXIES: "proxy,10.0.0.0/8" },
    /^RELAIS_CLIENT_CERTIFICATE_PROXIES: is "proxy,10.0.0.0\/8"; expected addresses or networks/,
  ],
  ["half a sign-in", { RELAIS_SIGNIN_ISSUER: "https://id.example" }, /^RELAIS_SIGNIN_CLIENT_ID: is unset; expected/],
];

for (const [what, environment, problem] of WRONG) {
  test(`${what} is refused`, () => {
    const problems = problemsOf(environment);
    assert.equal(problems.length, 1, problems.join("\n"));
    assert.match(problems[0] ?? "", problem);
  });
}

test("all problems are listed at once, and no secret is repeated", () => {
  const problems = problemsOf({
    RELAIS_PORT: "x",
    RELAIS_HOTS: "h",
    RELAIS_KEY_ENCRYPTION_SECRET: "too-short-canary",
    RELAIS_LOG_LEVEL: "loud",
  });
  assert.equal(problems.length, 4);
  assert.doesNotMatch(problems.join("\n"), /canary/);
});

test("a secret comes from a file, and not from both", () => {
  const folder = mkdtempSync(join(tmpdir(), "relais-config-"));
  const file = join(folder, "url");
  writeFileSync(file, "postgres://u:p@db.example/relais\n");
  chmodSync(file, 0o600);
  assert.equal(readConfig({ DATABASE_URL_FILE: file }).postgres.url, "postgres://u:p@db.example/relais");
  assert.match(problemsOf({ DATABASE_URL_FILE: file, DATABASE_URL: "postgres://h/d" })[0] ?? "", /expected one of the two/);
  rmSync(folder, { recursive: true });
});

test("an empty value is an unset one", () => {
  assert.equal(readConfig({ RELAIS_PORT: "", REDIS_URL: "" }).http.port, null);
});
