import { createWriteStream } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { assertItemKey } from "../../core/transfer/item-key.ts";
import type { ReceivedItem } from "../../sdk/mailbox.ts";

/** A folder for each person, in it one for each data set; what was not whole was never there. */
export function keepIn(folder: string, { subject, transfer }: Pick<ReceivedItem, "subject" | "transfer">) {
  const own = join(folder, encodeURIComponent(subject));
  return {
    keep: async ({ dataset, key, bytes }: ReceivedItem): Promise<void> => {
      assertItemKey(key);
      const target = join(own, encodeURIComponent(dataset), encodeURIComponent(key));
      const draft = `${target}.part`;
      await mkdir(dirname(target), { recursive: true });
      try {
        await pipeline(Readable.from(bytes, { objectMode: false }), createWriteStream(draft, { mode: 0o600, flush: true }));
        await rename(draft, target);
      } finally {
        await rm(draft, { force: true });
      }
    },
    keepProof: async ({ manifest, receipt }: { manifest: string; receipt: string }): Promise<void> => {
      const proofs = join(own, "proofs");
      await mkdir(proofs, { recursive: true });
      await writeFile(join(proofs, `${transfer}.manifest.jwt`), manifest);
      await writeFile(join(proofs, `${transfer}.receipt.jwt`), receipt);
    },
  };
}
