import { createHash } from "node:crypto";
import multer from "multer";
import express, { Router, type NextFunction, type Request, type Response } from "express";
import { LANGUAGES, type Language } from "../core/catalogue/data-set.ts";
import type { Session } from "../core/person/person.ts";
import { LARGEST_DOCUMENT_BYTES } from "../core/verification/verify-document.ts";
import { EVIDENCE_BYTES } from "../core/register/evidence-file.ts";
import { decision } from "./accreditation/decision.ts";
import { decideOrganisation, organisationStanding } from "./accreditation/organisation-standing.ts";
import { confirmPublishedKeys } from "./accreditation/confirm-keys.ts";
import { keys } from "./accreditation/keys.ts";
import { preview } from "./accreditation/preview.ts";
import {
  askForChecks,
  beginApplication,
  downloadEvidence,
  dropEvidence,
  organisation,
  organisations,
  saveSection,
  showChecks,
  showEvidence,
  showInvitation,
  showSection,
  stepOf,
  takeInvitation,
  uploadEvidence,
  writeMessage,
} from "./accreditation/participant.ts";
import {
  answerApplicant,
  authorityPage,
  decideStanding,
  giveReview,
  queue,
  reviewPage,
  sendAgain,
  staffEvidence,
  standingPage,
} from "./accreditation/staff.ts";
import { accounts, proveAccount, showProof } from "./accounts/handlers.ts";
import { sendAsset } from "./assets.ts";
import { criterion } from "./charter/criterion.ts";
import { account } from "./me-account/account.ts";
import { askDeletion, deletion } from "./me-account/delete.ts";
import { exportRecords } from "./me-account/export.ts";
import { sendDownload } from "./download.ts";
import { surely } from "./accounts/surer.ts";
import { dropPasskey, makeCodes, nameAnew, showCodes } from "./me-account/passkeys.ts";
import { endOther, endOthers } from "./me-account/sessions.ts";
import { askUnlink, unlink } from "./me-account/unlink.ts";
import { charter, charterDiff } from "./charter/handlers.ts";
import {
  certificatePage,
  decideCertificate,
  downloadCertificate,
  dropCertificate,
  showCertificates,
  staffCertificate,
  uploadCertificate,
} from "./holder/certificates.ts";
import { changeConditionsForm, showConditions } from "./holder/conditions.ts";
import { askHolder, showHolders } from "./holder/meetings.ts";
import { addReview, changePlatform, showPlatform, showPlatforms } from "./holder/platforms.ts";
import { answerShared, contracts, sharedConsent, showStopSharing, stopSharing } from "./journey/contracts.ts";
import { journey } from "./journey/journey.ts";
import { mandate, mandateFile } from "./journey/mandate.ts";
import { choosePropose, showPropose } from "./journey/propose.ts";
import { event } from "./life/events.ts";
import { markTold } from "./life/told.ts";
import { home, plainPage, me, showDeleted, showRecovery, signIn } from "./home/handlers.ts";
import { showTexts, writeTexts } from "./notices/handlers.ts";
import { proposeChange, showChange, showRenewal } from "./permissions/change.ts";
import { answerConsent, showConsent, showNotice } from "./permissions/decide.ts";
import { permissions } from "./permissions/dashboard.ts";
import { permission, showStop, stopPermission } from "./permissions/handlers.ts";
import { showStopAll, stopAll } from "./permissions/stop-all.ts";
import { startPermission } from "./permissions/start.ts";
import { problem, problems } from "./problems.ts";
import { answerAsOperator, sendProblem, showProblem, showProblems } from "./reports/handlers.ts";
import { answerAsMember, showRequests } from "./requests/handlers.ts";
import { receipt, receiptFile } from "./receipts/handlers.ts";
import { compare } from "./register/compare.ts";
import { feed } from "./register/feed.ts";
import { participant } from "./register/handlers.ts";
import { register } from "./register/search.ts";
import {
  chooseSwitch,
  closeOld,
  confirmSwitch,
  planOfSwitch,
  retrySwitch,
  showClose,
  showSwitchChoice,
  switchPage,
} from "./switches/handlers.ts";
import { MAIL_ROUTES, MY_MAIL_ROUTES } from "./mail/routes.ts";
import { renderPage } from "./templates.ts";
import { chooseCopy, showCopy } from "./transfers/copy.ts";
import { cancel, showCancel, transfer, transferDocument, transferEvents, transfers } from "./transfers/handlers.ts";
import { languageOf, TONGUES } from "./tongue.ts";
import { showVerify, verify } from "./verify/handlers.ts";
import { formOf, personOf, type Answer, type Handler, type PagesPorts, type PersonHandler, type Visit } from "./visit.ts";

