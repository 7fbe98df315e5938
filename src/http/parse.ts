import type { z } from "zod";
import { RelaisError } from "../core/errors.ts";

/** Input in its declared shape. @throws RelaisError `invalid` with a JSON pointer per flaw, and never the input itself. */
export function parse<T extends z.ZodType>(schema: T, input: unknown, where: "body" | "header" | "query"): z.infer<T> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const flaws = result.error.issues.slice(0, 20);
  const pointers = flaws.map((issue) => issue.path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join(""));
  const first = flaws[0];
  const at = pointers[0] === "" || pointers[0] === undefined ? "" : ` at ${pointers[0]}`;
  throw new RelaisError("invalid", `The ${where} is not as described in the API${at}: ${first?.message ?? "unknown flaw"}.`, { pointers });
}
