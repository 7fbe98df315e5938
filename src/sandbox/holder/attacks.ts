import { Router, urlencoded, type Request, type RequestHandler, type Response } from "express";
import { lurePage } from "./lures.ts";

/** What a holder can do to those who come to sign in, and to Relais through them (RFC 9700 §4.4, §4.7, §4.11, §4.16). */
export const ATTACKS = ["mixes-up", "names-another", "keeps-codes", "lures", "turns-programs-away"] as const;
export type Attack = (typeof ATTACKS)[number];

export interface Attacked {
  /** Of the hostile holder. */
  own: string;
  relais: string;
  /** Another holder, which people also have an account at; null where no attack needs one. */
  victim: string | null;
}

/** What came to a hostile holder that was not meant for it: codes and proofs, by the address that they came to. */
export type Catch = { at: string; what: Record<string, string> }[];

const TOKEN = "/token";
const CAUGHT = "/caught";

type Trap = (attacked: Attacked, caught: Catch) => Router;

/** What each attack puts in front of a good provider. */
const TRAPS: Record<Attack, Trap> = {
  "mixes-up": ({ victim }) => Router().get("/auth", (request, response) => sendOn(needed(victim), request, response)),
  "names-another": ({ relais, victim }) => Router().use(inTheNameOf(needed(victim), relais)),
  "keeps-codes": (_attacked, caught) => catchAt(TOKEN, caught, (response) => response.status(400).json({ error: "invalid_grant" })),
  lures: (attacked) => Router().get("/auth", (_request, response) => lurePage(attacked, response)),
  "turns-programs-away": ({ own }) =>
    Router().all([TOKEN, "/me", "/export{/*rest}"], (_request, response) => response.redirect(307, `${otherName(own)}${CAUGHT}`)),
};

/** The wanted attacks, and what they caught: `GET /caught` tells it to whoever tries them. */
export function attackRoutes(attacks: readonly string[], attacked: Attacked): { routes: Router; caught: Catch } {
  const caught: Catch = [];
  const wanted = ATTACKS.filter((one) => attacks.includes(one));
  const routes = Router();
  for (const attack of wanted) routes.use(TRAPS[attack](attacked, caught));
  if (wanted.length > 0) {
    routes.get(CAUGHT, (_request, response) => void response.set("cache-control", "no-store").json(caught));
    routes.use(catchAt(CAUGHT, caught, (response) => response.status(200).json({})));
  }
  return { routes, caught };
}

function needed(victim: string | null): string {
  if (victim === null) throw new Error("this attack is on another holder: name it");
  return victim;
}

/** The browser goes on with Relais' own state, nonce and challenge: what the other one answers belongs to the attempt that began here. */
async function sendOn(victim: string, request: Request, response: Response): Promise<void> {
  const described = await fetch(`${victim}/.well-known/openid-configuration`);
  const { authorization_endpoint: place } = (await described.json()) as { authorization_endpoint: string };
  response.redirect(303, `${place}?${new URL(request.originalUrl, victim).searchParams}`);
}

/** A good answer with another one's name in it (RFC 9207). */
function inTheNameOf(victim: string, relais: string): RequestHandler {
  return (_request, response, next) => {
    const set = response.setHeader.bind(response);
    response.setHeader = (name, value) => set(name, name.toLowerCase() === "location" ? renamed(String(value), victim, relais) : value);
    next();
  };
}

function renamed(location: string, victim: string, relais: string): string {
  if (!location.startsWith(`${relais}/`)) return location;
  const answer = new URL(location);
  answer.searchParams.set("iss", victim);
  return answer.href;
}

function catchAt(path: string, caught: Catch, answer: (response: Response) => unknown): Router {
  return Router().post(path, urlencoded({ extended: false, limit: "64kb" }), (request, response) => {
    caught.push({ at: path, what: { ...(request.body as Record<string, string>) } });
    answer(response);
  });
}

/** The same program under the other name of this machine: another origin. */
function otherName(own: string): string {
  const address = new URL(own);
  address.hostname = address.hostname === "localhost" ? "127.0.0.1" : "localhost";
  return address.origin;
}
