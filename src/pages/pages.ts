import { createHash } from "node:crypto";
import multer from "multer";
import express, { Router, type NextFunction, type Request, type Response } from "express";
import { LANGUAGES, type Language } from "../core/catalogue/data-set.ts";
import type { Session } from "../core/person/person.ts";
import { LARGEST_DOCUMENT_BYTES } from "../core/verification/verify-document.ts";
import { EVIDENCE_BYTES } from "../core/register/evidence-file.ts";
import { sendAsset } from "./assets.ts";
import { sendDownload } from "./download.ts";
import { surely } from "./accounts/surer.ts";
import { freshly } from "./me-account/again.ts";
import { renderPage } from "./templates.ts";
import { languageOf, TONGUES } from "./tongue.ts";
import { formOf, personOf, type Answer, type PagesPorts, type Visit } from "./visit.ts";
import { FRESH_ROUTES, MEMBER_ROUTES, PERSON_ROUTES, PUBLIC_ROUTES, STAFF_ROUTES, type PersonRoute } from "./routes.ts";

/** The forms that carry a file: evidence, by a person who acts for a participant, and a document to check, by anybody. */
const CHECK = "/verify";
const UPLOADS = ["/organisation/:id/evidence", "/organisation/:id/certificates"];

/** Addresses that stand in trust marks, without a language, and the page that each leads to. */
const SIGNED_ADDRESSES: [address: string, page: (request: Request) => string][] = [
  ["/register/:id", (request) => `/register/${encodeURIComponent(String(request.params["id"]))}`],
  ["/events/:type", (request) => `/events/${encodeURIComponent(String(request.params["type"]))}`],
  ["/charter/:version", (request) => `/charter/${encodeURIComponent(String(request.params["version"]))}`],
];

/**
 * The portal. Mounted at `/`, behind what sets `res.locals.session` and refuses cross-site forms.
 * Failures go on to the server's error handler, which prints them with `renderProblem`.
 */
export function createPages(ports: PagesPorts): Router {
  const router = Router();
  router.get("/assets/:tag/:name", sendAsset);
  router.get("/", (request, response) =>
    response.vary("Accept-Language").redirect(302, `/${languageOf(request.headers["accept-language"])}/`),
  );
  for (const lang of LANGUAGES) router.use(`/${lang}`, pagesIn(lang, ports));
  for (const [address, page] of SIGNED_ADDRESSES)
    router.get(address, (request, response) =>
      response.vary("Accept-Language").redirect(302, `/${languageOf(request.headers["accept-language"])}${page(request)}`),
    );
  return router;
}

const UPLOAD_LIMITS = { fileSize: EVIDENCE_BYTES, files: 1, fields: 10, fieldSize: 4096, parts: 12, headerPairs: 50 };

const CHECK_LIMITS = { ...UPLOAD_LIMITS, fileSize: LARGEST_DOCUMENT_BYTES, fieldSize: LARGEST_DOCUMENT_BYTES };

function pagesIn(lang: Language, ports: PagesPorts): Router {
  const router = Router();
  router.post(CHECK, multer({ limits: CHECK_LIMITS, defParamCharset: "utf8" }).single("file"));
  router.post(UPLOADS, signedIn(lang), multer({ limits: UPLOAD_LIMITS, defParamCharset: "utf8" }).single("file"));
  router.use(express.urlencoded({ extended: false, limit: "32kb", parameterLimit: 400 }));
  for (const [method, path, handler] of PUBLIC_ROUTES) {
    router[method](path, async (request, response) =>
      answer(ports, lang, request, response, await handler(ports, visitOf(lang, request, response))),
    );
  }
  const fresh = FRESH_ROUTES.map(([method, path, handler, wayBack]): PersonRoute => [method, path, freshly(handler, wayBack)]);
  for (const [method, path, handler] of [...fresh, ...PERSON_ROUTES, ...MEMBER_ROUTES, ...STAFF_ROUTES]) {
    router[method](path, signedIn(lang), async (request, response) =>
      answer(ports, lang, request, response, await surely(handler, ports, personOf(visitOf(lang, request, response)))),
    );
  }
  return router;
}

/** A visitor is asked to sign in, and then comes back to the page that was asked for. */
function signedIn(lang: Language) {
  return (request: Request, response: Response, next: NextFunction): void => {
    if (sessionOf(response) !== null) return next();
    const target = request.method === "GET" ? request.originalUrl : `/${lang}/me`;
    response.redirect(303, `/${lang}/sign-in?next=${encodeURIComponent(target)}`);
  };
}

function sessionOf(response: Response): Session | null {
  return (response.locals["session"] as Session | null | undefined) ?? null;
}

function visitOf(lang: Language, request: Request, response: Response): Visit {
  return {
    tongue: TONGUES[lang],
    session: sessionOf(response),
    path: request.path,
    params: request.params as Record<string, string>,
    query: formOf(request.query),
    form: formOf(request.body),
    file: request.file ? { name: request.file.originalname, content: request.file.buffer } : null,
  };
}

async function answer(ports: PagesPorts, lang: Language, request: Request, response: Response, given: Answer): Promise<void> {
  // Pages about a person are never kept by a browser or a proxy.
  if (sessionOf(response) !== null) response.set("Cache-Control", "no-store");
  switch (given.kind) {
    case "redirect":
      return response.redirect(303, given.to);
    case "file":
      response
        .set({ "Content-Type": given.type, "Content-Disposition": `attachment; filename="${given.name}"` })
        .set("Content-Security-Policy", "default-src 'none'; sandbox")
        .send(typeof given.body === "string" ? given.body : Buffer.from(given.body));
      return;
    case "text":
      return text(request, response, given);
    case "download":
      return sendDownload(response, given);
    case "stream":
      return stream(response, given.events);
    case "page":
      response
        .status(given.status ?? 200)
        .type("html")
        .send(renderPage(given.template, frameOf(ports, lang, request, response, given), given.model));
  }
}

function text(request: Request, response: Response, { type, body }: Extract<Answer, { kind: "text" }>): void {
  const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
  if (sessionOf(response) === null) response.set("Cache-Control", "public, max-age=60");
  response.set({ "Content-Type": type, ETag: etag });
  // Weak comparison (RFC 9110 §13.1.2): a proxy that compresses makes tags weak.
  const known = (request.headers["if-none-match"] ?? "").split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  if (known.includes(etag)) return void response.status(304).end();
  response.send(body);
}

function frameOf({ operator }: PagesPorts, lang: Language, request: Request, response: Response, page: Extract<Answer, { kind: "page" }>) {
  const [, search = ""] = request.originalUrl.split("?", 2);
  return {
    lang,
    title: page.title,
    path: request.path,
    search: search && request.method === "GET" ? `?${search}` : "",
    displayName: sessionOf(response)?.displayName ?? null,
    withoutNavigation: page.withoutNavigation ?? false,
    operator,
  };
}

/** Server-sent events, until they end or the browser leaves. */
async function stream(response: Response, events: (signal: AbortSignal) => AsyncIterable<string>): Promise<void> {
  const left = new AbortController();
  response.on("close", () => left.abort());
  response.set({ "Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no" }).flushHeaders();
  try {
    for await (const event of events(left.signal)) response.write(event);
  } finally {
    response.end();
  }
}
