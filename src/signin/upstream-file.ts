import { readFileSync } from "node:fs";
import { z } from "zod";
import { RelaisError } from "../core/errors.ts";
import { ASSURANCES } from "../core/person/assurance.ts";
import { ALGORITHMS, PROFILE_NAMES } from "./profiles.ts";
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
  /** What ID tokens (and `userinfo`, where it is read) are signed with, by our registration there. */
  algorithm: z.enum(ALGORITHMS).optional(),
});
const isOneOfAKind = (member: "id" | "name") => (all: z.output<typeof entry>[]) =>
  new Set(all.map((one) => one[member])).size === all.length;
const list = z
  .array(entry)
  .max(20)
  .refine(isOneOfAKind("id"), "two have the same id")
  .refine(isOneOfAKind("name"), "two have the same name");

/** More issuers at which people sign in (docs/identity.md). @throws RelaisError `invalid` that names what is wrong. */
export function readUpstreams(path: string): Upstream[] {
  const parsed = list.safeParse(jsonIn(path));
  if (!parsed.success) throw broken(path, z.prettifyError(parsed.error));
  return parsed.data.map(({ id, name, issuer, client_id: clientId, client_secret_file: secretFile, profile, assurance, algorithm }) => ({
    id,
    name,
    issuer,
    clientId,
    profile,
    algorithm,
    least: assurance ?? null,
    ...(secretFile === undefined ? {} : { clientSecret: secretIn(secretFile) }),
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

function secretIn(path: string): string {
  const secret = textIn(path).trim();
  if (secret === "") throw broken(path, "It is empty; it should hold the client secret.");
  return secret;
}

function textIn(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    throw broken(path, "It cannot be read.");
  }
}

function broken(path: string, flaw: string): RelaisError {
  return new RelaisError("invalid", `${path}, which says where people sign in, is wrong: ${flaw} The operator mends it.`, {
    actor: "operator",
  });
}
