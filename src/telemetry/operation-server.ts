import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { RelaisError } from "../core/errors.ts";
import type { Metrics } from "./metrics.ts";

/** What is asked on the operator's own address. */
interface Told {
  metrics: Pick<Metrics, "text" | "contentType">;
  /** Why this process should get no work now; null where it should. */
  whyNotReady(): Promise<string | null>;
}

interface Answer {
  status: number;
  type: string;
  body: string;
}

const plain = (status: number, body: string): Answer => ({ status, type: "text/plain; charset=utf-8", body: `${body}\n` });

/** Alive is who answers, whatever it needs: a database that is away is not mended by a restart. */
const PATHS: Record<string, (told: Told) => Promise<Answer>> = {
  "/livez": async () => plain(200, "ok"),
  "/readyz": async ({ whyNotReady }) => {
    const why = await whyNotReady();
    return why === null ? plain(200, "ok") : plain(503, why);
  },
  "/metrics": async ({ metrics }) => ({ status: 200, type: metrics.contentType, body: await metrics.text() }),
};

/** Answers until it is disposed of, also while everything else drains. */
export async function startOperationServer(
  address: { host: string; port: number },
  told: Told,
): Promise<AsyncDisposable & { port: number }> {
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000, keepAliveTimeout: 5_000 }, (request, response) => {
    const answer = request.method === "GET" ? PATHS[(request.url ?? "").split("?")[0] ?? ""] : undefined;
    void (answer?.(told) ?? Promise.resolve(plain(404, "There is nothing at this address.")))
      .catch(() => plain(500, "This could not be answered. The log says why."))
      .then(({ status, type, body }) => response.writeHead(status, { "content-type": type, "cache-control": "no-store" }).end(body));
  });
  await listening(server, address);
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      server.closeAllConnections();
      await promise;
    },
  };
}

async function listening(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", (cause) =>
    reject(
      new RelaisError(
        "unavailable",
        `The metrics cannot be answered at ${host} port ${port}. The operator must choose another one with RELAIS_METRICS_HOST and RELAIS_METRICS_PORT.`,
        { cause },
      ),
    ),
  );
  server.listen(port, host, resolve);
  await promise;
}
