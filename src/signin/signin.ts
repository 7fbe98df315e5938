import { Router, urlencoded, type Request, type Response } from "express";
import type { Language } from "../core/catalogue/data-set.ts";
import { RelaisError } from "../core/errors.ts";
import { asId, type ParticipantId } from "../core/ids.ts";
import { acrValuesFrom, assuranceOf, highestOf } from "../core/person/assurance.ts";
import { browserFamily } from "../core/person/browser-family.ts";
import { somebodyElse } from "../core/person/fresh-sign-in.ts";
import { localPath } from "../core/person/local-path.ts";
import type { Session } from "../core/person/person.ts";
import { linkSignedInAccount } from "../core/person/prove-account.ts";
import { endSession, SESSION_COOKIE, SESSION_HOURS, startSession, type Started } from "../core/person/sessions.ts";
import type { Clock, Network, OauthRecords, Store } from "../core/ports.ts";
import type { Participant } from "../core/register/participant.ts";
import { beginAttempt, readAnswer, takeAttempt, type TakenAttempt } from "./attempts.ts";
import { cookieOptions, readCookie } from "./cookies.ts";
import { INVENTORY_SCOPE, readInventory, tellsInventory } from "./inventory.ts";
import { languageOf } from "./language.ts";
import { passkeyRoutes, type Newcomers } from "./passkeys.ts";
import { assuranceIn, leastOf, profileOf } from "./profiles.ts";
import { createProviders, type Providers, type ProviderSettings, type Registration, type Upstream } from "./providers.ts";
import { sessionOf } from "./signed-in.ts";
import { signOutUrl } from "./sign-out.ts";

export interface SigninSettings extends ProviderSettings {
  issuer: string;
  /** Where people sign in to Relais; none where passkeys are the only way. */
  upstreams: readonly Upstream[];
  /** Whether people sign in by passkeys, and open accounts by them. */
  passkeys: boolean;
  newcomers: Newcomers;
  store: Store;
  clock: Clock;
  records: OauthRecords;
  network: Network;
}

type Ports = SigninSettings & { providers: Providers };
type Handler = (ports: Ports, req: Request, res: Response) => Promise<void>;

const SIGN_IN_CALLBACK = "/sign-in/callback";
const LINK_CALLBACK = "/link/callback";

/** Sign-in to Relais, by OpenID Connect and by passkeys, and proof of accounts at participants, by OpenID Connect. */
export function createSignin(settings: SigninSettings): Router {
  const ports: Ports = { ...settings, providers: createProviders(settings) };
  const router = Router();
  const on = (handler: Handler) => (req: Request, res: Response) => handler(ports, req, res);
  router.get("/sign-in/start", on(startSignIn));
  for (const upstream of ports.upstreams) router.get(callbackOf(upstream), (req, res) => finishSignIn(ports, upstream, req, res));
  router.post("/sign-out", urlencoded({ extended: false, limit: "1kb" }), on(signOut));
  router.get("/sign-out/done", comeBack);
  router.get("/link/:participantId/start", on(startLink));
  router.get(LINK_CALLBACK, on(finishLink));
  if (ports.passkeys) router.use(passkeyRoutes({ ...ports, enter: (req, res, started) => enter(ports, req, res, started) }));
  return router;
}

/** Each provider beside that of the settings has a redirect address of its own: an answer of one is not taken for another's (RFC 9700 §4.4.2). */
function callbackOf({ id }: Upstream): string {
  return id === "default" ? SIGN_IN_CALLBACK : `${SIGN_IN_CALLBACK}/${id}`;
}

async function startSignIn(ports: Ports, req: Request, res: Response): Promise<void> {
  const language = languageOf(req, req.query["lang"]);
  const next = localPath(req.query["next"]) ?? `/${language}/`;
  const asked = req.query["provider"];
  const upstream = asked === undefined ? ports.upstreams[0] : ports.upstreams.find(({ id }) => id === asked);
  if (!upstream) throw new RelaisError("not_found", "There is no such place to sign in.", { actor: "person" });
  const session = sessionOf(res);
  const again = session !== null && req.query["again"] !== undefined;
  const { scope, acrValues, saysWhen } = profileOf(upstream);
  const least = leastOf(upstream);
  await beginAttempt(ports, upstream, req, res, {
    redirectPath: callbackOf(upstream),
    next,
    language,
    participantId: null,
    personId: again ? session.personId : null,
    again,
    scope,
    parameters: {
      ...(least === null ? {} : { acr_values: acrValues(least) }),
      ...(again ? { prompt: "login", ...saysWhen(0) } : saysWhen(SESSION_HOURS * 3600)),
    },
  });
}

