import { readConfig, ConfigError } from "./config.ts";
import { prepareBackend } from "./bullmq/backend.ts";
import { RelaisError } from "./core/errors.ts";
import { migrate } from "./postgres/migrate.ts";
import { openPool, openQueuePool } from "./postgres/pool.ts";
import { examine } from "./roles/doctor/doctor.ts";
import type { Finding } from "./roles/doctor/finding.ts";

const HELP = `relais doctor [--json]   looks at settings, disk, mailbox, database, queue, keys, clock and mail, and says who can mend what and how
relais migrate           brings the database of DATABASE_URL up to this release, and ends

Both work with the settings of Relais (docs/configuration.md), on the operator's machine or in its container. Doctor changes nothing.
Exit code: 0, 1 failed, 2 usage, 3 doctor found something broken.`;

type Verb = (words: string[]) => Promise<number>;

const VERBS: Record<string, Verb> = {
  doctor: async (words) => {
    const findings = await examine(process.env);
    const isBroken = findings.some(({ state }) => state === "broken");
    say(words.includes("--json") ? JSON.stringify({ ok: !isBroken, findings }, null, 2) : findings.map(lineOf).join("\n"));
    return isBroken ? 3 : 0;
  },
  migrate: async () => {
    const { postgres, redis } = readConfig(process.env);
    if (postgres.url === null)
      throw new RelaisError("invalid", "DATABASE_URL is unset: the embedded database is brought up to date by every start.", {
        actor: "operator",
      });
    await using owned = new AsyncDisposableStack();
    const ran = await migrate(
      owned.adopt(openPool(postgres.url, 2), (pool) => pool.end()),
      { onWait: (file) => say(`${file} waits until its tables are free; nobody waits for it`) },
    );
    // What the queue needs in the same database; a Redis has no schema.
    if (redis.url === null)
      await prepareBackend({ kind: "postgres", pool: owned.adopt(openQueuePool(postgres.url, 2), (pool) => pool.end()) });
    say(ran.length === 0 ? "the database is up to date" : `ran ${ran.join(", ")}`);
    return 0;
  },
};

const MARKS = { fine: "fine   ", look: "look   ", broken: "BROKEN " } as const satisfies Record<Finding["state"], string>;

function lineOf({ what, state, says, mend }: Finding): string {
  return `${MARKS[state]} ${what.padEnd(15)} ${says}${mend === null ? "" : `\n                        → ${mend}`}`;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

const [name = "", ...words] = process.argv.slice(2);
const verb = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
try {
  const isUsage = verb === undefined || words.some((word) => word !== "--json" || name !== "doctor");
  if (isUsage) process.stderr.write(`${HELP}\n`);
  process.exitCode = verb === undefined || isUsage ? (words.includes("--help") ? 0 : 2) : await verb(words);
} catch (error) {
  const known = error instanceof ConfigError || error instanceof RelaisError;
  process.stderr.write(`relais: ${known ? error.message : error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
}
