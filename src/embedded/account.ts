import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { RelaisError } from "../core/errors.ts";

const run = promisify(execFile);

/** Where things go that the account must reach when the data folder or the checkout lies below a closed folder such as /root. */
export const SYSTEM_PLACE = "/var/lib/relais";

export interface Account {
  name: string;
  uid: number;
  gid: number;
}

/** PostgreSQL refuses to run as root: the account to run it as, or null where this process is not root. */
export async function postgresAccount(): Promise<Account | null> {
  if (process.getuid?.() !== 0) return null;
  const found = (await lookUp("postgres")) ?? (await lookUp("relais")) ?? (await createAccount()) ?? (await lookUp("nobody"));
  if (found !== null) return found;
  throw new RelaisError(
    "unavailable",
    "PostgreSQL refuses to run as root, and this machine has no other account for it. Run Relais as an ordinary user, or create the user postgres.",
    { actor: "operator" },
  );
}

/** Whether the account can read and enter a folder; asked from the system, so that lists of access rights count too. */
export async function mayTraverse(account: Account, folder: string): Promise<boolean> {
  return run("test", ["-r", folder, "-a", "-x", folder], { uid: account.uid, gid: account.gid, cwd: "/" }).then(
    () => true,
    () => false,
  );
}

async function createAccount(): Promise<Account | null> {
  await run("useradd", [
    "--system",
    "--user-group",
    "--no-create-home",
    "--home-dir",
    SYSTEM_PLACE,
    "--shell",
    "/usr/sbin/nologin",
    "relais",
  ]).catch(() => undefined);
  return lookUp("relais");
}

async function lookUp(name: string): Promise<Account | null> {
  try {
    const [uid, gid] = await Promise.all([run("id", ["-u", name]), run("id", ["-g", name])]);
    return { name, uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return null;
  }
}
