import { RelaisError } from "../errors.ts";

/** @throws RelaisError `peer_unavailable` where more than `most` bytes would wait for one platform: it goes on when the platform fetched. */
export function mustFit(waiting: number, most: number): void {
  if (waiting <= most) return;
  throw new RelaisError("peer_unavailable", "Too much waits for this platform already. It must fetch and acknowledge what is there.", {
    details: { fits: most },
  });
}

export function tooLarge(most: number): RelaisError {
  return new RelaisError("too_large", `A package is larger than ${most} bytes. The operator can raise the limit.`, { actor: "operator" });
}
