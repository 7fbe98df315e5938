import { createHmac, timingSafeEqual } from "node:crypto";
import { type Persona, personas } from "../personas/holdings.ts";

/** One account at one program of the sandbox. */
export interface Account {
  /** The `sub` of its ID tokens. */
  id: string;
  name: string;
  email: string;
  password: string;
}

/** What is the same at every program: the person, and one password for all. */
export function accountsByPersona(seed: string): (Omit<Account, "id"> & { persona: Persona })[] {
  return personas().map((persona) => ({ persona, name: persona.displayName, email: persona.email, password: passwordOf(seed, persona) }));
}

/** Shown on the home page: these people do not exist. */
function passwordOf(seed: string, persona: Persona): string {
  return `${persona.id}-${derived(seed, "password", persona.id).slice(0, 6)}`;
}

/** Accounts whose identifiers say nothing about the person. */
export function pseudonymousAccounts(seed: string, program: string): Account[] {
  return accountsByPersona(seed).map(({ persona, ...account }) => ({
    ...account,
    id: `${program}-${derived(seed, program, persona.id).slice(0, 16)}`,
  }));
}

export function derived(seed: string, purpose: string, id: string): string {
  return createHmac("sha256", `sandbox ${seed}`).update(`${purpose}/${id}`).digest("hex");
}

/** The account of this e-mail and password; null for any other pair. */
export function findByPassword(accounts: Account[], email: unknown, password: unknown): Account | null {
  const account = accounts.find((candidate) => candidate.email === String(email).trim().toLowerCase());
  const given = createHmac("sha256", "").update(String(password)).digest();
  const kept = createHmac("sha256", "")
    .update(account?.password ?? "")
    .digest();
  return account !== undefined && timingSafeEqual(given, kept) ? account : null;
}
