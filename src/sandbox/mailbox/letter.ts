import { RelaisError } from "../../core/errors.ts";

/** A letter as somebody reads it. */
export interface Letter {
  subject: string;
  text: string;
}

/**
 * Reads what Relais' own mailer writes: one text part, alone or among alternatives (RFC 2045, 2046, 2047). It is no reader of foreign mail.
 * @throws RelaisError `invalid` where there is no text.
 */
export function readLetter(raw: string): Letter {
  const { headers, body } = partIn(raw);
  const boundary = /^multipart\/[^;]+;.*?boundary="?([^";]+)"?/i.exec(headers.get("content-type") ?? "")?.[1];
  const parts =
    boundary === undefined
      ? [{ headers, body }]
      : body
          .split(`--${boundary}`)
          .slice(1, -1)
          .map((part) => partIn(part.replace(/^\r?\n/, "")));
  const plain = parts.find((part) => (part.headers.get("content-type") ?? "text/plain").startsWith("text/plain"));
  if (plain === undefined) throw new RelaisError("invalid", "This letter has no text.");
  return { subject: wordsIn(headers.get("subject") ?? ""), text: textOf(plain).replaceAll("\r\n", "\n").trim() };
}

interface Part {
  /** By names in small letters, unfolded. */
  headers: Map<string, string>;
  body: string;
}

function partIn(raw: string): Part {
  const [, head = raw, body = ""] = /^(.*?)\r?\n\r?\n(.*)$/s.exec(raw) ?? [];
  const lines = head.replaceAll(/\r?\n[ \t]+/g, " ").split(/\r?\n/);
  const pairs = lines.map((line) => /^([^:]+):\s*(.*)$/.exec(line) ?? []);
  return { headers: new Map(pairs.map(([, name = "", value = ""]) => [name.toLowerCase(), value.trim()])), body };
}

function textOf({ headers, body }: Part): string {
  const encoding = headers.get("content-transfer-encoding")?.toLowerCase();
  if (encoding === "base64") return Buffer.from(body, "base64").toString("utf8");
  return encoding === "quoted-printable" ? unquoted(body.replaceAll(/=\r?\n/g, "")) : body;
}

function unquoted(text: string): string {
  const bytes = text.replaceAll(/=([0-9A-F]{2})/gi, (_whole, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, "latin1").toString("utf8");
}

/** Encoded words; the space between two of them is not theirs. */
function wordsIn(text: string): string {
  return text
    .replaceAll(/\?=\s+=\?/g, "?==?")
    .replaceAll(/=\?utf-8\?([QB])\?([^?]*)\?=/gi, (_whole, way: string, word: string) =>
      way.toUpperCase() === "B" ? Buffer.from(word, "base64").toString("utf8") : unquoted(word.replaceAll("_", " ")),
    );
}
