import type { IncomingMessage, ServerResponse } from "node:http";
import type { Tracing } from "./traces.ts";

/** As Express adds to them. */
type Asked = IncomingMessage & { route?: { path?: unknown } };
type Answering = ServerResponse & { locals: Record<string, unknown> };
type Middleware = (req: Asked, res: Answering, next: () => void) => void;

/**
 * A span around each request, named by the template of its address. What somebody else says of a trace is not believed: it is a link at most, so that
 * a worker's question for a token is found from its attempt, and nobody joins or switches off a trace from outside.
 */
export function tracedRequests(tracing: Tracing): Middleware[] {
  if (!tracing.isOn) return [];
  return [
    (req, res, next) => {
      const { method } = req;
      const span = tracing.begin(`${method}`, { method, requestId: String(res.locals["requestId"]) }, { kind: "server" });
      const from = req.headers["traceparent"];
      if (typeof from === "string") span.link(from);
      res.once("close", () => {
        const template = req.route?.path;
        const route = typeof template === "string" ? template : "mounted";
        span.rename(`${method} ${route}`);
        span.set({ route, status: res.statusCode });
        span.end(res.statusCode >= 500 ? { code: "internal" } : undefined);
      });
      span.within(next);
    },
  ];
}
