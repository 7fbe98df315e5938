import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Measures } from "../core/operation/measures.ts";
import { databaseText } from "./database-metrics.ts";
import { described, PROCESS_METRICS } from "./metric-names.ts";

/** A withdrawal has a second; what is above is seen finely enough. */
const STOP_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60];
/** However many ask: the database is asked once in this time, and never spends more than a tenth of its time on answers. */
const KEPT_MILLISECONDS = 5_000;
const KEPT_TIMES = 10;
/** A scrape waits no longer for it, and then says that it is away. */
const PATIENCE_MILLISECONDS = 5_000;

export interface Metrics {
  /** By the state that it came to, or `waiting`. */
  attemptEnded(result: string): void;
  withdrawalStopped(seconds: number): void;
  answered(status: number): void;
  /** Prometheus text. */
  text(): Promise<string>;
  readonly contentType: string;
}

interface Settings {
  roles: readonly string[];
  isDraining(): boolean;
  /** Null where another process reads the database. */
  measures: (() => Promise<Measures>) | null;
}

/** The registry is this process's own, and only the names of metric-names.ts, and those that describe Node itself, are in it. */
export function createMetrics({ roles, isDraining, measures }: Settings): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const up = new Gauge({ name: "relais_up", ...described(PROCESS_METRICS.relais_up), registers });
  const attempts = new Counter({ name: "relais_attempts_total", ...described(PROCESS_METRICS.relais_attempts_total), registers });
  const answers = new Counter({ name: "relais_http_answers_total", ...described(PROCESS_METRICS.relais_http_answers_total), registers });
  const stops = new Histogram({
    name: "relais_withdrawal_stop_seconds",
    ...described(PROCESS_METRICS.relais_withdrawal_stop_seconds),
    buckets: STOP_BUCKETS,
    registers,
  });
  const present = measures === null ? null : kept(measures);
  return {
    contentType: registry.contentType,
    attemptEnded: (result) => attempts.inc({ result }),
    withdrawalStopped: (seconds) => stops.observe(seconds),
    answered: (status) => answers.inc({ class: `${Math.floor(status / 100)}xx` }),
    text: async () => {
      up.set({ roles: roles.join(",") }, isDraining() ? 0 : 1);
      const own = await registry.metrics();
      return present === null ? own : own + (await databaseText(await present()));
    },
  };
}

/** One question at a time, and its answer for all who ask meanwhile. Null where none comes in time; then it is asked again. */
function kept(ask: () => Promise<Measures>): () => Promise<Measures | null> {
  let asked: { until: number; answer: Promise<Measures | null> } | null = null;
  return () => {
    if (asked !== null && performance.now() < asked.until) return asked.answer;
    const at = performance.now();
    const answer = inTime(ask()).catch(() => null);
    const question = { until: at + KEPT_MILLISECONDS, answer };
    asked = question;
    return answer.finally(() => {
      question.until = at + Math.max(KEPT_MILLISECONDS, (performance.now() - at) * KEPT_TIMES);
    });
  };
}

async function inTime<T>(work: Promise<T>): Promise<T | null> {
  const { promise, resolve } = Promise.withResolvers<null>();
  const late = setTimeout(resolve, PATIENCE_MILLISECONDS, null);
  return Promise.race([work, promise]).finally(() => clearTimeout(late));
}
