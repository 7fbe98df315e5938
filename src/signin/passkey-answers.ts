import type { Request } from "express";
import { z } from "zod";
import { RelaisError } from "../core/errors.ts";
import { rpIdOf } from "./relying-party.ts";

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
/** What a browser sends of a passkey that was made. */
export const attestation = credential({ attestationObject: base64url, transports: z.array(z.string().max(30)).max(10).default([]) });
/** What a browser sends of a passkey that was used. */
export const assertion = credential({ authenticatorData: base64url, signature: base64url, userHandle: base64url });
const clientData = z.object({ challenge: base64url });

const form = z.object({ response: text, next: z.string().optional(), name: z.string().max(60).default(""), lang: z.string().optional() });

export type AnswerForm = z.output<typeof form>;

/** The form that a page sends, what the authenticator answered, and the challenge that it answered to. */
interface Answered<T> {
  form: AnswerForm;
  credential: T;
  challenge: string;
}

export function answeredWith<S extends z.ZodType<{ response: { clientDataJSON: string } }>>(
  schema: S,
  req: Request,
): Answered<z.output<S>> {
  const given = read(form, req.body);
  const answer = read(schema, fromJson(given.response));
  const { challenge } = read(clientData, fromJson(Buffer.from(answer.response.clientDataJSON, "base64url").toString("utf8")));
  return { form: given, credential: answer, challenge };
}

/** What an answer has to be made for: this site, and behind the lock of the device. */
export function expected({ issuer }: { issuer: string }, challenge: string) {
  const { origin } = new URL(issuer);
  return { expectedChallenge: challenge, expectedOrigin: origin, expectedRPID: rpIdOf({ issuer }), requireUserVerification: true };
}

/** The library throws for whatever is wrong; what it was is for the log. */
export async function verified<T>(check: () => Promise<T | null>): Promise<T> {
  const result = await check().catch((cause: unknown) => {
    throw notAccepted(cause);
  });
  return result ?? notAcceptedNow();
}

function notAcceptedNow(): never {
  throw notAccepted();
}

export function notAccepted(cause?: unknown): RelaisError {
  return new RelaisError("unauthenticated", "This passkey was not accepted. Begin again, or sign in another way.", {
    cause,
    actor: "person",
  });
}

export function read<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
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
