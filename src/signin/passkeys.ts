import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from "@simplewebauthn/server";
import { randomBytes } from "node:crypto";
import { Router, urlencoded, type Request, type Response } from "express";
import { z } from "zod";
import { RelaisError } from "../core/errors.ts";
import type { PersonId } from "../core/ids.ts";
import { browserFamily } from "../core/person/browser-family.ts";
import { isFresh, somebodyElse } from "../core/person/fresh-sign-in.ts";
import { localPath } from "../core/person/local-path.ts";
import type { Passkey } from "../core/person/passkey.ts";
import type { Session } from "../core/person/person.ts";
import type { Started } from "../core/person/sessions.ts";
import { addPasskey, openAccount, signInByCode, signInByPasskey, userHandleOf, type NewPasskey } from "../core/person/ways-in.ts";
import type { Clock, OauthRecords, Store } from "../core/ports.ts";
import { giveChallenge, PURPOSES, takeChallenge, type Challenge } from "./challenges.ts";
import { languageOf } from "./language.ts";
import { ownPagesOnly } from "./own-pages.ts";
import { answeredWith, assertion, attestation, expected, notAccepted, read, verified, type AnswerForm } from "./passkey-answers.ts";
import { relyingPartyId, rpIdOf } from "./relying-party.ts";
import { againPage, sessionOf } from "./signed-in.ts";

export interface PasskeyPorts {
  issuer: string;
  store: Store;
  clock: Clock;
  records: OauthRecords;
  newcomers: Newcomers;
  /** Ends what session this browser had, and gives it this one. */
  enter(req: Request, res: Response, started: Started): Promise<void>;
}

/** How many may open an account, and from where somebody comes. */
export interface Newcomers {
  mostPerHour: number;
  /** A digest of the network of an address, from which the address cannot be told; null where it says nothing about who is behind it. */
  networkMark(address: string): string | null;
}

type Handler = (ports: PasskeyPorts, req: Request, res: Response) => Promise<void>;

/** Passkeys (W3C Web Authentication, level 3) and recovery codes: what a stand-alone installation needs no provider for. */
export function passkeyRoutes(ports: PasskeyPorts): Router {
  const router = Router();
  const guards = [ownPagesOnly(ports.issuer), urlencoded({ extended: false, limit: "64kb" })];
  const on = (path: string, handler: Handler) => router.post(path, ...guards, (req, res) => handler(ports, req, res));
  on("/sign-in/recovery", recover);
  if (relyingPartyId(ports.issuer) === null) return router;
  on("/passkeys/options", giveOptions);
  on("/passkeys/sign-in", signIn);
  on("/passkeys/again", signInAgain);
  on("/passkeys/create", create);
  on("/passkeys/add", add);
  return router;
}

/** EdDSA, ES256, RS256 (IANA COSE Algorithms): what authenticators of today sign with. */
const ALGORITHMS = [-8, -7, -257];

const wish = z.object({ purpose: z.enum(PURPOSES), name: z.string().max(60).default(""), lang: z.string().optional() });

async function giveOptions(ports: PasskeyPorts, req: Request, res: Response): Promise<void> {
  const { purpose, name, lang } = read(wish, req.body);
  res.set("Cache-Control", "no-store");
  if (purpose === "sign-in" || purpose === "again") {
    const personId = purpose === "again" ? mustBeIn(res).personId : null;
    const options = await generateAuthenticationOptions({ rpID: rpIdOf(ports), userVerification: "required" });
    await giveChallenge(ports, { req, res }, options.challenge, { purpose, personId, userHandle: null });
    return void res.json(options);
  }
  if (purpose === "add" && !isFresh(mustBeIn(res), ports.clock.now()))
    return void res.status(403).json({ again: againPage(languageOf(req, lang)) });
  const personId = purpose === "add" ? mustBeIn(res).personId : null;
  const userHandle = personId === null ? randomBytes(32).toString("base64url") : await userHandleOf(ports, personId);
  const options = await creationOptions(ports, { personId, userHandle, name });
  await giveChallenge(ports, { req, res }, options.challenge, { purpose, personId, userHandle });
  res.json(options);
}

async function creationOptions(
  ports: PasskeyPorts,
  { personId, userHandle, name }: { personId: PersonId | null; userHandle: string; name: string },
): ReturnType<typeof generateRegistrationOptions> {
  const known = personId === null ? [] : await ports.store.read((r) => r.account.passkeys(personId));
  const shownName = name.trim() || "Relais";
  return generateRegistrationOptions({
    rpName: "Relais",
    rpID: rpIdOf(ports),
    userName: shownName,
    userDisplayName: shownName,
    userID: new Uint8Array(Buffer.from(userHandle, "base64url")),
    attestationType: "none",
    authenticatorSelection: { residentKey: "required", userVerification: "required" },
    supportedAlgorithmIDs: ALGORITHMS,
    excludeCredentials: known.map(({ credentialId, transports }) => ({ id: credentialId, transports })),
  });
}

async function signIn(ports: PasskeyPorts, req: Request, res: Response): Promise<void> {
  const answer = await readSignIn(ports, req, "sign-in");
  await enterBy(ports, req, res, answer);
}

/** In the middle of a session: only who has it signs in anew. */
async function signInAgain(ports: PasskeyPorts, req: Request, res: Response): Promise<void> {
  const { personId } = mustBeIn(res);
  const answer = await readSignIn(ports, req, "again");
  if (answer.challenge.personId !== personId || answer.passkey.personId !== personId) throw somebodyElse();
  await enterBy(ports, req, res, answer);
}

