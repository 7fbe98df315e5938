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

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
