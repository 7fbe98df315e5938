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
  /** Where mail goes that goes nowhere else: it is shown, and never sent on. Null where others than this machine can reach the sandbox. */
  mail: { url: string; from: string } | null;
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
  portOf: (name: ProgramName | BadPlatform | "mailbox") => Promise<number>;
  /** Mail has no server of its own. */
  withMailbox: boolean;
}

/** The letters open what they are about: they are for this machine alone. */
const LOOPBACK = ["127.0.0.1", "::1", "localhost"];

export async function planSandbox({ dataDir, seed, relais, host, portOf, withMailbox }: Wishes): Promise<SandboxPlan> {
  const ports = {} as Record<ProgramName, number>;
  for (const name of PROGRAMS) ports[name] = await portOf(name);
  const badPorts = {} as BadPorts;
  for (const name of BAD_NAMES) badPorts[name] = await portOf(name);
  // The Solid server believes people's identifiers over plain http at `localhost` only.
  const hostOf = (name: ProgramName): string => (name === "solid" && host === "127.0.0.1" ? "localhost" : host);
  const urls = Object.fromEntries(PROGRAMS.map((name) => [name, `http://${hostOf(name)}:${ports[name]}`]));
  const mailPort = withMailbox && LOOPBACK.includes(host) ? await portOf("mailbox") : null;
  const settings = { dataDir: resolve(dataDir, "sandbox"), seed, relais, host, ports, badPorts, mailPort };
  const mail = mailPort === null ? null : { url: `smtp://127.0.0.1:${mailPort}`, from: "relais@sandbox.example" };
  return { settings, urls, staff: officesAt(String(urls["identity"]), seed), mail };
}

/** Offices of invented people, who sign in at the sandbox's identity provider. */
function officesAt(issuer: string, seed: string): Staff {
  const members = officeAccounts(seed).map(({ id, name, office }) => ({ name, office, person: { issuer, subject: id }, keys: [] }));
  return {
    findPerson: (from, subject) => members.find(({ person }) => person.issuer === from && person.subject === subject) ?? null,
    findName: (name) => members.find((member) => member.name === name) ?? null,
  };
}
