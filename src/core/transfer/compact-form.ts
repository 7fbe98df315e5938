import { RelaisError } from "../errors.ts";
import { MANIFEST_TYPE, sha256 } from "./manifest.ts";

/** Most that travels in one request, all of its parts together (docs/self-data-transfer.md, compact form). */
export const COMPACT_BYTES = 256 * 1024;
/** Each item has a head of its own, and a line in the manifest. */
export const COMPACT_ITEMS = 200;

/** An item with its bytes. */
export interface CompactItem {
  dataset: string;
  key: string;
  mediaType: string;
  body: Uint8Array;
}

export interface CompactForm {
  /** `multipart/related` (RFC 2387), its first part the manifest. */
  contentType: string;
  body: Uint8Array;
}

const END = "\r\n";
const ITEM_PATH = /^items\/([^/]+)\/([^/]+)$/;

/** One body: the signed manifest, then each item, in the order given. The same parts give the same bytes. */
export function writeCompactForm(manifestJws: string, items: CompactItem[]): CompactForm {
  // The manifest names each item's digest: whoever wrote an item cannot know the digest of the manifest, and end a part with it.
  const boundary = sha256(manifestJws);
  const part = (head: string[], body: string | Uint8Array): (string | Uint8Array)[] => [
    [`--${boundary}`, ...head, "", ""].join(END),
    body,
    END,
  ];
  const parts = [
    part([`Content-Type: application/${MANIFEST_TYPE}`], manifestJws),
    ...items.map((item) => part([`Content-Type: ${item.mediaType}`, `Content-Location: ${locationOf(item)}`], item.body)),
    [`--${boundary}--${END}`],
  ];
  return {
    contentType: `multipart/related; type="application/${MANIFEST_TYPE}"; boundary="${boundary}"`,
    body: Buffer.concat(parts.flat().map((piece) => (typeof piece === "string" ? Buffer.from(piece) : piece))),
  };
}

/** Where it would be put in the long form, below the transfer's own address. */
function locationOf({ dataset, key }: { dataset: string; key: string }): string {
  return `items/${encodeURIComponent(dataset)}/${encodeURIComponent(key)}`;
}

/** The parts of such a body, not compared with each other yet. @throws RelaisError `invalid` naming the flaw. */
export function readCompactForm(contentType: string, body: Buffer): { manifestJws: string; items: CompactItem[] } {
  const boundary = /^multipart\/related\s*;(?:.*;)?\s*boundary="?([\w'()+,./:=?-]{1,70})"?\s*(?:;|$)/i.exec(contentType)?.[1];
  if (boundary === undefined) throw flaw("its Content-Type names no boundary");
  const [manifest, ...items] = partsOf(body, boundary).map(readPart);
  if (manifest === undefined || manifest.mediaType !== `application/${MANIFEST_TYPE}`) throw flaw("its first part is not the manifest");
  return { manifestJws: Buffer.from(manifest.body).toString(), items: items.map(itemOf) };
}

/** What stands between delimiters (RFC 2046 §5.1.1); no preamble and no epilogue is written, and none is taken. */
function partsOf(body: Buffer, boundary: string): Buffer[] {
  const opening = Buffer.from(`--${boundary}${END}`);
  const next = Buffer.from(`${END}--${boundary}`);
  if (!body.subarray(0, opening.length).equals(opening)) throw flaw("it does not begin with its boundary");
  const parts: Buffer[] = [];
  for (let from = opening.length; ;) {
    const to = body.indexOf(next, from);
    if (to < 0) throw flaw("its last part has no end");
    parts.push(body.subarray(from, to));
    if (parts.length > COMPACT_ITEMS + 1) throw flaw(`it has more than ${COMPACT_ITEMS} items`);
    const after = to + next.length;
    const mark = body.subarray(after, after + 2).toString("latin1");
    if (
      mark === "--" &&
      body
        .subarray(after + 2)
        .toString("latin1")
        .trim() === ""
    )
      return parts;
    if (mark !== END) throw flaw("a boundary is followed by something else");
    from = after + END.length;
  }
}

interface Part {
  mediaType: string;
  location: string | undefined;
  body: Uint8Array;
}

function readPart(part: Buffer): Part {
  const at = part.indexOf(END + END);
  if (at < 0) throw flaw("a part has no head");
  const fields = new Map(
    part
      .subarray(0, at)
      .toString("latin1")
      .split(END)
      .map((line) => [line.split(":")[0]?.trim().toLowerCase() ?? "", line.slice(line.indexOf(":") + 1).trim()]),
  );
  const mediaType = fields.get("content-type");
  if (mediaType === undefined) throw flaw("a part has no Content-Type");
  return { mediaType, location: fields.get("content-location"), body: part.subarray(at + 2 * END.length) };
}

function itemOf({ mediaType, location, body }: Part): CompactItem {
  const [, dataset, key] = ITEM_PATH.exec(location ?? "") ?? [];
  if (dataset === undefined || key === undefined) throw flaw("an item has no Content-Location `items/{dataset}/{key}`");
  try {
    return { dataset: decodeURIComponent(dataset), key: decodeURIComponent(key), mediaType, body };
  } catch (cause) {
    throw flaw("an item's Content-Location is not percent-encoded UTF-8", cause);
  }
}

function flaw(what: string, cause?: unknown): RelaisError {
  return new RelaisError("invalid", `The body is no transfer in compact form: ${what}.`, { cause });
}
