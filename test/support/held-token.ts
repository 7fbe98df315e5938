import assert from "node:assert/strict";
import { grantConsent } from "../../src/core/consent/decide-consent.ts";
import type { Consent } from "../../src/core/consent/consent.ts";
import { asId } from "../../src/core/ids.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { inDays } from "./engine.ts";
import { browser, platformClient, type PlatformClient } from "./platform-client.ts";
import { realClock } from "./real-clock.ts";
import { accreditedParticipant, linkAccount, testKey } from "./register-fixtures.ts";
import type { WholeApp } from "./whole-app.ts";

/** A consent token in the hands of the platform that asked for it. */
export interface Held {
  client: PlatformClient;
  value: string;
  consent: Consent;
}

interface Asking {
  participant: Participant;
  client: PlatformClient;
}

const CALLBACK = "https://platform.example/callback";

/** An accredited platform that asks by the authorization endpoint. */
export async function platform(whole: WholeApp, name: string): Promise<Asking> {
  const key = await testKey();
  const entityId = `https://${name}.example`;
  const given = { entityId, roles: ["platform" as const], keys: [key.publicJwk], client: { redirectUris: [CALLBACK] } };
  return {
    participant: await accreditedParticipant(whole.store, given),
    client: await platformClient(whole.origin, entityId, key, CALLBACK),
  };
}

/** The whole way: pushed request, the person's answer, the code, the token. */
export async function tokenOf(
  whole: WholeApp,
  holder: Participant,
  { participant, client, subject, recurrence }: Asking & { subject: string; recurrence?: string },
): Promise<Held> {
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
      ...(recurrence === undefined ? {} : { recurrence }),
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
