import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { z } from "zod";
import { nearest } from "./nearest-name.ts";
import { SETTINGS, type SettingMeta } from "./settings.ts";

type Read = z.output<typeof SETTINGS>;
export type Config = ReturnType<typeof group>;

/** Every problem of the environment at once, one line each. */
export class ConfigError extends Error {
  readonly problems: string[];

  constructor(problems: string[]) {
    super(
      `The settings are wrong in ${problems.length === 1 ? "one place" : `${problems.length} places`}:\n${problems.map((problem) => `  - ${problem}`).join("\n")}\nThe operator mends them; docs/configuration.md lists them all.`,
    );
    this.name = "ConfigError";
    this.problems = problems;
  }
}

/**
 * Reads the settings; an empty value counts as unset. The only reader of the environment, called once by main.
 * @throws ConfigError that lists every problem. Values of secrets are never repeated.
 */
export function readConfig(environment: Record<string, string | undefined>): Config {
  const given = Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== ""),
  );
  const { values, problems } = readFiles(given);
  problems.push(...unknownNames(given));
  const parsed = SETTINGS.safeParse(values);
  if (!parsed.success) problems.push(...parsed.error.issues.map((issue) => describeIssue(issue, values)));
  if (parsed.success) problems.push(...contradictions(parsed.data));
  if (!parsed.success || problems.length > 0) throw new ConfigError([...new Set(problems)]);
  return freeze(group(parsed.data));
}

function group(read: Read) {
  const sandbox = read.RELAIS_SANDBOX ?? read.DATABASE_URL === undefined;
  return {
    dataDir: read.RELAIS_DATA_DIR,
    roles: read.RELAIS_ROLES,
    http: {
      host: read.RELAIS_HOST,
      port: read.RELAIS_PORT ?? null,
      publicUrl: read.RELAIS_PUBLIC_URL ?? null,
      certificates: certificatesOf(read),
      proxies: read.RELAIS_PROXIES ?? [],
    },
    metrics: { host: read.RELAIS_METRICS_HOST, port: read.RELAIS_METRICS_PORT ?? null },
    operator: operatorOf(read),
    register: {
      staffFile: read.RELAIS_STAFF_FILE ?? null,
      ownerFile: read.RELAIS_CHARTER_OWNER_FILE ?? null,
      recheckHours: read.RELAIS_RECHECK_HOURS,
      reviewDays: read.RELAIS_REVIEW_DAYS,
    },
    postgres: { url: read.DATABASE_URL ?? null, pool: read.RELAIS_DATABASE_POOL },
    redis: { url: read.REDIS_URL ?? null },
    keys: { encryptionSecret: read.RELAIS_KEY_ENCRYPTION_SECRET ?? null },
    signin: signinOf(read),
    mail: mailOf(read),
    sandbox: { on: sandbox, seed: read.RELAIS_SANDBOX_SEED, allowLoopback: read.RELAIS_ALLOW_LOOPBACK ?? sandbox },
    limits: {
      maxItemBytes: read.RELAIS_MAX_ITEM_BYTES,
      maxItems: read.RELAIS_MAX_ITEMS,
      accountsPerHour: read.RELAIS_ACCOUNTS_PER_HOUR,
    },
    mailbox: mailboxOf(read),
    transfer: {
      leaseSeconds: read.RELAIS_LEASE_SECONDS,
      workerConcurrency: read.RELAIS_WORKER_CONCURRENCY,
      sweepSeconds: read.RELAIS_SWEEP_SECONDS,
      dispatchWindow: read.RELAIS_DISPATCH_WINDOW ?? null,
    },
    keep: keepingOf(read),
    traces: { endpoint: read.OTEL_EXPORTER_OTLP_ENDPOINT ?? null, share: read.OTEL_TRACES_SAMPLER_ARG },
    log: { level: read.RELAIS_LOG_LEVEL },
  };
}

