import { ConfigError, readConfig, type Config } from "../../config.ts";
import { broken, fine, type Check, type Finding } from "./finding.ts";
import { DATABASE, MAIL, QUEUE } from "./services.ts";
import { DISK, KEYS, MAILBOX } from "./storage.ts";

const CHECKS: Check[] = [DISK, MAILBOX, DATABASE, QUEUE, KEYS, MAIL];

/** Everything that the settings lead to, looked at from this machine. Changes nothing, and never repeats a secret. */
export async function examine(environment: NodeJS.ProcessEnv): Promise<Finding[]> {
  const config = configOf(environment);
  if (config instanceof ConfigError)
    return config.problems.map((problem) =>
      broken("settings", problem, "The operator mends it; docs/configuration.md lists every setting."),
    );
  const found = await Promise.all(CHECKS.map((check) => lookSafely(check, config)));
  return [fine("settings", "Every setting can be read."), ...found.flat()];
}

function configOf(environment: NodeJS.ProcessEnv): Config | ConfigError {
  try {
    return readConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}

async function lookSafely({ what, look }: Check, config: Config): Promise<Finding[]> {
  try {
    return [await look(config)].flat();
  } catch (error) {
    const name = error instanceof Error ? error.name : "something thrown";
    return [broken(what, `The look itself failed (${name}).`, "Tell whoever maintains Relais; the other lines stand.")];
  }
}
