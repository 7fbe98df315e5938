import { join } from "node:path";
import express from "express";
import type { Words } from "../../core/catalogue/data-set.ts";
import { accountsByPersona, type Account } from "../accounts/accounts.ts";
import { INVENTORY_SCOPE, ownAccountBy } from "../accounts/own-account.ts";
import { createProvider, mountProvider } from "../accounts/provider.ts";
import { consentGuard } from "../export/consented.ts";
import type { Library } from "../export/library.ts";
import { faultyGuard, faultyLibrary } from "../export/faults.ts";
import { exportRoutes } from "../export/routes.ts";
import { serveEntityConfiguration } from "../peer/entity-configuration.ts";
import { eventRoutes } from "../peer/events.ts";
import { openLedger } from "../peer/ledger.ts";
import { openPort } from "../peer/open-port.ts";
import { openOwnKey } from "../peer/own-keys.ts";
import { answerNotFound, answerProblems } from "../peer/problems.ts";
import { PUBLIC_PATHS, publicPages, TEST_ACCOUNT } from "../peer/public-pages.ts";
import { relaisAt } from "../peer/relais.ts";
import { reporter } from "../peer/reports.ts";
import { dataSetsOf, type HolderName } from "../personas/holdings.ts";
import { attackRoutes, type Catch } from "./attacks.ts";
import { type BulkCustomers, numberedItems, withBulk } from "./bulk.ts";
import type { InboxFault } from "../platform/faults.ts";
import { type HolderDay, openDay } from "./day.ts";
import { dayAdmin } from "./day-admin.ts";
import { takesProposals } from "./proposal-rules.ts";
import { adminPassword, openProposalSide } from "./proposal-side.ts";
import { personaLibrary } from "./persona-library.ts";
import type { HolderFault, HolderPersona } from "./personas.ts";

export interface HolderSettings {
  holder: HolderName;
  dataDir: string;
  seed: string;
  /** Relais' issuer and entity identifier. */
  relais: string;
  host: string;
  /** 0 for any free port. */
  port: number;
  /** Where it is reached, if something stands in front of it; unset: at its own port. */
  url?: string;
  /** Answers instead of the personas' data. */
  library?: Library;
  /** Customers beside the personas. */
  extra?: BulkCustomers;
  /** Somebody else with the data of this holder: one that attacks. */
  persona?: HolderPersona;
  /** Wrong on purpose, beside what its persona does, for those who write checks. */
  faults?: readonly (HolderFault | InboxFault)[];
  /** Another holder, for attacks on it. */
  victim?: string;
  /** Hears of failures that are not the caller's. */
  report?: (error: unknown) => void;
}

export interface Program extends AsyncDisposable {
  url: string;
  entityId: string;
}

export interface Holder extends Program {
  /** What its attacks brought in; also at `/caught`. */
  caught: Catch;
  /** Up to when it has data. */
  day: HolderDay;
}

/** Names, and contacts in the domain that RFC 2606 keeps for examples. */
// oxfmt-ignore
export const HOLDERS: Readonly<Record<HolderName, { name: string; contact: string; title: Words }>> = {
  energy:    { name: "Énergie du Parc",    contact: "dpo@energie-du-parc.example",  title: { fr: "Espace client",  en: "Customer account" } },
  insurance: { name: "Mutuelle des Quais", contact: "dpo@mutuelle-des-quais.example", title: { fr: "Espace sociétaire", en: "Member account" } },
  telecom:   { name: "Télécom du Vallon",  contact: "dpo@telecom-du-vallon.example", title: { fr: "Espace client", en: "Customer account" } },
};