async function finishSignIn(ports: Ports, upstream: Upstream, req: Request, res: Response): Promise<void> {
  const begun = await takeAttempt(ports, req, callbackOf(upstream));
  if (begun.issuer !== upstream.issuer)
    throw new RelaisError("unauthenticated", "The sign-in provider changed meanwhile. Begin again.", { actor: "person" });
  const answer = await readAnswer(ports, upstream, begun, { req, demandsIss: false });
  if (answer === null)
    return res.redirect(303, `/${begun.language}/sign-in${begun.again ? "/again" : ""}?next=${encodeURIComponent(begun.next)}`);
  if (begun.again) await mustBeTheSame(ports, res, begun, answer.subject);
  const { signsOut } = profileOf(upstream);
  const assurance = assuranceIn(answer.acr, leastOf(upstream));
  if (assurance === null) throw tooUnsure();
  await enter(
    ports,
    req,
    res,
    await startSession(ports, {
      issuer: begun.issuer,
      subject: answer.subject,
      displayName: answer.displayName,
      assurance,
      browser: browserFamily(req.get("user-agent")),
      authenticatedAt: answer.authenticatedAt,
      logoutHint: signsOut ? answer.idToken : null,
    }),
  );
  res.redirect(303, begun.next);
}

/** Who signs in anew is the one whose session it is, and it is still that session's person: what follows is done to their account. */
async function mustBeTheSame(ports: Ports, res: Response, { personId, issuer }: TakenAttempt, subject: string): Promise<void> {
  const session = sessionOf(res);
  const person = session && (await ports.store.read((r) => r.people.find(session.personId)));
  if (person?.id === personId && person?.issuer === issuer && person.subject === subject) return;
  throw somebodyElse();
}

function tooUnsure(): RelaisError {
  return new RelaisError(
    "unauthenticated",
    "The provider is less sure of who you are than this site asks for. Begin again, and choose an account of a higher level there.",
    { actor: "person" },
  );
}

/** A session that this browser had before ends: nobody keeps a way into the new one (session fixation). */
async function enter(ports: Ports, req: Request, res: Response, { token, session }: Started): Promise<void> {
  await endPresentSession(ports, req);
  res.cookie(SESSION_COOKIE, token, { ...cookieOptions(ports.issuer), expires: session.expiresAt });
}

async function signOut(ports: Ports, req: Request, res: Response): Promise<void> {
  const language = languageOf(req, (req.body as Record<string, unknown> | undefined)?.["lang"]);
  const ended = await endPresentSession(ports, req);
  res.clearCookie(SESSION_COOKIE, cookieOptions(ports.issuer));
  res.redirect(303, (ended && (await signOutUrl(ports, ended, language))) ?? `/${language}/`);
}

/** From the provider; the language went along in `state`. */
function comeBack(req: Request, res: Response): void {
  const { state } = req.query;
  res.redirect(303, `/${languageOf(req, typeof state === "string" ? state.slice(0, 2) : null)}/`);
}

async function endPresentSession(ports: Ports, req: Request): Promise<Session | null> {
  const token = readCookie(req, SESSION_COOKIE);
  return token === null ? null : endSession(ports, token);
}

async function startLink(ports: Ports, req: Request, res: Response): Promise<void> {
  const participant = await ports.store.read((r) => r.participants.get(asId("participant", req.params["participantId"])));
  const language = languageOf(req, req.query["lang"] ?? /^\/(fr|en)\//.exec(localPath(req.query["next"]) ?? "")?.[1]);
  const session = sessionOf(res);
  const next = localPath(req.query["next"]) ?? `/${language}/accounts`;
  if (!session) return res.redirect(303, `/${language}/sign-in?next=${encodeURIComponent(accountPage(language, participant.id, next))}`);
  const scope = tellsInventory(participant) ? `openid ${INVENTORY_SCOPE}` : "openid";
  await beginAttempt(ports, registrationAt(ports, participant), req, res, {
    redirectPath: LINK_CALLBACK,
    next,
    language,
    participantId: participant.id,
    personId: session.personId,
    again: false,
    scope,
    parameters: acrValuesAt(participant),
  });
}

/** As sure as its most sensitive data set asks for; nothing where none asks for more than the least. */
function acrValuesAt({ datasets }: Participant): Record<string, string> {
  const wanted = highestOf(datasets.map(({ assurance = "low" }) => assurance));
  return wanted === "low" ? {} : { acr_values: acrValuesFrom(wanted) };
}

/** At participants Relais is the client of its own name: they know it from the federation. */
function registrationAt({ issuer }: Ports, participant: Participant): Registration {
  if (participant.endpoints.issuer === undefined)
    throw new RelaisError("unsupported", `${participant.name} has no sign-in where an account could be proved.`, { actor: "person" });
  return { issuer: participant.endpoints.issuer, clientId: issuer };
}

async function finishLink(ports: Ports, req: Request, res: Response): Promise<void> {
  const begun = await takeAttempt(ports, req, LINK_CALLBACK);
  const session = sessionOf(res);
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
  const answer = await readAnswer(ports, registration, begun, { req, demandsIss: true });
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
    assurance: assuranceOf(answer.acr),
  });
  res.redirect(303, begun.next);
}

function accountPage(language: Language, participantId: ParticipantId, next: string): string {
  return `/${language}/accounts/${participantId}?next=${encodeURIComponent(next)}`;
}
