import { lookup as systemLookup, type LookupAddress } from "node:dns";
import type { LookupFunction } from "node:net";
import { buildConnector } from "undici";
import { RelaisError } from "../core/errors.ts";
import { kindOfAddress, literalAddress } from "./addresses.ts";

/** Every address of a name. The system's resolver, unless a test hands in its own. */
export type Resolve = (hostname: string, done: (error: Error | null, addresses: LookupAddress[]) => void) => void;

export interface ConnectorOptions {
  /** Connections to this machine, in clear or not; for the sandbox and for tests. */
  allowLoopback: boolean;
  connectMilliseconds: number;
  resolve?: Resolve;
}

/**
 * Opens connections to allowed addresses only. Three looks, because each alone is walked around: the literal (it never
 * reaches the DNS), every answer of the DNS, and the address that was really connected (a second answer may differ).
 */
export function guardedConnector(options: ConnectorOptions): buildConnector.connector {
  const secure = connectorFor(options, "https:");
  const clear = connectorFor(options, "http:");
  return (target, done) => {
    const permit = permitFor(options, target.protocol);
    const literal = literalAddress(target.hostname);
    if (literal !== null && !permit(literal)) return done(addressForbidden(), null);
    const connect = target.protocol === "https:" ? secure : clear;
    connect(target, (...[error, socket]: Parameters<buildConnector.Callback>) => {
      if (error !== null) return done(error, null);
      if (permit(socket.remoteAddress ?? "")) return done(null, socket);
      socket.destroy();
      done(addressForbidden(), null);
    });
  };
}

function connectorFor(options: ConnectorOptions, protocol: string): buildConnector.connector {
  // Resumed TLS sessions are shared by host name; the check of the connected address makes that harmless.
  return buildConnector({ timeout: options.connectMilliseconds, lookup: guardedLookup(options, permitFor(options, protocol)) });
}

/** Clear text is for loopback alone; anything else needs TLS and a public address. */
function permitFor({ allowLoopback }: ConnectorOptions, protocol: string): (address: string) => boolean {
  return (address) => {
    const kind = kindOfAddress(address);
    if (kind === "loopback") return allowLoopback;
    return kind === "public" && protocol === "https:";
  };
}

function guardedLookup(options: ConnectorOptions, permit: (address: string) => boolean): LookupFunction {
  const resolve = options.resolve ?? resolveBySystem;
  return (hostname, { all }, done) => {
    resolve(hostname, (error, addresses) => {
      const first = addresses?.[0];
      if (error !== null) return done(error, []);
      if (first === undefined || !addresses.every(({ address }) => permit(address))) return done(addressForbidden(), []);
      if (all) done(null, addresses);
      else done(null, first.address, first.family);
    });
  };
}

const resolveBySystem: Resolve = (hostname, done) => systemLookup(hostname, { all: true }, done);

export function addressForbidden(): RelaisError {
  return new RelaisError("forbidden", "This address is not on the public network. The participant must register a public https address.", {
    actor: "platform",
  });
}
