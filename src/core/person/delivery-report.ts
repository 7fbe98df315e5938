import { isId } from "../ids.ts";
import type { MailId } from "./mail.ts";

/** What a mail system says of a mail that it took at first and could not deliver (RFC 3464). */
export interface DeliveryReport {
  /** Ours, by the Message-ID of the mail that comes back; null where it is none of ours or does not say. */
  mail: MailId | null;
  /** `failed` for good, or `delayed`, `delivered` and so on. */
  action: string;
  /** Enhanced status code (RFC 3463). */
  status: string;
}

const STATUS_TYPE = "message/delivery-status";
/** The mail that comes back, or its headers alone (RFC 3462 §2). */
const RETURNED_TYPES = ["message/rfc822", "text/rfc822-headers"];

/**
 * Reads a delivery report strictly: `multipart/report` with a part of `message/delivery-status` about one recipient, which each of our mails has.
 * Null for anything else: an answer on holiday, a complaint, a report in words alone.
 */
export function readDeliveryReport(raw: string): DeliveryReport | null {
  const parts = reportParts(partIn(raw));
  const [, recipient, ...others] = fieldGroups(parts.find((part) => typeOf(part) === STATUS_TYPE)?.body ?? "");
  if (recipient === undefined || others.length > 0) return null;
  const action = recipient.get("action")?.toLowerCase();
  const status = /^[245]\.\d{1,3}\.\d{1,3}/.exec(recipient.get("status") ?? "")?.[0];
  if (action === undefined || status === undefined) return null;
  return { mail: mailIn(parts.find((part) => RETURNED_TYPES.includes(typeOf(part)))), action, status };
}

/** None where it is no report. */
function reportParts({ headers, body }: Part): Part[] {
  const type = headers.get("content-type") ?? "";
  const boundary = /;\s*boundary=(?:"([^"]+)"|([^\s;]+))/i.exec(type);
  return boundary !== null && /^multipart\/report\s*;/i.test(type) ? partsOf(body, boundary[1] ?? boundary[2] ?? "") : [];
}

/** Nobody is there: no such mailbox or domain, moved away, no mail taken, closed. A full mailbox or a refusal of our words is something else. */
const NOBODY = ["5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"];

export function isNobody({ action, status }: DeliveryReport): boolean {
  return action === "failed" && NOBODY.includes(status);
}

interface Part {
  headers: Map<string, string>;
  body: string;
}

function partIn(raw: string): Part {
  const [, head = raw, body = ""] = /^(.*?)\r?\n\r?\n(.*)$/s.exec(raw) ?? [];
  return { headers: fieldsIn(head), body };
}

function partsOf(body: string, boundary: string): Part[] {
  const lines = `\n${body}`.replaceAll("\r\n", "\n");
  return lines
    .split(`\n--${boundary}`)
    .slice(1)
    .filter((part) => !part.startsWith("--"))
    .map((part) => partIn(part.replace(/^[ \t]*\n/, "")));
}

const typeOf = ({ headers }: Part): string => (headers.get("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";

/** Those about the message, then those about each recipient (RFC 3464 §2.1). */
function fieldGroups(body: string): Map<string, string>[] {
  const groups = body.trim().split(/\n[ \t]*\n/);
  return groups.map(fieldsIn).filter((fields) => fields.size > 0);
}

function fieldsIn(text: string): Map<string, string> {
  const lines = text.replaceAll(/\r?\n[ \t]+/g, " ").split(/\r?\n/);
  const pairs = lines.map((line) => /^([!-9;-~]+)\s*:\s*(.*)$/.exec(line)).filter((found) => found !== null);
  return new Map(pairs.map(([, name = "", value = ""]) => [name.toLowerCase(), value.trim()]));
}

function mailIn(returned: Part | undefined): MailId | null {
  const fields = returned && (typeOf(returned) === "message/rfc822" ? partIn(returned.body).headers : fieldsIn(returned.body));
  const id = /^<([^@<>]+)@[^<>]+>$/.exec(fields?.get("message-id") ?? "")?.[1];
  return isId("mail", id) ? id : null;
}
