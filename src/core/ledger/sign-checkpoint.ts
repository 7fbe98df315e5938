import { RelaisError } from "../errors.ts";
import type { Reader, Store } from "../ports.ts";
import { checkpointText } from "./checkpoint.ts";
import type { SignedCheckpoint } from "./ledger.ts";
import { formatKey, signNote, type NoteSigner } from "./note.ts";
import { rootOf } from "./tree.ts";

/**
 * The signed checkpoint of all that is committed. What was signed is remembered in the transaction that signs, before anybody sees it, and each new
 * checkpoint continues the last one: two processes, a crash or a restored copy cannot make the log sign two histories (tlog-checkpoint, "Signatures").
 * @throws RelaisError `unavailable` where the database disagrees with what was signed before.
 */
export async function signCheckpoint({ store, key }: { store: Store; key: NoteSigner }): Promise<SignedCheckpoint> {
  const present = await store.read(async (r) => {
    const [size, last] = [await r.ledger.size(), await r.ledger.lastCheckpoint()];
    return last !== null && isPresent(last, size, key) ? last : null;
  });
  return present ?? signNext(store, key);
}

function signNext(store: Store, key: NoteSigner): Promise<SignedCheckpoint> {
  return store.write(async (w) => {
    await w.log.lockCheckpoints();
    const last = await w.ledger.lastCheckpoint();
    const size = await w.ledger.size();
    if (last !== null && isPresent(last, size, key)) return last;
    if (last !== null) await assertContinued(w, last, size);
    const root = await rootOf(size, w.ledger.nodes);
    const note = signNote(checkpointText({ origin: key.name, size, root }), key);
    const signed = { size, root, key: formatKey(key), note };
    await w.log.keepCheckpoint(signed);
    return signed;
  });
}

function isPresent(last: SignedCheckpoint, size: number, key: NoteSigner): boolean {
  return last.size === size && last.key === formatKey(key);
}

async function assertContinued({ ledger }: Pick<Reader, "ledger">, last: SignedCheckpoint, size: number): Promise<void> {
  if (size >= last.size && last.root.equals(await rootOf(last.size, ledger.nodes))) return;
  throw new RelaisError(
    "unavailable",
    `The public log does not continue what was signed before (${last.size} entries), so nothing is signed. The operator must restore the database that holds those entries.`,
    { actor: "operator", details: { signed: last.size, present: size } },
  );
}