function mailboxOf(read: Read) {
  return {
    dir: read.RELAIS_MAILBOX_DIR ?? (read.DATABASE_URL === undefined ? join(read.RELAIS_DATA_DIR, "mailbox") : null),
    packageBytes: read.RELAIS_MAILBOX_PACKAGE_BYTES,
    platformBytes: read.RELAIS_MAILBOX_PLATFORM_BYTES,
    days: read.RELAIS_MAILBOX_DAYS,
  };
}

/** In days. */
function keepingOf(read: Read): { itemNames: number; journals: number; proofs: number } {
  return {
    itemNames: read.RELAIS_KEEP_ITEM_NAMES_DAYS,
    journals: read.RELAIS_KEEP_JOURNALS_DAYS,
    proofs: read.RELAIS_KEEP_PROOFS_DAYS,
  };
}

/** How a proxy hands on client certificates; null where none does. */
function certificatesOf(read: Read): { header: string; proxies: string[]; url: string | null } | null {
  const { RELAIS_CLIENT_CERTIFICATE_HEADER: header, RELAIS_CLIENT_CERTIFICATE_PROXIES: proxies, RELAIS_CLIENT_CERTIFICATE_URL: url } = read;
  return header === undefined || proxies === undefined ? null : { header, proxies, url: url ?? null };
}

function signinOf(read: Read) {
  return {
    issuer: read.RELAIS_SIGNIN_ISSUER ?? null,
    clientId: read.RELAIS_SIGNIN_CLIENT_ID ?? null,
    clientSecret: read.RELAIS_SIGNIN_CLIENT_SECRET ?? null,
    profile: read.RELAIS_SIGNIN_PROFILE,
    assurance: read.RELAIS_SIGNIN_ASSURANCE ?? null,
    algorithm: read.RELAIS_SIGNIN_ALGORITHM ?? null,
    file: read.RELAIS_SIGNIN_FILE ?? null,
    passkeys: read.RELAIS_PASSKEYS ?? read.RELAIS_SIGNIN_ISSUER === undefined,
  };
}

/** Who runs this Relais; null where nobody was named. */
function operatorOf({ RELAIS_OPERATOR_NAME: name, RELAIS_OPERATOR_CONTACT: contact }: Read): { name: string; contact: string } | null {
  return name === undefined || contact === undefined ? null : { name, contact };
}

/** Where mail goes out; null where none does. */
function mailOf({ RELAIS_SMTP_URL: url, RELAIS_MAIL_FROM: from }: Read): { url: string; from: string } | null {
  return url === undefined || from === undefined ? null : { url, from };
}

/** Rules between two settings. */
function contradictions(read: Read): string[] {
  const rules: [broken: boolean, problem: string][] = [
    [
      read.RELAIS_SIGNIN_ISSUER !== undefined && read.RELAIS_SIGNIN_CLIENT_ID === undefined,
      "RELAIS_SIGNIN_CLIENT_ID: is unset; expected the client identifier at RELAIS_SIGNIN_ISSUER",
    ],
    [
      read.RELAIS_SIGNIN_ISSUER === undefined && read.RELAIS_SIGNIN_CLIENT_ID !== undefined,
      "RELAIS_SIGNIN_ISSUER: is unset; expected the issuer that knows RELAIS_SIGNIN_CLIENT_ID",
    ],
    [
      read.RELAIS_OPERATOR_NAME !== undefined && read.RELAIS_OPERATOR_CONTACT === undefined,
      "RELAIS_OPERATOR_CONTACT: is unset; expected where people write to RELAIS_OPERATOR_NAME",
    ],
    [
      read.RELAIS_OPERATOR_NAME === undefined && read.RELAIS_OPERATOR_CONTACT !== undefined,
      "RELAIS_OPERATOR_NAME: is unset; expected the name of the organisation behind RELAIS_OPERATOR_CONTACT",
    ],
    [
      read.RELAIS_CLIENT_CERTIFICATE_HEADER !== undefined && read.RELAIS_CLIENT_CERTIFICATE_PROXIES === undefined,
      "RELAIS_CLIENT_CERTIFICATE_PROXIES: is unset; expected the addresses of the proxy that sets RELAIS_CLIENT_CERTIFICATE_HEADER",
    ],
    [
      read.RELAIS_CLIENT_CERTIFICATE_HEADER === undefined &&
        (read.RELAIS_CLIENT_CERTIFICATE_PROXIES ?? read.RELAIS_CLIENT_CERTIFICATE_URL) !== undefined,
      "RELAIS_CLIENT_CERTIFICATE_HEADER: is unset; expected the header field in which the proxy hands on client certificates",
    ],
    [
      read.RELAIS_SMTP_URL !== undefined && read.RELAIS_MAIL_FROM === undefined,
      "RELAIS_MAIL_FROM: is unset; expected the address that mails by RELAIS_SMTP_URL come from",
    ],
    [
      read.RELAIS_SMTP_URL === undefined && read.RELAIS_MAIL_FROM !== undefined,
      "RELAIS_SMTP_URL: is unset; expected the mail server that takes mails from RELAIS_MAIL_FROM",
    ],
    [
      isNameless(read.RELAIS_HOST, read.RELAIS_PUBLIC_URL),
      "RELAIS_PUBLIC_URL: is unset; expected the https address under which people reach RELAIS_HOST",
    ],
    [
      read.RELAIS_METRICS_PORT !== undefined && read.RELAIS_METRICS_PORT !== 0 && read.RELAIS_METRICS_PORT === read.RELAIS_PORT,
      "RELAIS_METRICS_PORT: is the port of pages and API; expected one of its own, that the public does not reach",
    ],
    [isPlainOutside(read.RELAIS_PUBLIC_URL), "RELAIS_PUBLIC_URL: is http; expected https for every address but 127.0.0.1 and localhost"],
  ];
  return rules.filter(([broken]) => broken).map(([, problem]) => problem);
}

