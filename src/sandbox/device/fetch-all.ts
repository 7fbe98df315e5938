import { deliveriesIn, receiveDelivery, type MailboxCall, type MailboxOwner, type WaitingDelivery } from "../../sdk/mailbox.ts";
import { keepIn } from "./kept-items.ts";

export type Fetched = { transfer: string } & ({ items: number } | { failure: unknown });

/**
 * Everything that waits: fetched, opened, kept in the folder, acknowledged. One delivery that fails, because keys of its sealer cannot be read just now
 * or an item cannot be kept, holds up none of the others: nothing of it is acknowledged, and the next call begins it again.
 * @throws MailboxError where the list itself cannot be read.
 */
export async function fetchAll(call: MailboxCall, owner: MailboxOwner, folder: string): Promise<Fetched[]> {
  const waiting: WaitingDelivery[] = [];
  for await (const delivery of deliveriesIn(call, { state: "waiting" })) waiting.push(delivery);
  const fetched: Fetched[] = [];
  for (const delivery of waiting) fetched.push(await fetchOne(call, owner, { delivery, folder }));
  return fetched;
}

async function fetchOne(
  call: MailboxCall,
  owner: MailboxOwner,
  { delivery, folder }: { delivery: WaitingDelivery; folder: string },
): Promise<Fetched> {
  const { transfer } = delivery;
  const { keep, keepProof } = keepIn(folder, delivery);
  let items = 0;
  try {
    await keepProof(await receiveDelivery(call, owner, delivery, async (item) => keep(item).then(() => void items++)));
    return { transfer, items };
  } catch (failure) {
    return { transfer, failure };
  }
}
