import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { assertItemKey } from "../../core/transfer/item-key.ts";
import type { ReceivedItem } from "../../sdk/mailbox.ts";

/** Beside the data sets of a person; a data set of this name has another one, with its first letter escaped. */
const PROOFS = "proofs";
/** What common file systems take as one name is 255 bytes; the draft's ending is part of them. */
const MOST_NAME_BYTES = 240;

/**
 * A folder for each person, in it one for each data set; what was not whole was never there. Names are percent-encoded; a longer one than a file
 * system takes is named by its digest. As a percent sign stands before two hex digits in every encoded name, what has another one is none of them.
 */
export function keepIn(folder: string, { subject, transfer }: Pick<ReceivedItem, "subject" | "transfer">) {
  const own = join(folder, nameOf(subject));
  return {
    keep: async ({ dataset, key, bytes }: ReceivedItem): Promise<void> => {
      assertItemKey(key);
      const target = join(own, dataset === PROOFS ? "%70roofs" : nameOf(dataset), nameOf(key));
      const draft = `${target}%part`;
      await mkdir(dirname(target), { recursive: true });
      try {
        await pipeline(Readable.from(bytes, { objectMode: false }), createWriteStream(draft, { mode: 0o600, flush: true }));
        await rename(draft, target);
      } finally {
        await rm(draft, { force: true });
      }
    },
    keepProof: async ({ manifest, receipt }: { manifest: string; receipt: string }): Promise<void> => {
      const proofs = join(own, PROOFS);
      await mkdir(proofs, { recursive: true });
      await writeFile(join(proofs, `${transfer}.manifest.jwt`), manifest);
      await writeFile(join(proofs, `${transfer}.receipt.jwt`), receipt);
    },
  };
}

function nameOf(text: string): string {
  // Dots alone would be a folder above.
  const encoded = /^\.+$/.test(text) ? text.replaceAll(".", "%2E") : encodeURIComponent(text);
  return encoded.length <= MOST_NAME_BYTES ? encoded : `%sha256-${createHash("sha256").update(text).digest("hex")}`;
}
