import { createHash } from "node:crypto";
import type { TransferId } from "../core/ids.ts";
import { allowed } from "./fields.ts";

/** What a span may say, and nothing else: ids of transfers and participants, words of ours, counts. A new name is a decision about privacy. */
export interface SpanFacts {
  transferId?: string | undefined;
  participantId?: string | undefined;
  /** The support id. */
  requestId?: string | undefined;
  adapter?: string | undefined;
  method?: string | undefined;
  /** The template of the address, never an address. */
  route?: string | undefined;
  status?: number | undefined;
  kind?: string | undefined;
  state?: string | undefined;
  /** Of the RelaisError that ended it; never a message, which may quote what it failed on. */
  code?: string | undefined;
  epoch?: number | undefined;
  count?: number | undefined;
  items?: number | undefined;
  bytes?: number | undefined;
}

const NAMES = [
  "transferId",
  "participantId",
  "requestId",
  "adapter",
  "method",
  "route",
  "status",
  "kind",
  "state",
  "code",
  "epoch",
  "count",
  "items",
  "bytes",
] as const satisfies (keyof SpanFacts)[];

/** Only listed facts pass, each in the form that the log takes it in too. */
export function factsOf(facts: SpanFacts): Record<string, string | number> {
  const listed = Object.entries(facts).filter(([name, value]) => (NAMES as readonly string[]).includes(name) && value !== undefined);
  const kept = Object.entries(allowed(Object.fromEntries(listed)));
  return Object.fromEntries(kept.filter((entry): entry is [string, string | number] => ["string", "number"].includes(typeof entry[1])));
}

export interface OpenSpan {
  set(facts: SpanFacts): void;
  rename(name: string): void;
  /** Everything that `work` begins is within it, until `work` and what it awaits is over. */
  within<T>(work: () => T): T;
  /** Where another trace of ours caused this one. */
  link(traceparent: string): void;
  end(failure?: { code: string }): void;
}

export type SpanKind = "server" | "client" | "internal";

export interface SpanTerms {
  kind?: SpanKind;
  /** Nothing is begun where nothing is under way: what runs by itself all the time would bury the rest. */
  onlyWithin?: boolean;
}

/** OpenTelemetry traces, or nothing at all. */
export interface Tracing {
  isOn: boolean;
  begin(name: string, facts: SpanFacts, terms?: SpanTerms): OpenSpan;
  /** A span around `work`; what it throws ends it with the code, and is thrown on. */
  span<T>(name: string, facts: SpanFacts, work: (span: OpenSpan) => Promise<T>, terms?: SpanTerms): Promise<T>;
  /** The first span of a transfer's own trace: linked to what is under way, which asked for it. */
  accepted(transferId: TransferId, facts: SpanFacts): void;
  /** A span in the transfer's own trace, in whichever process it runs. */
  ofTransfer<T>(transferId: TransferId, name: string, facts: SpanFacts, work: (span: OpenSpan) => Promise<T>): Promise<T>;
  /** Of what is under way; null where nothing is. */
  traceId(): string | null;
  /** W3C Trace Context of what is under way, for our own processes alone. */
  traceparent(): string | null;
  /** Sends what is not sent yet, and waits no longer than a moment for whoever should take it. */
  close(): Promise<void>;
}

export const NO_SPAN: OpenSpan = {
  set: () => undefined,
  rename: () => undefined,
  within: (work) => work(),
  link: () => undefined,
  end: () => undefined,
};

/** What it costs: a call. */
export const NO_TRACING: Tracing = {
  isOn: false,
  begin: () => NO_SPAN,
  span: (_name, _facts, work) => work(NO_SPAN),
  accepted: () => undefined,
  ofTransfer: (_id, _name, _facts, work) => work(NO_SPAN),
  traceId: () => null,
  traceparent: () => null,
  close: async () => undefined,
};

/**
 * The trace and the first span of a transfer, from its id alone: every process comes to the same, whoever rings and however often rings are lost, and
 * nothing has to be kept or handed on for it. It can't be led back to the id, and says nothing about anybody.
 */
export function traceOf(transferId: TransferId): { traceId: string; spanId: string } {
  const digest = createHash("sha256").update(`relais trace ${transferId}`).digest("hex");
  return { traceId: digest.slice(0, 32), spanId: digest.slice(32, 48) };
}

export interface TraceSettings {
  /** Null: nothing is traced, and no package for it is loaded. */
  endpoint: string | null;
  /** Of all traces, from 0 to 1. A trace is whole or not there. */
  share: number;
  roles: readonly string[];
}
