import { generateKeyPairSync, sign } from "node:crypto";
import { grantConsent } from "../../src/core/consent/decide-consent.ts";
import { requestConsent, type ConsentRequest } from "../../src/core/consent/request-consent.ts";
import type { Consent } from "../../src/core/consent/consent.ts";
import { RelaisError } from "../../src/core/errors.ts";
import { newId, type LinkId, type PersonId } from "../../src/core/ids.ts";
import type { Ports, Store } from "../../src/core/ports.ts";
import type { Ring } from "../../src/core/transfer/transfer-records.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import type { Adapter, Credentials } from "../../src/core/transfer/adapter.ts";
import type { RunPorts } from "../../src/core/transfer/run-ports.ts";
import type { RunTerms } from "../../src/core/transfer/run-transfer.ts";
import { createAttemptRecords } from "../../src/postgres/attempt-records.ts";
import { openDatabase, openPool, openPreparedPool } from "../../src/postgres/pool.ts";
import { createStore } from "../../src/postgres/store.ts";
import { freshDatabase } from "./database.ts";
import { realClock } from "./real-clock.ts";
import { policy } from "./policy.ts";

export interface Engine extends AsyncDisposable {
  store: Store;
  url: string;
  ports: RunPorts & Pick<Ports, "queue">;
  rings: Ring[];
  terms: RunTerms;
  personId: PersonId;
  source: Participant;
  destination: Participant;
  /** What the person would be shown where all of these are wanted; not answered yet. */
  ask(datasets: string[], account?: string): Promise<Consent>;
  /** An active consent of anybody, between two of their accounts. */
  consentOf(who: { personId: PersonId; source: { id: LinkId }; destination: { id: LinkId } }, datasets: string[]): Promise<Consent>;
  /** An active consent for these data sets; with `account`, to that account at the destination instead of the first one. */
  consent(datasets: string[], account?: string): Promise<Consent>;
}

/** Real ends instead of one adapter's two: who they are, how they are reached, and what opens the accounts. */
export interface RealEnds {
  source: Partial<Participant>;
  destination: Partial<Participant>;
  network: RunPorts["network"];
  credentials: Credentials;
}

/** The core on a real database, with a doorbell that only writes down its rings. Without `ends`, both ends are those of `adapter`, in memory. */
export async function startEngine(adapter: Adapter, datasets: string[], ends?: RealEnds): Promise<Engine> {
  const database = await freshDatabase();
  const pool = openPool(database.url, 20);
  const prepared = openPreparedPool(database.url, 4);
  const store = createStore(openDatabase(pool));
  const rings: Ring[] = [];
  const ports: Engine["ports"] = {
    store,
    records: createAttemptRecords(prepared),
    clock: realClock,
    policy,
    issuer: "https://relais.test",
    adapters: { "self-data": adapter, solid: adapter, webdav: adapter, mailbox: adapter },
    queue: { ring: async (more) => void rings.push(...more) },
    ...noPeers(),
    ...(ends ? { network: ends.network, opener: { open: async () => ends.credentials } } : {}),
  };
  const { personId, source, destination, links } = await seed(store, datasets, ends);
  const ask: Engine["ask"] = async (wanted, account) => {
    const linked =
      account === undefined
        ? links
        : { ...links, destinationLinkId: await linkAt(store, { personId, participantId: destination.id, account }) };
    return requestConsent(ports, { personId, ...linked, ...singleCopy(wanted) });
  };
  return {
    store,
    url: database.url,
    ports,
    rings,
    personId,
    source,
    destination,
    terms: { leaseSeconds: 3, limits: { maxItemBytes: 1 << 30, maxItems: 1_000_000 }, shutdown: new AbortController().signal },
    ask,
    consentOf: async (who, wanted) => {
      const links = { sourceLinkId: who.source.id, destinationLinkId: who.destination.id };
      const asked = await requestConsent(ports, { personId: who.personId, ...links, ...singleCopy(wanted) });
      const answer = { consentId: asked.id, personId: who.personId, datasets: wanted, noticeHash: asked.noticeHash };
      return grantConsent(ports, { ...answer, language: "fr" });
    },
    consent: async (wanted, account) => {
      const asked = await ask(wanted, account);
      return grantConsent(ports, { consentId: asked.id, personId, datasets: wanted, noticeHash: asked.noticeHash, language: "fr" });
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([pool.end(), prepared.end()]);
      await database[Symbol.asyncDispose]();
    },
  };
}

