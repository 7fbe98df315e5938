import { z } from "zod";
import { SETTINGS, type SettingMeta } from "../src/settings.ts";

type Schema = Record<string, unknown>;
type Role = "web" | "worker" | "sweeper";

/** What the chart sets itself, so that two places never disagree. */
const OF_THE_CHART = new Set([
  "RELAIS_ROLES",
  "RELAIS_DATA_DIR",
  "RELAIS_HOST",
  "RELAIS_PORT",
  "RELAIS_PUBLIC_URL",
  "RELAIS_METRICS_HOST",
  "RELAIS_METRICS_PORT",
  "RELAIS_SANDBOX",
  "RELAIS_SANDBOX_SEED",
  "RELAIS_MAIL_FROM",
]);

/** Which role reads each secret. Web opens nobody's credentials, and the sweeper no key at all (architecture, "Roles"). */
const READERS: Record<string, readonly Role[]> = {
  DATABASE_URL: ["web", "worker", "sweeper"],
  REDIS_URL: ["web", "worker", "sweeper"],
  RELAIS_KEY_ENCRYPTION_SECRET: ["web", "worker"],
  RELAIS_SIGNIN_CLIENT_SECRET: ["web"],
  RELAIS_SMTP_URL: ["worker"],
};

const text = (description: string, more: Schema = {}): Schema => ({ type: "string", description, ...more });
const whole = (description: string, minimum = 0): Schema => ({ type: "integer", minimum, description });
const flag = (description: string): Schema => ({ type: "boolean", description });
const list = (items: Schema, description: string): Schema => ({ type: "array", items, description });
const map = (description: string, of: Schema | true = true): Schema => ({ type: "object", additionalProperties: of, description });
const object = (properties: Record<string, Schema>, description = ""): Schema => ({
  type: "object",
  ...(description === "" ? {} : { description }),
  properties,
  additionalProperties: false,
});

const NAME = { pattern: "^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$" };
const QUANTITY = { pattern: "^[0-9]+(\\.[0-9]+)?(m|Ki|Mi|Gi|Ti|k|M|G)?$" };

const metaOf = (schema: z.ZodType): SettingMeta => schema.meta() as unknown as SettingMeta;

/** Settings that are no secret and not the chart's own, each as its schema says; numbers may be written as such or in quotes. */
function settings(): Schema {
  const shown = Object.entries(SETTINGS.shape).filter(([name, schema]) => !OF_THE_CHART.has(name) && metaOf(schema).secret !== true);
  return object(
    Object.fromEntries(shown.map(([name, schema]) => [name, settingOf(schema)])),
    "Settings of Relais that are no secret; docs/configuration.md.",
  );
}

function settingOf(schema: z.ZodType): Schema {
  const { description } = metaOf(schema);
  const input = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as Schema;
  if (input["type"] === "integer")
    return { anyOf: [only(input, "type", "minimum", "maximum"), { type: "string", pattern: "^[0-9]+$" }], description };
  return { type: "string", ...only(input, "enum", "pattern", "minLength", "maxLength", "format"), description };
}

function only(schema: Schema, ...names: string[]): Schema {
  return Object.fromEntries(names.filter((name) => schema[name] !== undefined).map((name) => [name, schema[name]]));
}

function role(name: Role, more: Record<string, Schema>): Schema {
  const secrets = Object.keys(SETTINGS.shape).filter((setting) => READERS[setting]?.includes(name));
  return object({
    replicas: whole("Pods, where nothing scales them."),
    secret: object({
      name: text("The secret of this role.", NAME),
      keys: {
        ...list({ type: "string", enum: secrets }, "What is in it, and mounted as files."),
        uniqueItems: true,
        contains: { const: "DATABASE_URL" },
      },
    }),
    settings: settings(),
    resources: map("Requests and limits, as Kubernetes takes them."),
    terminationGracePeriodSeconds: whole("For the drain.", 10),
    ...more,
  });
}

const claim = (what: string): Schema =>
  object(
    {
      existingClaim: text("Instead of one of the chart's own."),
      size: text("Some kilobytes are used.", QUANTITY),
      storageClassName: text("Unset: the cluster's own."),
      accessModes: list(
        { type: "string", enum: ["ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany"] },
        "ReadWriteMany where pods are on several nodes.",
      ),
    },
    what,
  );

