import { canonicalJson } from "../canonical-json.ts";
import { sha256 } from "../transfer/manifest.ts";
import type { Notice } from "./consent.ts";

/** Names a notice by its content: SHA-256 over its canonical JSON (RFC 8785), base64url. */
export function noticeHash(notice: Notice): string {
  return sha256(canonicalJson(notice));
}