function singleCopy(datasets: string[]): Omit<ConsentRequest, "personId" | "sourceLinkId" | "destinationLinkId"> {
  return {
    action: "copy",
    datasets,
    purpose: "https://w3id.org/dpv#PersonalisedBenefits",
    recurrence: null,
    expires: inDays(30),
    retention: null,
    language: "fr",
    requester: null,
  };
}

/** Another account of the same person, opened by the same credentials. */
async function linkAt(
  store: Store,
  to: { personId: PersonId; participantId: Participant["id"]; account: string },
): Promise<Consent["destinationLinkId"]> {
  const link = {
    id: newId("link"),
    ...to,
    method: "write_and_read" as const,
    provedAt: new Date(),
    sealedCredentials: "sealed",
    inventory: null,
  };
  return (await store.write((w) => w.accounts.putLink(link))).id;
}

export function inDays(days: number): string {
  return new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
}

/** Signs for real; speaks to nobody. */
function noPeers(): Pick<RunPorts, "signer" | "verifier" | "opener" | "tokens" | "network"> {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const refuse = (): never => {
    throw new RelaisError("unsupported", "The engine's tests have no network.");
  };
  return {
    signer: {
      signDocument: async (typ, payload) => {
        const input = `${encode({ alg: "ES256", typ })}.${encode(payload)}`;
        return `${input}.${sign("sha256", Buffer.from(input), { key: privateKey, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
      },
      signRequest: async () => ({}),
    },
    verifier: { verifyReceipt: refuse },
    opener: { open: refuse },
    tokens: { open: async () => ({ consentHeaders: async () => ({}), dpopProof: async () => "" }) },
    network: { fetchFor: () => refuse },
  };
}

async function seed(
  store: Store,
  datasets: string[],
  ends?: RealEnds,
): Promise<{
  personId: PersonId;
  source: Participant;
  destination: Participant;
  links: { sourceLinkId: Consent["sourceLinkId"]; destinationLinkId: Consent["destinationLinkId"] };
}> {
  const now = new Date();
  const source = { ...participant("holder", datasets), ...ends?.source };
  const destination = { ...participant("platform", []), ...ends?.destination };
  const person = { id: newId("person"), issuer: "https://id.test", subject: "someone", createdAt: now };
  return store.write(async (w) => {
    await w.accounts.signIn(person);
    for (const one of [source, destination]) {
      await w.register.put(one);
      await w.register.addMark({
        id: newId("trustMark"),
        participantId: one.id,
        type: "https://relais.test/charter",
        level: 1,
        jwt: "mark",
        issuedAt: now,
        expiresAt: new Date(now.getTime() + 86_400_000),
        revokedAt: null,
        statusIndex: null,
      });
    }
    const [from, to] = [await link(source.id), await link(destination.id)];
    return { personId: person.id, source, destination, links: { sourceLinkId: from.id, destinationLinkId: to.id } };
    function link(participantId: Participant["id"]) {
      return w.accounts.putLink({
        id: newId("link"),
        personId: person.id,
        participantId,
        account: ends ? "" : "account-1",
        method: "signed_in",
        provedAt: now,
        sealedCredentials: ends ? "sealed" : null,
        inventory: null,
      });
    }
  });
}

function participant(role: "holder" | "platform", datasets: string[]): Participant {
  const words = (text: string) => ({ fr: text, en: text });
  return {
    id: newId("participant"),
    entityId: `https://${role}.test`,
    name: role,
    roles: [role],
    adapter: "self-data",
    endpoints: { export: `https://${role}.test/export`, inbox: `https://${role}.test/inbox` },
    keys: [],
    datasets: datasets.map((id) => ({
      id,
      kind: "trace",
      title: words(id),
      description: words(id),
      example: words(id),
      mediaTypes: ["application/json"],
      updateFrequency: "P1D",
    })),
    about: { country: "FR", privacyContact: "dpo@test.example" },
    status: "accredited",
    client: null,
  };
}
