import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { readConfig } from "../../src/config.ts";
import { SETTINGS } from "../../src/settings.ts";
import { DATABASE_METRICS, PROCESS_METRICS } from "../../src/telemetry/metric-names.ts";
import { CHART, renderChart, type KubernetesObject, type Values } from "../support/helm/chart.ts";
import { problemsOf } from "../support/helm/kubernetes-shapes.ts";
import { parseTemplate } from "../support/helm/parse-template.ts";
import { Templates } from "../support/helm/run-template.ts";

/**
 * The chart, rendered by a renderer of our own for the part of the template language that it uses (test/support/helm), with its defaults and with
 * each flag. What no test here says: that Helm itself renders it alike, and that a cluster takes it (admission, storage that is shared by nodes, what a
 * network plug-in makes of the policies, KEDA and the Prometheus operator).
 */
const LEAST: Values = { publicUrl: "https://relais.example" };

const FLAGS: [what: string, values: Values, adds: string[], takes: string[]][] = [
  ["defaults", {}, [], []],
  [
    "ingress",
    { ingress: { enabled: true, className: "nginx", annotations: { "a.example/b": "c" }, tlsSecret: "tls" } },
    ["Ingress relais"],
    [],
  ],
  ["ingress of a class that reads like a boolean", { ingress: { enabled: true, className: "n" } }, ["Ingress relais"], []],
  [
    "workers by KEDA",
    { worker: { autoscaling: { kind: "keda", prometheus: "http://prometheus:9090" } } },
    ["ScaledObject relais-worker"],
    [],
  ],
  ["workers by an external metric", { worker: { autoscaling: { kind: "external" } } }, ["HorizontalPodAutoscaler relais-worker"], []],
  ["web by the processor", { web: { autoscaling: { enabled: true } } }, ["HorizontalPodAutoscaler relais-web"], []],
  [
    "no disruption budgets",
    { disruptionBudgets: { enabled: false } },
    [],
    ["web", "worker", "sweeper"].map((role) => `PodDisruptionBudget relais-${role}`),
  ],
  [
    "no network policies",
    { networkPolicies: { enabled: false } },
    [],
    ["web", "worker", "sweeper", "migrate"].map((role) => `NetworkPolicy relais-${role}`),
  ],
  ["no migrate job", { migrate: { enabled: false } }, [], ["Job relais-migrate"]],
  ["pod monitor", { monitoring: { podMonitor: { enabled: true, labels: { release: "prometheus" } } } }, ["PodMonitor relais"], []],
  ["rules", { monitoring: { rules: { enabled: true, labels: { release: "prometheus" } } } }, ["PrometheusRule relais"], []],
  [
    "files",
    { files: { "staff.json": '{ "offices": [] }' }, settings: { RELAIS_STAFF_FILE: "/etc/relais/staff.json" } },
    ["ConfigMap relais-files"],
    [],
  ],
  [
    "own claims",
    { keys: { web: { existingClaim: "a" }, worker: { existingClaim: "b" }, public: { existingClaim: "c" } } },
    [],
    ["web", "worker", "public"].map((ring) => `PersistentVolumeClaim relais-keys-${ring}`),
  ],
  ["a mailbox", { mailbox: { existingClaim: "boxes" } }, [], []],
  ["a storage class", { keys: { web: { storageClassName: "shared" } } }, [], []],
  [
    "mail",
    {
      mail: { server: "smtp://mail.example:587", from: "relais@relais.example" },
      worker: { secret: { keys: ["DATABASE_URL", "RELAIS_SMTP_URL", "RELAIS_KEY_ENCRYPTION_SECRET"] } },
    },
    [],
    [],
  ],
  [
    "settings",
    {
      settings: {
        RELAIS_MAX_ITEM_BYTES: 10_737_418_240,
        RELAIS_PASSKEYS: "off",
        RELAIS_SIGNIN_ISSUER: "https://id.example",
        RELAIS_SIGNIN_CLIENT_ID: "relais",
      },
      worker: { settings: { RELAIS_WORKER_CONCURRENCY: "32" } },
    },
    [],
    [],
  ],
  ["a digest", { image: { repository: "registry.example/relais", digest: `sha256:${"0".repeat(64)}`, pullSecrets: ["registry"] } }, [], []],
  [
    "placing",
    {
      nodeSelector: { "kubernetes.io/arch": "amd64" },
      tolerations: [{ key: "a", operator: "Exists", effect: "NoSchedule" }],
      priorityClassName: "high",
      podAnnotations: { "a.example/b": "1" },
    },
    [],
    [],
  ],
  [
    "no redis",
    { web: { secret: { keys: ["DATABASE_URL", "RELAIS_KEY_ENCRYPTION_SECRET"] } }, sweeper: { secret: { keys: ["DATABASE_URL"] } } },
    [],
    [],
  ],
  [
    "further ways out",
    { networkPolicies: { extraEgress: [{ to: [{ ipBlock: { cidr: "10.1.2.3/32" } }], ports: [{ protocol: "TCP", port: 443 }] }] } },
    [],
    [],
  ],
];

