import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Request, Response } from "express";
import { trustLists, type TrustList } from "../core/register/trust-list.ts";
import type { RoutePorts } from "./route-ports.ts";

export const TRUST_LIST_TYPE = "application/self-data-trust-list+jwt";

/** A list as it goes out, compressed once. */
export type SentList = () => Promise<TrustList & { etag: string; compressed: Buffer }>;

const compress = promisify(gzip);

export function sentLists(ports: Pick<RoutePorts, "store" | "clock" | "issuer" | "statements">): SentList {
  const lists = trustLists(ports);
  let last: { of: TrustList; compressed: Promise<Buffer> } | null = null;
  return async () => {
    const list = await lists();
    if (last?.of !== list) last = { of: list, compressed: compress(list.jwt) };
    return { ...list, etag: etagOf(list.tag), compressed: await last.compressed };
  };
}

/** Weak: two processes sign the same list with other bytes (RFC 9110 §8.8.1). */
function etagOf(tag: string): string {
  return `W/"${createHash("sha256").update(tag).digest("base64url").slice(0, 22)}"`;
}

/** 304 where the reader has this very list. A cache between may keep it for five seconds. */
export async function getTrustList({ sentList }: { sentList: SentList }, req: Request, res: Response): Promise<void> {
  const { jwt, etag, compressed } = await sentList();
  res.vary("Accept-Encoding").set({ "Cache-Control": "public, max-age=5", ETag: etag });
  if (matches(req.headers["if-none-match"], etag)) return void res.status(304).end();
  res.setHeader("Content-Type", TRUST_LIST_TYPE);
  if (req.acceptsEncodings("gzip") === false) return void res.end(jwt);
  res.set("Content-Encoding", "gzip").end(compressed);
}

/** Weak comparison (RFC 9110 §13.1.2). */
function matches(condition: string | undefined, etag: string): boolean {
  const bare = (tag: string): string => tag.trim().replace(/^W\//, "");
  return condition !== undefined && (condition.trim() === "*" || condition.split(",").some((tag) => bare(tag) === bare(etag)));
}
