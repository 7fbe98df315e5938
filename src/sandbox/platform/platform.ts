import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import express, { type Express, type Request, type Router } from "express";
import type { PublicJwk } from "../../core/register/participant.ts";
import { type Account, pseudonymousAccounts } from "../accounts/accounts.ts";
import { INVENTORY_SCOPE, ownAccountBy } from "../accounts/own-account.ts";
import { createProvider, mountProvider, type SandboxProvider } from "../accounts/provider.ts";
import { createPlatformClient } from "../../sdk-client/platform-client.ts";
import { consentGuard } from "../export/consented.ts";
import { faultyGuard, faultyLibrary } from "../export/faults.ts";
import { exportRoutes, type SourceSide } from "../export/routes.ts";
import type { Program } from "../holder/holder.ts";
import { type EntityDescription, serveEntityConfiguration } from "../peer/entity-configuration.ts";
import { eventRoutes } from "../peer/events.ts";
import { faultyDescription } from "../peer/faults.ts";
import { openPort } from "../peer/open-port.ts";
import { openOwnKey } from "../peer/own-keys.ts";
import { answerNotFound, answerProblems } from "../peer/problems.ts";
import { PUBLIC_PATHS, publicPages, TEST_ACCOUNT } from "../peer/public-pages.ts";
import { type Relais, relaisAt } from "../peer/relais.ts";
import { reporter } from "../peer/reports.ts";
import { nonceRule, withInboxFaults } from "./faults.ts";
import { begunRequests } from "./bring/begun.ts";
import { deliveriesInMemory } from "./bring/deliveries.ts";
import { type Bring, CALLBACK } from "./bring/routes.ts";
import { type DestinationSide, inboxRoutes } from "./inbox.ts";
import { openIndexFile } from "./index-file.ts";
import { type Corrections, openCorrections } from "./corrections.ts";
import { createIntake, type Intake } from "./intake.ts";
import { type Ledger, openLedger } from "../peer/ledger.ts";
import { ANCRE, type Fault, type PlatformPersona } from "./personas.ts";
import { personOf, type PersonPages, personPages } from "./person-pages.ts";
import { openShelves, type Shelves } from "./shelves.ts";
import { signatureGuard } from "./signatures.ts";
import { openTransfers, type Transfers } from "./transfers.ts";

export interface PlatformSettings {
  dataDir: string;
  seed: string;
  /** Relais' issuer and entity identifier. */
  relais: string;
  host: string;
  /** 0 for any free port. */
  port: number;
  /** Where it is reached, if something stands in front of it; unset: at its own port. */
  url?: string;
  /** Room for one account, in bytes. */
  capacity?: number;
  /** Ancre where it is left out. A bad one has no people: nobody can sign in there. */
  persona?: PlatformPersona;
  /** A program elsewhere that acts as this platform's client too. */
  outsideClient?: { redirectUris: string[]; keys: PublicJwk[] };
  /** Wrong on purpose, beside what the persona is. */
  faults?: readonly Fault[];
  /** Accounts beside the personas', which nobody can sign in to. */
  extra?: string[];
  report?: (error: unknown) => void;
}

export interface Platform extends Program {
  /** JSON lines of all that arrived. */
  ledgerFile: string;
  shelves: Shelves;
}

const CAPACITY = 20 * 1024 ** 3;
const TITLE = { fr: "Votre espace personnel", en: "Your personal space" };

