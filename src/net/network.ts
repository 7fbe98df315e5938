import { Agent } from "undici";
import type { Actor } from "../core/errors.ts";
import type { Network } from "../core/ports.ts";
import type { Participant } from "../core/register/participant.ts";
import type { Fetch } from "../core/transfer/adapter.ts";
import { guardedConnector, type Resolve } from "./connector.ts";
import { exchange, type Line } from "./exchange.ts";
import { originsOf, permittedUrl } from "./origins.ts";

/** All in milliseconds. */
export interface Timeouts {
  connect: number;
  /** Until the first byte of an answer, counted from the last byte sent. */
  headers: number;
  /** Without any byte, while an answer arrives or a body is sent; with next to none over a whole such time, too. */
  idle: number;
  /** For a whole exchange of metadata. */
  metadata: number;
}

export const DEFAULT_TIMEOUTS: Timeouts = { connect: 3000, headers: 30_000, idle: 30_000, metadata: 15_000 };

export interface NetworkOptions {
  /** Reach servers on this machine, http included: the sandbox and tests only. */
  allowLoopback: boolean;
  timeouts?: Partial<Timeouts>;
  /** Connections kept to one origin. */
  connections?: number;
  resolve?: Resolve;
}

/** The way out of the process, for participants and for metadata of an entity that is not registered yet. */
export interface Outbound extends Network, AsyncDisposable {
  /** One origin alone, answers up to 64 KiB, one deadline over all: entity configurations, keys, discovery documents. */
  fetchOrigin(origin: string, signal: AbortSignal): Fetch;
}

const METADATA_BYTES = 64 * 1024;

/** Disposing closes every connection, whatever is under way on it. */
export function networkFor(options: NetworkOptions): Outbound {
  const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
  const agent = new Agent({
    connect: guardedConnector({ ...options, connectMilliseconds: timeouts.connect }),
    connections: options.connections ?? 32,
    headersTimeout: timeouts.headers,
    bodyTimeout: timeouts.idle,
  });
  const fetchWithin = (origins: ReadonlySet<string>, line: () => Omit<Line, "dispatcher" | "idle">): Fetch => {
    return async (request) =>
      exchange({ dispatcher: agent, idle: timeouts.idle, ...line() }, permittedUrl(request.url, origins, options.allowLoopback), request);
  };
  return {
    fetchFor: (participant, signal) => fetchWithin(originsOf(participant), () => ({ signal, actor: actorOf(participant) })),
    fetchOrigin: (origin, signal) =>
      fetchWithin(new Set([new URL(origin).origin]), () => ({
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeouts.metadata)]),
        actor: "platform",
        limit: METADATA_BYTES,
      })),
    [Symbol.asyncDispose]: () => agent.destroy(),
  };
}

function actorOf(participant: Participant): Actor {
  return participant.roles.includes("holder") ? "holder" : "platform";
}
