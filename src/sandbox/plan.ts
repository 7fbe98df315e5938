import { resolve } from "node:path";
import type { Staff } from "../core/register/staff.ts";
import { officeAccounts } from "./accounts/offices.ts";
import type { BadPorts, ProgramName, SandboxSettings } from "./main.ts";
import { BAD_NAMES, type BadPlatform } from "./platform/personas.ts";

/** What runs beside Relais, where, and who has an office there. */
export interface SandboxPlan {
  settings: SandboxSettings;
  urls: Record<string, string>;
  staff: Staff;
}

const PROGRAMS: readonly ProgramName[] = ["home", "identity", "energy", "insurance", "telecom", "ancre", "solid"];

/** What the register says of the reference participants. */
export const SANDBOX_REASONS = {
  fr: "Participant de référence du bac à sable : agréé par l’exploitant, sans demande.",
  en: "Reference participant of the sandbox: accredited by the operator, without an application.",
};

interface Wishes {
  dataDir: string;
  seed: string;
  relais: string;
  host: string;
  /** The port of a program, the same at each start. */
  portOf: (name: ProgramName | BadPlatform) => Promise<number>;
}

export async function planSandbox({ dataDir, seed, relais, host, portOf }: Wishes): Promise<SandboxPlan> {
  const ports = {} as Record<ProgramName, number>;
  for (const name of PROGRAMS) ports[name] = await portOf(name);
  const badPorts = {} as BadPorts;
  for (const name of BAD_NAMES) badPorts[name] = await portOf(name);
  // The Solid server believes people's identifiers over plain http at `localhost` only.
  const hostOf = (name: ProgramName): string => (name === "solid" && host === "127.0.0.1" ? "localhost" : host);
  const urls = Object.fromEntries(PROGRAMS.map((name) => [name, `http://${hostOf(name)}:${ports[name]}`]));
  const settings = { dataDir: resolve(dataDir, "sandbox"), seed, relais, host, ports, badPorts };
  return { settings, urls, staff: officesAt(String(urls["identity"]), seed) };
}

/** Offices of invented people, who sign in at the sandbox's identity provider. */
function officesAt(issuer: string, seed: string): Staff {
  const members = officeAccounts(seed).map(({ id, name, office }) => ({ name, office, person: { issuer, subject: id }, keys: [] }));
  return {
    findPerson: (from, subject) => members.find(({ person }) => person.issuer === from && person.subject === subject) ?? null,
    findName: (name) => members.find((member) => member.name === name) ?? null,
  };
}
