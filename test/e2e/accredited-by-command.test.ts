import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { freePort } from "../support/ports.ts";
import { startRelais, type RunningRelais } from "../support/relais.ts";

/** The README's script, as it stands there, against a Relais as a newcomer starts it. */
const ROOT = join(import.meta.dirname, "../..");
let relais: RunningRelais;
let folder: string;

before(async () => {
  relais = await startRelais({ withSolid: false });
  // The script names files of the checkout and makes others: it runs in a folder that shows both.
  folder = await mkdtemp(join(tmpdir(), "relais-readme-"));
  for (const name of ["src", "adapters", "policies", "node_modules", "package.json"]) await symlink(join(ROOT, name), join(folder, name));
});
after(async () => {
  await relais?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function scriptOf(readme: string): Promise<string> {
  const text = await readFile(readme, "utf8");
  const block = /<!-- tested: test\/e2e\/accredited-by-command\.test\.ts -->\n```sh\n([\s\S]*?)```/.exec(text)?.[1];
  assert.ok(block, "the README holds the script");
  return block;
}

interface Ran {
  code: number | null;
  output: string;
}

/** In a group of its own: what the script leaves running ends with it. */
async function run(script: string, env: Record<string, string>): Promise<Ran> {
  const child = spawn("bash", ["-euo", "pipefail", "-c", script], { cwd: folder, detached: true, env: { ...process.env, ...env } });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.once("exit", (code) => resolve(code));
  const code = await promise;
  endGroup(child.pid as number);
  return { code, output };
}

/** Where the script broke off, its platform still runs, and would keep this process waiting for its words. */
function endGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGTERM");
  } catch {
    // Nothing of it is left.
  }
}

test("from nothing to level 1 by command line alone, as the README says", async () => {
  const { code, output } = await run(await scriptOf(join(ROOT, "README.md")), { RELAIS: relais.url, PORT: String(await freePort()) });
  assert.equal(code, 0, output);
  assert.match(output, /registered|accredited \(level 0, sandbox/);
  assert.match(output, /apl_\w+: accredited, level 1, charter 2026-11, until \d{4}-/);
  assert.match(output, /passed\s+roundtrip\.fidelity/);
  const { participants } = (await (await fetch(`${relais.url}/v1/participants`)).json()) as {
    participants: { id: string; entity_id: string; trust_mark: { level: number } | null }[];
  };
  const level = participants
    .filter(({ entity_id }) => output.includes(`${entity_id} `) || output.includes(entity_id))
    .map(({ trust_mark }) => trust_mark?.level);
  assert.ok(participants.length >= 5 && level.every((one) => one === 1));
});
