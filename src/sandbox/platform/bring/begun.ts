import { createHash } from "node:crypto";
import { RelaisError } from "../../../core/errors.ts";
import type { Pending } from "../../../sdk-client/platform-client.ts";

/** A request that a person began here, and whose answer has not come back yet. */
export interface Begun {
  pending: Pick<Pending, "state" | "redeem">;
  account: string;
  /** The secret in the cookie of the browser that began. */
  browser: string;
  holder: string;
}

export interface BegunRequests {
  keep(begun: Begun): void;
  /**
   * The request that this answer belongs to; a second answer finds none.
   * @throws RelaisError `unauthenticated` for another browser or account, an old or a used state.
   */
  take(state: unknown, visitor: Pick<Begun, "account" | "browser">): Begun;
}

const LIFE_MILLISECONDS = 600_000;
const MOST = 10_000;

/** Kept in memory: an answer that comes after a restart is refused, and the person begins again. */
export function begunRequests(): BegunRequests {
  const kept = new Map<string, { begun: Begun; browser: string; until: number }>();
  return {
    keep: (begun) => {
      for (const [state, { until }] of kept) if (until < Date.now() || kept.size >= MOST) kept.delete(state);
      kept.set(begun.pending.state, { begun, browser: digest(begun.browser), until: Date.now() + LIFE_MILLISECONDS });
    },
    take: (state, { account, browser }) => {
      const found = typeof state === "string" ? kept.get(state) : undefined;
      const fits = found !== undefined && found.until > Date.now() && found.begun.account === account && found.browser === digest(browser);
      if (!fits)
        throw new RelaisError("unauthenticated", "This request is over, was answered already, or was begun in another browser.", {
          actor: "person",
        });
      kept.delete(found.begun.pending.state);
      return found.begun;
    },
  };
}

function digest(secret: string): string {
  return createHash("sha256").update(secret).digest("base64url");
}
