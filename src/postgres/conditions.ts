import type { ConditionsReader, ConditionsWriter } from "../core/policy/conditions.ts";
import type { Database } from "./pool.ts";

export function readConditions(_db: Database): ConditionsReader {
  return { count: async () => 0 };
}

export function writeConditions(_db: Database): ConditionsWriter {
  return { clear: async () => undefined };
}
