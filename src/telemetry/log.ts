import pino from "pino";
import { allowed, scrub, type Fields } from "./fields.ts";
import { standardOutput } from "./standard-output.ts";

/** Messages are constant sentences; whatever varies is a field. Fields that are not on the closed list are never written. */
export interface Logger {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  /** A logger whose every line carries these fields too. */
  with(fields: Fields): Logger;
}

interface Options {
  level: pino.LevelWithSilent;
  /** One line for human eyes instead of JSON. Unset: where standard output is a terminal. */
  pretty?: boolean;
  /** Unset: standard output. Called once for each line, with its end. */
  write?: (line: string) => void;
  /** The trace that is under way. Unset: none ever is. */
  traceId?: () => string | null;
}

export function createLogger({ level, pretty = process.stdout.isTTY, write, traceId = () => null }: Options): Logger {
  const destination = write === undefined ? standardOutput(missingLine) : { write };
  const sink = pretty ? { write: (line: string) => destination.write(humanLine(line)) } : destination;
  return wrap(
    pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } }, sink),
    {},
    traceId,
  );
}

function missingLine(count: number): string {
  return `${JSON.stringify({ level: "warn", time: new Date().toISOString(), count, msg: "lines of the log are missing: there was no room for them" })}\n`;
}

function wrap(writer: pino.Logger, bound: Fields, traceId: () => string | null): Logger {
  const at =
    (level: "debug" | "info" | "warn" | "error") =>
    (message: string, fields: Fields = {}) =>
      writer[level](allowed({ ...traceOf(traceId()), ...bound, ...fields }), scrub(message));
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    with: (fields) => wrap(writer, { ...bound, ...fields }, traceId),
  };
}

function traceOf(traceId: string | null): Fields {
  return traceId === null ? {} : { traceId };
}

function humanLine(json: string): string {
  const { time, level, msg, error, ...fields } = JSON.parse(json) as Fields & {
    error?: { message?: string; type?: string; stack?: string[] };
  };
  const pairs = Object.entries(fields).map(([name, value]) => ` ${name}=${typeof value === "string" ? value : JSON.stringify(value)}`);
  const trouble =
    error === undefined ? "" : `\n    ${error.message ?? error.type ?? ""}\n      ${(error.stack ?? []).slice(0, 4).join("\n      ")}`;
  return `${String(time).slice(11, 19)} ${String(level).padEnd(5)} ${String(msg)}${pairs.join("")}${trouble}\n`;
}