/** A platform: destination and source of the Self Data transfer protocol, and a page for its people. Ancre, the reference, unless another persona is asked for. */
export async function startPlatform(settings: PlatformSettings): Promise<Platform> {
  const { seed, host, port, relais: issuer, persona = ANCRE } = settings;
  await using owned = new AsyncDisposableStack();
  const faults = [...persona.faults, ...(settings.faults ?? [])];
  const folder = join(settings.dataDir, persona.folder);
  const { federationKey, documentKey, providerKey } = await keysIn(join(folder, "keys"));
  const drafts = await emptied(join(folder, "drafts"));
  const ledger = owned.use(await openLedger(folder));
  const index = owned.adopt(openIndexFile(join(folder, "index.sqlite")), (open) => open.close());
  const server = owned.use(await openPort(host, port));
  const entityId = settings.url ?? server.url;

  const accounts = persona.flaw === null ? pseudonymousAccounts(seed, persona.folder) : [];
  const shelves = openShelves(index, folder);
  const transfers = openTransfers(index, shelves);
  const corrections = openCorrections(index);
  const relais = relaisAt(issuer);
  const own = { issuer, entityId, key: documentKey };
  const about = { issuer: entityId, name: persona.name, title: TITLE, key: providerKey, relais: issuer };
  const sandboxProvider = createProvider({ ...about, accounts, scopes: [INVENTORY_SCOPE] });
  const known = new Set([...accounts.map(({ id }) => id), TEST_ACCOUNT, ...(settings.extra ?? [])]);
  const intake = createIntake({
    entityId,
    drafts,
    capacity: settings.capacity ?? CAPACITY,
    hasAccount: (account) => known.has(account),
    shelves,
    transfers,
    ledger,
    relais,
    key: documentKey,
  });
  const sides = {
    inbox: inboxOf(faults, { entityId, intake, relais, transfers, key: documentKey }),
    export: exportOf(faults, {
      library: shelves,
      corrections: corrections.library,
      guard: consentGuard(own),
      ownAccount: ownAccountBy(sandboxProvider),
    }),
  };
  const people = { accounts, cookieKey: providerKey.secret("person pages") };
  const pages = pagesOf(persona.name, { entityId, issuer, key: documentKey, transfers, shelves, corrections, people });
  server.serve(
    appOf({
      events: eventRoutes({ relais, entityId }),
      folder,
      faults,
      ledger,
      statement: withClient(statementOf(persona, { entityId, federationKey, documentKey }), settings.outsideClient),
      sides,
      pages,
      sandboxProvider,
      report: settings.report ?? reporter(persona.folder),
    }),
  );
  const kept = owned.move();
  return { url: entityId, entityId, ledgerFile: ledger.file, shelves, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

interface PagesParts {
  entityId: string;
  issuer: string;
  key: Key;
  transfers: Transfers;
  shelves: Shelves;
  corrections: Corrections;
  people: Pick<PersonPages, "accounts" | "cookieKey">;
}

function pagesOf(name: string, { people, shelves, corrections, ...parts }: PagesParts): PersonPages {
  const who = (request: Request): Account | null => personOf(people, request);
  const bring = bringOf({ name, ...parts, personOf: who });
  const correct = { personOf: who, shelves, corrections, entityId: parts.entityId, relais: parts.issuer };
  return { name, title: TITLE, ...people, shelves, bring, correct };
}

async function keysIn(folder: string): Promise<Record<"federationKey" | "documentKey" | "providerKey", Key>> {
  return {
    federationKey: await openOwnKey(folder, "federation"),
    documentKey: await openOwnKey(folder, "documents"),
    providerKey: await openOwnKey(folder, "provider"),
  };
}

function statementOf(
  { name, contact }: PlatformPersona,
  own: Pick<EntityDescription, "entityId" | "federationKey" | "documentKey">,
): EntityDescription {
  const { entityId } = own;
  return { ...own, name, contact, metadata: metadataOf(entityId, contact), redirectUris: [entityId + CALLBACK] };
}

function withClient(own: EntityDescription, outside: PlatformSettings["outsideClient"]): EntityDescription {
  if (outside === undefined) return own;
  return { ...own, redirectUris: [...(own.redirectUris ?? []), ...outside.redirectUris], moreClientKeys: outside.keys };
}

interface InboxParts {
  entityId: string;
  intake: Intake;
  relais: Relais;
  transfers: Transfers;
  key: Key;
}

function inboxOf(faults: readonly Fault[], { entityId, intake, relais, transfers, key }: InboxParts): DestinationSide {
  const guard = signatureGuard({ entityId, relais, useNonce: nonceRule(faults, transfers.useNonce) });
  return { inbox: `${entityId}/inbox`, ...withInboxFaults(faults, { intake, guard }, key) };
}

function exportOf(faults: readonly Fault[], { library, guard, ...side }: SourceSide): SourceSide {
  return { ...side, library: faultyLibrary(faults, library), guard: faultyGuard(faults, guard) };
}

interface AppParts {
  events: Router;
  folder: string;
  faults: readonly Fault[];
  ledger: Ledger;
  statement: EntityDescription;
  sides: { inbox: DestinationSide; export: Parameters<typeof exportRoutes>[0] };
  pages: PersonPages;
  sandboxProvider: SandboxProvider;
  report: (error: unknown) => void;
}

/** Our own addresses first: the provider answers all that is left. */
function appOf({ events, folder, faults, ledger, statement, sides, pages, sandboxProvider, report }: AppParts): Express {
  const app = express().disable("x-powered-by").disable("etag");
  app.use(ledger.watch, faultyDescription(faults));
  app.get("/.well-known/openid-federation", serveEntityConfiguration(signedBy(faults, statement)));
  app.use(publicPages({ name: statement.name, contact: statement.contact, folder, hidesContact: faults.includes("hides-contact") }));
  app.use("/events", events, answerNotFound);
  app.use("/inbox", inboxRoutes(sides.inbox), answerNotFound);
  app.use("/export", exportRoutes(sides.export), answerNotFound);
  app.use(personPages(pages));
  mountProvider(app, sandboxProvider);
  app.use(answerProblems(report));
  return app;
}

/** A forged description names its own key, and is signed by another one. */
function signedBy(faults: readonly Fault[], statement: EntityDescription): EntityDescription {
  if (!faults.includes("signs-with-another-key")) return statement;
  const { federationKey, documentKey } = statement;
  return { ...statement, federationKey: { ...federationKey, sign: documentKey.sign } };
}

interface BringParts extends Pick<Bring, "name" | "entityId" | "personOf"> {
  issuer: string;
  key: Key;
  transfers: Transfers;
}

function bringOf({ name, entityId, issuer, key, transfers, personOf: who }: BringParts): Bring {
  return {
    name,
    entityId,
    relais: issuer,
    client: createPlatformClient({ issuer, entityId, redirectUri: entityId + CALLBACK, key: key.privateJwk }),
    begun: begunRequests(),
    deliveries: deliveriesInMemory(),
    personOf: who,
    accountOf: (transfer) => transfers.find(transfer)?.account ?? null,
  };
}

function metadataOf(entityId: string, contact: string): { self_data_platform: Record<string, string | boolean> } {
  return {
    self_data_platform: {
      inbox_endpoint: `${entityId}/inbox`,
      export_endpoint: `${entityId}/export`,
      takes_compact_form: true,
      issuer: entityId,
      country: "FR",
      privacy_contact: contact,
      events_endpoint: `${entityId}/events`,
      policy_uri: `${entityId}${PUBLIC_PATHS.privacy}`,
      incidents_uri: `${entityId}${PUBLIC_PATHS.incidents}`,
      test_account: TEST_ACCOUNT,
    },
  };
}

type Key = Awaited<ReturnType<typeof openOwnKey>>;

/** What an earlier run was still receiving was never acknowledged. */
async function emptied(folder: string): Promise<string> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  return folder;
}
