import { LIST_SIZE } from "../federation/status-list.ts";

/** Beside the list of trust marks: `/status-lists/consents/0`, `/1`, … */
export const CONSENT_LISTS_PATH = "/status-lists/consents";

/** The `status` claim of whatever stands on a consent (Token Status List, draft 20 §6): receipts, and tokens that are checked without asking us. */
export function statusReference(issuer: string, statusIndex: number): { status_list: { idx: number; uri: string } } {
  const list = Math.floor(statusIndex / LIST_SIZE);
  return { status_list: { idx: statusIndex % LIST_SIZE, uri: `${issuer}${CONSENT_LISTS_PATH}/${list}` } };
}