/** A reference holder: it identifies its customers, publishes what it gives back, and serves it under consent. */
export async function startHolder(settings: HolderSettings): Promise<Holder> {
  const { holder, seed, host, port, persona } = settings;
  const folder = join(settings.dataDir, persona?.folder ?? holder);
  const keys = join(folder, "keys");
  const [federationKey, documentKey, providerKey] = await Promise.all([
    openOwnKey(keys, "federation"),
    openOwnKey(keys, "documents"),
    openOwnKey(keys, "provider"),
  ]);
  await using owned = new AsyncDisposableStack();
  const ledger = owned.use(await openLedger(folder));
  const server = owned.use(await openPort(host, port));
  const entityId = settings.url ?? server.url;
  const { name, contact, title } = { ...HOLDERS[holder], ...persona };
  const day = await openDay(folder);
  const own = withBulk(
    { [TEST_ACCOUNT]: testHoldings(holder), ...settings.extra },
    settings.library ?? personaLibrary(holder, seed, documentKey.secret("contracts"), day.last),
  );
  const provider = createProvider({
    issuer: entityId,
    name,
    title,
    key: providerKey,
    relais: settings.relais,
    accounts: customersOf(holder, seed),
    scopes: [INVENTORY_SCOPE],
  });
  const report = settings.report ?? reporter(holder);
  const metadata = metadataOf(holder, { entityId, contact });
  const relais = relaisAt(settings.relais);
  const customers = new Set([...customersOf(holder, seed).map(({ id }) => id), TEST_ACCOUNT]);
  const side = { holder, name, folder, seed, entityId, library: own, hasAccount: (account: string) => customers.has(account) };
  const { library, inbox, admin } = owned.use(await openProposalSide({ ...side, relais, key: documentKey, faults: settings.faults ?? [] }));
  const app = express().disable("x-powered-by").disable("etag");
  app.use(ledger.watch);
  app.get("/.well-known/openid-federation", serveEntityConfiguration({ entityId, name, contact, federationKey, documentKey, metadata }));
  app.use(publicPages({ name, contact, folder }));
  app.use("/inbox", inbox, answerNotFound);
  app.use("/admin/proposals", admin);
  app.use("/admin/day", dayAdmin({ name, entityId, password: adminPassword(seed, holder), day }));
  app.use("/events", eventRoutes({ relais, entityId }), answerNotFound);
  const faults = [...(persona?.faults ?? []), ...(settings.faults ?? [])];
  const { routes, caught } = attackRoutes(faults, { own: entityId, relais: settings.relais, victim: settings.victim ?? null });
  app.use(routes);
  const guard = faultyGuard(faults, consentGuard({ issuer: settings.relais, entityId, key: documentKey }));
  app.use("/export", exportRoutes({ library: faultyLibrary(faults, library), guard, ownAccount: ownAccountBy(provider) }), answerNotFound);
  mountProvider(app, provider);
  app.use(answerProblems(report));
  server.serve(app);
  const kept = owned.move();
  return { url: entityId, entityId, caught, day, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

function metadataOf(holder: HolderName, { entityId, contact }: { entityId: string; contact: string }): Record<"self_data_holder", object> {
  return {
    self_data_holder: {
      export_endpoint: `${entityId}/export`,
      inbox_endpoint: `${entityId}/inbox`,
      issuer: entityId,
      country: "FR",
      privacy_contact: contact,
      synthetic: true,
      tells_inventory: true,
      events_endpoint: `${entityId}/events`,
      policy_uri: `${entityId}${PUBLIC_PATHS.privacy}`,
      incidents_uri: `${entityId}${PUBLIC_PATHS.incidents}`,
      test_account: TEST_ACCOUNT,
      datasets: dataSetsOf(holder).map((one) => (takesProposals(one.id) ? { ...one, acceptsProposals: true } : one)),
    },
  };
}

/** A few items in each data set for the account of nobody. */
function testHoldings(holder: HolderName): BulkCustomers[string] {
  return Object.fromEntries(dataSetsOf(holder).map(({ id }) => [id, numberedItems(3)]));
}

/** The `sub` of a holder is its customer number. */
function customersOf(holder: HolderName, seed: string): Account[] {
  return accountsByPersona(seed).flatMap(({ persona, ...account }) => {
    const customer = persona.customers[holder];
    return customer === undefined ? [] : [{ ...account, id: customer }];
  });
}
