import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { PLAIN } from "../support/charter.ts";
import { startRegisterApi, type RegisterApi } from "../support/register-api.ts";

/** Limits and pauses by command line, against the register's API as it runs. */
let api: RegisterApi;
let holder: Awaited<ReturnType<RegisterApi["holder"]>>;

before(async () => {
  api = await startRegisterApi(PLAIN);
  holder = await api.holder("energy", ["energy.bills"]);
  await api.staff("operator", "night shift");
});
after(() => api[Symbol.asyncDispose]());

const COMMAND = join(import.meta.dirname, "../../src/cli/relais.ts");

interface Ran {
  code: number;
  out: string;
  error: string;
}

const run = (as: string, key: string, words: string[]): Promise<Ran> =>
  new Promise((resolve) => {
    execFile(process.execPath, [COMMAND, "dispatch", ...words, "--relais", api.origin, "--as", as, "--key", key], (error, out, text) =>
      resolve({ code: typeof error?.code === "number" ? error.code : 0, out, error: text }),
    );
  });

const asHolder = (...words: string[]) => run(holder.participant.entityId, holder.keyFile, words);
const asOperator = (...words: string[]) => run("night shift", holder.keyFile.replace(/energy\.jwk$/, "night-shift.jwk"), words);

const said = async (ran: Promise<Ran>): Promise<string> => {
  const { code, out, error } = await ran;
  assert.equal(code, 0, error);
  return out;
};

test("a limit changes what it names, and leaves the rest; the last word counts and is said to be whose", async () => {
  const { id } = holder.participant;
  assert.match(await said(asHolder("show", id)), /per second +no limit of its own\n[\s\S]*said by +nobody\nnothing is paused/);
  await said(asHolder("limit", id, "--per-second", "5", "--hours", "22:00-06:00", "--zone", "Europe/Paris", "--days", "1,2"));
  assert.match(
    await said(asOperator("limit", id, "--concurrent", "4")),
    /per second +5\nper hour +no limit of its own\nat the same time +4\nhours +22:00 to 06:00, Europe\/Paris, days 1, 2\nsaid by +the operator, 20/,
  );
  const answer = await said(asHolder("limit", id, "--hours", "none", "--per-second", "none", "--json"));
  const { hours, per_second: perSecond, concurrent } = JSON.parse(answer) as Record<string, unknown>;
  assert.deepEqual([hours, perSecond, concurrent], [null, null, 4]);
});

test("each pauses and lifts its own; what was paused is read by both", async () => {
  const { id } = holder.participant;
  await said(asHolder("pause", id, "energy.bills", "--reason", "Wrong amounts.\u001b[2J"));
  assert.match(
    await said(asOperator("pause", id, "--reason", "Maintenance tonight.")),
    /paused\n {2}energy\.bills +by the participant +since 20\S+ +Wrong amounts\. \[2J\n {2}\* +by the operator/,
  );
  assert.equal((await asOperator("resume", id, "energy.bills")).code, 4);
  await said(asOperator("resume", id));
  assert.match(await said(asHolder("resume", id, "energy.bills")), /nothing is paused/);
});

// oxfmt-ignore
const WRONG: Record<string, { words: string[]; code: number; says: RegExp }> = {
  "a negative count":        { words: ["limit", "ID", "--per-second", "-1"],                             code: 2, says: /per-second/ },
  "hours that are no span":  { words: ["limit", "ID", "--hours", "night"],                               code: 2, says: /--hours is from-to/ },
  "hours without a zone":    { words: ["limit", "ID", "--hours", "1-2"],                                 code: 2, says: /--zone is missing/ },
  "a time that is none":     { words: ["limit", "ID", "--hours", "9:00-25:00", "--zone", "Europe/Paris"], code: 1, says: /HH:MM/ },
  "a pause without reason":  { words: ["pause", "ID"],                                                   code: 2, says: /--reason is missing/ },
  "an unknown data set":     { words: ["pause", "ID", "energy.unknown", "--reason", "x"],                code: 1, says: /Name a data set of the participant/ },
  "nobody":                  { words: ["show"],                                                          code: 2, says: /Name the participant/ },
  "an unknown participant":  { words: ["show", "prt_unknown"],                                           code: 4, says: /relais: / },
  "an unknown verb":         { words: ["stop", "ID"],                                                    code: 2, says: /There is no "relais dispatch stop"/ },
};
test("a key that is not the name's: said, exit 4", async () => {
  const ran = await run("day shift", holder.keyFile, ["show", holder.participant.id]);
  assert.equal(ran.code, 4, ran.error);
  assert.match(ran.error, /gives http\S+\/staff\/day%20shift no access with this key \(invalid_client\)\. Is the name right/);
});

for (const [name, { words, code, says }] of Object.entries(WRONG))
  test(`${name}: said with what to do, exit ${code}`, async () => {
    const ran = await asHolder(...words.map((word) => (word === "ID" ? holder.participant.id : word)));
    assert.equal(ran.code, code, ran.error);
    assert.match(ran.error, says);
  });