interface ShownPasskey {
  passkey: Passkey;
  counter: number;
  form: AnswerForm;
  challenge: Challenge;
}

async function readSignIn(ports: PasskeyPorts, req: Request, purpose: "sign-in" | "again"): Promise<ShownPasskey> {
  const answer = answeredWith(assertion, req);
  const challenge = await takeChallenge(ports, req, answer.challenge, purpose);
  const passkey = await ports.store.read((r) => r.account.findPasskey(answer.credential.id));
  if (passkey === null || passkey.userHandle !== answer.credential.response.userHandle) throw notAccepted();
  const { newCounter } = await verified(async () => {
    const result = await verifyAuthenticationResponse({
      ...expected(ports, answer.challenge),
      response: { ...answer.credential, clientExtensionResults: {} },
      // Our own comparison follows, in one statement with the change of the counter.
      credential: { id: passkey.credentialId, publicKey: new Uint8Array(Buffer.from(passkey.publicKey, "base64url")), counter: 0 },
    });
    return result.verified ? result.authenticationInfo : null;
  });
  return { passkey, counter: newCounter, form: answer.form, challenge };
}

async function enterBy(ports: PasskeyPorts, req: Request, res: Response, { passkey, counter, form }: ShownPasskey): Promise<void> {
  await ports.enter(req, res, await signInByPasskey(ports, { passkey, counter, browser: browserFamily(req.get("user-agent")) }));
  res.redirect(303, localPath(form.next) ?? `/${languageOf(req, form.lang)}/me`);
}

async function create(ports: PasskeyPorts, req: Request, res: Response): Promise<void> {
  const { passkey, form: given } = await newPasskey(ports, req, "create");
  const { mostPerHour, networkMark } = ports.newcomers;
  const started = await openAccount(ports, {
    passkey: { ...passkey, name: labelOf(req) },
    displayName: given.name.trim(),
    newcomer: { network: networkMark(req.ip ?? ""), mostPerHour },
    browser: browserFamily(req.get("user-agent")),
  });
  await ports.enter(req, res, started);
  const next = localPath(given.next);
  res.redirect(303, `/${languageOf(req, given.lang)}/me/account/codes${next === null ? "" : `?next=${encodeURIComponent(next)}`}`);
}

async function add(ports: PasskeyPorts, req: Request, res: Response): Promise<void> {
  const session = mustBeIn(res);
  const { personId } = session;
  const { passkey, form: given, challenge } = await newPasskey(ports, req, "add");
  if (!isFresh(session, ports.clock.now())) return res.redirect(303, againPage(languageOf(req, given.lang)));
  if (challenge.personId !== personId) throw notAccepted();
  await addPasskey(ports, personId, { ...passkey, name: given.name.trim() || labelOf(req) });
  res.redirect(303, `/${languageOf(req, given.lang)}/me/account?news=passkeyAdded`);
}

/** What a new passkey is called until the person calls it otherwise. */
function labelOf(req: Request): string {
  const family = browserFamily(req.get("user-agent"));
  return `${family[0]?.toUpperCase()}${family.slice(1)}, ${new Date().toISOString().slice(0, 10)}`;
}

async function newPasskey(
  ports: PasskeyPorts,
  req: Request,
  purpose: "create" | "add",
): Promise<{ passkey: Omit<NewPasskey, "name">; form: AnswerForm; challenge: Challenge }> {
  const answer = answeredWith(attestation, req);
  const challenge = await takeChallenge(ports, req, answer.challenge, purpose);
  if (answer.credential.clientExtensionResults.credProps?.rk === false)
    throw new RelaisError("unsupported", "This device cannot keep a passkey by itself. Choose another one.", { actor: "person" });
  const info = await verified(async () => {
    const result = await verifyRegistrationResponse({
      ...expected(ports, answer.challenge),
      supportedAlgorithmIDs: ALGORITHMS,
      response: { ...answer.credential, clientExtensionResults: {}, response: { ...answer.credential.response, transports: [] } },
    });
    return result.verified && result.registrationInfo.credential.id === answer.credential.id ? result.registrationInfo : null;
  });
  const passkey = {
    credentialId: info.credential.id,
    userHandle: challenge.userHandle ?? "",
    publicKey: Buffer.from(info.credential.publicKey).toString("base64url"),
    counter: info.credential.counter,
    transports: answer.credential.response.transports,
    backedUp: info.credentialBackedUp,
  } satisfies Partial<Passkey>;
  return { passkey, form: answer.form, challenge };
}

const recovery = z.object({ code: z.string().max(100), lang: z.string().optional(), next: z.string().optional() });

/** Who is signed in already opens the same account anew, and no other. */
async function recover(ports: PasskeyPorts, req: Request, res: Response): Promise<void> {
  const { code, lang, next } = read(recovery, req.body);
  const language = languageOf(req, lang);
  const place = localPath(next);
  const only = sessionOf(res)?.personId;
  const started = await signInByCode(ports, { code, only, browser: browserFamily(req.get("user-agent")) }).catch((error: unknown) => {
    if (error instanceof RelaisError && error.code === "unauthenticated") return null;
    throw error;
  });
  const onward = place === null ? "" : `&next=${encodeURIComponent(place)}`;
  if (started === null) return res.redirect(303, `/${language}/sign-in/recovery?refused=yes${onward}`);
  await ports.enter(req, res, started);
  res.redirect(303, place ?? `/${language}/me/account?news=recovered`);
}

function mustBeIn(res: Response): Session {
  const session = sessionOf(res);
  if (!session) throw new RelaisError("unauthenticated", "Sign in first.", { actor: "person" });
  return session;
}
