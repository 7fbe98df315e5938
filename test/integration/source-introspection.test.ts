import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { withdrawConsent } from "../../src/core/consent/withdraw-consent.ts";
import { createConsentTokens } from "../../src/keys/consent-tokens.ts";
import { startJourney, type Journey } from "../support/authorization-journey.ts";
import type { Form, PlatformClient, Reply } from "../support/platform-client.ts";
import { realClock } from "../support/real-clock.ts";
import { loopbackFetch } from "../support/web-fetch.ts";

/** The short way of a source's question says what the library says: a member that it does not know sends the same question the long way. */

let journey: Journey;
before(async () => void (journey = await startJourney()));
after(() => journey[Symbol.asyncDispose]());

const ACCEPT = "application/token-introspection+jwt";
const LONG_WAY = { ui_locales: "fr" };

function ask(who: PlatformClient, form: Form, at?: string): Promise<Reply> {
  return who.post("/token/introspection", form, { proof: null, accept: ACCEPT, ...(at === undefined ? {} : { at }) });
}

async function said(reply: Reply): Promise<Record<string, unknown>> {
  assert.equal(reply.status, 200, JSON.stringify(reply.body));
  const keys = createRemoteJWKSet(new URL(`${journey.setup.issuer}/.well-known/jwks.json`));
  const { payload, protectedHeader } = await jwtVerify(String(reply.body["text"]), keys, { typ: "token-introspection+jwt" });
  const { iat, ...rest } = payload;
  assert.ok(Math.abs(Number(iat) - Date.now() / 1000) < 10);
  return {
    ...rest,
    alg: protectedHeader.alg,
    kid: protectedHeader.kid,
    cache: reply.headers.get("cache-control"),
    type: reply.headers.get("content-type"),
  };
}

async function workerToken(subject: string): Promise<{ value: string; consent: Awaited<ReturnType<Journey["token"]>>["consent"] }> {
  const { setup, holder } = journey;
  const { consent } = await journey.token(subject);
  const tokens = createConsentTokens({ issuer: setup.issuer, key: () => setup.worker.current("worker"), fetch: loopbackFetch });
  const headers = await (await tokens.open(consent, holder)).consentHeaders({ method: "GET", url: "https://holder.example/x" });
  return { value: String(headers["authorization"]).slice("DPoP ".length), consent };
}

test("both ways say the same of a token that is active, that is not any more, and that is somebody else's", async () => {
  const { setup, source, client, thief } = journey;
  const { value, consent } = await workerToken("asked");
  const both = async (who: PlatformClient) => [
    await said(await ask(who, { token: value })),
    await said(await ask(who, { token: value, ...LONG_WAY })),
  ];
  const [short, long] = await both(source);
  assert.deepEqual(short, long);
  assert.deepEqual((short?.["token_introspection"] as { account?: string } | undefined)?.account, "customer-asked");
  for (const other of [client, thief]) {
    const [ours, theirs] = await both(other);
    assert.deepEqual(ours, theirs);
    assert.deepEqual(ours?.["token_introspection"], { active: false });
  }
  await withdrawConsent({ store: setup.store, clock: realClock }, { consentId: consent.id, personId: consent.personId });
  const [stopped, longer] = await both(source);
  assert.deepEqual(stopped?.["token_introspection"], { active: false });
  assert.deepEqual(stopped, longer);
});

test("what is right goes the short way, and what is unusual the long one: their hands are told apart by how they write a header", async () => {
  const { source } = journey;
  const { value } = await workerToken("told-apart");
  const members = (reply: Reply) =>
    Object.keys(JSON.parse(Buffer.from(String(reply.body["text"]).split(".")[0] ?? "", "base64url").toString()) as object);
  assert.deepEqual(members(await ask(source, { token: value })), ["alg", "kid", "typ"]);
  assert.deepEqual(members(await ask(source, { token: value, ...LONG_WAY })), ["alg", "typ", "kid"]);
});

