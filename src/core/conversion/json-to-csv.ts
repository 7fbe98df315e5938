import { readWritten, WrittenNumber, writeWritten, type Written } from "./written-json.ts";

const MOST_COLUMNS = 1000;
/** Few records with many names of their own make a table that is far larger than they are, and empty. */
const MOST_CELLS = 1_000_000;
const LINE_END = "\r\n";

/**
 * `json-to-csv/1`: records as a table (RFC 4180: comma, CRLF, a header, UTF-8 without a byte order mark). Pure: the same bytes give the same bytes.
 *
 * - A row is each object of a list; of an object whose only member is such a list; else the object itself.
 * - A member of an object in an object is a column with a dotted name. A list in a record, and an empty object, is one cell of JSON.
 * - Columns are sorted by their names' UTF-16 code units, as RFC 8785 sorts members, whatever order a source writes.
 * - Numbers are as they are written. An absent value and `null` are empty; an empty text is `""`.
 * - A text that a spreadsheet would run as a formula (it begins with `=`, `+`, `-`, `@`, a tabulator or a carriage return) has an apostrophe before it;
 *   not where it is a sign with digits, such as a telephone number.
 *
 * Null for what is no table: no JSON, no record, two members for one column, more than 1000 columns, more than a million cells.
 */
export function jsonToCsv(bytes: Uint8Array): Uint8Array | null {
  const value = readWritten(bytes);
  const rows = value === null ? null : rowsOf(value);
  if (rows === null) return null;
  const columns = [...new Set(rows.flatMap((row) => [...row.keys()]))].sort();
  const isTable = columns.length > 0 && columns.length <= MOST_COLUMNS && columns.length * rows.length <= MOST_CELLS;
  return isTable ? new TextEncoder().encode(tableOf(columns, rows)) : null;
}

type Row = Map<string, Written>;

function rowsOf(value: Written): Row[] | null {
  const records = recordsIn(value);
  if (records === null) return null;
  const rows = records.map((record) => flattened(record));
  return rows.includes(null) ? null : (rows as Row[]);
}

function recordsIn(value: Written): Map<string, Written>[] | null {
  if (Array.isArray(value)) return isRecords(value) ? value : null;
  if (!(value instanceof Map)) return null;
  const [only] = value.values();
  return value.size === 1 && Array.isArray(only) && isRecords(only) ? only : [value];
}

function isRecords(list: Written[]): list is Map<string, Written>[] {
  return list.length > 0 && list.every((one) => one instanceof Map);
}

/** Null where two members have one name. */
function flattened(record: Map<string, Written>, prefix = "", row: Row = new Map()): Row | null {
  for (const [name, value] of record) {
    const column = prefix + name;
    const isTaken = value instanceof Map && value.size > 0 ? flattened(value, `${column}.`, row) === null : row.has(column);
    if (isTaken) return null;
    if (!(value instanceof Map) || value.size === 0) row.set(column, value);
  }
  return row;
}

function tableOf(columns: string[], rows: Row[]): string {
  const lines = rows.map((row) => columns.map((column) => cell(row.get(column) ?? null)).join(","));
  // An empty line would be no record to whoever reads it.
  return [columns.map(textCell).join(","), ...lines.map((line) => (line === "" ? '""' : line)), ""].join(LINE_END);
}

function cell(value: Written): string {
  if (value === null) return "";
  if (value instanceof WrittenNumber) return value.text;
  if (typeof value === "string") return textCell(value);
  return quoted(writeWritten(value));
}

function textCell(text: string): string {
  return text === "" ? '""' : quoted(isFormula(text) ? `'${text}` : text);
}

function isFormula(text: string): boolean {
  return /^[=+\-@\t\r]/.test(text) && !/^[+-]\d[\d .,]*$/.test(text);
}

function quoted(text: string): string {
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
