import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from "@simplewebauthn/server";
import { randomBytes } from "node:crypto";
import { isIP } from "node:net";
import { Router, urlencoded, type Request, type Response } from "express";
import { z } from "zod";
import { RelaisError } from "../core/errors.ts";
import type { PersonId } from "../core/ids.ts";
import { browserFamily } from "../core/person/browser-family.ts";
import { localPath } from "../core/person/local-path.ts";
import type { Passkey } from "../core/person/passkey.ts";
import type { Session } from "../core/person/person.ts";
import type { Started } from "../core/person/sessions.ts";
import { addPasskey, openAccount, signInByCode, signInByPasskey, userHandleOf, type NewPasskey } from "../core/person/ways-in.ts";
import type { Clock, OauthRecords, Store } from "../core/ports.ts";
import { giveChallenge, PURPOSES, takeChallenge, type Challenge } from "./challenges.ts";
import { languageOf } from "./language.ts";
import { ownPagesOnly } from "./own-pages.ts";

export interface PasskeyPorts {
  issuer: string;
  store: Store;
  clock: Clock;
  records: OauthRecords;
  /** Ends what session this browser had, and gives it this one. */
  enter(req: Request, res: Response, started: Started): Promise<void>;
}

type Handler = (ports: PasskeyPorts, req: Request, res: Response) => Promise<void>;

/** The name for which passkeys are made: Relais' own host. Null where it is a number, for which browsers make none (WebAuthn §5.1.2). */
export function relyingPartyId(issuer: string): string | null {
  const { hostname } = new URL(issuer);
  return isIP(hostname.replace(/^\[|\]$/g, "")) === 0 ? hostname : null;
}

/** Passkeys (W3C Web Authentication, level 3) and recovery codes: what a stand-alone installation needs no provider for. */
export function passkeyRoutes(ports: PasskeyPorts): Router {
  const router = Router();
  const guards = [ownPagesOnly(ports.issuer), urlencoded({ extended: false, limit: "64kb" })];
  const on = (path: string, handler: Handler) => router.post(path, ...guards, (req, res) => handler(ports, req, res));
  on("/sign-in/recovery", recover);
  if (relyingPartyId(ports.issuer) === null) return router;
  on("/passkeys/options", giveOptions);
  on("/passkeys/sign-in", signIn);
  on("/passkeys/create", create);
  on("/passkeys/add", add);
  return router;
}

function rpIdOf({ issuer }: PasskeyPorts): string {
  return relyingPartyId(issuer) ?? "";
}

/** EdDSA, ES256, RS256 (IANA COSE Algorithms): what authenticators of today sign with. */
const ALGORITHMS = [-8, -7, -257];

const wish = z.object({ purpose: z.enum(PURPOSES), name: z.string().max(60).default("") });

