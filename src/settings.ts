import { isIP } from "node:net";
import { z } from "zod";

const whole = (least: number, most: number) =>
  z.coerce
    .number(`expected a whole number from ${least} to ${most}`)
    .int(`expected a whole number from ${least} to ${most}`)
    .min(least, `expected ${least} or more`)
    .max(most, `expected ${most} or less`);
const flag = () => z.enum(["on", "off"], "expected on or off").transform((word) => word === "on");
const webUrl = () =>
  z
    .url({ protocol: /^https?$/, error: "expected an http or https URL" })
    .refine((url) => !/[?#]/.test(url), "expected a URL without ? and #")
    .transform((url) => url.replace(/\/+$/, ""));
const urlOf = (...schemes: string[]) =>
  z.url({
    protocol: new RegExp(`^(${schemes.join("|")})$`),
    error: `expected a URL that begins with ${schemes.map((scheme) => `${scheme}://`).join(" or ")}`,
  });
const list = <T extends string>(words: readonly [T, ...T[]]) =>
  z
    .string()
    .transform((text) => [...new Set(text.split(",").map((word) => word.trim()))])
    .pipe(z.array(z.enum(words, `expected a list out of ${words.join(", ")}`)).min(1));

/** An address, or a network in CIDR notation. */
function isNetwork(text: string): boolean {
  const [address = "", bits, ...more] = text.split("/");
  const longest = { 4: 32, 6: 128 }[isIP(address)];
  return longest !== undefined && more.length === 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= longest));
}

const ROLES = ["web", "worker", "sweeper"] as const;
const PROFILES = ["standard", "franceconnect", "franceconnect-plus"] as const;
const ALGORITHMS = ["ES256", "RS256"] as const;
const ASSURANCES = ["low", "substantial", "high"] as const;
const LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

