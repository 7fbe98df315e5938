import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** A large item over a slow line takes longer than the five minutes that Node allows. */
const REQUEST_MILLISECONDS = 6 * 3_600_000;
/** Longer than the pauses of a busy client, which else sends its next request on a connection that is just being closed. */
const IDLE_MILLISECONDS = 65_000;
/** How long requests under way may take to end. */
const DRAIN_MILLISECONDS = 5000;

/** A server whose address is known before what it serves is made: issuers and entity identifiers hold it. */
export interface OpenPort extends AsyncDisposable {
  url: string;
  serve(listener: RequestListener): void;
}

export async function openPort(host: string, port: number): Promise<OpenPort> {
  let listener: RequestListener = (_request, response) => void response.writeHead(503, { "retry-after": "1" }).end();
  const server = createServer({ requestTimeout: REQUEST_MILLISECONDS, keepAliveTimeout: IDLE_MILLISECONDS }, (request, response) =>
    listener(request, response),
  );
  server.listen(port, host);
  await once(server, "listening");
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${(server.address() as AddressInfo).port}`,
    serve: (next) => void (listener = next),
    [Symbol.asyncDispose]: () => drain(server),
  };
}

/** Takes nothing new, lets what is under way end, then cuts. */
async function drain(server: Server): Promise<void> {
  const closed = once(server, "close");
  server.close();
  server.closeIdleConnections();
  const deadline = setTimeout(() => server.closeAllConnections(), DRAIN_MILLISECONDS);
  await closed;
  clearTimeout(deadline);
}