const render = (values: Values) => renderChart({ ...LEAST, ...values });
const nameOf = ({ kind, metadata }: KubernetesObject) => `${kind} ${metadata.name.replace(/^self-/, "")}`;
const standard = render({}).objects.map(nameOf);

interface Container {
  name: string;
  args: string[];
  env: { name: string; value: string }[];
  ports?: { name: string }[];
  volumeMounts: { name: string; mountPath: string }[];
  readinessProbe?: { httpGet: { port: string } };
}
interface PodSpec {
  containers: [Container];
  volumes: {
    name: string;
    secret?: { secretName: string; items: { key: string }[] };
    persistentVolumeClaim?: { claimName: string };
    configMap?: { name: string };
  }[];
}
interface Pod {
  owner: KubernetesObject;
  labels: Record<string, string>;
  spec: PodSpec;
}

function podsOf(objects: KubernetesObject[]): Pod[] {
  return objects.flatMap((owner) => {
    if (owner.kind === "Pod") return [{ owner, labels: owner.metadata.labels ?? {}, spec: owner.spec }];
    const template = (owner.spec as { template?: { metadata: { labels: Record<string, string> }; spec: PodSpec } } | undefined)?.template;
    return template ? [{ owner, labels: template.metadata.labels, spec: template.spec }] : [];
  });
}

const matches = (selector: Record<string, string>, labels: Record<string, string>) =>
  Object.entries(selector).every(([name, value]) => labels[name] === value);

for (const [what, values, adds, takes] of FLAGS) {
  test(`${what}: every object has its shape, and what one names is there`, () => {
    const { objects, notes } = render(values);
    assert.deepEqual(objects.flatMap(problemsOf), []);
    assert.deepEqual(objects.map(nameOf).toSorted(), [...standard.filter((name) => !takes.includes(name)), ...adds].toSorted());
    assert.match(notes, /https:\/\/relais\.example/);
    const pods = podsOf(objects);
    const namesOf = (kind: string) => new Set(objects.filter((object) => object.kind === kind).map(({ metadata }) => metadata.name));
    for (const { spec, owner } of pods) {
      const [container] = spec.containers;
      const volumes = spec.volumes.map(({ name }) => name);
      assert.deepEqual(container.volumeMounts.map(({ name }) => name).toSorted(), volumes.toSorted(), owner.metadata.name);
      for (const { persistentVolumeClaim, configMap } of spec.volumes) {
        if (persistentVolumeClaim && what !== "own claims" && what !== "a mailbox")
          assert.ok(namesOf("PersistentVolumeClaim").has(persistentVolumeClaim.claimName));
        if (configMap) assert.ok(namesOf("ConfigMap").has(configMap.name));
      }
      if (container.readinessProbe) assert.ok(container.ports?.some(({ name }) => name === container.readinessProbe?.httpGet.port));
    }
    for (const object of objects) {
      const spec = object.spec as {
        selector?: { matchLabels?: Record<string, string> };
        podSelector?: { matchLabels: Record<string, string> };
        scaleTargetRef?: { name: string };
      };
      const selector = spec?.podSelector?.matchLabels ?? spec?.selector?.matchLabels;
      const isForJob = object.metadata.name.endsWith("migrate") && what === "no migrate job";
      if (selector && !isForJob)
        assert.ok(
          pods.some(({ labels }) => matches(selector, labels)),
          `${nameOf(object)} selects nobody`,
        );
      if (spec?.scaleTargetRef) assert.ok(namesOf("Deployment").has(spec.scaleTargetRef.name));
    }
    const [service] = objects.filter(({ kind }) => kind === "Service");
    const behind = pods.filter(({ labels }) =>
      matches((service as unknown as { spec: { selector: Record<string, string> } }).spec.selector, labels),
    );
    assert.deepEqual(
      behind.map(({ owner }) => nameOf(owner)),
      ["Deployment relais-web"],
    );
  });

  test(`${what}: the product takes the settings of each role`, () => {
    const folder = mkdtempSync(join(tmpdir(), "relais-chart-"));
    const secrets: Record<string, string> = {
      DATABASE_URL: "postgres://u:p@db/relais",
      REDIS_URL: "redis://redis",
      RELAIS_KEY_ENCRYPTION_SECRET: "x".repeat(40),
      RELAIS_SMTP_URL: "smtp://user:password@mail.example:587",
    };
    for (const [name, secret] of Object.entries(secrets)) writeFileSync(join(folder, name), secret);
    for (const { owner, spec } of podsOf(render(values).objects)) {
      const [{ name, env }] = spec.containers;
      const config = readConfig(Object.fromEntries(env.map((one) => [one.name, one.value.replace("/run/relais", folder)])));
      if (owner.kind !== "Deployment") continue;
      assert.deepEqual(config.roles, [name]);
      assert.equal(config.sandbox.on, false);
      assert.notEqual(config.http.port, config.metrics.port);
      if (what === "settings") assert.equal(env.find((one) => one.name === "RELAIS_MAX_ITEM_BYTES")?.value, "10737418240");
      assert.equal(config.mailbox.dir, what === "a mailbox" ? "/var/lib/mailbox" : null);
      if (what === "mail")
        assert.equal(config.mail?.url.includes("password"), name === "worker", "the mail server's password is the worker's");
    }
    rmSync(folder, { recursive: true });
  });
}

