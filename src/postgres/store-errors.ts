import { asRelaisError, RelaisError } from "../core/errors.ts";

const COLLISIONS = new Set(["40001", "40P01"]);

/** Two consents that drew the same place in a status list at the same moment draw again. */
export function isCollision(error: unknown): boolean {
  return (
    COLLISIONS.has(sqlState(error)) || (error instanceof Error && "constraint" in error && error.constraint === "consents_status_index")
  );
}

export function sqlState(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
}

/** SQLSTATE to our words. RE001 and RE002 are raised by our own triggers. Class 08, 53 and 57P are a server that is away or full; 25P03 and 55P03 a wait that it ended. */
const TRANSLATIONS: [matches: RegExp, code: "conflict" | "unavailable" | "invalid", message: string][] = [
  [/^RE00[12]$/, "conflict", "This is no longer possible in its present state. Reload and look again."],
  [/^23505$/, "conflict", "This exists already."],
  // A zero byte, and half of a surrogate pair in JSON: PostgreSQL keeps neither.
  [/^22(021|P05|P02)$/, "invalid", "A text holds a character that is none. Take it out, and send it again."],
  [
    /^(08|53|57P|25P03|55P03|ECONN|ENOENT|EPIPE|ETIMEDOUT)/,
    "unavailable",
    "The database does not answer. Try again in a moment; if it lasts, tell the operator.",
  ],
];

export function translate(error: unknown): never {
  if (error instanceof RelaisError) throw error;
  const known = TRANSLATIONS.find(([matches]) => matches.test(sqlState(error)));
  if (known) throw new RelaisError(known[1], known[2], { cause: error });
  if (error instanceof Error && /Connection terminated|not queryable|timeout exceeded when trying to connect/.test(error.message)) {
    throw new RelaisError("unavailable", "The database does not answer. Try again in a moment; if it lasts, tell the operator.", {
      cause: error,
    });
  }
  throw asRelaisError(error);
}