/** Every setting, by consumer. `meta.description` is what docs/configuration.md says; `secret` may also come from a file, by <NAME>_FILE. */
export const SETTINGS = z.object({
  RELAIS_DATA_DIR: z.string().min(1).default(".relais").meta({
    group: "data",
    description: "Folder of the embedded database, its remembered ports and the keys. Two Relais need two folders.",
  }),
  RELAIS_ROLES: list(ROLES)
    .default([...ROLES])
    .meta({
      group: "data",
      description:
        "What this process does, separated by commas: web serves pages and API, worker moves data, sweeper rings again for work that was missed.",
      show: "web,worker,sweeper",
    }),

  RELAIS_HOST: z.string().min(1).default("127.0.0.1").meta({ group: "http", description: "Address to listen on. 0.0.0.0 in a container." }),
  RELAIS_PORT: whole(0, 65_535).optional().meta({
    group: "http",
    description: "Port to listen on; 0 takes any free one. Unset: chosen at the first start and remembered in the data folder.",
  }),
  RELAIS_PUBLIC_URL: webUrl().optional().meta({
    group: "http",
    description:
      "Address under which people and participants reach Relais; it is also the issuer and the entity identifier, so it must not change later. Unset: made from host and port, where 127.0.0.1 is called localhost.",
  }),

  RELAIS_CLIENT_CERTIFICATE_HEADER: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9-]{0,63}$/, "expected the name of a header field")
    .optional()
    .meta({
      group: "http",
      description:
        "Header field in which the proxy hands on the certificate of a client that speaks mutual TLS (RFC 9440 Client-Cert, or PEM in percent-encoding). Unset: clients prove themselves by private_key_jwt and DPoP alone.",
    }),
  RELAIS_CLIENT_CERTIFICATE_PROXIES: z
    .string()
    .transform((text) => text.split(",").map((word) => word.trim()))
    .refine((networks) => networks.every(isNetwork), "expected addresses or networks (192.0.2.0/24), separated by commas")
    .optional()
    .meta({ group: "http", description: "Addresses of that proxy. From everywhere else the header field is refused." }),
  RELAIS_CLIENT_CERTIFICATE_URL: webUrl().optional().meta({
    group: "http",
    description: "Address at which that proxy asks clients for their certificate. Unset: the public address.",
  }),

  RELAIS_PROXIES: z
    .string()
    .transform((text) => text.split(",").map((word) => word.trim()))
    .refine((networks) => networks.every(isNetwork), "expected addresses or networks (192.0.2.0/24), separated by commas")
    .optional()
    .meta({
      group: "http",
      description:
        "Addresses or networks of the proxies before Relais, separated by commas: from them alone the address of a visitor (X-Forwarded-For) is believed. Unset: from nobody.",
    }),

  RELAIS_METRICS_HOST: z.string().min(1).default("127.0.0.1").meta({
    group: "metrics",
    description:
      "Address on which metrics and probes are answered. Never one that the public reaches. 0.0.0.0 in a container, behind a network policy.",
  }),
  RELAIS_METRICS_PORT: whole(0, 65_535).optional().meta({
    group: "metrics",
    description: "Port of /metrics (Prometheus), /livez and /readyz; 0 takes any free one. Unset: they are not answered there.",
  }),

  RELAIS_OPERATOR_NAME: z.string().min(1).max(200).optional().meta({
    group: "operator",
    description: "Name of the organisation that runs this Relais, on the legal notice, the privacy page and the help of every page.",
  }),
  RELAIS_OPERATOR_CONTACT: z
    .string()
    .refine((text) => z.email().safeParse(text).success || webUrl().safeParse(text).success, "expected a mail address, or an https address")
    .optional()
    .meta({ group: "operator", description: "Where people write to it: a mail address, or a web address. Needed with the name." }),

  RELAIS_STAFF_FILE: z.string().min(1).optional().meta({
    group: "register",
    description:
      "JSON file that names who has an office: accreditors, the authority, the operator (docs/register.md). Read again when it changes. Unset: nobody, but the invented people of the sandbox.",
  }),
  RELAIS_CHARTER_OWNER_FILE: z.string().min(1).optional().meta({
    group: "register",
    description:
      "JSON file that names who owns the charter's trust mark types, its keys, and the delegations that it signed for this Relais (docs/register.md). Read again when it changes. Unset: Relais is its own owner.",
  }),
  RELAIS_RECHECK_HOURS: whole(1, 720)
    .default(24)
    .meta({ group: "register", description: "Hours after which the automatic checks of an accredited participant are run again." }),
  RELAIS_REVIEW_DAYS: whole(1, 365)
    .default(14)
    .meta({ group: "register", description: "Days that an application may wait for accreditors before they are reminded of it." }),

  DATABASE_URL: urlOf("postgres", "postgresql")
    .optional()
    .meta({ group: "postgres", description: "PostgreSQL 14 or newer. Unset: an embedded PostgreSQL in the data folder.", secret: true }),
  RELAIS_DATABASE_POOL: whole(2, 500)
    .default(10)
    .meta({ group: "postgres", description: "Connections that this process holds open at most." }),

  REDIS_URL: urlOf("redis", "rediss").optional().meta({
    group: "redis",
    description: "Redis 6.2 or newer for the queue, with maxmemory-policy noeviction. Unset: the queue lives in PostgreSQL.",
    secret: true,
  }),

  RELAIS_KEY_ENCRYPTION_SECRET: z.string().min(32, "expected 32 characters or more").optional().meta({
    group: "keys",
    description:
      "Encrypts the signing and sealing keys at rest. Unset: made once and kept in the data folder, readable by its owner alone.",
    secret: true,
  }),

  RELAIS_KEY_LEAD_HOURS: whole(0, 8_760).default(24).meta({
    group: "keys",
    description: "Hours for which `relais keys rotate` announces a new key before it signs, so that everybody has read it by then.",
  }),

  RELAIS_SIGNIN_ISSUER: webUrl().optional().meta({
    group: "signin",
    description:
      "OpenID Connect issuer at which people sign in. Unset: the sandbox's, where the sandbox is on; else people sign in by passkeys, and nothing else is needed.",
  }),
  RELAIS_SIGNIN_CLIENT_ID: z
    .string()
    .min(1)
    .optional()
    .meta({ group: "signin", description: "Client identifier of Relais at that issuer." }),
  RELAIS_SIGNIN_CLIENT_SECRET: z.string().min(1).optional().meta({
    group: "signin",
    description: "Client secret of Relais at that issuer. Unset: Relais proves itself with its own key (private_key_jwt).",
    secret: true,
  }),
  RELAIS_SIGNIN_PROFILE: z
    .enum(PROFILES, `expected one of ${PROFILES.join(", ")}`)
    .default("standard")
    .meta({
      group: "signin",
      description:
        "Kind of that issuer. franceconnect: a level of assurance is always asked for (eidas1 to eidas3) and checked, only a pseudonym is read, and signing out goes on there. franceconnect-plus: the same from level eidas2 on, and every answer is encrypted to Relais.",
    }),
  RELAIS_SIGNIN_ALGORITHM: z
    .enum(ALGORITHMS, `expected one of ${ALGORITHMS.join(", ")}`)
    .optional()
    .meta({
      group: "signin",
      description:
        "Algorithm that answers are signed with, as Relais is registered at that issuer. Unset: ES256 at FranceConnect; elsewhere what the issuer publishes.",
    }),
  RELAIS_SIGNIN_ASSURANCE: z
    .enum(ASSURANCES, `expected one of ${ASSURANCES.join(", ")}`)
    .optional()
    .meta({
      group: "signin",
      description:
        "Least level of assurance (eIDAS) with which people are let in from there: low, substantial or high. Unset: whatever it says.",
    }),
  RELAIS_SIGNIN_FILE: z.string().min(1).optional().meta({
    group: "signin",
    description:
      "JSON file with more issuers, each beside the first one with a button of its own (docs/identity.md). Its secrets lie in files that it names.",
  }),
  RELAIS_PASSKEYS: flag().optional().meta({
    group: "signin",
    description:
      "Lets people open accounts and sign in by passkeys. Unset: on where RELAIS_SIGNIN_ISSUER is unset. Needs a public address with a name: browsers make no passkeys for an IP address.",
  }),

  RELAIS_SMTP_URL: urlOf("smtp", "smtps").optional().meta({
    group: "mail",
    description:
      "Mail server that takes what people are written: smtp://user:password@host:587 (STARTTLS, required but on this machine) or smtps://…:465. Unset: nobody is written to, and pages say so.",
    secret: true,
  }),
  RELAIS_MAIL_FROM: z
    .string()
    .refine((text) => z.email().safeParse(text).success, "expected a mail address")
    .optional()
    .meta({ group: "mail", description: "Address that mails come from, as the mail server allows it. Needed with RELAIS_SMTP_URL." }),

  RELAIS_SANDBOX: flag().optional().meta({
    group: "sandbox",
    description:
      "Runs the reference holder, the reference platform and the sign-in of invented people beside Relais. Unset: on where DATABASE_URL is unset, off otherwise; never on for real people.",
  }),
  RELAIS_SANDBOX_SEED: z
    .string()
    .min(1)
    .default("relais")
    .meta({ group: "sandbox", description: "The same seed gives the same invented people and data." }),
  RELAIS_ALLOW_LOOPBACK: flag().optional().meta({
    group: "sandbox",
    description: "Lets participants be registered at 127.0.0.1 and ::1, over plain http. Unset: as RELAIS_SANDBOX.",
  }),

  RELAIS_MAX_ITEM_BYTES: whole(1, 1_099_511_627_776)
    .default(10_737_418_240)
    .meta({ group: "limits", description: "Bytes of one item at most." }),
  RELAIS_ACCOUNTS_PER_HOUR: whole(1, 1_000_000).default(1000).meta({
    group: "limits",
    description: "Accounts that people may open by passkeys in an hour, all together. From one network it is 30.",
  }),
  RELAIS_MAX_ITEMS: whole(1, 100_000_000).default(1_000_000).meta({ group: "limits", description: "Items of one transfer at most." }),

  RELAIS_MAILBOX_DIR: z.string().min(1).optional().meta({
    group: "mailbox",
    description:
      "Folder of what waits, sealed, for platforms without an address. Every process of every role needs the same one. Unset: `mailbox` in the data folder where DATABASE_URL is unset; else nothing is kept for such platforms.",
  }),
  RELAIS_MAILBOX_PACKAGE_BYTES: whole(1, 1_099_511_627_776)
    .default(10_737_418_240)
    .meta({ group: "mailbox", description: "Bytes of one sealed package at most." }),
  RELAIS_MAILBOX_PLATFORM_BYTES: whole(1, 1_099_511_627_776)
    .default(107_374_182_400)
    .meta({ group: "mailbox", description: "Bytes that wait for one platform at most, sealed; what is more waits at its source." }),
  RELAIS_MAILBOX_DAYS: whole(1, 365).default(14).meta({
    group: "mailbox",
    description:
      "Days for which a package waits, unless its permission ends before. Then it is deleted, and the transfer ends as not fetched.",
  }),

  RELAIS_LEASE_SECONDS: whole(5, 600)
    // A killed worker's transfers go on within ten seconds: this, and the look that finds them.
    .default(8)
    .meta({
      group: "transfer",
      description:
        "Seconds after which the work of a worker that fell silent is given to another one. An attempt that cannot reach the database for about half of this time breaks off, and a later one begins anew at the item where it was.",
    }),
  RELAIS_WORKER_CONCURRENCY: whole(1, 1_000)
    .default(8)
    .meta({ group: "transfer", description: "Transfers that this worker runs at the same time." }),
  RELAIS_DISPATCH_WINDOW: whole(1, 10_000).optional().meta({
    group: "transfer",
    description: "Most transfers that the queue holds and that have not started. Unset: as many as all workers carry at the same time.",
  }),
  RELAIS_SWEEP_SECONDS: whole(1, 3_600).default(5).meta({ group: "transfer", description: "Seconds between two looks of the sweeper." }),

  RELAIS_KEEP_ITEM_NAMES_DAYS: whole(1, 3_650).default(90).meta({
    group: "retention",
    description: "Days for which names of items stay after their transfer ended. Counts, manifest and receipt stay longer.",
  }),
  RELAIS_KEEP_JOURNALS_DAYS: whole(100, 3_650)
    .default(180)
    .meta({ group: "retention", description: "Days for which it is known what was mailed, told and looked at." }),
  RELAIS_KEEP_PROOFS_DAYS: whole(400, 36_500).default(1_826).meta({
    group: "retention",
    description:
      "Days for which permissions, manifests and receipts stay after the permission ended. The register counts the last 12 months.",
  }),

  OTEL_EXPORTER_OTLP_ENDPOINT: webUrl().optional().meta({
    group: "traces",
    description:
      "Address of whoever takes traces (OpenTelemetry, OTLP over HTTP; /v1/traces is added). Unset: nothing is traced, and nothing is loaded for it.",
  }),
  OTEL_TRACES_SAMPLER_ARG: z.coerce
    .number("expected a number from 0 to 1")
    .min(0, "expected 0 or more")
    .max(1, "expected 1 or less")
    .default(1)
    .meta({ group: "traces", description: "Share of traces that are taken, from 0 to 1. Each is whole or not there, in every process." }),

  RELAIS_LOG_LEVEL: z
    .enum(LEVELS, `expected one of ${LEVELS.join(", ")}`)
    .default("info")
    .meta({ group: "log", description: `Least grave level that is written: ${LEVELS.join(", ")}.` }),
});

/** What a setting's `.meta()` says of it. */
export interface SettingMeta {
  group: string;
  description: string;
  secret?: boolean;
  /** The default as it is written, where it is not a plain word or number. */
  show?: string;
}
