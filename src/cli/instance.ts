import { randomBytes } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { open, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import type pg from "pg";
import { startEmbeddedPostgres } from "../embedded/postgres.ts";
import { hasKeys, readKeyFiles, writeKeyFiles } from "../keys/key-files.ts";
import { openStream, sealStream, type Sealing } from "../keys/sealed-stream.ts";
import { readSnapshot, restoreInto } from "../postgres/archive.ts";
import { migrate } from "../postgres/migrate.ts";
import { openPool } from "../postgres/pool.ts";
import { Bars } from "./bars.ts";
import { EXIT, print, readWords, type Command } from "./command.ts";
import { readLines, writeLines, type Header, type Progress } from "./instance-lines.ts";
import { databaseUrl, dataFolder, encryptionSecret, publicUrl, readSecret } from "./operator-settings.ts";
import { UsageError } from "./usage-error.ts";

const HELP = `relais instance export FILE [--passphrase-file FILE]
relais instance import FILE [--passphrase-file FILE]

Moves a whole Relais to another machine or another operator: register, organisations, applications with their evidence, decisions, trust marks, the
public log, conditions, people, permissions, transfers with their documents, and the keys. What was signed still verifies, under the same address.
Works with the settings of Relais (DATABASE_URL or RELAIS_DATA_DIR, RELAIS_PUBLIC_URL, RELAIS_KEY_ENCRYPTION_SECRET), on the operator's machine, while Relais
is stopped.
  export   writes everything of one moment into one file, sealed with the passphrase: it holds people's data and private keys
  import   fills a new installation, before its first start, or changes nothing at all
The passphrase comes from --passphrase-file, or is RELAIS_KEY_ENCRYPTION_SECRET; never from the command line. Never start the old one again after the
new one: two with the same keys would write two public logs.
Exit code: 0, 1 failed, 2 usage or a file that is not whole.`;

const OPTIONS = { "passphrase-file": { type: "string" } } as const;

export const INSTANCE: Command = { summary: "move a whole Relais to another machine or operator", help: HELP, run };

async function run(words: string[]): Promise<number> {
  const { values, positionals } = readWords(words, OPTIONS, HELP);
  const [verb, file, ...more] = positionals;
  if (file === undefined || more.length > 0 || (verb !== "export" && verb !== "import")) throw new UsageError(HELP);
  const secret = await passphrase(values["passphrase-file"]);
  print(await (verb === "export" ? exportTo(file, secret) : importFrom(file, secret)));
  return EXIT.fine;
}

async function passphrase(file: string | undefined): Promise<string> {
  const secret = file === undefined ? await encryptionSecret(process.env) : await readSecret(file);
  if (secret === undefined || secret.length < 16)
    throw new UsageError(
      "Name a file with a passphrase of 16 characters or more by --passphrase-file. Whoever has it and the file has everything.",
    );
  return secret;
}

/** In the clear before the seal: how to open it. */
const FORMAT = "relais-instance/1";
const SALT_BYTES = 16;
const HEADER_BYTES = FORMAT.length + 2 + SALT_BYTES * 2;

function sealing(secret: string, salt: Buffer): Sealing {
  return { secret, salt, header: Buffer.from(`${FORMAT} ${salt.toString("hex")}\n`) };
}

async function exportTo(file: string, secret: string): Promise<string> {
  if (await stat(file).catch(() => null)) throw new UsageError(`${file} is there already.`);
  const issuer = await publicUrl(process.env);
  if (issuer === undefined) throw new UsageError("Name the address of this Relais by RELAIS_PUBLIC_URL.");
  const keys = await readKeyFiles(join(dataFolder(process.env), "keys"), await encryptionSecret(process.env));
  const draft = `${file}.partial`;
  await using database = await openInstallation();
  const seal = sealing(secret, randomBytes(SALT_BYTES));
  try {
    const counted = await withBar("exported", (progress) =>
      readSnapshot(database.pool, async (snapshot) => {
        const lines = writeLines(snapshot, { issuer, keys, now: new Date(), progress });
        const sealed = async function* (bytes: AsyncIterable<Uint8Array>) {
          yield seal.header;
          yield* sealStream(bytes, seal);
        };
        await pipeline(Readable.from(lines), createGzip(), sealed, createWriteStream(draft, { flags: "wx", mode: 0o600, flush: true }));
        return snapshot.tables.reduce((sum, { rows }) => sum + rows, 0);
      }),
    );
    await rename(draft, file);
    return `${file}: ${counted} records and ${keys.length} key files of ${issuer}. It opens with the passphrase alone; keep both apart.`;
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

async function importFrom(file: string, secret: string): Promise<string> {
  const folder = join(dataFolder(process.env), "keys");
  if (await hasKeys(folder))
    throw new UsageError(`There are keys in ${folder} already. Import into a new data folder, before its first start.`);
  const seal = sealing(secret, await saltOf(file));
  const ownSecret = await encryptionSecret(process.env);
  const issuer = await publicUrl(process.env);
  await using database = await openInstallation();
  await migrate(database.pool);
  try {
    const { header, keys } = await withBar("imported", (progress) =>
      restoreInto(database.pool, async (target) => {
        const read = await readLines(linesOf(openedFile(file, seal)), target, { issuer, progress });
        // Last before the commit: where this fails there is nothing in the database either.
        await writeKeyFiles(folder, read.keys, ownSecret);
        return read;
      }),
    );
    return described(header, keys.length);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

function described({ issuer, exported_at, tables }: Header, keys: number): string {
  const records = tables.reduce((sum, { rows }) => sum + rows, 0);
  return `${records} records and ${keys} key files of ${issuer}, as of ${exported_at}. Start it with RELAIS_PUBLIC_URL=${issuer}, and never start the old one again.`;
}

async function saltOf(file: string): Promise<Buffer> {
  const bytes = Buffer.alloc(HEADER_BYTES);
  await using handle = await open(file, "r").catch(() => {
    throw new UsageError(`The file ${file} cannot be read.`);
  });
  await handle.read(bytes, 0, HEADER_BYTES, 0);
  const salt = new RegExp(`^${FORMAT} ([0-9a-f]{${SALT_BYTES * 2}})\n$`).exec(bytes.toString("latin1"))?.[1];
  if (salt === undefined) throw new UsageError(`${file} is no export of a Relais of this version.`);
  return Buffer.from(salt, "hex");
}

/** What is inside, decompressed; an error anywhere ends it. */
function openedFile(file: string, seal: Sealing): AsyncIterable<Buffer> {
  const gunzip = createGunzip();
  pipeline(openStream(createReadStream(file, { start: HEADER_BYTES }), seal), gunzip).catch((error: unknown) =>
    gunzip.destroy(error instanceof Error ? error : new Error(String(error))),
  );
  return gunzip;
}

const MOST_LINE_BYTES = 256 * 1024 * 1024;

async function* linesOf(bytes: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let begun: Buffer[] = [];
  let length = 0;
  for await (const piece of bytes) {
    let from = 0;
    for (let end = piece.indexOf(10); end !== -1; end = piece.indexOf(10, from)) {
      yield Buffer.concat([...begun, piece.subarray(from, end)]).toString("utf8");
      [begun, length, from] = [[], 0, end + 1];
    }
    begun.push(piece.subarray(from));
    length += piece.length - from;
    if (length > MOST_LINE_BYTES) throw new UsageError("The file holds a line that is too long for any record.");
  }
  if (length > 0) throw new UsageError("The file ends within a line. Nothing was imported; export again.");
}

interface Installation extends AsyncDisposable {
  pool: pg.Pool;
}

/** The database of the settings; the embedded one is started for as long as this takes, and refused while Relais runs on it. */
async function openInstallation(): Promise<Installation> {
  const owned = new AsyncDisposableStack();
  const url = await databaseUrl(process.env);
  const embedded =
    url === undefined ? owned.use(await startEmbeddedPostgres({ dataDir: dataFolder(process.env), log: () => undefined })) : null;
  const pool = owned.adopt(openPool(url ?? (embedded as { url: string }).url, 2), (opened) => opened.end());
  return { pool, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

const BAR_MILLISECONDS = 100;

async function withBar<T>(what: string, work: (progress: Progress) => Promise<T>): Promise<T> {
  const bars = new Bars(process.stderr);
  let drawnAt = 0;
  return work((done, total) => {
    const now = Date.now();
    if (done < total && now - drawnAt < BAR_MILLISECONDS) return;
    drawnAt = now;
    bars.draw([{ dataset: `records ${what}`, value: done, max: total }], `${done} of ${total}`);
  });
}
