import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { grantConsent, refuseConsent } from "../../src/core/consent/decide-consent.ts";
import { requestConsent } from "../../src/core/consent/request-consent.ts";
import { withdrawConsent } from "../../src/core/consent/withdraw-consent.ts";
import type { Consent } from "../../src/core/consent/consent.ts";
import type { PersonId } from "../../src/core/ids.ts";
import { startSession } from "../../src/core/person/sessions.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { PLAIN } from "../support/charter.ts";
import { inDays } from "../support/engine.ts";
import { policy } from "../support/policy.ts";
import { realClock } from "../support/real-clock.ts";
import { accreditedParticipant, linkAccount } from "../support/register-fixtures.ts";
import { startRegisterApi, type RegisterApi } from "../support/register-api.ts";

/** What a participant's program reads of the consents it has a part in, by a token of its own key. */

let api: RegisterApi;
let holder: Awaited<ReturnType<RegisterApi["holder"]>>;
let asking: Awaited<ReturnType<RegisterApi["holder"]>>;
let stranger: Awaited<ReturnType<RegisterApi["holder"]>>;
let space: Participant;
let personId: PersonId;
const ports = () => ({ store: api.store, clock: realClock, policy });

before(async () => {
  api = await startRegisterApi(PLAIN);
  holder = await api.holder("parc", ["bills", "daily"]);
  asking = await api.holder("asking", []);
  stranger = await api.holder("stranger", []);
  space = await accreditedParticipant(api.store, { entityId: "https://ancre.example", roles: ["platform"] });
  ({
    session: { personId },
  } = await startSession(ports(), { issuer: "https://id.example", subject: "camille-secret", displayName: "Camille" }));
});
after(() => api?.[Symbol.asyncDispose]());

async function ask(requester: string | null, recurrence: string | null = "P1D"): Promise<Consent> {
  const [source, destination] = [
    await linkAccount(api.store, personId, holder.participant.id, "meter-4821"),
    await linkAccount(api.store, personId, space.id, "space-77"),
  ];
  return requestConsent(ports(), {
    personId,
    sourceLinkId: source.id,
    destinationLinkId: destination.id,
    action: "copy",
    datasets: [],
    purpose: "https://w3id.org/dpv#PersonalisedBenefits",
    recurrence,
    expires: inDays(300),
    retention: null,
    language: "fr",
    requester,
  });
}

const give = ({ id, noticeHash }: Consent) =>
  grantConsent(ports(), { consentId: id, personId, datasets: ["bills"], acts: ["mandate", "consent"], noticeHash, language: "fr" });

interface Listed {
  consents: { id: string; state: string; you: string[]; subject: string; reason: unknown; asked: string[] | null; datasets: string[] }[];
  next: string | null;
}

test("each sees what it has a part in: the requester all it asked, the ends what was given, in pages, and nothing personal", async () => {
  const { entityId } = asking.participant;
  const [refused, waiting, given, own] = [await ask(entityId), await ask(entityId), await ask(entityId), await ask(null)];
  await refuseConsent(ports(), { consentId: refused.id, personId });
  await give(given);
  await give(own);
  await withdrawConsent(ports(), { consentId: given.id, personId });
  const first = await asking.client.get<Listed>("/v1/consents?limit=2");
  assert.deepEqual(
    first.consents.map(({ id, state, you }) => [id, state, you]),
    [
      [given.id, "withdrawn", ["requester"]],
      [waiting.id, "requested", ["requester"]],
    ],
  );
  assert.deepEqual(first.consents[0]?.reason, { by: "person", because: null });
  assert.deepEqual([first.consents[0]?.asked, first.consents[0]?.datasets], [["bills", "daily"], ["bills"]]);
  const rest = await asking.client.get<Listed>(`/v1/consents?limit=2&cursor=${first.next}`);
  assert.deepEqual([rest.consents.map(({ id }) => id), rest.next], [[refused.id], null]);
  const atHolder = await holder.client.get<Listed>("/v1/consents");
  assert.deepEqual(
    atHolder.consents.map(({ id, you, asked }) => [id, you, asked]),
    [
      [own.id, ["source"], null],
      [given.id, ["source"], null],
    ],
  );
  assert.notEqual(atHolder.consents[0]?.subject, first.consents[0]?.subject, "two cannot compare their names of the person");
  const said = JSON.stringify([first, rest, atHolder]);
  for (const personal of [personId, "camille", "meter-4821", "space-77", "lnk_"]) assert.ok(!said.includes(personal), personal);
  assert.equal((await holder.client.get<{ state: string }>(`/v1/consents/${own.id}`)).state, "active");
  for (const [client, id] of [
    [stranger.client, own.id],
    [holder.client, waiting.id],
    [holder.client, refused.id],
    [asking.client, own.id],
  ] as const)
    await assert.rejects(client.get(`/v1/consents/${id}`), /404|not_found|no consent/i);
  assert.deepEqual((await stranger.client.get<Listed>("/v1/consents")).consents, []);
  await assert.rejects(asking.client.get("/v1/consents?cursor=x"), /cursor/);
});
