import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, chown, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { RelaisError } from "../core/errors.ts";
import { mayTraverse, postgresAccount, SYSTEM_PLACE, type Account } from "./account.ts";
import { findBinaries, type Binaries } from "./binaries.ts";

const run = promisify(execFile);

/** Where a data folder keeps its database, and the way in. Written only after the database is complete. */
export interface Cluster {
  /** Holds `data` (the cluster) and `log`. */
  place: string;
  password: string;
  account: Account | null;
  binaries: Binaries;
}

/** The cluster of this data folder, created at the first call. */
export async function openCluster(dataDir: string): Promise<Cluster> {
  const file = join(dataDir, "postgres.json");
  const known = await readKnown(file);
  const account = await accountOf(known?.place);
  const binaries = await findBinaries(account);
  if (known !== null) return { ...known, account, binaries };
  const cluster = { place: await choosePlace(dataDir, account), password: randomBytes(24).toString("base64url"), account, binaries };
  await createCluster(cluster);
  await writePrivately(file, JSON.stringify({ place: cluster.place, password: cluster.password }));
  return cluster;
}

/** An existing cluster is run as whoever owns it, also when a better account has appeared on the machine since. */
async function accountOf(place: string | undefined): Promise<Account | null> {
  const account = await postgresAccount();
  if (account === null || place === undefined) return account;
  const { uid, gid } = await stat(join(place, "data"));
  return { ...account, uid, gid };
}

async function readKnown(file: string): Promise<{ place: string; password: string } | null> {
  const text = await readFile(file, "utf8").catch(() => null);
  if (text === null) return null;
  const known = JSON.parse(text) as { place: string; password: string };
  await stat(join(known.place, "data", "PG_VERSION")).catch((cause: unknown) => {
    throw new RelaisError(
      "unavailable",
      `${file} says that the database is in ${known.place}, and it is not there. Put it back; or remove ${file} to begin with an empty one.`,
      { actor: "operator", cause },
    );
  });
  return known;
}

/**
 * In the data folder; where PostgreSQL's account cannot reach that (root's own folders are closed to others), in a folder of its own
 * below /var/lib/relais. Opening root's folders to that account would be the alternative, and is not ours to do.
 */
async function choosePlace(dataDir: string, account: Account | null): Promise<string> {
  const near = join(dataDir, "postgres");
  if (account === null) return freshFolder(near, null);
  // The data folder itself may be closed: only what is above it decides, and its own entry bit is ours to give.
  await chmod(dataDir, 0o711);
  if (await mayTraverse(account, await freshFolder(near, account))) return near;
  await rm(near, { recursive: true });
  await mkdir(SYSTEM_PLACE, { recursive: true, mode: 0o755 });
  return freshFolder(join(SYSTEM_PLACE, `data-${randomBytes(6).toString("hex")}`), account);
}

/** What a broken-off first start left behind is not a database: `postgres.json` is written last. */
async function freshFolder(path: string, account: Account | null): Promise<string> {
  await rm(path, { recursive: true, force: true });
  await mkdir(path, { mode: 0o700 });
  if (account !== null) await chown(path, account.uid, account.gid);
  return path;
}

async function createCluster({ place, password, account, binaries }: Cluster): Promise<void> {
  const passwordFile = join(place, "password");
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  if (account !== null) await chown(passwordFile, account.uid, account.gid);
  // No --no-sync: the first start is as durable as every later one.
  const words = [
    "-D",
    join(place, "data"),
    "-U",
    "relais",
    "--auth=scram-sha-256",
    `--pwfile=${passwordFile}`,
    "--encoding=UTF8",
    "--no-locale",
  ];
  try {
    await run(binaries.initdb, words, { cwd: place, env: { LC_ALL: "C", TZ: "UTC" }, ...identity(account) });
  } catch (cause) {
    const words = (cause as { stderr?: string }).stderr?.trim().split("\n").at(0) ?? "";
    throw new RelaisError("unavailable", `PostgreSQL could not create its database in ${place}. Its own words: ${words}`, {
      actor: "operator",
      cause,
    });
  } finally {
    await rm(passwordFile, { force: true });
  }
}

async function writePrivately(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, `${text}\n`, { mode: 0o600 });
  await rename(`${file}.new`, file);
}

export function identity(account: Account | null): { uid?: number; gid?: number } {
  return account === null ? {} : { uid: account.uid, gid: account.gid };
}
