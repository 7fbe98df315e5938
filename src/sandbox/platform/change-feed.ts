import type { DatabaseSync } from "node:sqlite";
import { cursorOf } from "../export/cursor.ts";

/** Which keys were last changed, each with a number that grows: a position is the last number that somebody has seen. */
export interface ChangeFeed {
  /** Within the step of the caller. */
  note(item: { account: string; dataset: string; key: string }): void;
  position(): string;
  /** Keys that were changed since, by key; null for a place that this list never had. */
  since(position: string, of: { account: string; dataset: string }): string[] | null;
}

export function openChangeFeed(index: DatabaseSync): ChangeFeed {
  const name = String(index.prepare("SELECT name FROM feed").get()?.["name"]);
  const last = (): number => Number(index.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'changes'").get()?.["seq"] ?? 0);
  return {
    note: ({ account, dataset, key }) =>
      void index.prepare("INSERT OR REPLACE INTO changes (account, dataset, key) VALUES (?, ?, ?)").run(account, dataset, key),
    position: () => cursorOf(`${name} ${last()}`),
    since: (position, { account, dataset }) => {
      const [whose, seen = ""] = Buffer.from(position, "base64url").toString().split(" ");
      if (whose !== name || !/^\d{1,15}$/.test(seen) || Number(seen) > last()) return null;
      return index
        .prepare("SELECT key FROM changes WHERE account = ? AND dataset = ? AND number > ? ORDER BY key")
        .all(account, dataset, Number(seen))
        .map((row) => String(row["key"]));
    },
  };
}
