import { Readable } from "node:stream";
import { RelaisError } from "../../core/errors.ts";
import { itemName } from "../../core/transfer/adapter.ts";
import { readCompactForm } from "../../core/transfer/compact-form.ts";
import { payloadOf, type Manifest } from "../../core/transfer/manifest.ts";
import { assertItemName, announcedIn } from "./announcement.ts";
import type { Announced, Intake } from "./intake.ts";

/** How long the rest may still come in the long form, where this request breaks off. */
const OPEN_MILLISECONDS = 3_600_000;

/**
 * Announcement, items and manifest in one request: the same three steps, one after the other, so that what one request began another one may end.
 * Returns the signed receipt. @throws RelaisError as those steps do, or `invalid` for an item that the manifest does not name.
 */
export async function takeCompact(intake: Intake, contentType: string, body: Buffer): Promise<string> {
  const { manifestJws, items } = readCompactForm(contentType, body);
  const manifest = manifestIn(manifestJws);
  const { transfer } = manifest;
  const isNew = intake.announce(announcedBy(manifest));
  // Its answer may have been lost: the same manifest gives the same receipt.
  if (!isNew && intake.look(transfer, { limit: 1, after: null }).state === "complete") return intake.complete(transfer, manifestJws);
  const named = new Map(manifest.items.map((item) => [itemName(item), item]));
  for (const item of items) {
    const { dataset, key } = item;
    assertItemName(dataset, key);
    const listed = named.get(itemName(item));
    if (listed === undefined) throw new RelaisError("invalid", "An item is not named in the manifest that travels with it.");
    const { media_type: mediaType, bytes, "sha-256": sha256 } = listed;
    await intake.put({ transfer, dataset, key, mediaType, bytes, sha256 }, Readable.from([item.body]));
  }
  return intake.complete(transfer, manifestJws);
}

/** Its signature is checked where it completes the transfer; the request that carries it is Relais' own. */
function manifestIn(jws: string): Manifest {
  try {
    const manifest = payloadOf(jws) as Manifest;
    if (Array.isArray(manifest.items) && manifest.items.every((item) => typeof item === "object" && item !== null)) return manifest;
  } catch {
    // Said below.
  }
  throw new RelaisError("invalid", "The first part is not a manifest.");
}

function announcedBy({ items, omissions: _omissions, iat: _iat, iss: _iss, ...ends }: Manifest): Announced {
  const datasets = [...Map.groupBy(items, ({ dataset }) => dataset)].map(([dataset, own]) => ({
    dataset,
    items: own.length,
    bytes: own.reduce((sum, { bytes }) => sum + bytes, 0),
  }));
  return announcedIn({ ...ends, datasets, expires: new Date(Date.now() + OPEN_MILLISECONDS).toISOString() });
}