test("a question that is wrong is refused by both in the same words", async () => {
  const { source, client, setup } = journey;
  const { value } = await workerToken("wrongly-asked");
  const soon = Math.floor(Date.now() / 1000);
  const forged = async () => {
    const [first, second] = (await source.assertion()).split(".");
    const [, , third] = (await source.assertion()).split(".");
    return `${first}.${second}.${third}`;
  };
  const padded = async () => `${await source.assertion()}=`;
  const wrong: Record<string, () => Promise<Form>> = {
    "for another server": async () => ({ client_assertion: await source.assertion({ aud: "https://elsewhere.example" }) }),
    "for a list of audiences": async () => ({ client_assertion: await source.assertion({ aud: [setup.issuer] }) }),
    "for the endpoint": async () => ({ client_assertion: await source.assertion({ aud: `${setup.issuer}/token/introspection` }) }),
    over: async () => ({ client_assertion: await source.assertion({ exp: soon - 60 }) }),
    "of years": async () => ({ client_assertion: await source.assertion({ exp: soon + 90_000 }) }),
    ahead: async () => ({ client_assertion: await source.assertion({ iat: soon + 120 }) }),
    "without end": async () => ({ client_assertion: await source.assertion({ exp: undefined }) }),
    "without a name": async () => ({ client_assertion: await source.assertion({ jti: undefined }) }),
    "of another issuer": async () => ({ client_assertion: await source.assertion({ iss: client.id }) }),
    "for another subject": async () => ({ client_assertion: await source.assertion({ sub: client.id }) }),
    "of another client": async () => ({ client_id: client.id }),
    "signed by nobody": async () => ({ client_assertion: await forged() }),
    "with a strange end": async () => ({ client_assertion: await padded() }),
    "of no type": async () => ({ client_assertion_type: undefined }),
    "of another type": async () => ({ client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:saml2-bearer" }),
    "without a token": async () => ({ token: undefined }),
    "about a signed token": async () => ({ token: await source.assertion() }),
  };
  for (const [name, form] of Object.entries(wrong)) {
    const short = await ask(source, { token: value, ...(await form()) });
    const long = await ask(source, { token: value, ...(await form()), ...LONG_WAY });
    assert.ok(short.status >= 400, `${name}: ${short.status}`);
    assert.deepEqual([short.status, short.body], [long.status, long.body], name);
  }
});

test("50 questions with one assertion, at two instances and by both ways: one is answered", async () => {
  const { source, setup } = journey;
  const { value } = await workerToken("replayed");
  const assertion = await source.assertion();
  const replies = await Promise.all(
    Array.from({ length: 50 }, (_, index) =>
      ask(
        source,
        { token: value, client_assertion: assertion, ...(index % 3 === 0 ? LONG_WAY : {}) },
        index % 2 === 0 ? setup.issuer : setup.second,
      ),
    ),
  );
  assert.equal(replies.filter(({ status }) => status === 200).length, 1);
  assert.ok(replies.every(({ status, body }) => status === 200 || body["error"] === "invalid_client"));
});

test("a body that comes in pieces is answered too", async () => {
  const { source, setup } = journey;
  const { value } = await workerToken("in-pieces");
  const form = new URLSearchParams({
    token: value,
    client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    client_assertion: await source.assertion(),
  }).toString();
  const body = new ReadableStream({
    async start(controller) {
      for (const part of [form.slice(0, 100), form.slice(100)]) {
        controller.enqueue(new TextEncoder().encode(part));
        await new Promise((resolve) => void setTimeout(resolve, 50));
      }
      controller.close();
    },
  });
  const headers = { "content-type": "application/x-www-form-urlencoded", "content-length": String(form.length), accept: ACCEPT };
  const answer = await fetch(`${setup.issuer}/token/introspection`, { method: "POST", headers, body, duplex: "half" } as RequestInit);
  assert.equal(answer.status, 200);
  const { token_introspection: about } = JSON.parse(Buffer.from((await answer.text()).split(".")[1] ?? "", "base64url").toString());
  assert.equal(about.active, true);
});

test("the worker is told once what to prove with: the next token is one question", async () => {
  const { setup, holder } = journey;
  const answers: number[] = [];
  const fetch: typeof loopbackFetch = async (request) => {
    const answer = await loopbackFetch(request);
    answers.push(answer.status);
    return answer;
  };
  const tokens = createConsentTokens({ issuer: setup.issuer, key: () => setup.worker.current("worker"), fetch });
  for (const subject of ["first", "second", "third"]) {
    const { consent } = await journey.token(subject);
    await (await tokens.open(consent, holder)).consentHeaders({ method: "GET", url: "https://holder.example/x" });
  }
  assert.deepEqual(answers, [400, 200, 200, 200]);
});