type Method = "get" | "post";

/** Open to everybody. */
const PUBLIC_ROUTES: [Method, string, Handler][] = [
  ["get", "/", home],
  ["get", "/register", register],
  ["get", "/register/compare", compare],
  ["get", "/register.atom", feed],
  ["get", "/register/:id", participant],
  ["get", "/decisions/:id", decision],
  ["get", "/events/:type", event],
  ["get", "/charter", charter],
  ["get", "/charter/diff", charterDiff],
  ["get", "/charter/:version", charter],
  ["get", "/charter/:version/:criterion", criterion],
  ["get", "/verify", showVerify],
  ["post", "/verify", verify],
  ["get", "/sign-in", signIn],
  ["get", "/sign-in/recovery", showRecovery],
  ["get", "/deleted", showDeleted],
  ["get", "/problems", problems],
  ["get", "/problems/:code", problem],
  ...MAIL_ROUTES,
  ["get", "/accessibility", plainPage("accessibility")],
  ["get", "/legal", plainPage("legal")],
  ["get", "/understand", plainPage("understand")],
  ["get", "/privacy", plainPage("privacy")],
];

/** For a person who has signed in, about that person only. */
const PERSON_ROUTES: [Method, string, PersonHandler][] = [
  ["get", "/me", me],
  ["post", "/me/notices/:id/read", markTold],
  ...MY_MAIL_ROUTES,
  ["get", "/me/account", (ports, visit) => account(ports, visit)],
  ["get", "/me/account/codes", showCodes],
  ["post", "/me/account/codes", makeCodes],
  ["post", "/me/account/passkeys/:id/name", nameAnew],
  ["post", "/me/account/passkeys/:id/remove", dropPasskey],
  ["post", "/me/account/sessions/end", endOthers],
  ["post", "/me/account/sessions/:id/end", endOther],
  ["get", "/me/account/links/:id/remove", askUnlink],
  ["post", "/me/account/links/:id/remove", unlink],
  ["get", "/me/account/export", exportRecords],
  ["get", "/me/account/delete", askDeletion],
  ["post", "/me/account/delete", deletion],
  ["get", "/me/copy", showCopy],
  ["post", "/me/copy", chooseCopy],
  ["get", "/me/journeys/:id", journey],
  ["get", "/me/propose", showPropose],
  ["post", "/me/propose", choosePropose],
  ["get", "/me/contracts", contracts],
  ["get", "/me/contracts/shared/:consent", sharedConsent],
  ["post", "/me/contracts/shared/:consent", answerShared],
  ["get", "/me/contracts/:link/stop", showStopSharing],
  ["post", "/me/contracts/:link/stop", stopSharing],
  ["get", "/accounts", accounts],
  ["get", "/accounts/:id", showProof],
  ["post", "/accounts/:id", proveAccount],
  ["get", "/permissions", permissions],
  ["get", "/permissions/stop", showStopAll],
  ["post", "/permissions/stop", stopAll],
  ["get", "/permissions/:id", permission],
  ["get", "/permissions/:id/decide", showConsent],
  ["post", "/permissions/:id/decide", answerConsent],
  ["post", "/permissions/:id/start", startPermission],
  ["get", "/permissions/:id/notice", showNotice],
  ["get", "/permissions/:id/problem", (ports, visit) => showProblem(ports, visit)],
  ["post", "/permissions/:id/problem", sendProblem],
  ["get", "/permissions/:id/change", showChange],
  ["post", "/permissions/:id/change", proposeChange],
  ["get", "/permissions/:id/renew", showRenewal],
  ["get", "/permissions/:id/stop", showStop],
  ["post", "/permissions/:id/stop", stopPermission],
  ["get", "/permissions/:id/mandate", mandate],
  ["get", "/permissions/:id/mandate.txt", mandateFile],
  ["get", "/permissions/:id/receipts/:change", receipt],
  ["get", "/permissions/:id/receipts/:change/file", receiptFile],
  ["get", "/me/transfers", transfers],
  ["get", "/me/transfers/:id", transfer],
  ["get", "/me/transfers/:id/events", transferEvents],
  ["get", "/me/transfers/:id/manifest", transferDocument("manifest")],
  ["get", "/me/transfers/:id/receipt", transferDocument("receipt")],
  ["get", "/me/transfers/:id/cancel", showCancel],
  ["post", "/me/transfers/:id/cancel", cancel],
  ["get", "/me/switch", showSwitchChoice],
  ["post", "/me/switch", chooseSwitch],
  ["get", "/me/switch/plan", planOfSwitch],
  ["post", "/me/switch/plan", confirmSwitch],
  ["get", "/me/switch/:id", switchPage],
  ["post", "/me/switch/:id/retry", retrySwitch],
  ["get", "/me/switch/:id/close", showClose],
  ["post", "/me/switch/:id/close", closeOld],
];

