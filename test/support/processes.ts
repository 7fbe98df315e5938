import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { tiedToUs } from "./children.ts";

export interface Program extends AsyncDisposable {
  pid: number;
  /** Everything it wrote so far, both streams. */
  output(): string;
  /** The first line that matches, also one written before the call. @throws with the output when the program ends or the time is over first. */
  line(pattern: RegExp, milliseconds?: number): Promise<RegExpExecArray>;
  /** Sends the signal and waits for the end. */
  kill(signal?: NodeJS.Signals): Promise<Ending>;
  ended: Promise<Ending>;
}

export interface Ending {
  code: number | null;
  signal: NodeJS.Signals | null;
}

interface Options {
  cwd?: string;
  /** The whole environment; unset: this process's. */
  env?: NodeJS.ProcessEnv;
  /** A file that takes its standard output, as a service's log does; `output` reads it. */
  log?: string;
}

/** Runs a file with this Node. */
export function startNode(words: string[], options: Options = {}): Program {
  return startProgram(process.execPath, words, options);
}

/** Runs a program until disposed; then SIGTERM, and SIGKILL half a minute later. */
export function startProgram(file: string, words: string[], options: Options = {}): Program {
  const log = options.log === undefined ? null : openSync(options.log, "a");
  const child = tiedToUs(spawn(file, words, { ...options, stdio: ["ignore", log ?? "pipe", "pipe"] }));
  if (log !== null) closeSync(log);
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  const ended = endOf(child);
  const output = () => text + (options.log === undefined ? "" : readFileSync(options.log, "utf8"));
  const program = {
    pid: child.pid ?? 0,
    output,
    ended,
    line: (pattern: RegExp, milliseconds = 120_000) => waitForLine(child, output, pattern, milliseconds),
    kill: async (signal: NodeJS.Signals = "SIGTERM") => {
      child.kill(signal);
      return ended;
    },
  };
  return { ...program, [Symbol.asyncDispose]: () => endGently(child, ended) };
}

function endOf(child: ChildProcess): Promise<Ending> {
  return once(child, "close").then(
    ([code, signal]: (number | NodeJS.Signals | null)[]) => ({ code, signal }) as Ending,
    (error: unknown) => {
      throw new Error(`${child.spawnfile} could not be started`, { cause: error });
    },
  );
}

async function waitForLine(child: ChildProcess, output: () => string, pattern: RegExp, milliseconds: number): Promise<RegExpExecArray> {
  const end = Date.now() + milliseconds;
  for (;;) {
    const isOver = child.exitCode !== null || child.signalCode !== null || Date.now() > end;
    for (const line of output().split("\n")) {
      const match = pattern.exec(line);
      if (match !== null) return match;
    }
    if (isOver) throw new Error(`no line like ${pattern} came; the program wrote:\n${output()}`);
    await sleep(20);
  }
}

async function endGently(child: ChildProcess, ended: Promise<Ending>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  const last = setTimeout(() => child.kill("SIGKILL"), 30_000);
  await ended.catch(() => undefined);
  clearTimeout(last);
}
