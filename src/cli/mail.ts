import { asRelaisError } from "../core/errors.ts";
import { takeBounce, type Taken } from "../core/person/take-bounce.ts";
import { openDatabase, openPool } from "../postgres/pool.ts";
import { createStore } from "../postgres/store.ts";
import { EXIT, print, readWords, type Command } from "./command.ts";
import { databaseUrl } from "./operator-settings.ts";
import { UsageError } from "./usage-error.ts";

const HELP = `relais mail bounced < MESSAGE

Takes a mail that came back later, as the operator's mail system hands it in: a delivery report (RFC 3464) on standard input. Where it says that nobody
is at the address of a mail of Relais, that address is marked, nothing more goes there, and its owner is told on their page. Works with DATABASE_URL (or
DATABASE_URL_FILE) of Relais, beside a Relais that runs. It prints our id of the mail and the status code, never an address.
Exit code: 0 it was read, whatever it came to; 2 usage, or no delivery report.`;

/** The report comes before the mail that it is about: more than this is never needed. */
const MOST_BYTES = 1_000_000;

export const MAIL: Command = { summary: "take mails that came back", help: HELP, run };

async function run(words: string[]): Promise<number> {
  const { positionals } = readWords(words, {}, HELP);
  if (positionals.join(" ") !== "bounced") throw new UsageError(HELP);
  const url = await databaseUrl(process.env);
  if (url === undefined) throw new UsageError("Name the database of Relais by DATABASE_URL or DATABASE_URL_FILE.");
  const pool = openPool(url, 1);
  try {
    const ports = { store: createStore(openDatabase(pool)), clock: { now: () => new Date(), sleep: async () => undefined } };
    const { taken, report } = await takeBounce(ports, await input());
    print(`${report.mail ?? "no mail of Relais"}: ${report.action} ${report.status}; ${SAYS[taken]}`);
    return EXIT.fine;
  } catch (error) {
    const { code, message } = asRelaisError(error);
    throw code === "invalid" ? new UsageError(message) : error;
  } finally {
    await pool.end();
  }
}

const SAYS: Record<Taken, string> = {
  unreachable: "nobody is there, and nothing more goes to this address",
  passing: "it does not say that nobody is there, and nothing changes",
  unknown: "it is about no address of a person in use, and nothing changes",
};

async function input(): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of process.stdin) {
    bytes += (part as Buffer).length;
    if (bytes <= MOST_BYTES) parts.push(part as Buffer);
  }
  return Buffer.concat(parts).toString("utf8");
}