test("no role has another's secret or keys", () => {
  const found = podsOf(render({}).objects).map(({ owner, spec }) => [
    nameOf(owner),
    spec.volumes.flatMap(({ secret }) => (secret ? [secret.secretName, ...secret.items.map(({ key }) => key)] : [])),
    spec.volumes.flatMap(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName.replace("self-relais-", "") ?? []),
  ]);
  const sweeper = ["relais-sweeper", "DATABASE_URL", "REDIS_URL"];
  const keys = ["DATABASE_URL", "REDIS_URL", "RELAIS_KEY_ENCRYPTION_SECRET"];
  assert.deepEqual(Object.fromEntries(found.map(([name, ...rest]) => [name, rest])), {
    "Job relais-migrate": [sweeper, []],
    "Deployment relais-sweeper": [sweeper, []],
    "Pod relais-doctor": [sweeper, []],
    "Deployment relais-web": [
      ["relais-web", ...keys],
      ["keys-web", "keys-public"],
    ],
    "Deployment relais-worker": [
      ["relais-worker", ...keys],
      ["keys-worker", "keys-public"],
    ],
  });
});

// oxfmt-ignore
const REFUSED: [what: string, values: Values, why: RegExp][] = [
  ["no address", { publicUrl: "" }, /publicUrl/],
  ["plain http", { publicUrl: "http://relais.example" }, /publicUrl/],
  ["the mail server's password for the web", { web: { secret: { keys: ["DATABASE_URL", "RELAIS_SMTP_URL"] } } }, /web\.secret\.keys/],
  ["the sign-in secret for the worker", { worker: { secret: { keys: ["DATABASE_URL", "RELAIS_SIGNIN_CLIENT_SECRET"] } } }, /worker\.secret\.keys/],
  ["keys for the sweeper", { sweeper: { secret: { keys: ["DATABASE_URL", "RELAIS_KEY_ENCRYPTION_SECRET"] } } }, /sweeper\.secret\.keys/],
  ["a secret among the settings", { settings: { DATABASE_URL: "postgres://u:p@h/d" } }, /DATABASE_URL/],
  ["what the chart sets", { settings: { RELAIS_ROLES: "web" } }, /RELAIS_ROLES/],
  ["a misspelt setting", { worker: { settings: { RELAIS_WORKER_CONCURENCY: 8 } } }, /RELAIS_WORKER_CONCURENCY/],
  ["a number out of bounds", { settings: { RELAIS_SWEEP_SECONDS: 0 } }, /RELAIS_SWEEP_SECONDS/],
  ["on without quotes", { settings: { RELAIS_PASSKEYS: true } }, /RELAIS_PASSKEYS/],
  ["another kind of scaling", { worker: { autoscaling: { kind: "redis" } } }, /autoscaling\.kind/],
  ["KEDA without a Prometheus", { worker: { autoscaling: { kind: "keda" } } }, /prometheus is the address/],
  ["credentials in the shared address of the mail server", { mail: { server: "smtp://u:p@mail.example" } }, /mail\.server/],
  ["an unknown value", { worker: { replica: 3 } }, /replica/],
];

for (const [what, values, why] of REFUSED)
  test(`refused: ${what}`, () => {
    assert.throws(() => render(values), why);
  });

