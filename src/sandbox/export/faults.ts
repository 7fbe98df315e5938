import type { Bytes } from "../../core/transfer/adapter.ts";
import { TEST_ACCOUNT } from "../peer/public-pages.ts";
import type { ConsentGuard, Consented } from "./consented.ts";
import type { Library } from "./library.ts";

/** What the source side can do wrong on purpose. */
export const EXPORT_FAULTS = ["needs-no-consent", "ignores-narrowing", "changes-on-export"] as const;

/** Holds whatever it is asked for. */
const EVERYTHING: ReadonlySet<string> = Object.assign(new Set<string>(), { has: () => true });
const ANYBODY: Consented = { account: TEST_ACCOUNT, datasets: EVERYTHING, actions: EVERYTHING };

/** The good guard, with its faults in front. They open the account of nobody alone. */
export function faultyGuard(faults: readonly string[], guard: ConsentGuard): ConsentGuard {
  if (faults.includes("needs-no-consent")) return async () => ANYBODY;
  if (faults.includes("ignores-narrowing"))
    return async (request, response) => ({ ...(await guard(request, response)), datasets: EVERYTHING });
  return guard;
}

/** What is read item by item comes out with another first byte, under the digest of what went in. */
export function faultyLibrary(faults: readonly string[], library: Library): Library {
  if (!faults.includes("changes-on-export")) return library;
  return {
    ...library,
    read: async (account, dataset, key) => {
      const item = await library.read(account, dataset, key);
      return item && { ...item, body: changed(item.body) };
    },
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
