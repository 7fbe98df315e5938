import { startOperationServer } from "../telemetry/operation-server.ts";
import type { Base } from "./base.ts";

const READY_MILLISECONDS = 2_000;

/** Metrics and probes, on an address of their own; none where no port is named. */
export async function startOperation(base: Base): Promise<void> {
  const { host, port } = base.config.metrics;
  if (port === null) return;
  const told = { metrics: base.metrics, whyNotReady: () => whyNotReady(base) };
  const server = base.owned.use(await startOperationServer({ host, port }, told));
  base.log.info("metrics and probes are answered", { host, port: server.port });
}

async function whyNotReady({ shutdown, pool }: Base): Promise<string | null> {
  if (shutdown.aborted) return "draining";
  const { promise, resolve } = Promise.withResolvers<string>();
  const late = setTimeout(resolve, READY_MILLISECONDS, "the database does not answer");
  const asked = pool.query("select 1").then(
    () => null,
    () => "the database does not answer",
  );
  return Promise.race([asked, promise]).finally(() => clearTimeout(late));
}
