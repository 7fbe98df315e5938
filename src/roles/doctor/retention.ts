import { BEHIND_SECONDS } from "../../core/operation/retention.ts";
import { embeddedUrl } from "../../embedded/running.ts";
import { readRetentionState } from "../../postgres/retention-state.ts";
import { fine, look, type Check } from "./finding.ts";

/** Nothing is kept longer than docs/retention.md says. Whether the database answers is the database's own line. */
export const RETAINED: Check = {
  what: "retention",
  look: async ({ postgres, dataDir }) => {
    const url = postgres.url ?? (await embeddedUrl(dataDir));
    const states = url === null ? null : await readRetentionState(url).catch(() => null);
    if (states === null) return fine("retention", "There is no database to ask.");
    const late = states.filter(({ seconds }) => seconds > BEHIND_SECONDS);
    if (late.length === 0) return fine("retention", "Nothing was found that is kept past its time.");
    const days = Math.floor(Math.max(...late.map(({ seconds }) => seconds)) / BEHIND_SECONDS);
    return look(
      "retention",
      `Kept past its time for ${days === 1 ? "a day" : `${days} days`}, or not looked at: ${late.map(({ kind, left }) => (left > 0 ? `${kind} (${left})` : kind)).join(", ")}.`,
      "The operator lets a process with the role sweeper run; its log says what keeps it (docs/runbook.md, RelaisRetentionBehind).",
    );
  },
};
