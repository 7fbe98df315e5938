import { randomUUID } from "node:crypto";
import { RelaisError } from "../../../core/errors.ts";
import type { Grant, ToldTransfer } from "../../../sdk-client/platform-client.ts";

/** What a person allowed at Relais, and the transfer that came of it. */
export interface Delivery {
  /** Also the idempotency key of the transfer: asking again never starts a second one. */
  id: string;
  account: string;
  /** Name of the holder. */
  holder: string;
  grant: Pick<Grant, "requestTransfer" | "readTransfer">;
  /** Null until Relais accepted it. */
  transfer: ToldTransfer | null;
  allowedAt: Date;
}

export interface Deliveries {
  add(allowed: Pick<Delivery, "account" | "holder" | "grant">): Delivery;
  /** @throws RelaisError `not_found`, also for somebody else's. */
  get(id: string, account: string): Delivery;
  /** Newest first. */
  of(account: string): Delivery[];
}

const MOST = 1000;

/** Kept in memory, as their tokens are. After a restart a transfer goes on, and the person follows it at Relais. */
export function deliveriesInMemory(): Deliveries {
  const kept = new Map<string, Delivery>();
  return {
    add: (allowed) => {
      const [oldest] = kept.keys();
      if (oldest !== undefined && kept.size >= MOST) kept.delete(oldest);
      const delivery = { ...allowed, id: randomUUID(), transfer: null, allowedAt: new Date() };
      kept.set(delivery.id, delivery);
      return delivery;
    },
    get: (id, account) => {
      const found = kept.get(id);
      if (found?.account === account) return found;
      throw new RelaisError(
        "not_found",
        "There is no such delivery here, or the platform was started anew. The person finds the transfer at Relais.",
        { actor: "person" },
      );
    },
    of: (account) => [...kept.values()].filter((delivery) => delivery.account === account).toReversed(),
  };
}
