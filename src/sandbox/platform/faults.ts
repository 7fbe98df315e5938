import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Readable } from "node:stream";
import { randomUUID } from "node:crypto";
import { decodeJwt } from "jose";
import { RelaisError } from "../../core/errors.ts";
import { type Manifest, RECEIPT_TYPE, sha256 } from "../../core/transfer/manifest.ts";
import type { OwnKey } from "../peer/own-keys.ts";
import type { Intake } from "./intake.ts";
import type { SignatureGuard } from "./signatures.ts";

/** What an inbox can do wrong on purpose: each makes known checks fail, so that those who write checks see them fail. */
export const INBOX_FAULTS = [
  "trusts-everybody",
  "accepts-replay",
  "stores-other-bytes",
  "lies-in-receipt",
  "refuses-to-resume",
  "loses-idempotency",
  "ignores-stop",
  "hangs-on-inbox",
  "is-slow",
] as const;
export type InboxFault = (typeof INBOX_FAULTS)[number];

interface Inbox {
  intake: Intake;
  guard: SignatureGuard;
}

/** Whether a nonce counts once. */
export function nonceRule(faults: readonly string[], useNonce: (nonce: string, until: Date) => boolean): typeof useNonce {
  return faults.includes("accepts-replay") ? () => true : useNonce;
}

/** What each fault puts in front of a good inbox. */
// oxfmt-ignore
const CHANGES: Partial<Record<InboxFault, (inbox: Inbox, key: OwnKey) => { intake?: Partial<Intake>; guard?: SignatureGuard }>> = {
  "trusts-everybody":   () =>                ({ guard: async () => undefined }),
  "hangs-on-inbox":     () =>                ({ guard: untilLeft }),
  "stores-other-bytes": ({ intake }) =>      ({ intake: { put: (sent, body) => putOther(intake, sent, body) } }),
  "lies-in-receipt":    ({ intake }, key) => ({ intake: { complete: (transfer, jws) => lie(intake, key, transfer, jws) } }),
  "refuses-to-resume":  ({ intake }) =>      ({ intake: { announce: (announced) => intake.announce(announced) || refuse() } }),
  "loses-idempotency":  ({ intake }, key) => ({ intake: { complete: (transfer, jws) => signAgain(intake, key, transfer, jws) } }),
  "ignores-stop":       () =>                ({ intake: { stop: () => undefined } }),
  "is-slow":            ({ intake }) =>      ({ intake: { put: (sent, body) => putSlowly(intake, sent, body) } }),
};

/** The good inbox, with its faults in front. */
export function withInboxFaults(faults: readonly string[], inbox: Inbox, key: OwnKey): Inbox {
  const wanted = INBOX_FAULTS.filter((fault) => faults.includes(fault));
  return wanted.reduce((present, fault) => {
    const { intake = {}, guard = present.guard } = CHANGES[fault]?.(present, key) ?? {};
    return { guard, intake: { ...present.intake, ...intake } };
  }, inbox);
}

/** Never answers; ends when the caller has gone. */
async function untilLeft(request: Parameters<SignatureGuard>[0]): Promise<void> {
  await once(request.socket, "close");
}

const OTHER = Buffer.from("something else");

async function putOther(intake: Intake, sent: Parameters<Intake["put"]>[0], body: Readable): Promise<boolean> {
  body.resume();
  return intake.put({ ...sent, bytes: OTHER.length, sha256: sha256(OTHER) }, Readable.from([OTHER]));
}

/** Says of every item that it is there, as the manifest lists it. */
async function lie(intake: Intake, key: OwnKey, transfer: string, jws: string): Promise<string> {
  const truth = decodeJwt(await intake.complete(transfer, jws));
  const { items } = decodeJwt(jws) as unknown as Manifest;
  return key.sign(RECEIPT_TYPE, {
    ...truth,
    items: items.map(({ dataset, key: name, bytes, "sha-256": digest }) => ({ dataset, key: name, bytes, "sha-256": digest })),
  });
}

/** True, and another document each time. */
async function signAgain(intake: Intake, key: OwnKey, transfer: string, jws: string): Promise<string> {
  return key.sign(RECEIPT_TYPE, { ...decodeJwt(await intake.complete(transfer, jws)), jti: randomUUID() });
}

function refuse(): never {
  throw new RelaisError("invalid", "This transfer was begun before. Begin all of it anew, under another name.");
}

const SLOW_MILLISECONDS = 200;

/** Stores at once, and takes its time to say so: what is cut off meanwhile is there. */
async function putSlowly(intake: Intake, sent: Parameters<Intake["put"]>[0], body: Readable): Promise<boolean> {
  const isNew = await intake.put(sent, body);
  await sleep(SLOW_MILLISECONDS);
  return isNew;
}
