import assert from "node:assert/strict";
import type { Consent } from "../../src/core/consent/consent.ts";
import { grantConsent } from "../../src/core/consent/decide-consent.ts";
import { asId, type PersonId } from "../../src/core/ids.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { clock, startAuthorization, type Setup } from "./authorization-server.ts";
import { browser, platformClient, type Form, type PlatformClient, type Reply } from "./platform-client.ts";
import { accreditedParticipant, dataset, linkAccount, testKey, type TestKey } from "./register-fixtures.ts";

export const CALLBACK = "https://platform.example/callback";

const inAYear = () => new Date(Date.now() + 300 * 86_400_000).toISOString().slice(0, 10);
export const detail = (changed: object = {}) => ({
  type: "self_data_transfer",
  actions: ["copy"],
  locations: ["https://holder.example"],
  datasets: ["bills", "readings"],
  purpose: "https://w3id.org/dpv#PersonalisedBenefits",
  destination: "https://platform.example",
  expires: inAYear(),
  ...changed,
});

export interface Asked {
  client: PlatformClient;
  visit: ReturnType<typeof browser>;
  verifier: string;
  state: string;
  consent: Consent;
  finish: string;
}

export interface Issued {
  value: string;
  refresh: string;
  consent: Consent;
  reply: Reply;
}

/** A holder, two platforms and their keys at a running authorization server, and every step of a person's way through it. */
export interface Journey extends AsyncDisposable {
  setup: Setup;
  holder: Participant;
  platform: Participant;
  keys: Record<"holder" | "platform" | "thief", TestKey>;
  /** The platform, by its key. */
  client: PlatformClient;
  /** The holder, by its key. */
  source: PlatformClient;
  /** Another accredited platform. */
  thief: PlatformClient;
  /** Signs in somebody with an account at every end. */
  person(subject: string): Promise<PersonId>;
  /** The address that a platform sends the browser to. */
  authorizeUrl(requestUri: unknown, clientId?: string): string;
  /** From the pushed request to the page where the person decides. */
  ask(changed?: { detail?: object; form?: Form; visit?: Asked["visit"]; client?: PlatformClient }): Promise<Asked>;
  /** The person says yes, and nothing more. */
  allow(asked: Asked, datasets?: string[]): Promise<void>;
  /** From the person's answer back to the platform's callback. */
  comeBack(asked: Asked): Promise<URLSearchParams>;
  code(subject: string): Promise<{ code: string; verifier: string; consent: Consent }>;
  token(subject: string, form?: Record<string, string>): Promise<Issued>;
}

export async function startJourney(options: Parameters<typeof startAuthorization>[0] = {}): Promise<Journey> {
  const setup = await startAuthorization(options);
  const keys = { holder: await testKey(), platform: await testKey(), thief: await testKey() };
  const holder = await accreditedParticipant(setup.store, {
    entityId: "https://holder.example",
    roles: ["holder"],
    keys: [keys.holder.publicJwk],
    datasets: [dataset("bills"), dataset("readings")],
  });
  const platform = await accreditedParticipant(setup.store, {
    entityId: "https://platform.example",
    roles: ["platform"],
    keys: [keys.platform.publicJwk],
    client: { redirectUris: [CALLBACK, "https://app.platform.example/callback"] },
  });
  const other = await accreditedParticipant(setup.store, {
    entityId: "https://thief.example",
    roles: ["platform"],
    keys: [keys.thief.publicJwk],
    client: { redirectUris: [CALLBACK] },
  });
  const client = await platformClient(setup.issuer, platform.entityId, keys.platform, CALLBACK);
  const source = await platformClient(setup.issuer, holder.entityId, keys.holder, CALLBACK);
  const thief = await platformClient(setup.issuer, other.entityId, keys.thief, CALLBACK);

  const person: Journey["person"] = async (subject) => {
    const { personId } = await setup.signIn(subject);
    await linkAccount(setup.store, personId, holder.id, `customer-${subject}`);
    await linkAccount(setup.store, personId, platform.id, `space-${subject}`);
    await linkAccount(setup.store, personId, other.id, `other-${subject}`);
    return personId;
  };
  const authorizeUrl: Journey["authorizeUrl"] = (requestUri, clientId = client.id) =>
    `${setup.issuer}/auth?${new URLSearchParams({ client_id: clientId, request_uri: String(requestUri) })}`;
  const ask: Journey["ask"] = async ({ detail: changed = {}, form = {}, visit = browser(), client: by = client } = {}) => {
    const pushed = await by.push([detail({ destination: by.id, ...changed })], form);
    assert.equal(pushed.status, 201, JSON.stringify(pushed.body));
    const began = await visit.get(authorizeUrl(pushed.body.request_uri, by.id));
    assert.equal(began.status, 303, began.text);
    const decide = await visit.get(String(began.location));
    const [, id, next] = /\/fr\/permissions\/(cst_\w+)\/decide\?next=(.*)$/.exec(decide.location ?? "") ?? [];
    const consentId = asId("consent", id);
    const consent = await setup.store.read((r) => r.consents.get(consentId));
    const { verifier, state } = pushed;
    return { client: by, visit, verifier, state, consent, finish: `${setup.issuer}${decodeURIComponent(next ?? "")}` };
  };
  const allow: Journey["allow"] = async ({ consent }, datasets = ["bills"]) => {
    const { id: consentId, personId, noticeHash } = consent;
    await grantConsent({ store: setup.store, clock }, { consentId, personId, noticeHash, datasets, language: "fr" });
  };
  const comeBack: Journey["comeBack"] = async (asked) => {
    const finished = await asked.visit.get(asked.finish);
    assert.equal(finished.status, 303, finished.text);
    const resumed = await asked.visit.get(String(finished.location));
    assert.ok(resumed.location?.startsWith(CALLBACK), `${resumed.status} ${resumed.location} ${resumed.text}`);
    return new URL(String(resumed.location)).searchParams;
  };
  const code: Journey["code"] = async (subject) => {
    await person(subject);
    const asked = await ask();
    await allow(asked);
    return { code: String((await comeBack(asked)).get("code")), verifier: asked.verifier, consent: asked.consent };
  };
  const token: Journey["token"] = async (subject, form = {}) => {
    await person(subject);
    const asked = await ask({ form });
    await allow(asked);
    const reply = await client.exchange(String((await comeBack(asked)).get("code")), asked.verifier);
    assert.equal(reply.status, 200, JSON.stringify(reply.body));
    return { value: String(reply.body.access_token), refresh: String(reply.body.refresh_token), consent: asked.consent, reply };
  };
  return {
    setup,
    holder,
    platform,
    keys,
    client,
    source,
    thief,
    person,
    authorizeUrl,
    ask,
    allow,
    comeBack,
    code,
    token,
    [Symbol.asyncDispose]: () => setup[Symbol.asyncDispose](),
  };
}
