import { RelaisError } from "../errors.ts";
import type { Store } from "../ports.ts";
import type { NoteSigner } from "./note.ts";
import { formatProof } from "./proof-file.ts";
import { signCheckpoint } from "./sign-checkpoint.ts";
import { inclusionProof } from "./tree.ts";

/**
 * The `.tlog-proof` file of one entry, under the present checkpoint, with the entry in it.
 * @throws RelaisError `not_found` where the log has no such entry.
 */
export async function proveEntry(ports: { store: Store; key: NoteSigner }, index: number): Promise<string> {
  const { size, note } = await signCheckpoint(ports);
  if (index >= size) throw new RelaisError("not_found", `The log has no entry ${index}: it holds ${size}.`);
  return ports.store.read(async ({ ledger }) => {
    const [entry = null] = await ledger.entries({ from: index, to: index + 1 });
    return formatProof({ index, path: await inclusionProof(index, size, ledger.nodes), checkpoint: note, extra: entry });
  });
}
