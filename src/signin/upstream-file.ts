import { readFileSync } from "node:fs";
import { z } from "zod";
import { RelaisError } from "../core/errors.ts";
import { ASSURANCES } from "../core/person/assurance.ts";
import { PROFILE_NAMES } from "./profiles.ts";
import type { Upstream } from "./providers.ts";

const entry = z.strictObject({
  id: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,30}$/, "must be a short lower-case word")
    .refine((id) => id !== "default", "is taken"),
  name: z.string().min(1).max(80),
  issuer: z.url({ protocol: /^https?$/ }),
  client_id: z.string().min(1),
  /** Path of a file that holds it. Unset: Relais proves itself with its own key. */
  client_secret_file: z.string().min(1).optional(),
  profile: z.enum(PROFILE_NAMES).default("standard"),
  assurance: z.enum(ASSURANCES).optional(),
});
const list = z
  .array(entry)
  .max(20)
  .refine((all) => new Set(all.map(({ id }) => id)).size === all.length, "two have the same id");

/** More issuers at which people sign in (docs/identity.md). @throws RelaisError `invalid` that names what is wrong. */
export function readUpstreams(path: string): Upstream[] {
  const parsed = list.safeParse(jsonIn(path));
  if (!parsed.success) throw broken(path, z.prettifyError(parsed.error));
  return parsed.data.map(({ id, name, issuer, client_id: clientId, client_secret_file: secretFile, profile, assurance }) => ({
    id,
    name,
    issuer,
    clientId,
    profile,
    least: assurance ?? null,
    ...(secretFile === undefined ? {} : { clientSecret: textIn(secretFile).trim() }),
  }));
}

function jsonIn(path: string): unknown {
  try {
    return JSON.parse(textIn(path));
  } catch (cause) {
    if (cause instanceof RelaisError) throw cause;
    throw broken(path, "It is not JSON.");
  }
}

function textIn(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    throw broken(path, "It cannot be read.");
  }
}

function broken(path: string, flaw: string): RelaisError {
  return new RelaisError("invalid", `${path}, which lists where people sign in, is wrong: ${flaw} The operator mends it.`, {
    actor: "operator",
  });
}
