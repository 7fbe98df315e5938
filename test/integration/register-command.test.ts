import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { entityOf, idOf, standingOf } from "../support/country.ts";
import { startPublicRegister, type PublicRegister } from "../support/public-register.ts";
import { testKey } from "../support/register-fixtures.ts";

/** `relais register`, and `relais verify` of a trust list, as a stranger runs them. */
const CLI = fileURLToPath(new URL("../../src/cli/relais.ts", import.meta.url));
const COUNT = 430;
const owned = new AsyncDisposableStack();
let relais: PublicRegister;
let folder: string;

before(async () => {
  relais = owned.use(await startPublicRegister({ count: COUNT, configured: 0 }));
  folder = owned.adopt(await mkdtemp(join(tmpdir(), "relais-register-command-")), (made) => rm(made, { recursive: true }));
});
after(() => owned.disposeAsync());

/** Not `spawnSync`: this process has to answer what it asks. */
async function run(...words: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [CLI, ...words], { stdio: ["ignore", "pipe", "pipe"], cwd: folder });
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
  const code = await new Promise<number | null>((done) => child.once("close", done));
  return { code, out, err };
}
const register = (...words: string[]) => run("register", ...words, "--relais", relais.origin);
const accredited = Array.from({ length: COUNT }, (_, place) => place + 1).filter((n) => standingOf(n) === "accredited");

test("list: a page that people read, with the way to the next one", async () => {
  const { code, out } = await register("list", "--standing", "accredited", "--limit", "5");
  const lines = out.trimEnd().split("\n");
  assert.equal(code, 0);
  assert.match(lines[0] ?? "", /^NAME +ROLES +STANDING +LEVEL +UNTIL +COUNTRY +ID$/);
  assert.match(lines[1] ?? "", /^Abri \d+ +\w+ +accredited +[12] +\d{4}-\d\d-\d\d +[A-Z]{2} +prt_\d{22}$/);
  assert.match(lines.at(-1) ?? "", new RegExp(`^5 of ${accredited.length}\\. The next ones: the same command with --cursor \\S+$`));
  const cursor = (lines.at(-1) ?? "").split(" ").at(-1) ?? "";
  const second = await register("list", "--standing", "accredited", "--limit", "5", "--cursor", cursor);
  assert.match(second.out, /^5 more\./m);
  assert.notEqual(second.out.split("\n")[1], lines[1]);
});

test("list: filters, for programs; what is no filter, or no use, says so with exit code 2", async () => {
  const { out } = await register("list", "--role", "holder", "--country", "IE", "--json");
  const page = JSON.parse(out) as { participants: { roles: string[]; country: string }[] };
  assert.ok(page.participants.length > 0);
  assert.ok(page.participants.every(({ roles, country }) => roles.includes("holder") && country === "IE"));
  const wrong = await register("list", "--level", "9");
  assert.deepEqual([wrong.code, /\/level/.test(wrong.err)], [2, true], wrong.err);
  for (const words of [["list", "--out", "x"], ["list", "more"], ["show"], ["sing"], ["list", "--colour", "blue"]])
    assert.equal((await register(...words)).code, 2, words.join(" "));
  const lost = await run("register", "list");
  assert.deepEqual([lost.code, /No Relais runs here.*--relais/.test(lost.err)], [2, true], lost.err);
  const silent = await run("register", "list", "--relais", "http://127.0.0.1:1");
  assert.deepEqual([silent.code, /does not answer/.test(silent.err)], [1, true]);
});

