import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import express, { type Express, type RequestHandler } from "express";
import { RelaisError } from "../core/errors.ts";
import { LARGEST_DOCUMENT_BYTES } from "../core/verification/verify-document.ts";
import { EVIDENCE_BYTES } from "../core/register/evidence-file.ts";
import { attemptsOf } from "./attempts.ts";
import { RECEIPT_BYTES } from "./mailbox.ts";
import { nameRequest, readSession, refuseCrossSite, securityHeaders } from "./guards.ts";
import { openApiDocument } from "./openapi.ts";
import { answerProblems, type ProblemSettings } from "./problems.ts";
import type { RoutePorts } from "./route-ports.ts";
import { ROUTES, type HandlerPorts, type Route } from "./routes.ts";
import { sentLists } from "./trust-list.ts";

export interface HttpSettings extends ProblemSettings {
  /** Told of each answered request: method, route, status and time. Never the address with its query. */
  onAnswer(entry: { requestId: string; method: string; route: string; status: number; milliseconds: number }): void;
  /** What is asked before the addresses of the API. */
  first?: RequestHandler[];
  /** OAuth, federation, sign-in and pages, in the order in which they are asked. */
  mounted: RequestHandler[];
  /** Addresses or networks from which `X-Forwarded-For` is believed; nobody where it is left out. */
  proxies?: readonly string[];
}

/** Largest body of an API call. Consent details are small; data never comes this way. */
const BODY_LIMIT = "64kb";
/** Whoever joins makes us read what they publish, at an address that they name. */
const JOINING = { most: 60, seconds: 60 };

export function createHttpApp(ports: RoutePorts, settings: HttpSettings): Express {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.set("trust proxy", [...(settings.proxies ?? [])]);
  app.use(nameRequest, timed(settings.onAnswer), securityHeaders(settings.issuer.startsWith("https:")));
  app.use(refuseCrossSite(settings.issuer), ...(settings.first ?? []));
  const json = express.json({ limit: BODY_LIMIT, type: ["application/json", "application/*+json"] });
  const file = express.raw({ limit: EVIDENCE_BYTES, type: () => true });
  const document = express.raw({ limit: LARGEST_DOCUMENT_BYTES, type: () => true });
  const parsers: Record<"file" | "document" | "receipt" | "json", RequestHandler[]> = {
    receipt: [refuseStrangers, refuseLarge(RECEIPT_BYTES)],
    file: [refuseStrangers, refuseLarge(EVIDENCE_BYTES), file],
    document: [refuseLarge(LARGEST_DOCUMENT_BYTES), document],
    json: [json],
  };
  const parserOf = ({ body }: Route): RequestHandler[] => (body === undefined ? [] : parsers[typeof body === "string" ? body : "json"]);
  const handlerPorts = { ...ports, sentList: sentLists(ports), joining: attemptsOf(ports.clock, JOINING) };
  for (const route of ROUTES) app[route.method](route.path, ...parserOf(route), handle(handlerPorts, route));
  for (const path of new Set(ROUTES.map((route) => route.path))) app.all(path, refuseMethod(path));
  app.get("/v1/openapi.json", (_req, res) => void res.json(openApiDocument(settings.issuer)));
  app.use(readSession(ports), ...settings.mounted);
  app.use(() => {
    throw new RelaisError("not_found", "There is nothing at this address.");
  });
  app.use(answerProblems(settings));
  return app;
}

/** RFC 9110 §15.5.6: the address is known, the method is not. */
function refuseMethod(path: string): RequestHandler {
  const allowed = ROUTES.filter((route) => route.path === path).map(({ method }) =>
    method === "get" ? "GET, HEAD" : method.toUpperCase(),
  );
  return (_req, res) => {
    res.set("Allow", allowed.join(", "));
    throw new RelaisError("method_not_allowed", `This address takes ${allowed.join(", ")}.`);
  };
}

/** Nobody's ten megabytes are read before they say who they are; whether it is true is asked with the request as a whole. */
const refuseStrangers: RequestHandler = (req, _res, next) => {
  if (req.get("authorization") === undefined)
    throw new RelaisError("unauthenticated", "The request carries no access token. Send `Authorization: DPoP …`.");
  next();
};

/** What is announced as too large is not waited for: else it would be read to its end before it is refused. */
function refuseLarge(limit: number): RequestHandler {
  return (req, res, next) => {
    if (Number(req.get("content-length") ?? 0) <= limit) return next();
    res.set("Connection", "close");
    throw new RelaisError("too_large", `The body is larger than the ${limit / 1024} KiB that this address takes.`, {
      actor: "client",
    });
  };
}

function handle(ports: HandlerPorts, route: Route): RequestHandler {
  return async (req, res) => {
    res.set("Cache-Control", "no-store");
    await route.handler(ports, req, res);
  };
}

function timed(onAnswer: HttpSettings["onAnswer"]): RequestHandler {
  return (req, res, next) => {
    const startedAt = performance.now();
    const { method } = req;
    res.on("finish", () => {
      const route = (req.route as { path?: unknown } | undefined)?.path;
      onAnswer({
        requestId: String(res.locals["requestId"]),
        method,
        route: typeof route === "string" ? route : "(mounted)",
        status: res.statusCode,
        milliseconds: Math.round(performance.now() - startedAt),
      });
    });
    next();
  };
}

export interface Listening extends AsyncDisposable {
  port: number;
}

/** Listens; on disposal it takes no new request, lets those under way end for a while, and closes what stays open (event streams). */
export async function listen(app: Express, address: { host: string; port: number }): Promise<Listening> {
  const server = createServer({ requestTimeout: 60_000, headersTimeout: 15_000, keepAliveTimeout: 10_000 }, app);
  await started(server, address);
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () => drained(server),
  };
}

const DRAIN_MILLISECONDS = 5000;

async function started(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", (error: NodeJS.ErrnoException) =>
    reject(
      error.code === "EADDRINUSE"
        ? new RelaisError(
            "unavailable",
            `Port ${port} on ${host} is in use by another program. Stop that program, or choose another port with RELAIS_PORT.`,
            { cause: error },
          )
        : error,
    ),
  );
  server.listen(port, host, resolve);
  await promise;
}

async function drained(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeIdleConnections();
  const impatient = setTimeout(() => server.closeAllConnections(), DRAIN_MILLISECONDS);
  await promise;
  clearTimeout(impatient);
}
