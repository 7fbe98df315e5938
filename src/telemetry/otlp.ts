import {
  context,
  isSpanContextValid,
  ROOT_CONTEXT,
  SpanKind as Kind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Context,
  type Span,
} from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, RandomIdGenerator, TraceIdRatioBasedSampler, TracerProvider } from "@opentelemetry/sdk-trace";
import { asRelaisError } from "../core/errors.ts";
import {
  factsOf,
  NO_SPAN,
  traceOf,
  type OpenSpan,
  type SpanFacts,
  type SpanKind,
  type SpanTerms,
  type TraceSettings,
  type Tracing,
} from "./traces.ts";

const KINDS = { server: Kind.SERVER, client: Kind.CLIENT, internal: Kind.INTERNAL } as const satisfies Record<SpanKind, Kind>;
/** Whoever takes traces is never waited for longer than this, neither while we run nor when we end. */
const PATIENCE_MILLISECONDS = 3_000;
/** What is not taken in time is dropped, the newest first: memory stays bounded. */
const MOST_WAITING = 8_192;
const BATCH = 512;
const DELAY_MILLISECONDS = 1_000;

/** OTLP over HTTP in JSON. The module is loaded only where somebody takes traces. */
export function createTracing({ endpoint, share, roles }: TraceSettings & { endpoint: string }): Tracing {
  const exporter = new OTLPTraceExporter({ url: `${endpoint}/v1/traces`, timeoutMillis: PATIENCE_MILLISECONDS });
  const ids = new KnownIds();
  const provider = new TracerProvider({
    // Decided by the trace's id alone: every process comes to the same.
    sampler: new TraceIdRatioBasedSampler(share),
    idGenerator: ids,
    resource: resourceFromAttributes({ "service.name": "relais", "relais.roles": [...roles] }),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter,
        maxQueueSize: MOST_WAITING,
        maxExportBatchSize: BATCH,
        scheduledDelayMillis: DELAY_MILLISECONDS,
        exportTimeoutMillis: PATIENCE_MILLISECONDS,
      }),
    ],
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const tracer = provider.getTracer("relais");
  const begin = (name: string, facts: SpanFacts, { kind = "internal", onlyWithin = false }: SpanTerms, parent: Context): OpenSpan =>
    onlyWithin && trace.getSpan(parent) === undefined
      ? NO_SPAN
      : opened(tracer.startSpan(name, { kind: KINDS[kind], attributes: attributesOf(facts) }, parent), parent);
  return {
    isOn: true,
    begin: (name, facts, terms = {}) => begin(name, facts, terms, context.active()),
    span: (name, facts, work, terms = {}) => around(begin(name, facts, terms, context.active()), work),
    accepted: (transferId, facts) => {
      const asked = trace.getSpanContext(context.active());
      ids.next = traceOf(transferId);
      const links = asked === undefined ? [] : [{ context: asked }];
      tracer.startSpan("transfer accepted", { root: true, links, attributes: attributesOf({ ...facts, transferId }) }, ROOT_CONTEXT).end();
      ids.next = null;
    },
    ofTransfer: (transferId, name, facts, work) => {
      const first = { ...traceOf(transferId), traceFlags: TraceFlags.SAMPLED, isRemote: true };
      return around(begin(name, { ...facts, transferId }, {}, trace.setSpanContext(ROOT_CONTEXT, first)), work);
    },
    traceId: () => trace.getSpanContext(context.active())?.traceId ?? null,
    traceparent: () => traceparentOf(trace.getSpan(context.active())),
    close: () => closed(provider),
  };
}

/** Random, but for the one span whose ids are known before it begins. */
class KnownIds extends RandomIdGenerator {
  next: { traceId: string; spanId: string } | null = null;

  override generateTraceId(): string {
    return this.next?.traceId ?? super.generateTraceId();
  }

  override generateSpanId(): string {
    return this.next?.spanId ?? super.generateSpanId();
  }
}

function attributesOf(facts: SpanFacts): Record<string, string | number> {
  return Object.fromEntries(Object.entries(factsOf(facts)).map(([name, value]) => [`relais.${name}`, value]));
}

function opened(span: Span, parent: Context): OpenSpan {
  const own = trace.setSpan(parent, span);
  return {
    set: (facts) => void span.setAttributes(attributesOf(facts)),
    rename: (name) => void span.updateName(name),
    within: (work) => context.with(own, work),
    link: (traceparent) => {
      const from = contextOf(traceparent);
      if (from !== null) span.addLink({ context: from });
    },
    end: (failure) => {
      if (failure) span.setAttributes(attributesOf(failure)).setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    },
  };
}

async function around<T>(span: OpenSpan, work: (span: OpenSpan) => Promise<T>): Promise<T> {
  try {
    const result = await span.within(() => work(span));
    span.end();
    return result;
  } catch (error) {
    span.end({ code: asRelaisError(error).code });
    throw error;
  }
}

function traceparentOf(span: Span | undefined): string | null {
  if (span === undefined || !isSpanContextValid(span.spanContext())) return null;
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
}

function contextOf(traceparent: string): { traceId: string; spanId: string; traceFlags: number } | null {
  const [, traceId, spanId] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/.exec(traceparent) ?? [];
  return traceId === undefined || spanId === undefined ? null : { traceId, spanId, traceFlags: TraceFlags.NONE };
}

async function closed(provider: TracerProvider): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const late = setTimeout(resolve, PATIENCE_MILLISECONDS);
  const sent = provider.shutdown().catch(() => undefined);
  await Promise.race([sent, promise]).finally(() => clearTimeout(late));
}