test("list: names of participants do nothing to a terminal", async () => {
  await relais.pool.query("update participants set name = $1 where id = $2", ["A\u001b[2J\u202e red", idOf("prt", 5)]);
  const { out } = await register("list", "--name", "[2J");
  assert.match(out, /^A \[2J {2}red/m);
  assert.doesNotMatch(out, /[\u001b\u202e]/);
});

test("show: by id and by entity identifier; nobody is exit code 4", async () => {
  const byId = await register("show", idOf("prt", 6));
  assert.equal(byId.code, 0);
  assert.match(byId.out, /standing +accredited, level \d, until \d{4}/);
  assert.match(byId.out, /renew, level 1: Every check passed\./);
  assert.equal((await register("show", entityOf(6))).out, byId.out);
  const { decisions } = JSON.parse((await register("show", entityOf(6), "--json")).out) as { decisions: unknown[] };
  assert.equal(decisions.length, 2);
  for (const nobody of [idOf("prt", COUNT + 1), "https://nobody.example", "x"])
    assert.equal((await register("show", nobody)).code, 4, nobody);
});

test("export: the whole register as a table and as lines of JSON, to a file that is whole or not there", async () => {
  const table = await register("export", "--standing", "accredited");
  assert.equal(table.out, await (await fetch(`${relais.origin}/v1/participants.csv?standing=accredited`)).text());
  assert.equal((await register("export", "--json", "--out", join(folder, "all.jsonl"))).code, 0);
  const lines = (await readFile(join(folder, "all.jsonl"), "utf8")).trimEnd().split("\n");
  assert.equal(new Set(lines.map((line) => (JSON.parse(line) as { id: string }).id)).size, COUNT);
  const bad = await register("export", "--out", join(folder, "no", "where.csv"));
  assert.deepEqual([bad.code, /cannot be written/.test(bad.err)], [2, true], bad.err);
  assert.equal((await register("export", "--country", "zz", "--out", join(folder, "bad.csv"))).code, 2);
  assert.deepEqual((await readdir(folder)).sort(), ["all.jsonl"]);
});

test("trust-list: fetched, checked and kept; and verify takes it, with what is published or with keys alone", async () => {
  const file = join(folder, "list.jws");
  const fetched = await register("trust-list", "--out", file);
  assert.deepEqual([fetched.code, fetched.out.includes(`${accredited.length} accredited on`)], [0, true], fetched.out);
  const { entities } = JSON.parse((await register("trust-list", "--json")).out) as { entities: unknown[] };
  assert.equal(entities.length, accredited.length);
  assert.match((await run("verify", file, "--anchor", relais.origin)).out, /verified .*\n.*trust list of .* accredited on/);
  const keys = join(folder, "keys.json");
  await writeFile(keys, JSON.stringify({ keys: [relais.keys.current("federation").publicJwk] }));
  assert.equal((await run("verify", file, "--keys", keys)).code, 0, "offline");
  assert.equal((await run("verify", file)).code, 2, "whom to trust must be said");
});

test("trust-list: a changed one, one of somebody else, one that is over and one by another key do not verify", async () => {
  const stranger = await testKey();
  const iat = Math.floor(Date.now() / 1000);
  const claims = { iss: relais.origin, iat, exp: iat + 60, next_update: iat + 60, entities: [] };
  const key = relais.keys.current("federation");
  const { signCompact } = await import("../../src/keys/signer.ts");
  const typ = "self-data-trust-list+jwt";
  const good = signCompact(key, typ, claims);
  const [header, , signature] = good.split(".");
  const changed = Buffer.from(JSON.stringify({ ...claims, entities: [{}] })).toString("base64url");
  // oxfmt-ignore
  const lists: [jws: string, code: number, says: RegExp][] = [
    [good,                                                              0, /0 accredited/],
    [`${header}.${changed}.${signature}`,                               3, /no published key/],
    [await stranger.sign(typ, claims),                                  3, /no published key/],
    [signCompact(key, typ, { ...claims, exp: iat - 1 }),                3, /time of this list is over/],
    [signCompact(key, typ, { ...claims, iat: iat + 3600 }),             3, /has not come/],
    [signCompact(key, typ, { ...claims, iss: "https://other.example" }), 3, /is that of https:\/\/other\.example/],
    [signCompact(key, typ, { ...claims, entities: [{ sub: 1 }] }),      3, /another form/],
  ];
  for (const [place, [jws, code, says]] of lists.entries()) {
    const file = join(folder, `list-${place}.jws`);
    await writeFile(file, jws);
    const { out, code: found } = await run("verify", file, "--anchor", relais.origin);
    assert.deepEqual([found, says.test(out)], [code, true], out);
  }
});
