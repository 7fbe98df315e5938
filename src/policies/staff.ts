import { readFileSync, statSync } from "node:fs";
import { z } from "zod";
import { RelaisError } from "../core/errors.ts";
import type { PublicJwk } from "../core/register/participant.ts";
import { thumbprintOf } from "../core/register/public-keys.ts";
import { NOBODY, type Staff, type StaffMember } from "../core/register/staff.ts";

const member = z.strictObject({
  name: z.string().regex(/^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,59}$/u, "expected 1 to 60 letters, digits, spaces, dots or hyphens"),
  office: z.enum(["accreditor", "authority", "operator"]),
  person: z
    .strictObject({ issuer: z.url(), subject: z.string().min(1) })
    .nullable()
    .default(null),
  keys: z.array(z.looseObject({ kty: z.string() }).refine((key) => !("d" in key) && !("k" in key), "expected a public key")).default([]),
});
const file = z
  .array(member)
  .refine((list) => new Set(list.map(({ name }) => name)).size === list.length, "expected each name once")
  .superRefine((list, context) => {
    const twice = findTwice(list.filter(({ office }) => office === "accreditor"));
    if (twice !== null)
      context.addIssue(
        `${twice.names.map((name) => `"${name}"`).join(" and ")} have the same ${twice.what}: two accreditors are two people`,
      );
  });

/** One person or key under two names would decide alone what takes two accreditors. */
function findTwice(accreditors: Member[]): { names: string[]; what: "person" | "key" } | null {
  const seen = new Map<string, string>();
  for (const { name, person, keys } of accreditors)
    for (const [what, mark] of marksOf({ person, keys })) {
      const other = seen.get(mark) ?? name;
      if (other !== name) return { names: [other, name], what };
      seen.set(mark, name);
    }
  return null;
}

type Member = z.infer<typeof member>;

/** By what somebody is known when they act: how they sign in, and what their keys are made of (RFC 7638), whatever they are called. */
function marksOf({ person, keys }: Pick<Member, "person" | "keys">): ["person" | "key", string][] {
  return [
    ...(person === null ? [] : [["person", JSON.stringify([person.issuer, person.subject])] as ["person", string]]),
    ...keys.map((key): ["key", string] => ["key", thumbprintOf(key as PublicJwk)]),
  ];
}

/**
 * The operator's list of offices, a JSON file: `[{"name", "office", "person": {"issuer", "subject"}, "keys": [JWK]}]`. It is read again when it
 * changes; a file that cannot be read or is wrong, or in which two accreditors are one person or have one key, gives nobody an office.
 * @throws RelaisError `unavailable` at the start, naming what is wrong.
 */
export function openStaff(path: string | null, onFailure: (error: unknown) => void): Staff {
  if (path === null) return NOBODY;
  let list = readStaff(path);
  let readAt = changedAt(path);
  const present = (): StaffMember[] => {
    const changed = changedAt(path);
    if (changed === readAt) return list;
    readAt = changed;
    try {
      list = readStaff(path);
    } catch (error) {
      list = [];
      onFailure(error);
    }
    return list;
  };
  return {
    findPerson: (issuer, subject) => present().find(({ person }) => person?.issuer === issuer && person.subject === subject) ?? null,
    findName: (name) => present().find((one) => one.name === name) ?? null,
  };
}

function changedAt(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? -1;
}

function readStaff(path: string): StaffMember[] {
  try {
    return file.parse(JSON.parse(readFileSync(path, "utf8"))).map((one) => ({ ...one, keys: one.keys as PublicJwk[] }));
  } catch (cause) {
    const flaw =
      cause instanceof z.ZodError ? `at ${cause.issues[0]?.path.join("/")}: ${cause.issues[0]?.message}` : "it is not readable JSON";
    throw new RelaisError("unavailable", `The list of offices in RELAIS_STAFF_FILE is wrong: ${flaw}. The operator must correct it.`, {
      cause,
    });
  }
}