/** For a person who acts for a participant: each handler looks whether they do. */
const MEMBER_ROUTES: [Method, string, PersonHandler][] = [
  ["get", "/organisation", organisations],
  ["get", "/invitation", showInvitation],
  ["post", "/invitation", takeInvitation],
  ["get", "/organisation/:id", (ports, visit) => organisation(ports, visit)],
  ["post", "/organisation/:id/begin", beginApplication],
  ["get", "/organisation/:id/section/:section", (ports, visit) => showSection(ports, visit)],
  ["post", "/organisation/:id/section/:section", saveSection],
  ["post", "/organisation/:id/submit", stepOf("submit")],
  ["post", "/organisation/:id/withdraw", stepOf("withdraw")],
  ["post", "/organisation/:id/reopen", stepOf("reopen")],
  ["post", "/organisation/:id/messages", writeMessage],
  ["get", "/organisation/:id/evidence", (ports, visit) => showEvidence(ports, visit)],
  ["post", "/organisation/:id/evidence", uploadEvidence],
  ["get", "/organisation/:id/evidence/:evidence", downloadEvidence],
  ["post", "/organisation/:id/evidence/:evidence/remove", dropEvidence],
  ["get", "/organisation/:id/preview", preview],
  ["get", "/organisation/:id/keys", keys],
  ["get", "/organisation/:id/conditions", (ports, visit) => showConditions(ports, visit)],
  ["post", "/organisation/:id/conditions", changeConditionsForm],
  ["get", "/organisation/:id/platforms", showPlatforms],
  ["get", "/organisation/:id/platforms/:platform", (ports, visit) => showPlatform(ports, visit)],
  ["post", "/organisation/:id/platforms/:platform", changePlatform],
  ["post", "/organisation/:id/platforms/:platform/reviews", addReview],
  ["get", "/organisation/:id/holders", (ports, visit) => showHolders(ports, visit)],
  ["post", "/organisation/:id/holders", askHolder],
  ["get", "/organisation/:id/certificates", (ports, visit) => showCertificates(ports, visit)],
  ["post", "/organisation/:id/certificates", uploadCertificate],
  ["get", "/organisation/:id/certificates/:certificate", downloadCertificate],
  ["post", "/organisation/:id/certificates/:certificate/remove", dropCertificate],
  ["get", "/organisation/:id/requests", (ports, visit) => showRequests(ports, visit)],
  ["post", "/organisation/:id/requests/problems/:problem", answerAsMember],
  ["get", "/organisation/:id/checks", showChecks],
  ["post", "/organisation/:id/checks", askForChecks],
];

/** For somebody with an office: each handler looks whether they have it. */
const STAFF_ROUTES: [Method, string, PersonHandler][] = [
  ["get", "/accreditation", queue],
  ["get", "/accreditation/applications/:id", (ports, visit) => reviewPage(ports, visit)],
  ["post", "/accreditation/applications/:id/review", giveReview],
  ["post", "/accreditation/applications/:id/messages", answerApplicant],
  ["get", "/accreditation/evidence/:id", staffEvidence],
  ["get", "/accreditation/certificates/:certificate", (ports, visit) => certificatePage(ports, visit)],
  ["post", "/accreditation/certificates/:certificate", decideCertificate],
  ["get", "/accreditation/certificates/:certificate/file", staffCertificate],
  ["get", "/accreditation/participants/:id", (ports, visit) => standingPage(ports, visit)],
  ["post", "/accreditation/participants/:id", decideStanding],
  ["get", "/accreditation/organisations/:id", (ports, visit) => organisationStanding(ports, visit)],
  ["post", "/accreditation/organisations/:id", decideOrganisation],
  ["post", "/accreditation/participants/:id/keys", confirmPublishedKeys],
  ["post", "/accreditation/participants/:id/notices/:notice", sendAgain],
  ["get", "/authority", authorityPage],
  ["get", "/operator/notices", showTexts],
  ["post", "/operator/notices", writeTexts],
  ["get", "/operator/problems", (ports, visit) => showProblems(ports, visit)],
  ["post", "/operator/problems/:problem", answerAsOperator],
];

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
  for (const [method, path, handler] of [...PERSON_ROUTES, ...MEMBER_ROUTES, ...STAFF_ROUTES]) {
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
