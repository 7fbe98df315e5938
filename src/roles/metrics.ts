import type { Config } from "../config.ts";
import type { Store } from "../core/ports.ts";
import { createMetrics, type Metrics } from "../telemetry/metrics.ts";

/** The facts of the database are the same for everybody: the processes with the role `sweeper` read them. */
export function metricsOf({ roles }: Pick<Config, "roles">, store: Store, shutdown: AbortSignal): Metrics {
  return createMetrics({
    roles,
    isDraining: () => shutdown.aborted,
    measures: roles.includes("sweeper") ? () => store.read((r) => r.operation.measures()) : null,
  });
}
