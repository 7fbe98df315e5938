import { prepareBackend } from "../../bullmq/backend.ts";
import type { Config } from "../../config.ts";
import { asRelaisError } from "../../core/errors.ts";
import { embeddedUrl } from "../../embedded/running.ts";
import { checkMailServer } from "../../events/mail.ts";
import { OLDEST_POSTGRES } from "../../postgres/migrate.ts";
import { readSchemaState, type SchemaState } from "../../postgres/schema-state.ts";
import { broken, fine, look, type Check, type Finding } from "./finding.ts";

/** A lease is counted by the database's clock, a signature is refused after minutes: this far apart both still work. */
const MOST_CLOCK_SECONDS = 2;
const BROKEN_CLOCK_SECONDS = 60;

/** PostgreSQL answers, is new enough, holds the schema of this release, and its clock is ours. */
export const DATABASE: Check = {
  what: "database",
  look: async ({ postgres, dataDir }) => {
    const url = postgres.url ?? (await embeddedUrl(dataDir));
    if (url === null) return look("database", "There is no embedded database yet.", "Nothing to mend: the first start makes it.");
    const askedAt = Date.now();
    const state = await readSchemaState(url).catch((error: unknown) => codeOf(error));
    if (typeof state === "string") return away(state, postgres.url !== null);
    return [versionOf(state), schemaOf(state), clockOf(state, (askedAt + Date.now()) / 2)];
  },
};

function away(code: string, isOwn: boolean): Finding {
  return isOwn
    ? broken(
        "database",
        `PostgreSQL does not answer at DATABASE_URL (${code}).`,
        "The operator starts it, opens the way to it, or corrects address and password.",
      )
    : look("database", `The embedded database does not run (${code}).`, "Nothing to mend: it runs while Relais does. Ask again then.");
}

function versionOf({ version }: SchemaState): Finding {
  const major = Math.floor(version / 10_000);
  return major < OLDEST_POSTGRES
    ? broken("database", `This is PostgreSQL ${major}.`, `The operator brings it to ${OLDEST_POSTGRES} or newer.`)
    : fine("database", `PostgreSQL ${major} answers.`);
}

function schemaOf({ missing, changed, unknown, contracted }: SchemaState): Finding {
  if (changed.length > 0)
    return broken(
      "migrations",
      `Changed after they ran: ${changed.join(", ")}.`,
      "The operator restores these files as they were released.",
    );
  if (contracted.length > 0)
    return broken(
      "migrations",
      `A newer release took away what this one uses: ${contracted.join(", ")}.`,
      "The operator runs the release that made it, or a newer one.",
    );
  if (missing.length > 0)
    return look("migrations", `${missing.length} have not run yet.`, "The operator runs relais migrate; any start does it too.");
  return unknown.length > 0
    ? look(
        "migrations",
        `The database is newer than this release, which works on it: ${unknown.join(", ")}.`,
        "Nothing to mend while releases are exchanged; the operator then runs the newer one.",
      )
    : fine("migrations", "The schema is that of this release.");
}

function clockOf({ now }: SchemaState, here: number): Finding {
  const seconds = Math.abs(now.getTime() - here) / 1000;
  const says = `This machine and the database differ by ${seconds.toFixed(1)} s.`;
  const mend = "The operator lets both set their clocks (NTP): tokens and signatures carry times.";
  if (seconds > BROKEN_CLOCK_SECONDS) return broken("clock", says, mend);
  return seconds > MOST_CLOCK_SECONDS ? look("clock", says, mend) : fine("clock", says);
}

/** The doorbell hangs where the settings say. */
export const QUEUE: Check = {
  what: "queue",
  look: async ({ redis }) => {
    if (redis.url === null) return fine("queue", "It lives in PostgreSQL.");
    try {
      const warnings = await prepareBackend({ kind: "redis", url: redis.url });
      return warnings.length === 0
        ? fine("queue", "Redis answers, and keeps what it holds.")
        : warnings.map((says) => look("queue", says, "The operator sets appendonly yes in Redis."));
    } catch (error) {
      return broken(
        "queue",
        asRelaisError(error).message,
        "The operator does as it says; nothing is lost meanwhile, transfers start later.",
      );
    }
  },
};

/** The mail server lets us in. Nothing is sent. */
export const MAIL: Check = {
  what: "mail",
  look: async ({ mail }: Config) => {
    if (mail === null)
      return look(
        "mail",
        "No mail server is set: nobody is written to, and pages say so.",
        "The operator sets RELAIS_SMTP_URL and RELAIS_MAIL_FROM where people should be.",
      );
    const code = await checkMailServer(mail.url);
    return code === null
      ? fine("mail", "The mail server lets us in.")
      : broken(
          "mail",
          `The mail server does not let us in (${code}).`,
          "The operator corrects RELAIS_SMTP_URL, or asks whoever runs the mail server. Mails wait for days.",
        );
  },
};

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "no answer";
}
