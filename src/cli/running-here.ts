import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { UsageError } from "./usage-error.ts";

/** The address of the Relais that runs in this folder. @throws UsageError that says with which option another one is named. */
export async function runningHere(option: string): Promise<string> {
  const folder = process.env["RELAIS_DATA_DIR"] || ".relais";
  try {
    return (JSON.parse(await readFile(join(folder, "relais.json"), "utf8")) as { url: string }).url;
  } catch {
    throw new UsageError(`No Relais runs here. Give the address of one with ${option}.`);
  }
}
