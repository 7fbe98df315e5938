import { spawn } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { completeMachine } from "./support/machine.ts";
import { SERVER_VARIABLE, startTestServer } from "./support/postgres-server.ts";

/** In this order: what is quick and near the cause comes first. */
const SUITES = ["unit", "conformance", "integration", "faults", "e2e"];
const HERE = dirname(fileURLToPath(import.meta.url));
const HELP = `npm test                       everything
npm test -- integration        one suite (${SUITES.join(", ")})
npm test -- consent            files whose path holds this word`;

interface Outcome {
  suite: string;
  files: number;
  passed: boolean;
  seconds: number;
  /** What failed and why, as `support/failures.ts` writes it. */
  failures: string;
}

const say = (line: string) => console.log(`tests: ${line}`);

async function main(words: string[]): Promise<void> {
  const chosen = SUITES.map((suite) => ({ suite, files: select(suite, words) })).filter(({ files }) => files.length > 0);
  if (chosen.length === 0) throw new Error(`No test file is named by: ${words.join(" ")}\n${HELP}`);
  const isUnitOnly = chosen.every(({ suite }) => suite === "unit");
  if (!isUnitOnly) completeMachine(say);
  await using server = isUnitOnly ? null : await startTestServer();
  const stopping = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stopping.abort());
  const environment = server === null ? process.env : { ...process.env, [SERVER_VARIABLE]: server.url };
  const outcomes: Outcome[] = [];
  for (const { suite, files } of chosen)
    if (!stopping.signal.aborted) outcomes.push(await runSuite(suite, files, environment, stopping.signal));
  process.exitCode = summarise(outcomes, chosen.length);
  const empty = words.length === 0 ? SUITES.filter((suite) => !chosen.some((other) => other.suite === suite)) : [];
  if (empty.length > 0) say(`without any file: ${empty.join(", ")}`);
}

/** No words: all. A suite's name: that suite. Any other word: paths that hold it. */
function select(suite: string, words: string[]): string[] {
  const files = globSync(`${suite}/**/*.test.ts`, { cwd: HERE }).sort();
  const suites = words.filter((word) => SUITES.includes(word));
  const others = words.filter((word) => !SUITES.includes(word));
  if (suites.length > 0 && !suites.includes(suite)) return [];
  return files
    .filter((file) => others.length === 0 || others.some((word) => file.includes(word) || word.endsWith(file)))
    .map((file) => `${HERE}/${file}`);
}

async function runSuite(suite: string, files: string[], env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<Outcome> {
  say(`${suite} (${files.length} ${files.length === 1 ? "file" : "files"})`);
  const begun = performance.now();
  const said = mkdtempSync(join(tmpdir(), "relais-failures-"));
  const reporters = ["spec", "stdout", `${HERE}/support/failures.ts`, join(said, "failures.txt")];
  const options = reporters.map((value, index) => `--test-reporter${index % 2 === 0 ? "" : "-destination"}=${value}`);
  const child = spawn(process.execPath, ["--test", ...options, "--test-concurrency=2", "--test-timeout=1200000", ...files], {
    env,
    stdio: "inherit",
  });
  signal.addEventListener("abort", () => child.kill("SIGTERM"), { once: true });
  const passed = await new Promise<boolean>((done, fail) => child.once("error", fail).once("exit", (code) => done(code === 0)));
  const failures = readFileSync(join(said, "failures.txt"), "utf8");
  rmSync(said, { recursive: true });
  return { suite, files: files.length, passed, seconds: (performance.now() - begun) / 1000, failures };
}

/** The exit code: zero only where every chosen suite ran and passed. What failed is said again here, where the end of a long log is read first. */
function summarise(outcomes: Outcome[], chosen: number): number {
  say("");
  for (const { failures } of outcomes) if (failures !== "") console.log(failures);
  for (const { suite, files, passed, seconds } of outcomes) {
    say(`${passed ? "passed" : "FAILED"}  ${suite.padEnd(12)} ${String(files).padStart(3)} files  ${seconds.toFixed(1).padStart(6)} s`);
  }
  const isGood = outcomes.length === chosen && outcomes.every(({ passed }) => passed);
  say(
    isGood
      ? "everything passed"
      : outcomes.length < chosen
        ? "stopped before the end"
        : `failed: ${outcomes
            .filter(({ passed }) => !passed)
            .map(({ suite }) => suite)
            .join(", ")}`,
  );
  return isGood ? 0 : 1;
}

await main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