/** Other machines cannot reach an issuer that is named after a listening address. */
function isNameless(host: string, publicUrl: string | undefined): boolean {
  return publicUrl === undefined && !["127.0.0.1", "::1", "localhost"].includes(host);
}

function isPlainOutside(url: string | undefined): boolean {
  if (url === undefined) return false;
  const { protocol, hostname } = new URL(url);
  return protocol === "http:" && !["127.0.0.1", "[::1]", "localhost"].includes(hostname);
}

const metaOf = (name: string) => SETTINGS.shape[name as keyof Read].meta() as unknown as SettingMeta;
const isSecret = (name: string) => metaOf(name).secret === true;
const NAMES = Object.keys(SETTINGS.shape);
const FILE_NAMES = NAMES.filter(isSecret).map((name) => `${name}_FILE`);

function readFiles(given: Record<string, string>): { values: Record<string, string>; problems: string[] } {
  const values = Object.fromEntries(Object.entries(given).filter(([name]) => NAMES.includes(name)));
  const problems: string[] = [];
  for (const fileName of FILE_NAMES.filter((name) => given[name] !== undefined)) {
    const name = fileName.slice(0, -"_FILE".length);
    if (values[name] !== undefined) problems.push(`${fileName}: is set beside ${name}; expected one of the two`);
    const text = readText(given[fileName] ?? "");
    if (text === null) problems.push(`${fileName}: names a file that cannot be read; expected the path of a readable file`);
    else if (text === "") problems.push(`${fileName}: names an empty file; expected the secret in it`);
    else values[name] = text;
  }
  return { values, problems };
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return null;
  }
}

function unknownNames(given: Record<string, string>): string[] {
  const known = [...NAMES, ...FILE_NAMES];
  return Object.keys(given)
    .filter((name) => name.startsWith("RELAIS_") && !known.includes(name))
    .map((name) => `${name}: is not a setting of Relais; did you mean ${nearest(name, known)}?`);
}

function describeIssue(issue: z.core.$ZodIssue, values: Record<string, string>): string {
  const name = String(issue.path[0]);
  const value = isSecret(name) ? "has an unusable value" : `is ${JSON.stringify(values[name])}`;
  return `${name}: ${value}; ${issue.message.startsWith("expected") ? issue.message : `expected another value (${issue.message})`}`;
}

function freeze<T extends object>(value: T): T {
  for (const member of Object.values(value)) if (typeof member === "object" && member !== null) freeze(member);
  return Object.freeze(value);
}
