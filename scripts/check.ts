import { spawn } from "node:child_process";
import { globSync } from "node:fs";
import { availableParallelism } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const NODE = process.execPath;
const TREES = ["src", "adapters", "examples", "scripts", "test"];

interface Step {
  name: string;
  command: string[];
  /** What mends it. */
  mend: string;
}

/** Everything that must hold and needs no service. The slow ones come first: they run side by side. */
const STEPS: Step[] = [
  {
    name: "unit tests",
    // One process for all files: starting each alone was measured at a third of the time. `npm test` keeps them apart.
    command: [NODE, "--test", "--test-isolation=none", "--test-reporter=dot", ...globSync("test/unit/**/*.test.ts", { cwd: ROOT })],
    mend: "npm test -- unit",
  },
  { name: "lint", command: ["oxlint", "--type-aware", "--quiet", ...TREES], mend: "npm run fix mends a part" },
  { name: "types", command: ["tsc", "-p", "."], mend: "" },
  {
    name: "boundaries",
    command: ["depcruise", "--config", ".dependency-cruiser.cjs", ...TREES],
    mend: "scripts/import-rules.cjs holds the table",
  },
  { name: "unused", command: ["knip", "--no-progress", "--no-config-hints"], mend: "remove it, or use it" },
  { name: "format", command: ["oxfmt", "--check", ...TREES], mend: "npm run fix" },
  { name: "documents", command: [NODE, "scripts/generate-docs.ts", "--check"], mend: "npm run docs" },
];

const FIXES: Step[] = [
  { name: "lint", command: ["oxlint", "--type-aware", "--quiet", "--fix", ...TREES], mend: "" },
  { name: "format", command: ["oxfmt", ...TREES], mend: "" },
  { name: "documents", command: [NODE, "scripts/generate-docs.ts"], mend: "" },
];

interface Outcome extends Step {
  passed: boolean;
  seconds: number;
  output: string;
}

async function checkAll(words: string[]): Promise<void> {
  const steps = STEPS.filter(({ name }) => words.length === 0 || words.some((word) => name.startsWith(word)));
  const waiting = [...steps];
  const outcomes: Outcome[] = [];
  const lane = async () => {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) outcomes.push(report(await runStep(step)));
  };
  await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, lane));
  const failed = outcomes.filter(({ passed }) => !passed);
  console.log(failed.length === 0 ? "everything holds" : `failed: ${failed.map(({ name }) => name).join(", ")}`);
  process.exitCode = failed.length === 0 && steps.length > 0 ? 0 : 1;
}

async function fixAll(): Promise<void> {
  for (const step of FIXES) report(await runStep(step));
}

function report(outcome: Outcome): Outcome {
  const { name, passed, seconds, output, mend } = outcome;
  console.log(`${passed ? "ok    " : "FAILED"} ${name.padEnd(12)} ${seconds.toFixed(1).padStart(5)} s`);
  if (!passed) console.log(`${output.trim()}${mend === "" ? "" : `\n(${mend})`}\n`);
  return outcome;
}

function runStep(step: Step): Promise<Outcome> {
  const [file = NODE, ...words] = step.command;
  const begun = performance.now();
  const env = { ...process.env, PATH: [join(ROOT, "node_modules", ".bin"), process.env["PATH"]].join(delimiter) };
  const child = spawn(file, words, {
    cwd: ROOT,
    env,
    stdio: ["ignore", "pipe", "pipe"],
    shell: process.platform === "win32" && file !== NODE,
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  return new Promise((done) => {
    const finish = (passed: boolean) => done({ ...step, passed, output, seconds: (performance.now() - begun) / 1000 });
    child.once("error", (error) => {
      output += error.message;
      finish(false);
    });
    child.once("close", (code) => finish(code === 0));
  });
}

const words = process.argv.slice(2);
await (words[0] === "--fix" ? fixAll() : checkAll(words));
