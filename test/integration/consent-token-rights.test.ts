import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { withdrawConsent } from "../../src/core/consent/withdraw-consent.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { charter, charters, suspend } from "../support/charter.ts";
import { realClock } from "../support/real-clock.ts";
import { platform, tokenOf, type Held } from "../support/held-token.ts";
import { accreditedParticipant, dataset } from "../support/register-fixtures.ts";
import { startWholeApp, type WholeApp } from "../support/whole-app.ts";

/**
 * What a token of one permission opens, as a table over HTTP: that permission, while its platform may, and nothing else. Each token comes from
 * the whole way of the protocol, and each request carries a proof of its key.
 */
// oxfmt-ignore
const TOKENS = [
  /** Of the permission that is asked about. */
  "own",
  /** Of another permission of the same person, for the same platform. */
  "otherConsent",
  /** Of another person's permission, for another platform. */
  "otherPlatform",
  /** Of its own permission, which the person ended. */
  "withdrawn",
  /** Of its own permission, of a platform that is suspended. */
  "suspended",
] as const;
type Token = (typeof TOKENS)[number];

type Path = (of: Token) => string;
type Of = (of: Token) => Token;
/** Whose permission the request names. */
const asked: Of = () => "own";
const itself: Of = (of) => of;

// In this order: a delivery is asked for once.
// oxfmt-ignore
const MATRIX: [name: string, method: "GET" | "POST", path: Path, consent: Of, answers: Record<Token, number>][] = [
  ["a delivery under somebody's permission", "POST", () => "/v1/transfers", asked, { own: 202, otherConsent: 403, otherPlatform: 403, withdrawn: 403, suspended: 403 }],
  ["a delivery under its own",               "POST", () => "/v1/transfers", itself, { own: 409, otherConsent: 202, otherPlatform: 202, withdrawn: 403, suspended: 403 }],
  ["a transfer under somebody's permission", "GET", () => `/v1/transfers/${transfers.own}`, asked, { own: 200, otherConsent: 404, otherPlatform: 404, withdrawn: 403, suspended: 403 }],
  ["its own transfer",                       "GET", (of) => `/v1/transfers/${transfers[of] ?? transfers.own}`, itself, { own: 200, otherConsent: 200, otherPlatform: 200, withdrawn: 403, suspended: 403 }],
  ["the register in its own name",           "GET", () => "/v1/me", itself, { own: 401, otherConsent: 401, otherPlatform: 401, withdrawn: 401, suspended: 401 }],
  ["applications",                           "GET", () => "/v1/applications", itself, { own: 401, otherConsent: 401, otherPlatform: 401, withdrawn: 401, suspended: 401 }],
  ["events",                                 "POST", () => "/v1/events/poll", itself, { own: 401, otherConsent: 401, otherPlatform: 401, withdrawn: 401, suspended: 401 }],
];

let whole: WholeApp;
let holder: Participant;
const held = {} as Record<Token, Held>;
const transfers: Partial<Record<Token, string>> = {};

before(async () => {
  whole = await startWholeApp(charters(charter("2026-11", [])));
  holder = await accreditedParticipant(whole.store, {
    entityId: "https://holder.example",
    roles: ["holder"],
    datasets: [dataset("bills")],
    about: { country: "FR", privacyContact: "dpo@holder.example", synthetic: true },
  });
  const [one, other, third] = [await platform(whole, "platform"), await platform(whole, "other"), await platform(whole, "third")];
  held.own = await tokenOf(whole, holder, { ...one, subject: "own" });
  held.otherConsent = await tokenOf(whole, holder, { ...one, subject: "own" });
  held.otherPlatform = await tokenOf(whole, holder, { ...other, subject: "elsewhere" });
  held.withdrawn = await tokenOf(whole, holder, { ...one, subject: "withdrawn" });
  held.suspended = await tokenOf(whole, holder, { ...third, subject: "suspended" });
  const { id: consentId, personId } = held.withdrawn.consent;
  await withdrawConsent({ store: whole.store, clock: realClock }, { consentId, personId });
  await suspend(whole.store, third.participant.id);
});
after(() => whole?.[Symbol.asyncDispose]());

async function statusOf(of: Token, [, method, path, consentOf]: (typeof MATRIX)[number]): Promise<number> {
  const { client, value } = held[of];
  const url = `${whole.origin}${path(of)}`;
  const body = path(of) === "/v1/transfers" ? { consent: held[consentOf(of)].consent.id } : {};
  const response = await fetch(url, {
    method,
    headers: {
      authorization: `DPoP ${value}`,
      dpop: await client.proofs.proof({ method, url, accessToken: value }),
      ...(method === "POST" ? { "content-type": "application/json", "idempotency-key": `"${crypto.randomUUID()}"` } : {}),
    },
    ...(method === "POST" ? { body: JSON.stringify(body) } : {}),
  });
  if (response.status === 202) transfers[of] = ((await response.json()) as { id: string }).id;
  return response.status;
}

for (const row of MATRIX)
  test(row[0], async () => {
    const found = {} as Record<Token, number>;
    for (const of of TOKENS) found[of] = await statusOf(of, row);
    assert.deepEqual(found, row[4]);
  });
