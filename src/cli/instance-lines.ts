import { createHash } from "node:crypto";
import { ownKeys } from "../keys/rings.ts";
import { signCompact } from "../keys/signer.ts";
import { verifyCompact } from "../keys/verifier.ts";
import type { KeyFile } from "../keys/key-files.ts";
import type { Migration, Restoration, Snapshot } from "../postgres/archive.ts";
import type { PublicJwk } from "../core/register/participant.ts";
import { UsageError } from "./usage-error.ts";

/** First line of what is inside the seal. */
export interface Header {
  issuer: string;
  exported_at: string;
  migrations: Migration[];
  tables: { name: string; rows: number }[];
}

/** Last line: what was written, signed with the federation key. */
interface Manifest {
  iss: string;
  iat: number;
  tables: Record<string, number>;
  keys: number;
  /** Of every line before, with its end. */
  "sha-256": string;
}

const MANIFEST_TYP = "relais-instance+jwt";
const FEDERATION = "web/federation.json";

export type Progress = (done: number, total: number) => void;

const totalOf = ({ tables }: Pick<Header, "tables">): number => tables.reduce((sum, { rows }) => sum + rows, 0);

/** One line of JSON for the header, each key, each table's name, each of its rows, and the manifest. */
export async function* writeLines(
  snapshot: Snapshot,
  { issuer, keys, now, progress }: { issuer: string; keys: KeyFile[]; now: Date; progress: Progress },
): AsyncGenerator<string> {
  const digest = createHash("sha256");
  const line = (text: string): string => {
    digest.update(text).update("\n");
    return `${text}\n`;
  };
  const header: Header = { issuer, exported_at: now.toISOString(), migrations: snapshot.migrations, tables: snapshot.tables };
  yield line(JSON.stringify({ header }));
  for (const key of keys) yield line(JSON.stringify({ key }));
  const [total, counts] = [totalOf(header), {} as Record<string, number>];
  let done = 0;
  for (const { name } of snapshot.tables) {
    yield line(JSON.stringify({ table: name }));
    counts[name] = 0;
    for await (const row of snapshot.rows(name)) {
      counts[name] += 1;
      progress(++done, total);
      yield line(`${ROW}${row}}`);
    }
  }
  const manifest: Manifest = {
    iss: issuer,
    iat: Math.floor(now.getTime() / 1000),
    tables: counts,
    keys: keys.length,
    "sha-256": digest.digest("base64url"),
  };
  yield `${JSON.stringify({ manifest: signCompact(signingKey(keys), MANIFEST_TYP, manifest) })}\n`;
}

function signingKey(keys: KeyFile[]) {
  const file = keys.find(({ path }) => path === FEDERATION);
  const now = Date.now() / 1000;
  const key =
    file && ownKeys(file.content).find(({ publicJwk }) => publicJwk["revoked"] === undefined && !(Number(publicJwk["exp"]) <= now));
  if (!key) throw new UsageError("There are no federation keys in the data folder. Start Relais once before.");
  return key;
}

/** How a row's line begins; what follows is never read, only handed on. */
const ROW = '{"row":';
const MOST_ROWS = 500;
const MOST_CHARACTERS = 4 * 1024 * 1024;

export interface Expected {
  /** Where it is to be reached; undefined where nothing was set. */
  issuer: string | undefined;
  progress: Progress;
}

/**
 * Reads what `writeLines` wrote into an empty installation, and returns its header and keys once the manifest agrees with all of it.
 * @throws UsageError for a file of another version or another address, and for one that is not what its manifest says.
 */
export async function readLines(
  lines: AsyncIterable<string>,
  target: Restoration,
  expected: Expected,
): Promise<{ header: Header; keys: KeyFile[] }> {
  const reading = new Reading(target, expected);
  for await (const text of lines) await reading.take(text);
  return reading.end();
}

