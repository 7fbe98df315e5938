import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { grantConsent } from "../../src/core/consent/decide-consent.ts";
import { withdrawConsent } from "../../src/core/consent/withdraw-consent.ts";
import type { Consent } from "../../src/core/consent/consent.ts";
import { asId } from "../../src/core/ids.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { charter, charters, suspend } from "../support/charter.ts";
import { inDays } from "../support/engine.ts";
import { browser, platformClient, type PlatformClient } from "../support/platform-client.ts";
import { realClock } from "../support/real-clock.ts";
import { accreditedParticipant, dataset, linkAccount, testKey } from "../support/register-fixtures.ts";
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

interface Held {
  client: PlatformClient;
  value: string;
  consent: Consent;
}

let whole: WholeApp;
let holder: Participant;
const held = {} as Record<Token, Held>;
const transfers: Partial<Record<Token, string>> = {};

const CALLBACK = "https://platform.example/callback";

async function platform(name: string): Promise<{ participant: Participant; client: PlatformClient }> {
  const key = await testKey();
  const entityId = `https://${name}.example`;
  const given = { entityId, roles: ["platform" as const], keys: [key.publicJwk], client: { redirectUris: [CALLBACK] } };
  return {
    participant: await accreditedParticipant(whole.store, given),
    client: await platformClient(whole.origin, entityId, key, CALLBACK),
  };
}

/** The whole way: pushed request, the person's answer, the code, the token. */
async function tokenOf({ participant, client }: Awaited<ReturnType<typeof platform>>, subject: string): Promise<Held> {
  const { personId, cookie } = await whole.signIn(subject);
  await linkAccount(whole.store, personId, holder.id, `customer-${subject}`);
  await linkAccount(whole.store, personId, participant.id, `space-${subject}`);
  const visit = browser({ origin: whole.origin, cookie });
  const { body, verifier } = await client.push([
    {
      type: "self_data_transfer",
      actions: ["copy"],
      locations: [holder.entityId],
      datasets: ["bills"],
      purpose: "https://w3id.org/dpv#PersonalisedBenefits",
      destination: participant.entityId,
      expires: inDays(300),
    },
  ]);
  const query = new URLSearchParams({ client_id: client.id, request_uri: String(body.request_uri) });
  const began = await visit.get(`${whole.origin}/auth?${query}`);
  const decide = await visit.get(String(began.location));
  const [, id, next] = /\/permissions\/(cst_\w+)\/decide\?next=(.*)$/.exec(decide.location ?? "") ?? [];
  const consent = await whole.store.read((r) => r.consents.get(asId("consent", id)));
  const answer = { consentId: consent.id, personId, noticeHash: consent.noticeHash, datasets: ["bills"], language: "fr" as const };
  await grantConsent({ store: whole.store, clock: realClock }, answer);
  const finished = await visit.get(`${whole.origin}${decodeURIComponent(next ?? "")}`);
  const resumed = await visit.get(String(finished.location));
  const code = new URL(String(resumed.location)).searchParams.get("code");
  const reply = await client.exchange(String(code), verifier);
  assert.equal(reply.status, 200, JSON.stringify(reply.body));
  return { client, value: String(reply.body.access_token), consent };
}

before(async () => {
  whole = await startWholeApp(charters(charter("2026-11", [])));
  holder = await accreditedParticipant(whole.store, {
    entityId: "https://holder.example",
    roles: ["holder"],
    datasets: [dataset("bills")],
    about: { country: "FR", privacyContact: "dpo@holder.example", synthetic: true },
  });
  const [one, other, third] = [await platform("platform"), await platform("other"), await platform("third")];
  held.own = await tokenOf(one, "own");
  held.otherConsent = await tokenOf(one, "own");
  held.otherPlatform = await tokenOf(other, "elsewhere");
  held.withdrawn = await tokenOf(one, "withdrawn");
  held.suspended = await tokenOf(third, "suspended");
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
