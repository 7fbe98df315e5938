import { constants } from "node:fs";
import { access, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { Config } from "../../config.ts";
import { privateFiles } from "../../keys/private-files.ts";
import { ownKeys, RING_NAMES, RINGS, stateOf, type KeyPurpose } from "../../keys/rings.ts";
import { asRelaisError } from "../../core/errors.ts";
import { broken, fine, look, type Check, type Finding } from "./finding.ts";

const MEBIBYTE = 1024 * 1024;
const LITTLE = 2048 * MEBIBYTE;
const TOO_LITTLE = 256 * MEBIBYTE;

/** The folder may be written to, and its disk has room. */
export const DISK: Check = {
  what: "disk",
  look: ({ dataDir }) => roomIn("disk", dataDir, "RELAIS_DATA_DIR"),
};

/** The same of the folder of sealed packages, which may lie on another disk. */
export const MAILBOX: Check = {
  what: "mailbox",
  look: async ({ mailbox: { dir } }) =>
    dir === null
      ? fine("mailbox", "RELAIS_MAILBOX_DIR names no folder: nothing is kept for platforms without an address.")
      : roomIn("mailbox", dir, "RELAIS_MAILBOX_DIR"),
};

async function roomIn(what: string, folder: string, setting: string): Promise<Finding> {
  const missing = await access(folder, constants.R_OK | constants.W_OK | constants.X_OK).then(
    () => null,
    (error: NodeJS.ErrnoException) => error.code ?? "unknown",
  );
  if (missing === "ENOENT") return look(what, `${folder} is not there yet.`, "Nothing to mend: it is made when it is first needed.");
  const owner = `The operator gives it to the user of Relais: chown, or ${setting}.`;
  if (missing !== null) return broken(what, `${folder} cannot be written to (${missing}).`, owner);
  if (!(await stat(folder)).isDirectory()) return broken(what, `${folder} is no folder.`, `The operator names another one: ${setting}.`);
  const { bavail, blocks, bsize } = await statfs(folder);
  const free = bavail * bsize;
  const says = `${Math.floor(free / MEBIBYTE)} MiB are free in ${folder}, ${Math.floor((bavail / Math.max(blocks, 1)) * 100)} % of its disk.`;
  if (free < TOO_LITTLE)
    return broken(what, says, "The operator makes room, or gives the folder a larger disk: Relais stops writing when it is full.");
  return free < LITTLE ? look(what, says, "The operator makes room soon: at least 2 GiB.") : fine(what, says);
}

/** The keys of this process's roles are whole, open with the secret, and nobody else may read them. */
export const KEYS: Check = {
  what: "keys",
  look: async (config) => {
    const purposes = (["web", "worker"] as const).filter((role) => config.roles.includes(role));
    if (purposes.length === 0) return fine("keys", "This role needs none.");
    return (await Promise.all(purposes.map((purpose) => ringsOf(config, purpose)))).flat();
  },
};

async function ringsOf(config: Config, purpose: KeyPurpose): Promise<Finding[]> {
  const what = `keys of ${purpose}`;
  const folder = join(config.dataDir, "keys", purpose);
  if ((await stat(folder).catch(() => null)) === null)
    return [
      look(
        what,
        "There are none yet.",
        "Nothing to mend before the first start. After it: the operator restores them from the backup, and never makes new ones.",
      ),
    ];
  const names = RING_NAMES.filter((name) => RINGS[name].purpose === purpose);
  const findings = await Promise.all(names.map((name) => ringOf(config, what, { name, file: join(folder, `${name}.json`) })));
  const bad = findings.filter(({ state }) => state !== "fine");
  const plain = config.keys.encryptionSecret === null && config.postgres.url !== null;
  if (plain)
    bad.push(
      look(
        what,
        "They lie unencrypted beside a database of their own.",
        "The operator sets RELAIS_KEY_ENCRYPTION_SECRET before the first start.",
      ),
    );
  return bad.length > 0 ? bad : [fine(what, `${names.length} rings are whole.`)];
}

async function ringOf(config: Config, what: string, { name, file }: { name: string; file: string }): Promise<Finding> {
  const restore = "The operator restores it from the backup: what was signed or sealed with it needs it.";
  const found = await stat(file).catch(() => null);
  if (found === null) return broken(what, `The ring ${name} is missing.`, restore);
  if ((found.mode & 0o077) !== 0) return broken(what, `Others may read the ring ${name}.`, `The operator runs chmod 600 ${file}.`);
  try {
    const keys = ownKeys(await privateFiles(config.keys.encryptionSecret ?? undefined).read(file));
    const isUsable = keys.some(({ publicJwk }) => stateOf(publicJwk, Math.floor(Date.now() / 1000)) === "usable");
    return isUsable
      ? fine(what, name)
      : broken(what, `The ring ${name} has no key in force.`, `The operator runs relais keys rotate ${name}.`);
  } catch (error) {
    return broken(
      what,
      `The ring ${name} does not open: ${asRelaisError(error).message}`,
      "The operator gives the RELAIS_KEY_ENCRYPTION_SECRET that it was written with.",
    );
  }
}
