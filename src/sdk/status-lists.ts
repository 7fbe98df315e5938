import { inflateSync } from "node:zlib";
import { readStatus } from "../core/federation/status-list.ts";
import type { EntityStatement } from "../core/federation/statement.ts";
import { VerificationError } from "./documents.ts";
import { fetchText, type WebFetch } from "./federation-site.ts";
import { signed } from "./signed.ts";

/** A list of a million entries, before it is compressed. */
const MOST_LIST_BYTES = 256 * 1024;

/**
 * What the issuer's status list says now of what bears these claims (Token Status List, draft 20 §8.3): it tells nobody which entry you look at.
 * @throws VerificationError where there is no such list, or it is not the issuer's.
 */
export async function readListed(
  fetcher: WebFetch,
  claims: object,
  issuer: Pick<EntityStatement, "sub" | "keys">,
  now: Date,
): Promise<number> {
  const { idx, uri } = placeOf(claims);
  if (new URL(uri).origin !== new URL(issuer.sub).origin)
    throw new VerificationError("The document names a status list at another origin than its issuer's.");
  const answer = await fetchText(fetcher, uri, { headers: { accept: "application/statuslist+jwt" } });
  if (answer === null) throw new VerificationError(`There is no status list at ${uri}.`);
  const { sub, exp, status_list: list } = await signed.verify(answer, { type: "statuslist+jwt", keys: issuer.keys });
  const { bits, lst } = (list ?? {}) as { bits?: unknown; lst?: unknown };
  if (sub !== uri || (exp !== undefined && Number(exp) * 1000 <= now.getTime()) || bits !== 2 || typeof lst !== "string")
    throw new VerificationError("The status list is another one, too old, or not of two bits.");
  const value = readStatus(inflateSync(Buffer.from(lst, "base64url"), { maxOutputLength: MOST_LIST_BYTES }), idx);
  if (value === null) throw new VerificationError("The document's place is outside of its status list.");
  return value;
}

function placeOf(claims: { status?: { status_list?: { idx?: unknown; uri?: unknown } } }): { idx: number; uri: string } {
  const { idx, uri } = claims.status?.status_list ?? {};
  if (!Number.isInteger(idx) || typeof uri !== "string" || !URL.canParse(uri))
    throw new VerificationError("The document names no place in a status list. Ask its issuer instead.");
  return { idx: idx as number, uri };
}
