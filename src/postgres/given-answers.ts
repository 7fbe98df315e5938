import { sql } from "kysely";
import { RelaisError } from "../core/errors.ts";
import type { AnswersWriter } from "../core/transfer/given-answer.ts";
import { LOCK_SEEDS } from "./locks.ts";
import type { Database } from "./pool.ts";

/** The lock ends with the transaction, and with the connection of a process that died: no key stays taken. */
export function writeAnswers(db: Database): AnswersWriter {
  return {
    begin: async ({ caller, key, fingerprint }, now) => {
      const { rows } = await sql<{ isFirst: boolean }>`
        select pg_try_advisory_xact_lock(hashtextextended(${JSON.stringify([caller, key])}, ${LOCK_SEEDS.idempotencyKey})) as is_first`.execute(
        db,
      );
      // A statement of its own: only one that begins with the lock held sees what the one before it wrote.
      const known = await db
        .selectFrom("givenAnswers")
        .selectAll()
        .where("caller", "=", caller)
        .where("key", "=", key)
        .where("expiresAt", ">", now)
        .executeTakeFirst();
      if (known !== undefined && known.fingerprint !== fingerprint)
        throw new RelaisError(
          "idempotency_mismatch",
          "This Idempotency-Key came with another request before. Use a new key for a new request.",
        );
      if (known !== undefined) return known;
      if (rows[0]?.isFirst === true) return null;
      throw new RelaisError(
        "request_running",
        "A request with this Idempotency-Key is still running. Ask again in a moment with the same key.",
        {
          retryAfter: 1,
        },
      );
    },
    keep: async ({ caller, key, fingerprint }, { status, location, body, consentId }, expiresAt) => {
      const answer = { fingerprint, status, location, body, consentId, expiresAt };
      await db
        .insertInto("givenAnswers")
        .values({ caller, key, ...answer })
        .onConflict((conflict) => conflict.columns(["caller", "key"]).doUpdateSet(answer))
        .execute();
    },
  };
}
