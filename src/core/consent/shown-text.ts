import { LANGUAGES, type Language } from "../catalogue/data-set.ts";
import type { ConsentReceipt } from "./consent-receipt.ts";

/** The published wording that a person was shown beside the facts, as their receipt names it. */
export interface ShownText {
  version: number;
  language: Language;
  hash: string;
  /** Its entry in the public log. */
  logIndex: number;
}

/** Null where the receipt names none, or no entry of it: it is from before the log told of texts. */
export function shownText({ receipt }: Pick<ConsentReceipt, "receipt">): ShownText | null {
  const notice = firstOf(membersOf(firstOf(receipt["dpv:hasRecordOfActivity"]))["dpv:hasNotice"]);
  const { "dct:language": language, "relais:text": text } = membersOf(notice);
  const { "schema:version": version, "schema:value": hash, "relais:logIndex": logIndex } = membersOf(text);
  const known = LANGUAGES.find((one) => one === language);
  if (known === undefined || typeof hash !== "string" || !Number.isSafeInteger(logIndex)) return null;
  return { version: Number(version), language: known, hash, logIndex: Number(logIndex) };
}

/** Whether this entry of the public log tells that this very text was published. */
export function isEntryOf({ version, language, hash }: ShownText, entry: Buffer): boolean {
  const says = membersOf(JSON.parse(entry.toString("utf8")));
  return says["kind"] === "notice_text" && says["version"] === version && says["language"] === language && says["hash"] === hash;
}

function firstOf(value: unknown): unknown {
  return Array.isArray(value) ? value[0] : undefined;
}

function membersOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
