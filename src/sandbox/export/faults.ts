import type { Response } from "express";
import type { Bytes } from "../../core/transfer/adapter.ts";
import { TEST_ACCOUNT } from "../peer/public-pages.ts";
import type { Consented } from "../../sdk/require-consent.ts";
import { consentOf, type ConsentGuard } from "./consented.ts";
import type { Library } from "./library.ts";

/** What the source side can do wrong on purpose. */
export const EXPORT_FAULTS = ["needs-no-consent", "ignores-narrowing", "changes-on-export", "lists-everything"] as const;

/** Holds whatever it is asked for. */
export const EVERYTHING: ReadonlySet<string> = Object.assign(new Set<string>(), { has: () => true });
const ANYBODY: Consented = {
  consent: null,
  account: TEST_ACCOUNT,
  datasets: EVERYTHING,
  actions: EVERYTHING,
  expires: null,
  destination: null,
};

/** The good guard, with its faults in front. They open the account of nobody alone. */
export function faultyGuard(faults: readonly string[], guard: ConsentGuard): ConsentGuard {
  if (faults.includes("needs-no-consent")) return () => (_request, response, next) => pass(response, ANYBODY, next);
  if (faults.includes("ignores-narrowing"))
    return ({ dataset: _ignored, ...rule } = {}) => {
      const check = guard(rule);
      return (request, response, next) =>
        check(request, response, (error?: unknown) =>
          error === undefined ? pass(response, { ...consentOf(response.locals), datasets: EVERYTHING }, next) : next(error),
        );
    };
  return guard;
}

function pass(response: Response, consented: Consented, next: () => void): void {
  response.locals["consent"] = consented;
  next();
}

/** What is read item by item comes out with another first byte, under the digest of what went in. */
export function faultyLibrary(faults: readonly string[], library: Library): Library {
  const told = faults.includes("lists-everything") ? { ...library, changes: listsEverything(library) } : library;
  if (!faults.includes("changes-on-export")) return told;
  return {
    ...told,
    read: async (account, dataset, key) => {
      const item = await library.read(account, dataset, key);
      return item && { ...item, body: changed(item.body) };
    },
  };
}

/** Whatever is asked for: what is new, and what is not. */
function listsEverything({ page }: Library): NonNullable<Library["changes"]> {
  return async ({ position: _ignored, ...asked }) => {
    const all = await page({ ...asked, since: null });
    return all && { ...all, gone: [] };
  };
}

async function* changed(body: Bytes): Bytes {
  let isFirst = true;
  for await (const chunk of body) {
    const copy = Uint8Array.from(chunk);
    if (isFirst && copy.length > 0) copy[0] = (copy[0] as number) ^ 1;
    isFirst &&= copy.length === 0;
    yield copy;
  }
}
