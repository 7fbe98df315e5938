/**
 * One record of RFC 4180, with its line end. A cell that a spreadsheet would run as a formula begins with an apostrophe (OWASP, CSV injection):
 * names in the register are written by participants.
 */
export function csvRecord(cells: readonly (string | number | null)[]): string {
  return `${cells.map(cellOf).join(",")}\r\n`;
}

/** Control characters are left out: a tab or a line end at the front would hide what follows. */
function cellOf(value: string | number | null): string {
  if (typeof value === "number") return String(value);
  const text = (value ?? "").replaceAll(/\p{Cc}/gu, " ");
  const harmless = /^\s*[=+\-@＝＋－＠]/u.test(text) ? `'${text}` : text;
  return /[",']|^\s|\s$/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
