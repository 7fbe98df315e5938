import type { readWords } from "./command.ts";

const text = { type: "string" } as const;

/** What narrows the register, by the names that the API gives it. */
export const FILTERS = ["role", "name", "standing", "level", "country", "dataset", "kind"] as const;
export const OPTIONS = {
  ...(Object.fromEntries(FILTERS.map((name) => [name, text])) as Record<(typeof FILTERS)[number], typeof text>),
  relais: text,
  limit: text,
  cursor: text,
  anchor: text,
  out: text,
  json: { type: "boolean", default: false },
} as const;

export interface Call {
  relais: string;
  values: ReturnType<typeof readWords<typeof OPTIONS>>["values"];
  rest: string[];
  /** The filters as the API takes them. */
  query: URLSearchParams;
}

export interface Listed {
  id: string;
  entity_id: string;
  name: string;
  roles: string[];
  status: string;
  country: string;
  datasets: { id: string }[];
  trust_mark: { level: number; expires_at: string; jwt: string } | null;
}
export interface ListPage {
  participants: Listed[];
  total: number | null;
  next: string | null;
}
