import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { UsageError } from "./usage-error.ts";

/** The settings of Relais (docs/configuration.md) that commands on the operator's own machine need. An empty value counts as unset. */
type Environment = NodeJS.ProcessEnv;

export function dataFolder(environment: Environment): string {
  return environment["RELAIS_DATA_DIR"] || ".relais";
}

/** Of the keys at rest; undefined where they are kept as they are. */
export function encryptionSecret(environment: Environment): Promise<string | undefined> {
  return secretOf(environment, "RELAIS_KEY_ENCRYPTION_SECRET");
}

/** Undefined where the database is the embedded one. */
export function databaseUrl(environment: Environment): Promise<string | undefined> {
  return secretOf(environment, "DATABASE_URL");
}

async function secretOf(environment: Environment, name: string): Promise<string | undefined> {
  const file = environment[`${name}_FILE`];
  return file ? readSecret(file) : environment[name] || undefined;
}

/** @throws UsageError */
export async function readSecret(file: string): Promise<string> {
  const text = await readFile(file, "utf8").catch(() => {
    throw new UsageError(`The file ${file} cannot be read.`);
  });
  if (text.trim() === "") throw new UsageError(`The file ${file} is empty; expected the secret in it.`);
  return text.trim();
}

/** Where Relais is reached: as it is set, or as it was at its last start. Undefined before the first one. */
export async function publicUrl(environment: Environment): Promise<string | undefined> {
  if (environment["RELAIS_PUBLIC_URL"]) return environment["RELAIS_PUBLIC_URL"].replace(/\/+$/, "");
  const text = await readFile(join(dataFolder(environment), "relais.json"), "utf8").catch(() => null);
  return text === null ? undefined : (JSON.parse(text) as { url: string }).url;
}
