import { parseArgs } from "node:util";
import { log, LOG_HELP } from "./log.ts";
import { UsageError } from "./usage-error.ts";
import { verify, VERIFY_HELP, type Verification } from "./verify.ts";

/** Exit codes of every command. */
const EXIT = { fine: 0, failed: 1, usage: 2, checkFailed: 3 } as const;

interface Command {
  summary: string;
  help: string;
  run(words: string[]): Promise<number>;
}

const COMMANDS: Record<string, Command> = {
  verify: { summary: "check manifests and receipts, offline with --keys", help: VERIFY_HELP, run: runVerify },
  log: { summary: "check and read the public log of register decisions", help: LOG_HELP, run: runLog },
};

async function main(words: string[]): Promise<number> {
  const [name, ...rest] = words;
  if (name === undefined || name === "help" || name === "--help" || name === "-h") return print(overview(), EXIT.fine);
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) throw new UsageError(`There is no command "${name}".\n\n${overview()}`);
  if (rest.includes("--help") || rest.includes("-h")) return print(command.help, EXIT.fine);
  return command.run(rest);
}

function overview(): string {
  const lines = Object.entries(COMMANDS).map(([name, { summary }]) => `  relais ${name.padEnd(10)} ${summary}`);
  return `relais <command> [options]\n\n${lines.join("\n")}\n\nStart the system with npm start, see a whole journey with npm run demo.`;
}

async function runVerify(words: string[]): Promise<number> {
  const { values, positionals } = options(words);
  const results = await verify(positionals, values.keys ?? null);
  const ok = results.every((result) => result.ok);
  print(values.json ? JSON.stringify({ ok, results }, null, 2) : table(results), EXIT.fine);
  return ok ? EXIT.fine : EXIT.checkFailed;
}

async function runLog(words: string[]): Promise<number> {
  const { answer, json } = await log(words);
  return print(json ? JSON.stringify(answer.json, null, 2) : answer.text, answer.ok ? EXIT.fine : EXIT.checkFailed);
}

function options(words: string[]) {
  try {
    return parseArgs({
      args: words,
      allowPositionals: true,
      options: { keys: { type: "string" }, json: { type: "boolean", default: false } },
    });
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}\n\n${VERIFY_HELP}`);
  }
}

function table(results: Verification[]): string {
  return results.map(({ ok, file, says }) => `${ok ? "verified  " : "NOT VALID "} ${file}\n           ${says}`).join("\n");
}

function print(text: string, code: number): number {
  process.stdout.write(`${text}\n`);
  return code;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const usage = error instanceof UsageError;
  process.stderr.write(`relais: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = usage ? EXIT.usage : EXIT.failed;
}
