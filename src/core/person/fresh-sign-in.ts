import { RelaisError } from "../errors.ts";
import type { Session } from "./person.ts";

/** For so long after a sign-in somebody may do what cannot be undone, or what hands out everything. */
export const FRESH_MINUTES = 10;

/**
 * Whether it is still sure enough that the person themselves is there, and not whoever found their browser open. Where a provider did not say when
 * they signed in there, it is not.
 */
export function isFresh({ authenticatedAt }: Pick<Session, "authenticatedAt">, now: Date): boolean {
  return authenticatedAt !== null && now.getTime() - authenticatedAt.getTime() < FRESH_MINUTES * 60_000;
}

/** Somebody signed in anew, and it was not the one whose account is open. */
export function somebodyElse(): RelaisError {
  return new RelaisError(
    "unauthenticated",
    "You signed in as somebody else than before. Sign in again as the person whose account is open here, or sign out first.",
    { actor: "person" },
  );
}
