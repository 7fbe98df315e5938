import type { Network, Store, Writer } from "../core/ports.ts";
import type { Adapter, Destination, Fetch, OutboundRequest, Source } from "../core/transfer/adapter.ts";
import type { AttemptRecords } from "../core/transfer/attempt-records.ts";
import type { Transfer } from "../core/transfer/transfer.ts";
import type { SpanFacts, Tracing } from "./traces.ts";

/** The core knows no traces: what it asks of the outside is watched at its ports. Each of these gives back what it got where nothing is traced. */

const WITHIN = { onlyWithin: true } as const;

/** Reads and writes of whatever is under way, and the acceptance of each transfer, once it is durable. */
export function tracedStore(store: Store, tracing: Tracing): Store {
  if (!tracing.isOn) return store;
  return {
    read: (work) => tracing.span("database read", {}, () => store.read(work), WITHIN),
    rehearse: (work) => tracing.span("database rehearsal", {}, () => store.rehearse(work), WITHIN),
    write: async (work) => {
      const added: Transfer[] = [];
      const result = await tracing.span(
        "database write",
        {},
        () =>
          store.write((w) => {
            // A write that collided is run again.
            added.length = 0;
            return work(notingAdded(w, added));
          }),
        WITHIN,
      );
      for (const { id } of added) tracing.accepted(id, {});
      return result;
    },
  };
}

function notingAdded(w: Writer, added: Transfer[]): Writer {
  const add: Writer["deliveries"]["add"] = async (transfer, ...urgency) => {
    await w.deliveries.add(transfer, ...urgency);
    added.push(transfer);
  };
  return { ...w, deliveries: { ...w.deliveries, add } };
}

/** Whether the right stands, and what is written down, of an attempt. */
export function tracedRecords(records: AttemptRecords, tracing: Tracing): AttemptRecords {
  if (!tracing.isOn) return records;
  return {
    begin: (ring, terms) => tracing.span("lease taken, right read", { epoch: ring.epoch }, () => records.begin(ring, terms), WITHIN),
    look: (id, now) => tracing.span("right read", {}, () => records.look(id, now), WITHIN),
    step: (transfer, step, at) =>
      tracing.span("step written", { state: step.state, items: step.marks?.length }, () => records.step(transfer, step, at), WITHIN),
  };
}

/** Requests to participants: whom, how, and what came of it. Never an address, and nothing of ours goes along. */
export function tracedNetwork<N extends Network>(network: N, tracing: Tracing): N {
  if (!tracing.isOn) return network;
  const fetchFor: Network["fetchFor"] = (participant, signal) =>
    tracedFetch(network.fetchFor(participant, signal), tracing, { participantId: participant.id });
  return { ...network, fetchFor };
}

function tracedFetch(fetch: Fetch, tracing: Tracing, facts: SpanFacts): Fetch {
  return (request) =>
    tracing.span(
      `request ${request.method}`,
      { ...facts, method: request.method },
      async (span) => {
        const answer = await fetch(request);
        span.set({ status: answer.status });
        return answer;
      },
      { kind: "client", onlyWithin: true },
    );
}

/** Requests between our own processes carry what they belong to (W3C Trace Context). */
export function carryingFetch(fetch: Fetch, tracing: Tracing): Fetch {
  if (!tracing.isOn) return fetch;
  const carried = (request: OutboundRequest): OutboundRequest => {
    const traceparent = tracing.traceparent();
    return traceparent === null ? request : { ...request, headers: { ...request.headers, traceparent } };
  };
  return tracedFetch((request) => fetch(carried(request)), tracing, { kind: "own" });
}

/** What an attempt asks of the two ends. */
export function tracedAdapters<A extends Record<string, Adapter>>(adapters: A, tracing: Tracing): A {
  if (!tracing.isOn) return adapters;
  return Object.fromEntries(Object.entries(adapters).map(([name, adapter]) => [name, tracedAdapter(adapter, tracing)])) as A;
}

function tracedAdapter(adapter: Adapter, tracing: Tracing): Adapter {
  const factsOf = ({ id }: { id: string }): SpanFacts => ({ participantId: id, adapter: adapter.name });
  return {
    ...adapter,
    openSource: (opening) => {
      const facts = factsOf(opening.participant);
      return tracing.span("source open", facts, async () => tracedSource(await adapter.openSource(opening), tracing, facts), WITHIN);
    },
    openDestination: (opening, draft) => {
      const facts = factsOf(opening.participant);
      const open = async () => tracedDestination(await adapter.openDestination(opening, draft), tracing, facts);
      return tracing.span("destination open", facts, open, WITHIN);
    },
  };
}

function tracedSource(source: Source, tracing: Tracing, facts: SpanFacts): Source {
  const { changes } = source;
  return {
    // Whatever else it can do it still can: nothing is done otherwise because somebody watches.
    ...source,
    inventory: (datasets) => tracing.span("source count", facts, () => source.inventory(datasets), WITHIN),
    list: (dataset, cursor) =>
      tracing.span(
        "source list",
        facts,
        async (span) => {
          const page = await source.list(dataset, cursor);
          span.set({ items: page.items.length });
          return page;
        },
        WITHIN,
      ),
    ...(changes === undefined
      ? {}
      : { changes: (...asked: Parameters<typeof changes>) => tracing.span("source changes", facts, () => changes(...asked), WITHIN) }),
    // Until its bytes begin to flow: how long they do is the time of the put that takes them.
    read: (item) => tracing.span("source item", facts, () => source.read(item), WITHIN),
    erase: (datasets) => tracing.span("source erase", facts, () => source.erase(datasets), WITHIN),
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
}

function tracedDestination(destination: Destination, tracing: Tracing, facts: SpanFacts): Destination {
  const { handOver } = destination;
  return {
    ...destination,
    announce: (draft) => tracing.span("destination announce", facts, () => destination.announce(draft), WITHIN),
    put: (item, body) =>
      tracing.span("destination put", { ...facts, bytes: item.bytes ?? undefined }, () => destination.put(item, body), WITHIN),
    complete: (manifest, jws) =>
      tracing.span("destination complete", { ...facts, items: manifest.items.length }, () => destination.complete(manifest, jws), WITHIN),
    ...(handOver === undefined
      ? {}
      : {
          handOver: (...[manifest, form]: Parameters<typeof handOver>) =>
            tracing.span("destination hand over", { ...facts, items: manifest.items.length }, () => handOver(manifest, form), WITHIN),
        }),
    stop: () => tracing.span("destination stop", facts, () => destination.stop(), WITHIN),
    [Symbol.asyncDispose]: () => destination[Symbol.asyncDispose](),
  };
}
