import { NO_TRACING, type TraceSettings, type Tracing } from "./traces.ts";

/** What it needs is loaded here, and only where somebody takes traces. */
export async function openTracing(settings: TraceSettings): Promise<Tracing> {
  if (settings.endpoint === null) return NO_TRACING;
  const { createTracing } = await import("./otlp.ts");
  return createTracing({ ...settings, endpoint: settings.endpoint });
}
