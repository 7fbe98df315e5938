import type { readWords } from "./command.ts";
import type { RegisterClient } from "./register-client.ts";

/** What the verbs of `relais platform` are given. */
export const OPTIONS = {
  relais: { type: "string" },
  entity: { type: "string" },
  key: { type: "string" },
  level: { type: "string", default: "1" },
  answers: { type: "string" },
  "sign-as": { type: "string" },
  "no-wait": { type: "boolean", default: false },
  run: { type: "boolean", default: false },
  keep: { type: "boolean", default: false },
  kind: { type: "string" },
  date: { type: "string" },
  issuer: { type: "string" },
  certificate: { type: "string" },
  "valid-until": { type: "string" },
  "reason-fr": { type: "string" },
  "reason-en": { type: "string" },
  json: { type: "boolean", default: false },
} as const;

export type Values = ReturnType<typeof readWords<typeof OPTIONS>>["values"];

export interface Call {
  values: Values;
  rest: string[];
  relais: string;
  client(): Promise<RegisterClient>;
}

export type Verb = (call: Call) => Promise<number>;

/** A text of the register, in both languages. */
export interface Words {
  fr: string;
  en: string;
}
