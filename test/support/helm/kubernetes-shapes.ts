import { z } from "zod";
import type { KubernetesObject } from "./chart.ts";

/**
 * The objects of the chart in the shapes of the Kubernetes API reference, of what the chart uses of them: another member, a missing one or another
 * type is an error. No cluster looked at them: admission, defaults, quotas and whatever one field says of another are not checked here.
 */
const name = z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
const labelValue = z.string().regex(/^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/);
const label = z.string().regex(/^([a-z0-9.-]+\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/);
const labels = z.record(label, labelValue);
const metadata = z.strictObject({ name, labels, annotations: z.record(label, z.string()).optional() });
const selector = z.strictObject({ matchLabels: labels });
const quantity = z.string().regex(/^\d+(\.\d+)?(m|Ki|Mi|Gi|Ti|k|M|G)?$/);
const port = z.number().int().min(1).max(65_535);
const portName = z.string().regex(/^[a-z]([a-z0-9-]{0,13}[a-z0-9])?$/);
const count = z.number().int().min(0);

const probe = z.strictObject({
  httpGet: z.strictObject({ path: z.string().startsWith("/"), port: portName }),
  periodSeconds: count,
  timeoutSeconds: count.optional(),
  failureThreshold: count,
});

const container = z.strictObject({
  name,
  image: z.string().regex(/^[\w./-]+(:[\w.-]+)?(@sha256:[0-9a-f]{64})?$/),
  imagePullPolicy: z.enum(["Always", "IfNotPresent", "Never"]),
  command: z.array(z.string()),
  args: z.array(z.string()).optional(),
  env: z.array(z.strictObject({ name: z.string().regex(/^[A-Z_]+$/), value: z.string() })),
  ports: z.array(z.strictObject({ name: portName, containerPort: port, protocol: z.literal("TCP") })).optional(),
  startupProbe: probe.optional(),
  livenessProbe: probe.optional(),
  readinessProbe: probe.optional(),
  lifecycle: z.strictObject({ preStop: z.strictObject({ sleep: z.strictObject({ seconds: count }) }) }).optional(),
  resources: z
    .strictObject({ requests: z.record(z.string(), quantity).optional(), limits: z.record(z.string(), quantity).optional() })
    .optional(),
  securityContext: z.strictObject({
    allowPrivilegeEscalation: z.literal(false),
    readOnlyRootFilesystem: z.literal(true),
    capabilities: z.strictObject({ drop: z.tuple([z.literal("ALL")]) }),
  }),
  volumeMounts: z.array(z.strictObject({ name, mountPath: z.string().startsWith("/"), readOnly: z.boolean().optional() })),
});

const volume = z.union([
  z.strictObject({ name, emptyDir: z.strictObject({ sizeLimit: quantity }) }),
  z.strictObject({
    name,
    secret: z.strictObject({
      secretName: name,
      defaultMode: z.literal(0o440),
      items: z.array(z.strictObject({ key: z.string(), path: z.string() })),
    }),
  }),
  z.strictObject({ name, persistentVolumeClaim: z.strictObject({ claimName: name }) }),
  z.strictObject({ name, configMap: z.strictObject({ name }) }),
]);

const podSpec = z.strictObject({
  serviceAccountName: name.optional(),
  automountServiceAccountToken: z.literal(false),
  enableServiceLinks: z.literal(false),
  restartPolicy: z.literal("Never").optional(),
  terminationGracePeriodSeconds: count.optional(),
  securityContext: z.strictObject({
    runAsNonRoot: z.literal(true),
    runAsUser: z.number().int().min(1),
    runAsGroup: z.number().int().min(1),
    fsGroup: z.number().int().min(1),
    seccompProfile: z.strictObject({ type: z.literal("RuntimeDefault") }),
  }),
  imagePullSecrets: z.array(z.strictObject({ name })).optional(),
  nodeSelector: labels.optional(),
  tolerations: z.array(z.strictObject({ key: z.string(), operator: z.enum(["Exists", "Equal"]), effect: z.string() })).optional(),
  priorityClassName: name.optional(),
  topologySpreadConstraints: z
    .array(
      z.strictObject({
        maxSkew: count,
        topologyKey: z.string(),
        whenUnsatisfiable: z.enum(["DoNotSchedule", "ScheduleAnyway"]),
        labelSelector: selector,
      }),
    )
    .optional(),
  containers: z.array(container).length(1),
  volumes: z.array(volume),
});

const podTemplate = z.strictObject({
  metadata: z.strictObject({ labels, annotations: z.record(label, z.string()).optional() }),
  spec: podSpec,
});

const reference = z.strictObject({ apiVersion: z.literal("apps/v1"), kind: z.literal("Deployment"), name });
const policyPort = z.strictObject({ protocol: z.enum(["TCP", "UDP"]), port });
const peer = z.union([
  z.strictObject({ namespaceSelector: z.strictObject({ matchLabels: labels.optional() }) }),
  z.strictObject({ ipBlock: z.strictObject({ cidr: z.string().regex(/\/\d+$/), except: z.array(z.string().regex(/\/\d+$/)).optional() }) }),
]);

const metric = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("Resource"),
    resource: z.strictObject({
      name: z.literal("cpu"),
      target: z.strictObject({ type: z.literal("Utilization"), averageUtilization: count }),
    }),
  }),
  z.strictObject({
    type: z.literal("External"),
    external: z.strictObject({
      metric: z.strictObject({ name: z.string(), selector }),
      target: z.strictObject({ type: z.literal("AverageValue"), averageValue: quantity }),
    }),
  }),
]);

