import { stat } from "node:fs/promises";
import { join } from "node:path";
import { openKeyring, type Keyring, type RingName } from "../keys/keyring.ts";
import { REVOCATION_REASONS, RING_NAMES, RINGS, stateOf, type RevocationReason } from "../keys/rings.ts";
import { EXIT, print, readWords, type Command } from "./command.ts";
import { dataFolder, encryptionSecret } from "./operator-settings.ts";
import { UsageError } from "./usage-error.ts";

const HELP = `relais keys list [--json]
relais keys rotate <ring> [--now]
relais keys revoke <ring> <key id> [--reason ${REVOCATION_REASONS.join("|")}]

Works on the keys in the data folder (RELAIS_DATA_DIR), on the machine of the operator. A running Relais sees the change at its next use of
the key.
  rotate    announces a new key, which signs after RELAIS_KEY_LEAD_HOURS (24 unless set); --now: at once
  revoke    ends a key at once and publishes why; what it signed from then on is no longer believed
Rings: ${RING_NAMES.join(", ")}.
The secret of encrypted keys comes from RELAIS_KEY_ENCRYPTION_SECRET, or RELAIS_KEY_ENCRYPTION_SECRET_FILE, never from the command line.`;

const OPTIONS = {
  json: { type: "boolean", default: false },
  now: { type: "boolean", default: false },
  reason: { type: "string", default: "compromised" },
} as const;

export const KEYS: Command = { summary: "list, rotate and revoke the keys of this Relais", help: HELP, run: keys };

async function keys(words: string[]): Promise<number> {
  const { values, positionals } = readWords(words, OPTIONS, HELP);
  const [verb, ring, kid, ...more] = positionals;
  if (more.length > 0) throw new UsageError(HELP);
  if (verb === "list" && ring === undefined) return list(values.json);
  const name = RING_NAMES.find((known) => known === ring);
  if (name === undefined) throw new UsageError(`Name one of the rings ${RING_NAMES.join(", ")}.\n\n${HELP}`);
  if (verb === "rotate" && kid === undefined) return rotate(name, values.now ? 0 : leadSeconds(process.env));
  if (verb === "revoke" && kid !== undefined) return revoke(name, kid, reasonOf(values.reason));
  throw new UsageError(HELP);
}

async function list(json: boolean): Promise<number> {
  const now = Date.now() / 1000;
  const rows = [];
  for (const name of RING_NAMES) {
    const ring = await (await keyringOf(name)).publicRing(name);
    const states = ring.map((key) => stateOf(key, now));
    const current = states.indexOf("usable");
    rows.push(
      ...ring.map((key, place) => ({
        ring: name,
        kid: String(key.kid),
        state: place === current ? "current" : stateName(states[place]),
        from: day(key["nbf"] ?? key["iat"]),
        until: day(key["exp"]),
        reason: (key["revoked"] as { reason?: RevocationReason } | undefined)?.reason ?? null,
      })),
    );
  }
  const lines = rows.map(({ ring, kid, state, from, until, reason }) =>
    [ring.padEnd(11), kid, state.padEnd(8), from, until && `until ${until}`, reason]
      .filter((word) => word !== null)
      .join(" ")
      .trimEnd(),
  );
  print(json ? JSON.stringify({ keys: rows }, null, 2) : lines.join("\n"));
  return EXIT.fine;
}

function stateName(state: ReturnType<typeof stateOf> | undefined): string {
  return state === undefined || state === "usable" ? "ended" : state;
}

const day = (seconds: unknown): string | null => (seconds === undefined ? null : new Date(Number(seconds) * 1000).toISOString());

async function rotate(name: RingName, lead: number): Promise<number> {
  const { kid, publicJwk } = await (await keyringOf(name)).rotate(name, lead);
  print(
    lead === 0
      ? `${kid} is the current key of ${name}.`
      : `${kid} is announced, and is the current key of ${name} from ${day(publicJwk["nbf"])}.`,
  );
  return EXIT.fine;
}

async function revoke(name: RingName, kid: string, reason: RevocationReason): Promise<number> {
  const ring = await keyringOf(name);
  await ring.revoke(name, kid, reason);
  print(`${kid} is revoked (${reason}). The current key of ${name} is ${ring.current(name).kid}.`);
  return EXIT.fine;
}

function reasonOf(word: string): RevocationReason {
  const reason = REVOCATION_REASONS.find((known) => known === word);
  if (reason === undefined) throw new UsageError(`The reason is one of ${REVOCATION_REASONS.join(", ")}.`);
  return reason;
}

function leadSeconds(environment: NodeJS.ProcessEnv): number {
  const hours = Number(environment["RELAIS_KEY_LEAD_HOURS"] || "24");
  if (!Number.isInteger(hours) || hours < 0) throw new UsageError("RELAIS_KEY_LEAD_HOURS: expected a whole number of hours.");
  return hours * 3600;
}

/** The folder must be there: this command rotates keys, it does not begin a Relais. */
async function keyringOf(name: RingName): Promise<Keyring> {
  const folder = join(dataFolder(process.env), "keys");
  const { purpose } = RINGS[name];
  if (!(await stat(join(folder, purpose)).catch(() => null))?.isDirectory())
    throw new UsageError(
      `There are no ${purpose} keys in ${folder}. Name the data folder by RELAIS_DATA_DIR, and start Relais once before.`,
    );
  return openKeyring(folder, purpose, await encryptionSecret(process.env));
}
