import { resolveTxt } from "node:dns/promises";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { TlsState } from "../core/conformance/probing.ts";
import { guardedConnector, type ConnectorOptions } from "./connector.ts";
import { failureOf } from "./failures.ts";

/** TXT records of a name; none where there is no such name or record. */
export async function txtRecords(name: string): Promise<string[]> {
  const records = await resolveTxt(name).catch(() => []);
  return records.map((parts) => parts.join(""));
}

/**
 * What one connection to this origin agreed on. The certificate was checked for it. Null for plain http, which only loopback may speak.
 * @throws RelaisError `forbidden`, `peer_unavailable` (no connection, or a certificate that nobody vouches for).
 */
export async function inspectTls(options: Pick<ConnectorOptions, "allowLoopback">, origin: string): Promise<TlsState | null> {
  const { protocol, hostname, port } = new URL(origin);
  if (protocol === "http:") return null;
  const connect = guardedConnector({ ...options, connectMilliseconds: CONNECT_MILLISECONDS });
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const target = { hostname, host: hostname, protocol, port: port === "" ? "443" : port, servername: hostname };
  connect(target, (...[error, socket]) => (error === null ? resolve(socket) : reject(error)));
  try {
    const socket = (await promise) as TLSSocket;
    const state = { protocol: String(socket.getProtocol()), validTo: new Date(socket.getPeerCertificate().valid_to) };
    socket.destroy();
    return state;
  } catch (error) {
    throw failureOf(error, new AbortController().signal, "platform");
  }
}

const CONNECT_MILLISECONDS = 5000;
