import { MailboxError } from "../sdk/mailbox.ts";
import { ACCREDITATION } from "./accreditation.ts";
import { CONFORMANCE } from "./conformance.ts";
import { EXIT, print as say, readWords, type Command } from "./command.ts";
import { DISPATCH } from "./dispatch.ts";
import { INSTANCE } from "./instance.ts";
import { HOLDER } from "./holder.ts";
import { KEYS } from "./keys.ts";
import { log, LOG_HELP } from "./log.ts";
import { MAIL } from "./mail.ts";
import { MAILBOX } from "./mailbox.ts";
import { PLATFORM } from "./platform.ts";
import { REGISTER } from "./register.ts";
import { SANDBOX } from "./sandbox.ts";
import { Refused } from "./register-client.ts";
import { UsageError } from "./usage-error.ts";
import { verify, VERIFY_HELP, type Verification } from "./verify.ts";

const COMMANDS: Record<string, Command> = {
  verify: { summary: "check manifests, receipts, trust marks and trust lists", help: VERIFY_HELP, run: runVerify },
  conformance: CONFORMANCE,
  platform: PLATFORM,
  holder: HOLDER,
  accreditation: ACCREDITATION,
  dispatch: DISPATCH,
  register: REGISTER,
  sandbox: SANDBOX,
  keys: KEYS,
  instance: INSTANCE,
  mail: MAIL,
  mailbox: MAILBOX,
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
  const lines = Object.entries(COMMANDS).map(([name, { summary }]) => `  relais ${name.padEnd(14)} ${summary}`);
  return `relais <command> [options]\n\n${lines.join("\n")}\n  ${"doctor".padEnd(14)} look at settings, disk, database, queue, keys, clock and mail, and say who can mend what\n  ${"migrate".padEnd(14)} bring the database up to this release\n\nStart the system with npm start, see a whole journey with npm run demo.`;
}

const VERIFY_OPTIONS = {
  keys: { type: "string" },
  anchor: { type: "string" },
  subject: { type: "string" },
  json: { type: "boolean", default: false },
} as const;

async function runVerify(words: string[]): Promise<number> {
  const { values, positionals } = readWords(words, VERIFY_OPTIONS, VERIFY_HELP);
  const results = await verify(positionals, values.keys ?? null, values);
  const ok = results.every((result) => result.ok);
  print(values.json ? JSON.stringify({ ok, results }, null, 2) : table(results), EXIT.fine);
  return ok ? EXIT.fine : EXIT.checkFailed;
}

async function runLog(words: string[]): Promise<number> {
  const { answer, json } = await log(words);
  return print(json ? JSON.stringify(answer.json, null, 2) : answer.text, answer.ok ? EXIT.fine : EXIT.checkFailed);
}

function table(results: Verification[]): string {
  return results.map(({ ok, file, says }) => `${ok ? "verified  " : "NOT VALID "} ${file}\n           ${says}`).join("\n");
}

function print(text: string, code: number): number {
  say(text);
  return code;
}

function isRefusal(error: unknown): boolean {
  return (error instanceof Refused || error instanceof MailboxError) && [401, 403, 404].includes(error.status);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`relais: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof UsageError ? EXIT.usage : isRefusal(error) ? EXIT.notAllowed : EXIT.failed;
}
