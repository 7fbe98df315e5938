import { generateKeyPair, exportJWK, calculateJwkThumbprint, CompactSign, type CryptoKey } from "jose";
import type { DataSet } from "../../src/core/catalogue/data-set.ts";
import { newId, type ParticipantId, type PersonId } from "../../src/core/ids.ts";
import type { AccountLink } from "../../src/core/person/person.ts";
import type { Store } from "../../src/core/ports.ts";
import type { Participant, PublicJwk } from "../../src/core/register/participant.ts";

export interface TestKey {
  kid: string;
  privateKey: CryptoKey;
  publicJwk: PublicJwk;
  sign(type: string, payload: object): Promise<string>;
}

export async function testKey(): Promise<TestKey> {
  const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
  const jwk = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint(jwk);
  return {
    kid,
    privateKey,
    publicJwk: { ...jwk, kty: "EC", kid, use: "sig", alg: "ES256" },
    sign: (typ, payload) =>
      new CompactSign(new TextEncoder().encode(JSON.stringify(payload))).setProtectedHeader({ alg: "ES256", kid, typ }).sign(privateKey),
  };
}

export function dataset(id: string): DataSet {
  const words = { fr: id, en: id };
  return {
    id,
    kind: "transactional",
    title: words,
    description: words,
    example: words,
    mediaTypes: ["application/json"],
    updateFrequency: "P1D",
  };
}

export async function accreditedParticipant(
  store: Store,
  given: Partial<Participant> & Pick<Participant, "entityId" | "roles">,
): Promise<Participant> {
  const participant: Participant = {
    id: newId("participant"),
    name: new URL(given.entityId).hostname,
    adapter: "self-data",
    endpoints: {},
    keys: [],
    datasets: [],
    about: { country: "FR", privacyContact: "dpo@example.org" },
    status: "accredited",
    client: null,
    ...given,
  };
  await store.write(async (w) => {
    await w.register.put(participant);
    await w.register.addMark(markFor(participant.id));
  });
  return participant;
}

export function markFor(participantId: ParticipantId) {
  const issuedAt = new Date();
  return {
    id: newId("trustMark"),
    participantId,
    type: "https://relais.example/charter/2026",
    level: 1,
    jwt: "x",
    issuedAt,
    expiresAt: new Date(issuedAt.getTime() + 3_600_000),
    revokedAt: null,
    statusIndex: null,
  } as const;
}

export function linkAccount(store: Store, personId: PersonId, participantId: ParticipantId, account: string): Promise<AccountLink> {
  const link: AccountLink = {
    id: newId("link"),
    personId,
    participantId,
    account,
    method: "signed_in",
    provedAt: new Date(),
    sealedCredentials: null,
    inventory: null,
  };
  return store.write((w) => w.accounts.putLink(link));
}
