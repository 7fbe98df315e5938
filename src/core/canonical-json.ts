import { RelaisError } from "./errors.ts";

const MAX_DEPTH = 64;

/**
 * The one spelling of a JSON value (RFC 8785): members sorted by UTF-16 code units, no spaces, ECMAScript numbers.
 * @throws RelaisError `invalid` for what JSON cannot hold, and for nesting deeper than 64.
 */
export function canonicalJson(value: unknown, depth = 0): string {
  if (depth > MAX_DEPTH) throw new RelaisError("invalid", `The JSON is nested deeper than ${MAX_DEPTH} levels.`);
  if (Array.isArray(value)) return `[${value.map((element) => canonicalJson(element, depth + 1)).join(",")}]`;
  if (typeof value === "object" && value !== null) return canonicalObject(value as Record<string, unknown>, depth);
  if (typeof value === "number" && !Number.isFinite(value)) throw new RelaisError("invalid", "JSON holds no such number.");
  if (typeof value === "string" && !value.isWellFormed()) throw new RelaisError("invalid", "The JSON holds text that is not Unicode.");
  const text = JSON.stringify(value);
  if (text === undefined) throw new RelaisError("invalid", "The value is not JSON.");
  return text;
}

function canonicalObject(value: Record<string, unknown>, depth: number): string {
  const names = Object.keys(value).filter((name) => value[name] !== undefined);
  // Array.prototype.sort compares UTF-16 code units, which is what RFC 8785 §3.2.3 asks.
  return `{${names
    .sort()
    .map((name) => `${JSON.stringify(name)}:${canonicalJson(value[name], depth + 1)}`)
    .join(",")}}`;
}
