import { asRelaisError, RelaisError } from "../errors.ts";
import { locked } from "./await-receipt.ts";
import type { ParticipantId, TransferId } from "../ids.ts";
import type { Ports, Reader } from "../ports.ts";
import { assertSame } from "../transfer/complete-transfer.ts";
import { payloadOf, sha256, type Manifest } from "../transfer/manifest.ts";
import { manifestOf, readDelivery, type DeliveryView } from "./fetch-packages.ts";

export type AcknowledgingPorts = Pick<Ports, "store" | "clock" | "queue" | "verifier">;

interface Acknowledgement {
  platformId: ParticipantId;
  transferId: TransferId;
  /** The receipt, as the platform signed it. */
  jws: string;
}

/** A receipt says of each item less than the manifest does; escapes and white space may make it longer, and its head has a length of its own. */
const LONGER = 4;
const HEAD_BYTES = 64 * 1024;

/**
 * How many bytes a receipt for this delivery can have: what is longer need not be read.
 * @throws RelaisError `not_found` where it is not the platform's, `conflict` where it waits for no receipt.
 */
export async function expectReceipt({ store }: Pick<AcknowledgingPorts, "store">, asked: Omit<Acknowledgement, "jws">): Promise<number> {
  const { state } = await readDelivery({ store }, asked);
  if (state !== "waiting" && state !== "acknowledged") throw waitsNoMore();
  const manifest = await store.read((r) => manifestOf(r, asked.transferId));
  return HEAD_BYTES + LONGER * manifest.length;
}

/**
 * Takes the platform's receipt, and wakes the transfer, which compares it with what was sent. The same receipt again changes nothing.
 * @throws RelaisError `invalid` where it is not a receipt for this manifest signed by a published key of the platform, `conflict` where another one
 * was given or the transfer no longer waits, `not_found`.
 */
export async function acknowledgeDelivery(ports: AcknowledgingPorts, given: Acknowledgement): Promise<DeliveryView> {
  const delivery = await readDelivery(ports, given);
  const known = delivery.isAcknowledged ? await ports.store.read((r) => r.mailbox.find(given.transferId)) : null;
  if (known !== null && known.receipt === given.jws) return delivery;
  if (known !== null) throw another();
  await assertReceipt(ports, given);
  const ring = await ports.store.write(async (w) => {
    // Waits for an attempt that is just laying the transfer to rest: what it writes must not come after this.
    const { id, epoch, state } = await locked(w, given.transferId);
    if (state !== "delivered") throw waitsNoMore();
    if (!(await w.keeping.acknowledge(id, given.jws))) throw another();
    await w.deliveries.change(id, epoch, { dueAt: ports.clock.now() });
    return { transferId: id, epoch };
  });
  // The doorbell may be out of order: the sweep rings again from the table.
  await ports.queue.ring([ring]).catch(() => undefined);
  return readDelivery(ports, given);
}

function waitsNoMore(): RelaisError {
  return new RelaisError("conflict", "This transfer does not wait for a receipt any more. Look at its state.");
}

function another(): RelaisError {
  return new RelaisError("conflict", "You gave another receipt for this transfer before. The first one counts.");
}

async function assertReceipt({ store, verifier }: AcknowledgingPorts, { platformId, transferId, jws }: Acknowledgement): Promise<void> {
  const { keys, manifestJws } = await store.read(async (r: Reader) => ({
    keys: (await r.participants.get(platformId)).keys,
    manifestJws: await manifestOf(r, transferId),
  }));
  const { transfer, consent, source, destination } = payloadOf(manifestJws) as Manifest;
  try {
    const receipt = await verifier.verifyReceipt(jws, keys);
    assertSame(receipt, { iss: destination, transfer, consent, source, destination, manifest: sha256(manifestJws), observed: false });
  } catch (cause) {
    const { code, message } = asRelaisError(cause);
    throw code === "peer_protocol" ? new RelaisError("invalid", message, { actor: "client", cause }) : cause;
  }
}
