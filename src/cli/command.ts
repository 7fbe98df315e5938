import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { UsageError } from "./usage-error.ts";

/** Exit codes of every command. */
export const EXIT = { fine: 0, failed: 1, usage: 2, checkFailed: 3, notAllowed: 4 } as const;

export interface Command {
  summary: string;
  help: string;
  run(words: string[]): Promise<number>;
}

/** Options and words as declared. @throws UsageError with the command's help for anything else. */
export function readWords<const T extends ParseArgsOptionsConfig>(words: string[], options: T, help: string) {
  try {
    return parseArgs({ args: words, allowPositionals: true, options });
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
  }
}

/** @throws UsageError where the option was not given. */
export function needed<T extends Record<string, unknown>>(values: T, name: keyof T & string): string {
  const value = values[name];
  if (typeof value !== "string" || value === "") throw new UsageError(`--${name} is missing.`);
  return value;
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