class Reading {
  readonly #target: Restoration;
  readonly #expected: Expected;
  readonly #digest = createHash("sha256");
  readonly #keys: KeyFile[] = [];
  readonly #counts: Record<string, number> = {};
  #header: Header | null = null;
  #table = "";
  #rows: string[] = [];
  #characters = 0;
  #done = 0;
  #manifest: string | null = null;

  constructor(target: Restoration, expected: Expected) {
    this.#target = target;
    this.#expected = expected;
  }

  async take(text: string): Promise<void> {
    if (this.#manifest !== null) throw broken("goes on behind its end");
    if (text.startsWith(ROW)) return this.#takeRow(text);
    await this.#flush();
    const line = parsed(text);
    if (line.manifest !== undefined) {
      this.#manifest = line.manifest;
      return;
    }
    this.#digest.update(text).update("\n");
    if (line.header) this.#header = this.#checked(line.header);
    else if (this.#header === null) throw broken("does not begin with its header");
    else if (line.key) this.#keys.push(line.key);
    else if (line.table !== undefined) this.#begin(line.table);
    else throw broken("holds a line that nobody knows");
  }

  async #takeRow(text: string): Promise<void> {
    this.#digest.update(text).update("\n");
    this.#rows.push(text.slice(ROW.length, -1));
    this.#characters += text.length;
    if (this.#rows.length >= MOST_ROWS || this.#characters >= MOST_CHARACTERS) await this.#flush();
  }

  async #flush(): Promise<void> {
    if (this.#rows.length === 0) return;
    await this.#target.add(this.#table, this.#rows);
    this.#counts[this.#table] = (this.#counts[this.#table] ?? 0) + this.#rows.length;
    this.#done += this.#rows.length;
    this.#expected.progress(this.#done, this.#header ? totalOf(this.#header) : 0);
    [this.#rows, this.#characters] = [[], 0];
  }

  #begin(table: string): void {
    this.#table = table;
    this.#counts[table] ??= 0;
  }

  #checked(header: Header): Header {
    const { issuer } = this.#expected;
    if (issuer !== undefined && issuer !== header.issuer)
      throw new UsageError(
        `The file is of ${header.issuer}, and this installation is ${issuer}. What was signed names the old address: keep it, by RELAIS_PUBLIC_URL.`,
      );
    const versions = (migrations: Migration[]) => migrations.map(({ name, digest }) => `${name} ${digest}`).join("\n");
    if (versions(header.migrations) !== versions(this.#target.migrations))
      throw new UsageError("The file was made by another version of Relais. Import it with that version, and update afterwards.");
    return header;
  }

  async end(): Promise<{ header: Header; keys: KeyFile[] }> {
    if (this.#header === null || this.#manifest === null) throw broken("ends before its end");
    const manifest = await verifyManifest(this.#manifest, this.#keys);
    const same =
      manifest["sha-256"] === this.#digest.digest("base64url") &&
      manifest.iss === this.#header.issuer &&
      manifest.keys === this.#keys.length &&
      JSON.stringify(manifest.tables) === JSON.stringify(this.#counts);
    if (!same) throw broken("is not what its manifest says");
    return { header: this.#header, keys: this.#keys };
  }
}

/** By the keys that came with it: whoever could not open them could not sign it either. */
async function verifyManifest(jws: string, keys: KeyFile[]): Promise<Manifest> {
  const file = keys.find(({ path }) => path === FEDERATION);
  const ring: PublicJwk[] = file ? ownKeys(file.content).map(({ publicJwk }) => publicJwk) : [];
  return (await verifyCompact(jws, { type: MANIFEST_TYP, keys: ring }).catch((cause: unknown) => {
    throw broken("has a manifest that its own key did not sign", cause);
  })) as unknown as Manifest;
}

interface Line {
  header?: Header;
  key?: KeyFile;
  table?: string;
  manifest?: string;
}

function parsed(text: string): Line {
  try {
    return JSON.parse(text) as Line;
  } catch (cause) {
    throw broken("holds a line that is no JSON", cause);
  }
}

function broken(what: string, cause?: unknown): UsageError {
  return new UsageError(`The file ${what}. Nothing was imported; export again.`, { cause });
}