test("every metric that the chart names is one that the product gives", () => {
  const { objects } = render({
    monitoring: { rules: { enabled: true }, podMonitor: { enabled: true } },
    worker: { autoscaling: { kind: "keda", prometheus: "http://prometheus" } },
  });
  const external = render({ worker: { autoscaling: { kind: "external" } } }).objects.find(({ kind }) => kind === "HorizontalPodAutoscaler");
  const known = [...Object.entries(DATABASE_METRICS), ...Object.entries(PROCESS_METRICS)].flatMap(([name, { kind }]) =>
    kind === ("histogram" as string) ? [`${name}_bucket`, `${name}_count`, `${name}_sum`] : [name],
  );
  const alerts = objects.filter(({ kind }) => kind === "PrometheusRule" || kind === "ScaledObject");
  const named = [...JSON.stringify([...alerts, external]).matchAll(/\brelais_\w+/g)].map(([name]) => name);
  assert.ok(named.length > 15);
  assert.deepEqual(
    named.filter((name) => !known.includes(name)),
    [],
  );
  for (const scaler of [objects.find(({ kind }) => kind === "ScaledObject"), external])
    assert.match(JSON.stringify(scaler), /relais_transfer_oldest_due_seconds/, "workers follow an age, and no depth");
});

test("each alert has an entry in the runbook, and each entry its alert", () => {
  const { groups } = parse(readFileSync(join(CHART, "files/alerts.yaml"), "utf8")) as {
    groups: { rules: { alert: string; annotations: { runbook: string } }[] }[];
  };
  const rules = groups.flatMap((group) => group.rules);
  const runbook = readFileSync(new URL("../../docs/runbook.md", import.meta.url), "utf8");
  const entries = [...runbook.matchAll(/^### (Relais\w+)$/gm)].map(([, name]) => name);
  assert.deepEqual(new Set(entries), new Set(rules.map(({ alert }) => alert)));
  for (const { alert, annotations } of rules) assert.equal(annotations.runbook, `docs/runbook.md#${alert.toLowerCase()}`);
});

test("pods run the program as the launcher does, and every value that the chart has is read", () => {
  const flags = JSON.parse(readFileSync(new URL("../../src/heap-flags.json", import.meta.url), "utf8")) as string[];
  for (const { owner, spec } of podsOf(render({}).objects))
    if (owner.kind === "Deployment") assert.deepEqual(spec.containers[0].args, [...flags, "src/main.ts"]);
  const schema = JSON.parse(readFileSync(join(CHART, "values.schema.json"), "utf8")) as { properties: Record<string, unknown> };
  const values = parse(readFileSync(join(CHART, "values.yaml"), "utf8")) as Values;
  assert.deepEqual(
    Object.keys(schema.properties)
      .filter((name) => name !== "global")
      .toSorted(),
    Object.keys(values).toSorted(),
  );
  assert.ok(Object.keys(SETTINGS.shape).length > 30);
});

// oxfmt-ignore
const TEMPLATES: [what: string, template: string, result: string | RegExp][] = [
  ["white space is trimmed where it is asked for", "a \n{{- 1 }}\n{{ 2 -}} \n b", "a1\n2b"],
  ["a large number of the values is a floating point number", "{{ .large }} {{ .large | int64 }}", "1.073741824e+10 10737418240"],
  ["maps go by their keys", "{{ range $k, $v := .map }}{{ $k }}{{ $v }}{{ end }}", "a1b2"],
  ["else if", "{{ if .no }}1{{ else if eq .word \"x\" }}2{{ else }}3{{ end }}", "2"],
  ["a block keeps its names to itself", "{{ $a := 1 }}{{ if .word }}{{ $a := 2 }}{{ $a }}{{ end }}{{ $a }}", "21"],
  ["a comment is nothing", "a{{- /* {{ not }} this */ -}} b", "ab"],
  ["nindent", "x:{{ .map | toYaml | nindent 2 }}", "x:\n  a: 1\n  b: 2"],
  ["a value that is not there", "{{ .nothing }}", /there is no nothing/],
  ["an unknown function", "{{ lookup .word }}", /there is no function lookup/],
  ["a block without an end", "{{ if .word }}", /does not end/],
  ["an end without a block", "{{ end }}", /without its beginning/],
  ["a map is no text", "{{ .map }}", /cannot be printed/],
];

for (const [what, template, result] of TEMPLATES)
  test(`the renderer: ${what}`, () => {
    const run = () => new Templates().render(parseTemplate(template), { large: 10_737_418_240, map: { b: 2, a: 1 }, no: false, word: "x" });
    if (typeof result === "string") assert.equal(run(), result);
    else assert.throws(run, result);
  });
