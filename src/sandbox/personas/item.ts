import { canonicalJson } from "../../core/canonical-json.ts";
import type { FullDate } from "./calendar.ts";

export interface Item {
  key: string;
  mediaType: string;
  /** Never after the last day of the period. */
  modified: FullDate;
  content: Uint8Array;
}

export function jsonItem(key: string, modified: FullDate, value: unknown): Item {
  return { key, mediaType: "application/json", modified, content: Buffer.from(canonicalJson(value)) };
}

export function pdfItem(key: string, modified: FullDate, content: Uint8Array): Item {
  return { key, mediaType: "application/pdf", modified, content };
}
