import { Router, urlencoded, type Request, type Response } from "express";
import type { Language } from "../core/catalogue/data-set.ts";
import { RelaisError } from "../core/errors.ts";
import { asId, type ParticipantId } from "../core/ids.ts";
import type { Session } from "../core/person/person.ts";
import { linkSignedInAccount } from "../core/person/prove-account.ts";
import { endSession, SESSION_COOKIE, startSession } from "../core/person/sessions.ts";
import type { Clock, Network, OauthRecords, Store } from "../core/ports.ts";
import type { Participant } from "../core/register/participant.ts";
import { beginAttempt, readAnswer, takeAttempt } from "./attempts.ts";
import { cookieOptions, readCookie } from "./cookies.ts";
import { INVENTORY_SCOPE, readInventory, tellsInventory } from "./inventory.ts";
import { localPath } from "../core/person/local-path.ts";
import { createProviders, type Providers, type ProviderSettings, type Registration } from "./providers.ts";

export interface SigninSettings extends ProviderSettings {
  issuer: string;
  /** Where people sign in to Relais. */
  upstream: Registration;
  store: Store;
  clock: Clock;
  records: OauthRecords;
  network: Network;
}

type Ports = SigninSettings & { providers: Providers };
type Handler = (ports: Ports, req: Request, res: Response) => Promise<void>;

const SIGN_IN_CALLBACK = "/sign-in/callback";
const LINK_CALLBACK = "/link/callback";

/** Sign-in to Relais, and proof of accounts at participants, both by OpenID Connect. */
export function createSignin(settings: SigninSettings): Router {
  const ports: Ports = { ...settings, providers: createProviders(settings) };
  const router = Router();
  const on = (handler: Handler) => (req: Request, res: Response) => handler(ports, req, res);
  router.get("/sign-in/start", on(startSignIn));
  router.get(SIGN_IN_CALLBACK, on(finishSignIn));
  router.post("/sign-out", urlencoded({ extended: false, limit: "1kb" }), on(signOut));
  router.get("/link/:participantId/start", on(startLink));
  router.get(LINK_CALLBACK, on(finishLink));
  return router;
}

async function startSignIn(ports: Ports, req: Request, res: Response): Promise<void> {
  const language = languageOf(req, req.query.lang);
  const next = localPath(req.query.next) ?? `/${language}/`;
  await beginAttempt(ports, ports.upstream, req, res, {
    redirectPath: SIGN_IN_CALLBACK,
    next,
    language,
    participantId: null,
    personId: null,
    scope: "openid profile",
  });
}

async function finishSignIn(ports: Ports, req: Request, res: Response): Promise<void> {
  const begun = await takeAttempt(ports, req, SIGN_IN_CALLBACK);
  if (begun.issuer !== ports.upstream.issuer)
    throw new RelaisError("unauthenticated", "The sign-in provider changed meanwhile. Begin again.", { actor: "person" });
  const answer = await readAnswer(ports, ports.upstream, begun, req);
  if (answer === null) return res.redirect(303, `/${begun.language}/sign-in?next=${encodeURIComponent(begun.next)}`);
  // A session that this browser had before ends: nobody keeps a way into the new one (session fixation).
  await endPresentSession(ports, req);
  const { token, session } = await startSession(ports, { issuer: begun.issuer, subject: answer.subject, displayName: answer.displayName });
  res.cookie(SESSION_COOKIE, token, { ...cookieOptions(ports.issuer), expires: session.expiresAt });
  res.redirect(303, begun.next);
}

async function signOut(ports: Ports, req: Request, res: Response): Promise<void> {
  await endPresentSession(ports, req);
  res.clearCookie(SESSION_COOKIE, cookieOptions(ports.issuer));
  res.redirect(303, `/${languageOf(req, (req.body as Record<string, unknown> | undefined)?.["lang"])}/`);
}

async function endPresentSession(ports: Ports, req: Request): Promise<void> {
  const token = readCookie(req, SESSION_COOKIE);
  if (token !== null) await endSession(ports, token);
}

async function startLink(ports: Ports, req: Request, res: Response): Promise<void> {
  const participant = await ports.store.read((r) => r.participants.get(asId("participant", req.params.participantId)));
  const language = languageOf(req, req.query.lang ?? /^\/(fr|en)\//.exec(localPath(req.query.next) ?? "")?.[1]);
  const session = res.locals["session"] as Session | null | undefined;
  const next = localPath(req.query.next) ?? `/${language}/accounts`;
  if (!session) return res.redirect(303, `/${language}/sign-in?next=${encodeURIComponent(accountPage(language, participant.id, next))}`);
  const scope = tellsInventory(participant) ? `openid ${INVENTORY_SCOPE}` : "openid";
  await beginAttempt(ports, registrationAt(ports, participant), req, res, {
    redirectPath: LINK_CALLBACK,
    next,
    language,
    participantId: participant.id,
    personId: session.personId,
    scope,
  });
}

/** At participants Relais is the client of its own name: they know it from the federation. */
function registrationAt({ issuer }: Ports, participant: Participant): Registration {
  if (participant.endpoints.issuer === undefined)
    throw new RelaisError("unsupported", `${participant.name} has no sign-in where an account could be proved.`, { actor: "person" });
  return { issuer: participant.endpoints.issuer, clientId: issuer };
}

async function finishLink(ports: Ports, req: Request, res: Response): Promise<void> {
  const begun = await takeAttempt(ports, req, LINK_CALLBACK);
  const session = res.locals["session"] as Session | null | undefined;
  if (!session || session.personId !== begun.personId)
    throw new RelaisError(
      "unauthenticated",
      "You signed out, or signed in as somebody else, meanwhile. Sign in and prove the account again.",
      { actor: "person" },
    );
  const participantId = asId("participant", begun.participantId);
  const participant = await ports.store.read((r) => r.participants.get(participantId));
  const registration = registrationAt(ports, participant);
  if (registration.issuer !== begun.issuer)
    throw new RelaisError("unauthenticated", `${participant.name} changed its sign-in meanwhile. Begin again.`, { actor: "person" });
  const answer = await readAnswer(ports, registration, begun, req);
  if (answer === null) return res.redirect(303, accountPage(begun.language, participantId, begun.next));
  const told = tellsInventory(participant)
    ? await readInventory(ports.network.fetchFor(participant, AbortSignal.timeout(15_000)), participant, answer.accessToken)
    : null;
  await linkSignedInAccount(ports, {
    personId: session.personId,
    participantId,
    account: answer.subject,
    inventory: told?.inventory ?? null,
    contract: told?.contract ?? null,
  });
  res.redirect(303, begun.next);
}

function accountPage(language: Language, participantId: ParticipantId, next: string): string {
  return `/${language}/accounts/${participantId}?next=${encodeURIComponent(next)}`;
}

function languageOf(req: Request, asked: unknown): Language {
  const language = asked === "fr" || asked === "en" ? asked : req.acceptsLanguages(["fr", "en"]);
  return language === "en" ? "en" : "fr";
}