/** Secrets of the settings that nobody was named for: a new secret is a decision about who reads it. */
export function secretsWithoutReader(): string[] {
  return Object.entries(SETTINGS.shape).flatMap(([name, schema]) =>
    metaOf(schema).secret === true && !Object.hasOwn(READERS, name) ? [name] : [],
  );
}

/** helm/relais/values.schema.json, draft 7 as Helm takes it. */
export function valuesSchema(): Schema {
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Values of the chart of Relais",
    ...object({ global: map("Of a chart around this one."), ...installation(), ...roles(), ...surroundings(), ...placing() }),
  };
}

function installation(): Record<string, Schema> {
  return {
    image: object({
      repository: text("Where the image lies.", { minLength: 1 }),
      tag: text("Unset: the appVersion of the chart."),
      digest: text("Stronger than a tag.", { pattern: "^(sha256:[0-9a-f]{64})?$" }),
      pullPolicy: { type: "string", enum: ["Always", "IfNotPresent", "Never"] },
      pullSecrets: list({ type: "string" }, "Names of secrets."),
    }),
    publicUrl: text("The https address of this Relais; it never changes afterwards.", { pattern: "^https://[^/?#@]+$" }),
    settings: settings(),
    files: map("Files at /etc/relais, by name.", { type: "string" }),
    mail: object({
      server: text("Without credentials: those are in the worker's secret.", { pattern: "^(smtps?://[^/@?#]+)?$" }),
      from: text("Address that mails come from."),
    }),
    migrate: object({ enabled: flag("A job before each install and upgrade."), timeoutSeconds: whole("Then it is given up.", 30) }),
    mailbox: object({ existingClaim: text("A claim that web, worker and sweeper can mount; empty: there is no mailbox.") }),
    keys: object({
      web: claim("Private keys of the web."),
      worker: claim("Private keys of the worker."),
      public: claim("Public halves of both."),
    }),
  };
}

function roles(): Record<Role, Schema> {
  const bounds = { minReplicas: whole("At least so many.", 1), maxReplicas: whole("At most so many.", 1) };
  return {
    web: role("web", {
      autoscaling: object({ enabled: flag("By the processor."), ...bounds, cpuPercent: whole("Of what is requested.", 1) }),
    }),
    worker: role("worker", {
      autoscaling: object({
        kind: { type: "string", enum: ["none", "keda", "external"] },
        ...bounds,
        oldestDueSeconds: whole("One worker for so many seconds that the oldest due transfer waits.", 1),
        prometheus: text("Address of the Prometheus that KEDA asks.", { pattern: "^(https?://.+)?$" }),
      }),
    }),
    sweeper: role("sweeper", {}),
  };
}

function surroundings(): Record<string, Schema> {
  const peers = list({ type: "object" }, "Peers, as a NetworkPolicy takes them.");
  const labels = map("Further labels.", { type: "string" });
  return {
    service: object({ port: whole("Of the service.", 1) }),
    ingress: object({
      enabled: flag("For publicUrl."),
      className: text("Unset: the cluster's own."),
      annotations: map("For the ingress controller.", { type: "string" }),
      tlsSecret: text("Unset: the controller has the certificate."),
    }),
    disruptionBudgets: object({ enabled: flag("One pod of each role at a time.") }),
    networkPolicies: object({
      enabled: flag("Only what Relais needs comes in and goes out."),
      webFrom: peers,
      metricsFrom: peers,
      databasePort: whole("Of PostgreSQL.", 1),
      redisPort: whole("Of Redis.", 1),
      smtpPort: whole("Of the mail server.", 1),
      internetExcept: list({ type: "string" }, "Networks that are not the internet."),
      extraEgress: list({ type: "object" }, "Further rules."),
    }),
    monitoring: object({
      podMonitor: object({ enabled: flag("For the Prometheus operator."), labels, interval: text("Between two scrapes.") }),
      rules: object({ enabled: flag("The alerts of files/alerts.yaml."), labels }),
    }),
  };
}

function placing(): Record<string, Schema> {
  return {
    podAnnotations: map("Of every pod.", { type: "string" }),
    nodeSelector: map("Of every pod.", { type: "string" }),
    tolerations: list({ type: "object" }, "Of every pod."),
    priorityClassName: text("Of every pod."),
  };
}
