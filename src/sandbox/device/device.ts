import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import express, { type Express } from "express";
import type { JWK } from "jose";
import type { PublicJwk } from "../../core/register/participant.ts";
import { createParticipantCall } from "../../sdk-client/mailbox-client.ts";
import type { MailboxCall, MailboxOwner } from "../../sdk/mailbox.ts";
import { pseudonymousAccounts } from "../accounts/accounts.ts";
import { createProvider, mountProvider } from "../accounts/provider.ts";
import type { Program } from "../holder/holder.ts";
import { serveEntityConfiguration } from "../peer/entity-configuration.ts";
import { openPort } from "../peer/open-port.ts";
import { openOwnKey, type OwnKey } from "../peer/own-keys.ts";
import { answerProblems } from "../peer/problems.ts";
import { reporter } from "../peer/reports.ts";
import { entityKeys } from "./entity-keys.ts";
import { fetchAll } from "./fetch-all.ts";

export interface DeviceSettings {
  dataDir: string;
  seed: string;
  /** Relais' issuer and entity identifier. */
  relais: string;
  host: string;
  /** 0 for any free port. */
  port: number;
  /** Between two looks into the mailbox; null: only when it is asked to. */
  everySeconds: number | null;
  /** Of one request to the mailbox; for tests that cut it. */
  wrap?: (call: MailboxCall) => MailboxCall;
  /** Keys of others that it was given by hand. */
  trusted?: ReadonlyMap<string, JWK[]>;
  report?: (error: unknown) => void;
}

export interface Device extends Program {
  /** Where the items lie, each below `<person>/<data set>/`; beside them manifests and receipts. */
  folder: string;
  /** Private, as the platform's own client needs it. */
  key: JWK & { kid: string; alg: string };
  sealingKey: JWK & { kid: string };
  /** Everything that waits now: fetched, opened, kept, acknowledged. Returns the transfers; what failed is reported, and waits on. */
  fetchNow(): Promise<string[]>;
}

const NAME = "Galet";
const CONTACT = "dpo@galet.example";
const TITLE = { fr: "Votre appareil", en: "Your device" };
const CALLBACK = "/callback";

/**
 * A platform whose people keep their data on devices: it has a page that says who it is and where people prove their account, and no inbox. It
 * fetches what is for it from the mailbox of Relais, by the two SDKs.
 */
export async function startDevice(settings: DeviceSettings): Promise<Device> {
  const { dataDir, seed, relais, host, port, report = reporter("device") } = settings;
  await using owned = new AsyncDisposableStack();
  const folder = join(dataDir, "device");
  await mkdir(folder, { recursive: true });
  const keys = join(folder, "keys");
  const [federationKey, documentKey, providerKey, sealing] = (await Promise.all(
    ["federation", "documents", "provider", "sealing"].map((name) => openOwnKey(keys, name)),
  )) as [OwnKey, OwnKey, OwnKey, OwnKey];
  const server = owned.use(await openPort(host, port));
  const { url: entityId } = server;
  const sealingKey = forSealing(sealing);
  const provider = createProvider({
    issuer: entityId,
    name: NAME,
    title: TITLE,
    key: providerKey,
    relais,
    accounts: pseudonymousAccounts(seed, "device"),
    scopes: [],
  });
  const entity = { entityId, name: NAME, contact: CONTACT, federationKey, documentKey, moreClientKeys: [sealingKey.publicJwk] };
  const described = { ...entity, metadata: metadataOf(entityId), redirectUris: [entityId + CALLBACK] };
  server.serve(appOf(express(), serveEntityConfiguration(described), provider, report));
  const key = documentKey.privateJwk as Device["key"];
  const call = createParticipantCall({ issuer: relais, entityId, key });
  const published = entityKeys(relais);
  const keysOf: MailboxOwner["keysOf"] = async (issuer, kid) => [
    ...(settings.trusted?.get(issuer) ?? []),
    ...(await published(issuer, kid)),
  ];
  const owner: MailboxOwner = { entityId, sealingKeys: [sealingKey.privateJwk], signingKey: key, keysOf };
  const fetchNow = async (): Promise<string[]> => {
    const all = await fetchAll(settings.wrap?.(call) ?? call, owner, join(folder, "items"));
    for (const one of all) if ("failure" in one) report(one.failure);
    return all.filter((one) => !("failure" in one)).map(({ transfer }) => transfer);
  };
  if (settings.everySeconds !== null) owned.use(looping(settings.everySeconds, fetchNow, report));
  const kept = owned.move();
  return {
    url: entityId,
    entityId,
    folder: join(folder, "items"),
    key,
    sealingKey: sealingKey.privateJwk,
    fetchNow,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

function appOf(
  app: Express,
  statement: ReturnType<typeof serveEntityConfiguration>,
  provider: Parameters<typeof mountProvider>[1],
  report: (error: unknown) => void,
): Express {
  app.disable("x-powered-by").disable("etag");
  app.get("/.well-known/openid-federation", statement);
  app.get(CALLBACK, (_request, response) => void response.type("text/plain").send("The device goes on by itself."));
  mountProvider(app, provider);
  return app.use(answerProblems(report));
}

function metadataOf(entityId: string): { self_data_platform: Record<string, string> } {
  return { self_data_platform: { delivery: "mailbox", issuer: entityId, country: "FR", privacy_contact: CONTACT } };
}

/** The same curve serves for agreement on keys; what it is for is said where it is published. */
function forSealing({ kid, publicJwk, privateJwk }: OwnKey): { publicJwk: PublicJwk; privateJwk: JWK & { kid: string } } {
  const named = { kid, use: "enc", alg: "ECDH-ES+A256KW" };
  return { publicJwk: { ...publicJwk, ...named }, privateJwk: { ...privateJwk, ...named } };
}

function looping(seconds: number, look: () => Promise<unknown>, report: (error: unknown) => void): AsyncDisposable {
  const ended = new AbortController();
  const loop = async (): Promise<void> => {
    while (!ended.signal.aborted) {
      await look().catch(report);
      await sleep(seconds * 1000, undefined, { signal: ended.signal }).catch(() => undefined);
    }
  };
  const running = loop();
  return {
    [Symbol.asyncDispose]: async () => {
      ended.abort();
      await running;
    },
  };
}
