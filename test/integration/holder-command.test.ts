import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Refused, type RegisterClient } from "../../src/cli/register-client.ts";
import { PLAIN } from "../support/charter.ts";
import { startRegisterApi, type RegisterApi } from "../support/register-api.ts";

/** The holder's side over HTTP and by command line, against the register's API as it runs. */
const COMMAND = join(import.meta.dirname, "../../src/cli/relais.ts");
const REASON = { fr: "La commission l’a demandé.", en: "The committee asked for it." };
const REASONS = ["--reason-fr", REASON.fr, "--reason-en", REASON.en];

let api: RegisterApi;
let folder: string;
let holder: Awaited<ReturnType<RegisterApi["holder"]>>;
let platform: Awaited<ReturnType<RegisterApi["platform"]>>;
let accreditors: RegisterClient[];
let keyFiles: Record<string, string>;

before(async () => {
  api = await startRegisterApi(PLAIN);
  folder = await mkdtemp(join(tmpdir(), "relais-holder-"));
  holder = await api.holder("energy", ["energy.bills", "energy.consumption.daily"]);
  platform = await api.platform("nuage");
  for (let i = 0; i < 4; i++) await api.platform(`other-${i}`);
  await api.query("update relais.participants set status = 'accredited'; update relais.trust_marks set revoked_at = null");
  accreditors = [await api.staff("accreditor", "first"), await api.staff("accreditor", "second")];
  keyFiles = { holder: holder.keyFile, platform: platform.keyFile };
});
after(async () => {
  await api[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

interface Ran {
  code: number;
  out: string;
  error: string;
}
const run = (words: string[]): Promise<Ran> =>
  new Promise((resolve) => {
    execFile(process.execPath, [COMMAND, ...words], (error, out, text) =>
      resolve({ code: typeof error?.code === "number" ? error.code : 0, out, error: text }),
    );
  });
const as = (noun: "holder" | "platform", ...words: string[]) => {
  const entity = noun === "holder" ? holder.participant.entityId : platform.participant.entityId;
  return run([noun, ...words, "--relais", api.origin, "--entity", entity, "--key", String(keyFiles[noun])]);
};
const json = async <T>(ran: Promise<Ran>): Promise<T> => {
  const { code, out, error } = await ran;
  assert.equal(code, 0, error);
  return JSON.parse(out) as T;
};

describe("over HTTP", () => {
  const path = (rest: string) => `/v1/participants/${holder.participant.id}/${rest}`;
  const publicConditions = async () => {
    const answer = await fetch(`${api.origin}${path("conditions")}`);
    return { tag: String(answer.headers.get("etag")), body: (await answer.json()) as { conditions: unknown[] } };
  };

  test("the ETag of the public conditions is what a change is decided on: the second of two gets 412", async () => {
    const { tag } = await publicConditions();
    const version = tag.slice(1, -1);
    const wanted = { minimum_level: 2, reason: REASON };
    const done = await holder.client.send<{ version: string }>("PUT", path("conditions/*"), wanted, version);
    assert.equal((await publicConditions()).tag, `"${done.version}"`);
    const late = holder.client.send("DELETE", path("conditions/*"), undefined, version);
    await assert.rejects(late, (error: unknown) => error instanceof Refused && error.status === 412 && error.code === "stale");
    await holder.client.send("DELETE", path("conditions/*"), undefined, done.version);
    assert.deepEqual((await publicConditions()).body.conditions, []);
  });

  test("a dry run says who would be shut out, and leaves everything as it is", async () => {
    const before = await publicConditions();
    const dry = await holder.client.send<{ dry_run: boolean; shut_out: { platform: string; reasons: string[] }[] }>(
      "PUT",
      `${path("conditions/*")}?dry_run=true`,
      { certificates: ["iso-27001"], reason: REASON },
    );
    assert.equal(dry.dry_run, true);
    assert.equal(dry.shut_out.length, 5);
    assert.deepEqual(dry.shut_out[0]?.reasons, ["missing-certificate"]);
    assert.deepEqual(await publicConditions(), before);
    await assert.rejects(holder.client.send("PUT", `${path("conditions/*")}?dry_run=true`, { minimum_level: 2 }), { status: 400 });
    await assert.rejects(holder.client.send("PUT", `${path("conditions/*")}?dry_run=perhaps`, { minimum_level: 1 }), { status: 400 });
  });

  test("the matrix comes in pages, every platform once, and one platform with its evidence", async () => {
    const seen: string[] = [];
    for (let next: string | null = ""; next !== null;) {
      const search: string = next === "" ? "" : `&cursor=${next}`;
      const page: { platforms: { platform: string }[]; next: string | null } = await holder.client.get(path(`matrix?limit=2${search}`));
      assert.ok(page.platforms.length <= 2);
      seen.push(...page.platforms.map((one) => one.platform));
      ({ next } = page);
    }
    assert.deepEqual([seen.length, new Set(seen).size], [5, 5]);
    const row = await holder.client.get<{ standing: string; refused: unknown[]; criteria: unknown[] }>(
      path(`matrix/${platform.participant.id}`),
    );
    assert.deepEqual([row.standing, row.refused, row.criteria], ["accredited", [], []]);
    await assert.rejects(holder.client.get(path(`matrix/${holder.participant.id}`)), { status: 404 });
    await assert.rejects(holder.client.get(path("matrix?cursor=x")), { status: 400 });
  });

  test("restrictions are read by accreditor and authority, newest first, in pages; the platform is told, signed", async () => {
    const id = platform.participant.id;
    await holder.client.send("PUT", path(`access/${id}`), { state: "closed", reason: REASON });
    await holder.client.send("PUT", path(`exclusions/${id}/energy.bills`), { reason: REASON });
    const [first, second] = accreditors;
    type Page = { restrictions: { kind: string; holder_name: string; reason: object; log_index: number }[]; next: number | null };
    const newest = await first!.get<Page>(`/v1/restrictions?limit=1&platform=${id}`);
    const older = await second!.get<Page>(`/v1/restrictions?limit=1&platform=${id}&before=${newest.next}`);
    assert.deepEqual(
      [...newest.restrictions, ...older.restrictions].map((one) => [one.kind, one.holder_name, one.reason]),
      [
        ["excluded", "energy.example", REASON],
        ["closed", "energy.example", REASON],
      ],
    );
    assert.equal(older.next, null);
    const { sets } = await platform.client.send<{ sets: Record<string, string> }>("POST", "/v1/events/poll", { ack: [] });
    const told = Object.values(sets).map(
      (set) => JSON.parse(String(Buffer.from(set.split(".")[1] ?? "", "base64url"))) as { events: object },
    );
    assert.deepEqual(
      told.flatMap(({ events }) => Object.keys(events)),
      [`${api.origin}/events/restriction-set`, `${api.origin}/events/restriction-set`],
    );
    const views = async () => (await api.store.read((r) => r.accreditations.authorityViews(10))).map(({ what }) => what);
    await (await api.staff("authority", "authority")).get("/v1/restrictions");
    assert.ok((await views()).includes("GET /v1/restrictions"));
    await holder.client.send("DELETE", path(`exclusions/${id}/energy.bills`));
    await holder.client.send("PUT", path(`access/${id}`), { state: "open" });
  });
});

describe("by command line", () => {
  type Effect = { paused: number; version: string; shut_out?: { name: string }[] };

  test("conditions: previewed, set on that version, read, taken back", async () => {
    const wanted = ["conditions", "set", "*", "--level", "2", ...REASONS];
    const preview = await as("holder", "preview", ...wanted);
    assert.equal(preview.code, 3, preview.error);
    assert.match(
      preview.out,
      /would get less:[\s\S]*nuage\.example: energy\.bills, energy\.consumption\.daily \(below-minimum-level\)[\s\S]*Nothing was changed/,
    );
    assert.doesNotMatch((await as("holder", "conditions")).out, /^\*:/m);
    const { version } = await json<Effect>(as("holder", ...wanted, "--json"));
    assert.match((await as("holder", "conditions")).out, /^\*: level 2 because: The committee asked for it\. \(log \d+\)/);
    const harmless = await as("holder", "preview", "conditions", "unset", "*");
    assert.equal(harmless.code, 0, harmless.error);
    assert.equal((await as("holder", "conditions", "unset", "*", "--if-version", "old")).code, 1);
    assert.equal((await as("holder", "conditions", "unset", "*", "--if-version", version)).code, 0);
  });

  test("exclude and lift, move with test accounts that are kept as hashes only, and the matrix says it", async () => {
    const { id } = platform.participant;
    assert.equal((await as("holder", "exclude", id, "energy.bills", ...REASONS)).code, 0);
    assert.match((await as("holder", "matrix")).out, /nuage\.example: does not receive energy\.bills: excluded-by-holder/);
    assert.equal((await as("holder", "lift", id, "energy.bills")).code, 0);
    const file = join(folder, "accounts.txt");
    await writeFile(file, "customer-1\ncustomer-2\n");
    assert.equal((await as("holder", "move", id, "test", "--test-accounts", file, ...REASONS)).code, 0);
    const { out } = await as("holder", "matrix", id);
    assert.match(
      out,
      /test +accredited +level 1 +nuage\.example: does not receive energy\.bills, energy\.consumption\.daily: not-open-yet/,
    );
    assert.match(out, /Test accounts: 2/);
    assert.doesNotMatch(out, /customer-/);
    assert.equal((await as("holder", "move", id, "closed", ...REASONS)).code, 0);
  });

  test("a platform asks, the holder answers, and both see it", async () => {
    const asked = await json<{ id: string }>(as("platform", "ask", holder.participant.id, "Nous avons un nouvel audit.", "--json"));
    assert.equal((await as("platform", "ask", holder.participant.id, "Encore.")).code, 1);
    assert.match((await as("holder", "requests")).out, /nuage\.example asks energy\.example\n {2}Nous avons un nouvel audit\.\n {2}waits/);
    assert.equal((await as("holder", "preview", "answer", asked.id, "open")).code, 0);
    assert.match((await as("holder", "requests")).out, /waits/);
    assert.equal((await as("holder", "answer", asked.id, "open")).code, 0);
    assert.match((await as("platform", "requests")).out, /\d{4}-\d\d-\d\d: open/);
  });

  test("a review of the committee is recorded, read back, and is in nothing public", async () => {
    const questions = join(folder, "questions.txt");
    await writeFile(questions, "Où sont les sauvegardes ?\n");
    const { id } = platform.participant;
    const words = ["review", id, "--date", "2026-03-12", "--decision", "accepted", "--by", "Comité sécurité", "--questions", questions];
    assert.equal((await as("holder", ...words)).code, 0);
    assert.match((await as("holder", "reviews", id)).out, /accepted, by Comité sécurité\n {2}asked: Où sont les sauvegardes/);
    const open = await (await fetch(`${api.origin}/v1/participants/${holder.participant.id}/conditions`)).text();
    assert.doesNotMatch(open, /sauvegardes|Comité/);
  });

  test("a certificate is handed in and read by two, by command line", async () => {
    const file = join(folder, "iso.pdf");
    await writeFile(file, "%PDF-1.7 iso");
    const said = ["--certificate", "iso-27001", "--issuer", "Certifier", "--date", "2026-01-01", "--valid-until", "2999-01-01"];
    const claim = await json<{ id: string }>(as("platform", "certificate", file, ...said, "--json"));
    const staff = async (name: string, ...words: string[]) =>
      run(["accreditation", ...words, "--relais", api.origin, "--as", name, "--key", join(await keyFolder(), `${name}.jwk`)]);
    assert.match((await staff("first", "certificates")).out, new RegExp(`${claim.id} +iso-27001 +nuage`));
    const out = join(folder, "read.pdf");
    assert.equal((await staff("first", "certificate", claim.id, "--out", out)).code, 0);
    assert.equal(await readFile(out, "utf8"), "%PDF-1.7 iso");
    for (const name of ["first", "second"])
      assert.equal((await staff(name, "certificate", claim.id, "--verdict", "accept", "--without-conflict", ...REASONS)).code, 0);
    assert.match((await as("platform", "certificates")).out, /iso-27001 .*accepted, read by 2/);
    assert.match((await as("holder", "matrix", platform.participant.id)).out, /Certificate iso-27001 until 2999-01-01/);
    assert.equal((await as("holder", "exclude", platform.participant.id, ...REASONS)).code, 0);
    assert.match((await staff("first", "restrictions")).out, /energy\.example: nuage\.example excluded \(log \d+\)\n {2}The committee/);
  });

  test("help, wrong usage and what is not allowed have their exit codes", async () => {
    assert.match((await run(["holder", "--help"])).out, /relais holder <verb>/);
    assert.equal((await as("holder", "nothing")).code, 2);
    assert.equal((await as("holder", "preview", "matrix")).code, 2);
    assert.equal((await as("holder", "exclude")).code, 2);
    assert.equal((await run(["holder", "conditions"])).code, 2);
    assert.equal((await as("holder", "exclude", "prt_0000000000000000000000", ...REASONS)).code, 4);
    assert.equal((await as("holder", "exclude", platform.participant.id)).code, 1);
  });
});

const keyFolder = async () => join(holder.keyFile, "..");
