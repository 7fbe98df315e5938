import type { OutboxReader, OutboxWriter } from "../core/events/outbox.ts";
import { newId } from "../core/ids.ts";
import type { Database } from "./pool.ts";
import { json } from "./rows.ts";

export function readOutbox(db: Database): OutboxReader {
  return {
    waiting: async () => {
      const { count } = await db
        .selectFrom("notices")
        .select((e) => e.fn.countAll<string>().as("count"))
        .where("acknowledgedAt", "is", null)
        .where("givenUpAt", "is", null)
        .executeTakeFirstOrThrow();
      return Number(count);
    },
  };
}

export function writeOutbox(db: Database): OutboxWriter {
  return {
    tell: async ({ type, about, at, details }, recipients) => {
      const rows = recipients.map((recipientId) => ({
        id: newId("event"),
        recipientId,
        aboutId: about,
        type,
        details: json(details),
        createdAt: at,
        dueAt: at,
      }));
      if (rows.length > 0) await db.insertInto("notices").values(rows).execute();
    },
  };
}