async function giveOptions(ports: PasskeyPorts, req: Request, res: Response): Promise<void> {
  const { purpose, name } = read(wish, req.body);
  res.set("Cache-Control", "no-store");
  const given: Omit<Challenge, "browser"> = { purpose, personId: null, userHandle: null };
  if (purpose === "sign-in") {
    const options = await generateAuthenticationOptions({ rpID: rpIdOf(ports), userVerification: "required" });
    await giveChallenge(ports, { req, res }, options.challenge, given);
    return void res.json(options);
  }
  const personId = purpose === "add" ? sessionOf(res).personId : null;
  const userHandle = personId === null ? randomBytes(32).toString("base64url") : await userHandleOf(ports, personId);
  const options = await creationOptions(ports, { personId, userHandle, name });
  await giveChallenge(ports, { req, res }, options.challenge, { ...given, personId, userHandle });
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

const text = z.string().min(1).max(20_000);
const base64url = text.regex(/^[A-Za-z0-9_-]+$/);
const credential = <R extends z.ZodRawShape>(response: R) =>
  z.object({
    id: base64url.max(1500),
    rawId: base64url.max(1500),
    type: z.literal("public-key"),
    response: z.object({ clientDataJSON: base64url, ...response }),
    clientExtensionResults: z.object({ credProps: z.object({ rk: z.boolean().optional() }).optional() }),
  });
const attestation = credential({ attestationObject: base64url, transports: z.array(z.string().max(30)).max(10).default([]) });
const assertion = credential({ authenticatorData: base64url, signature: base64url, userHandle: base64url });
const clientData = z.object({ challenge: base64url });

const form = z.object({ response: text, next: z.string().optional(), name: z.string().max(60).default(""), lang: z.string().optional() });

interface Answered<T> {
  form: z.output<typeof form>;
  credential: T;
  challenge: string;
}

function answeredWith<S extends z.ZodType<{ response: { clientDataJSON: string } }>>(schema: S, req: Request): Answered<z.output<S>> {
  const given = read(form, req.body);
  const answer = read(schema, fromJson(given.response));
  const { challenge } = read(clientData, fromJson(Buffer.from(answer.response.clientDataJSON, "base64url").toString("utf8")));
  return { form: given, credential: answer, challenge };
}

async function signIn(ports: PasskeyPorts, req: Request, res: Response): Promise<void> {
  const answer = answeredWith(assertion, req);
  await takeChallenge(ports, req, answer.challenge, "sign-in");
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
  await ports.enter(
    req,
    res,
    await signInByPasskey(ports, { passkey, counter: newCounter, browser: browserFamily(req.get("user-agent")) }),
  );
  const language = languageOf(req, answer.form.lang);
  res.redirect(303, localPath(answer.form.next) ?? `/${language}/me`);
}

async function create(ports: PasskeyPorts, req: Request, res: Response): Promise<void> {
  const { passkey, form: given } = await newPasskey(ports, req, "create");
  const started = await openAccount(ports, {
    passkey: { ...passkey, name: labelOf(req) },
    displayName: given.name.trim(),
    browser: browserFamily(req.get("user-agent")),
  });
  await ports.enter(req, res, started);
  const next = localPath(given.next);
  res.redirect(303, `/${languageOf(req, given.lang)}/me/account/codes${next === null ? "" : `?next=${encodeURIComponent(next)}`}`);
}

async function add(ports: PasskeyPorts, req: Request, res: Response): Promise<void> {
  const { personId } = sessionOf(res);
  const { passkey, form: given, challenge } = await newPasskey(ports, req, "add");
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
): Promise<{ passkey: Omit<NewPasskey, "name">; form: z.output<typeof form>; challenge: Challenge }> {
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

function expected(ports: PasskeyPorts, challenge: string) {
  const { origin } = new URL(ports.issuer);
  return { expectedChallenge: challenge, expectedOrigin: origin, expectedRPID: rpIdOf(ports), requireUserVerification: true };
}

/** The library throws for whatever is wrong; what it was is for the log. */
async function verified<T>(check: () => Promise<T | null>): Promise<T> {
  const result = await check().catch((cause: unknown) => {
    throw notAccepted(cause);
  });
  return result ?? notAcceptedNow();
}

function notAcceptedNow(): never {
  throw notAccepted();
}

function notAccepted(cause?: unknown): RelaisError {
  return new RelaisError("unauthenticated", "This passkey was not accepted. Begin again, or sign in another way.", {
    cause,
    actor: "person",
  });
}

async function recover(ports: PasskeyPorts, req: Request, res: Response): Promise<void> {
  const { code, lang } = read(z.object({ code: z.string().max(100), lang: z.string().optional() }), req.body);
  const language = languageOf(req, lang);
  const started = await signInByCode(ports, { code, browser: browserFamily(req.get("user-agent")) }).catch((error: unknown) => {
    if (error instanceof RelaisError && error.code === "unauthenticated") return null;
    throw error;
  });
  if (started === null) return res.redirect(303, `/${language}/sign-in/recovery?refused=yes`);
  await ports.enter(req, res, started);
  res.redirect(303, `/${language}/me/account?news=recovered`);
}

function sessionOf(res: Response): Session {
  const session = res.locals["session"] as Session | null | undefined;
  if (!session) throw new RelaisError("unauthenticated", "Sign in first.", { actor: "person" });
  return session;
}

function read<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new RelaisError("invalid", "The form is not as this page sends it. Reload the page, and begin again.", {
    actor: "person",
    cause: parsed.error,
  });
}

function fromJson(given: string): unknown {
  try {
    return JSON.parse(given);
  } catch {
    return null;
  }
}
