import type { Request, Response } from "express";
import { z } from "zod";
import { RelaisError } from "../core/errors.ts";
import type { OauthRecords } from "../core/ports.ts";
import { browserOf, nameBrowser } from "./cookies.ts";

const MODEL = "PasskeyChallenge";
const CHALLENGE_SECONDS = 300;

export const PURPOSES = ["sign-in", "again", "create", "add"] as const;

const challenge = z.object({
  /** Digest of the cookie of the browser that asked. */
  browser: z.string(),
  purpose: z.enum(PURPOSES),
  /** Who adds a passkey, or signs in anew; null for everybody else. */
  personId: z.string().nullable(),
  /** Of the passkey to be made. */
  userHandle: z.string().nullable(),
});
export type Challenge = z.infer<typeof challenge>;

interface Ports {
  issuer: string;
  records: OauthRecords;
}

/** Remembers a challenge for this browser and one answer. */
export async function giveChallenge(
  { issuer, records }: Ports,
  { req, res }: { req: Request; res: Response },
  value: string,
  given: Omit<Challenge, "browser">,
): Promise<void> {
  const payload: Challenge = { ...given, browser: nameBrowser(req, res, issuer) };
  await records.put({ model: MODEL, id: value, payload: { ...payload }, expiresAt: new Date(Date.now() + CHALLENGE_SECONDS * 1000) });
}

/**
 * What the answer was asked for, for exactly one of any number of parallel answers, in all processes. It is used up also where the answer is wrong.
 * @throws RelaisError `unauthenticated` for another browser, another purpose, an old or a used challenge.
 */
export async function takeChallenge({ records }: Ports, req: Request, value: string, purpose: Challenge["purpose"]): Promise<Challenge> {
  const parsed = challenge.safeParse((await records.find(MODEL, value))?.payload);
  const fits = parsed.success && parsed.data.purpose === purpose && parsed.data.browser === browserOf(req);
  if (fits && (await records.consume(MODEL, value))) return parsed.data;
  throw new RelaisError("unauthenticated", "This took too long, or was begun in another browser. Begin again.", { actor: "person" });
}