const alert = z.strictObject({
  alert: z.string().regex(/^[A-Z]\w+$/),
  expr: z.string(),
  for: z.string().regex(/^\d+[smh]$/),
  labels: z.strictObject({ severity: z.enum(["warning", "critical"]) }),
  annotations: z.strictObject({ summary: z.string(), runbook: z.string() }),
});

const plain = (apiVersion: string, kind: string, members: z.ZodRawShape) =>
  z.strictObject({ apiVersion: z.literal(apiVersion), kind: z.literal(kind), metadata, ...members });
const withSpec = (apiVersion: string, kind: string, spec: z.ZodType) => plain(apiVersion, kind, { spec });

const SHAPES: Record<string, z.ZodType> = {
  Deployment: withSpec(
    "apps/v1",
    "Deployment",
    z.strictObject({
      replicas: count.optional(),
      selector,
      strategy: z.strictObject({
        type: z.literal("RollingUpdate"),
        rollingUpdate: z.strictObject({ maxUnavailable: count, maxSurge: count }),
      }),
      template: podTemplate,
    }),
  ),
  Job: withSpec("batch/v1", "Job", z.strictObject({ backoffLimit: count, activeDeadlineSeconds: count, template: podTemplate })),
  Pod: withSpec("v1", "Pod", podSpec),
  Service: withSpec(
    "v1",
    "Service",
    z.strictObject({
      type: z.literal("ClusterIP"),
      selector: labels,
      ports: z.array(z.strictObject({ name: portName, port, targetPort: portName, protocol: z.literal("TCP") })),
    }),
  ),
  ServiceAccount: plain("v1", "ServiceAccount", { automountServiceAccountToken: z.literal(false) }),
  ConfigMap: plain("v1", "ConfigMap", { data: z.record(z.string().regex(/^[-\w.]+$/), z.string()) }),
  PersistentVolumeClaim: withSpec(
    "v1",
    "PersistentVolumeClaim",
    z.strictObject({
      accessModes: z.array(z.enum(["ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany"])).min(1),
      storageClassName: name.optional(),
      resources: z.strictObject({ requests: z.strictObject({ storage: quantity }) }),
    }),
  ),
  PodDisruptionBudget: withSpec("policy/v1", "PodDisruptionBudget", z.strictObject({ maxUnavailable: count, selector })),
  HorizontalPodAutoscaler: withSpec(
    "autoscaling/v2",
    "HorizontalPodAutoscaler",
    z.strictObject({
      scaleTargetRef: reference,
      minReplicas: count,
      maxReplicas: count,
      metrics: z.array(metric),
      behavior: z.strictObject({ scaleDown: z.strictObject({ stabilizationWindowSeconds: count }) }).optional(),
    }),
  ),
  Ingress: withSpec(
    "networking.k8s.io/v1",
    "Ingress",
    z.strictObject({
      ingressClassName: name.optional(),
      tls: z.array(z.strictObject({ hosts: z.array(z.string()), secretName: name })).optional(),
      rules: z.array(
        z.strictObject({
          host: z.string().regex(/^[a-z0-9.-]+$/),
          http: z.strictObject({
            paths: z.array(
              z.strictObject({
                path: z.literal("/"),
                pathType: z.literal("Prefix"),
                backend: z.strictObject({ service: z.strictObject({ name, port: z.strictObject({ name: portName }) }) }),
              }),
            ),
          }),
        }),
      ),
    }),
  ),
  NetworkPolicy: withSpec(
    "networking.k8s.io/v1",
    "NetworkPolicy",
    z.strictObject({
      podSelector: selector,
      policyTypes: z.tuple([z.literal("Ingress"), z.literal("Egress")]),
      ingress: z.array(z.strictObject({ from: z.array(peer).min(1), ports: z.array(policyPort) })),
      egress: z.array(z.strictObject({ to: z.array(peer).min(1).optional(), ports: z.array(policyPort) })),
    }),
  ),
  ScaledObject: withSpec(
    "keda.sh/v1alpha1",
    "ScaledObject",
    z.strictObject({
      scaleTargetRef: reference,
      minReplicaCount: count,
      maxReplicaCount: count,
      pollingInterval: count,
      cooldownPeriod: count,
      fallback: z.strictObject({ failureThreshold: count, replicas: count }),
      triggers: z.array(
        z.strictObject({
          type: z.literal("prometheus"),
          metricType: z.literal("AverageValue"),
          metadata: z.record(z.string(), z.string()),
        }),
      ),
    }),
  ),
  PodMonitor: withSpec(
    "monitoring.coreos.com/v1",
    "PodMonitor",
    z.strictObject({
      selector,
      podMetricsEndpoints: z.array(z.strictObject({ port: portName, path: z.literal("/metrics"), interval: z.string() })),
    }),
  ),
  PrometheusRule: withSpec(
    "monitoring.coreos.com/v1",
    "PrometheusRule",
    z.strictObject({ groups: z.array(z.strictObject({ name, rules: z.array(alert).min(1) })) }),
  ),
};

/** Every problem of one object; empty where it has its shape. */
export function problemsOf(object: KubernetesObject): string[] {
  const shape = Object.hasOwn(SHAPES, object.kind) ? SHAPES[object.kind] : undefined;
  if (!shape) return [`no shape is known of a ${object.kind}`];
  const result = shape.safeParse(object);
  return result.success ? [] : [`${object.kind} ${object.metadata.name}: ${z.prettifyError(result.error)}`];
}
