import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { JWK } from "jose";
import { ADAPTERS } from "../../adapters/index.ts";
import { createAuthorization } from "../../src/authorization/authorization.ts";
import type { Consent } from "../../src/core/consent/consent.ts";
import { grantConsent } from "../../src/core/consent/decide-consent.ts";
import { requestConsent } from "../../src/core/consent/request-consent.ts";
import { withdrawConsent } from "../../src/core/consent/withdraw-consent.ts";
import { newId, type PersonId, type TransferId } from "../../src/core/ids.ts";
import { createMailbox } from "../../src/core/mailbox/keep-packages.ts";
import type { MailboxLimits, PackageFiles } from "../../src/core/mailbox/mailbox.ts";
import { sweepMailbox } from "../../src/core/mailbox/sweep-mailbox.ts";
import type { Store } from "../../src/core/ports.ts";
import type { Ring } from "../../src/core/transfer/transfer-records.ts";
import { registerParticipant } from "../../src/core/register/register-participant.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { NOBODY } from "../../src/core/register/staff.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { runTransfer, type RunResult } from "../../src/core/transfer/run-transfer.ts";
import type { Mailbox } from "../../src/core/transfer/adapter.ts";
import type { Transfer } from "../../src/core/transfer/transfer.ts";
import { openPackageFiles } from "../../src/disk/package-files.ts";
import { createEntityConfigurations } from "../../src/federation/entity-configuration.ts";
import { createHttpApp } from "../../src/http/server.ts";
import { createConsentTokens } from "../../src/keys/consent-tokens.ts";
import { verifyProof } from "../../src/keys/dpop.ts";
import { openKeyring } from "../../src/keys/keyring.ts";
import { createPackageSealer } from "../../src/keys/package-sealer.ts";
import { createSigner, documentSigner, signCompact } from "../../src/keys/signer.ts";
import { createVerifier, signedStatements, verifyEntityConfiguration } from "../../src/keys/verifier.ts";
import { networkFor } from "../../src/net/network.ts";
import { openCharters } from "../../src/policies/charters.ts";
import { createOauthRecords } from "../../src/postgres/oauth-records.ts";
import { createAttemptRecords } from "../../src/postgres/attempt-records.ts";
import { openDatabase, openPool } from "../../src/postgres/pool.ts";
import { createStandings } from "../../src/postgres/standings.ts";
import { createStore } from "../../src/postgres/store.ts";
import type { BulkCustomers } from "../../src/sandbox/holder/bulk.ts";
import { startHolder } from "../../src/sandbox/holder/holder.ts";
import type { Library } from "../../src/sandbox/export/library.ts";
import { startDevice, type Device } from "../../src/sandbox/device/device.ts";
import type { MailboxCall } from "../../src/sdk/mailbox.ts";
import { listen } from "./authorization-server.ts";
import { REGISTER_PORTS } from "./charter.ts";
import { freshDatabase } from "./database.ts";
import { documentCheck } from "./document-check.ts";
import { inDays } from "./engine.ts";
import { policy } from "./policy.ts";
import { realClock } from "./real-clock.ts";
import { linkAccount, markFor } from "./register-fixtures.ts";

export interface MailboxWorld extends AsyncDisposable {
  issuer: string;
  store: Store;
  folder: string;
  files: PackageFiles;
  holder: Participant;
  device: Device;
  /** A second platform that fetches. */
  other: Device;
  platform: Participant;
  query(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
  /** An active consent of a new person, whose account at the holder is this customer. */
  allow(customer: string, datasets: string[], forms?: Consent["forms"]): Promise<Consent>;
  start(consent: Consent): Promise<Transfer>;
  /** One attempt by a worker, at whatever epoch it is. */
  run(id: TransferId): Promise<RunResult>;
  transfer(id: TransferId): Promise<Transfer>;
  sweep(): Promise<void>;
  /** The doorbell, as it rang. */
  rings: Ring[];
  /** Where a test sets them: what requests of the device go through, and what happens when everything was just offered. */
  through: { call: ((call: MailboxCall) => MailboxCall) | null; offered: (() => Promise<void>) | null };
  /** Keys that the device believes beside those that are published, by who has them. */
  trusted: Map<string, JWK[]>;
  /** The person stops the permission. */
  withdraw(consent: Consent): Promise<void>;
}

export interface WorldSettings {
  customers?: BulkCustomers;
  library?: Library;
  limits?: Partial<MailboxLimits>;
  /** Of the sealed packages. */
  folder?: string;
}

/** Relais with its real API, authorization server, engine and database; a real holder; and devices that fetch by the SDKs. */
export async function startMailboxWorld({ customers, library, limits, folder }: WorldSettings): Promise<MailboxWorld> {
  await using owned = new AsyncDisposableStack();
  const database = owned.use(await freshDatabase());
  const pool = owned.adopt(openPool(database.url, 10), (open) => open.end());
  const dir = owned.adopt(await mkdtemp(join(tmpdir(), "relais-mailbox-")), (path) => rm(path, { recursive: true }));
  const [web, worker] = [await openKeyring(join(dir, "keys"), "web"), await openKeyring(join(dir, "keys"), "worker")];
  const server = owned.adopt(await listen(), (open) => open.close());
  const network = owned.use(networkFor({ allowLoopback: true }));
  const store = createStore(openDatabase(pool));
  const standings = createStandings(pool);
  const issuer = server.origin;
  const rings: Ring[] = [];
  const queue = { ring: async (more: Ring[]) => void rings.push(...more) };
  const entityConfigurations = createEntityConfigurations({
    clock: realClock,
    fetchOrigin: network.fetchOrigin,
    verify: verifyEntityConfiguration,
  });
  const shared = { store, clock: realClock, policy, issuer, queue, standings, staff: NOBODY, entityConfigurations };
  const authorization = createAuthorization({
    ...shared,
    records: createOauthRecords(pool),
    keys: {
      signing: () => web.current("oauth").privateJwk,
      worker: () => web.publicRing("worker"),
      published: web.publicKeys,
      secret: web.secret,
      sign: documentSigner(() => web.current("oauth")).signDocument,
    },
    certificates: null,
    statements: { signed: signedStatements, keys: () => web.publicRing("federation") },
    verifyProof,
    report: (error) => console.error(error),
  });
  const packages = folder ?? join(dir, "mailbox");
  const files = openPackageFiles(packages);
  const app = createHttpApp(
    {
      ...shared,
      callers: authorization.callers,
      charters: openCharters(fileURLToPath(new URL("../../policies/charter", import.meta.url))),
      verify: (await documentCheck(store, issuer)).verify,
      statements: { signDocument: async (type, payload) => signCompact(web.current("federation"), type, payload) },
      subjectFor: REGISTER_PORTS.subjectFor,
      events: { signDocument: async (type, payload) => signCompact(web.current("oauth"), type, payload) },
      desk: { files, verifier: createVerifier() },
    },
    {
      issuer,
      first: [authorization.endpoints],
      mounted: [authorization.router],
      page: (error) => error.code,
      log: () => undefined,
      onAnswer: () => undefined,
    },
  );
  server.serve(app);
  const through: MailboxWorld["through"] = { call: null, offered: null };
  const mailbox = createMailbox({
    store,
    clock: realClock,
    files,
    sealer: createPackageSealer({ issuer, current: () => worker.current("documents"), now: realClock.now }),
    limits: { packageBytes: 1 << 30, platformBytes: 1 << 30, days: 14, ...limits },
  });
  const running = {
    ...shared,
    records: createAttemptRecords(pool),
    signer: createSigner(() => worker.current("documents"), realClock),
    verifier: createVerifier(),
    opener: { open: async () => ({ kind: "none" as const }) },
    tokens: createConsentTokens({
      issuer,
      key: () => worker.current("worker"),
      fetch: network.fetchOrigin(issuer, new AbortController().signal),
    }),
    network,
    adapters: ADAPTERS,
    mailbox: offering(mailbox, () => through.offered?.()),
  };
  const at = { seed: "mailbox", relais: issuer, host: "127.0.0.1", port: 0 };
  const energy = owned.use(
    await startHolder({
      ...at,
      dataDir: dir,
      holder: "energy",
      ...(customers ? { extra: customers } : {}),
      ...(library ? { library } : {}),
    }),
  );
  const wrap =
    (call: MailboxCall): MailboxCall =>
    (...asked) =>
      (through.call?.(call) ?? call)(...asked);
  const trusted = new Map<string, JWK[]>();
  const device = owned.use(await startDevice({ ...at, dataDir: join(dir, "one"), everySeconds: null, wrap, trusted }));
  const other = owned.use(await startDevice({ ...at, dataDir: join(dir, "two"), everySeconds: null }));
  const enter = async (entityId: string): Promise<Participant> => {
    const participant = { ...(await registerParticipant(shared, { entityId })), status: "accredited" as const };
    await store.write(async (w) => {
      await w.register.setStatus(participant.id, "accredited");
      await w.register.addMark(markFor(participant.id));
    });
    return participant;
  };
  const [holder, platform] = [await enter(energy.entityId), await enter(device.entityId)];
  await enter(other.entityId);
  const run: MailboxWorld["run"] = async (id) => {
    const { epoch } = await store.read((r) => r.transfers.get(id));
    const bounds = { leaseSeconds: 60, limits: { maxItemBytes: 1 << 30, maxItems: 100_000 }, shutdown: new AbortController().signal };
    return runTransfer(running, { transferId: id, epoch }, bounds);
  };
  const kept = owned.move();
  return {
    issuer,
    store,
    folder: packages,
    files,
    holder,
    device,
    other,
    platform,
    query: async (text, values = []) => (await pool.query<Record<string, unknown>>(text, values)).rows,
    allow: async (customer, datasets, forms = []) => {
      const personId = await newPerson(store);
      const [source, destination] = [
        await linkAccount(store, personId, holder.id, customer),
        await linkAccount(store, personId, platform.id, `galet-${customer}`),
      ];
      const asked = await requestConsent(running, {
        personId,
        sourceLinkId: source.id,
        destinationLinkId: destination.id,
        action: "copy",
        datasets,
        purpose: "https://w3id.org/dpv#PersonalisedBenefits",
        recurrence: null,
        expires: inDays(30),
        retention: null,
        language: "fr",
        requester: null,
      });
      const { id: consentId, noticeHash } = asked;
      return grantConsent(running, { consentId, personId, datasets, forms, noticeHash, language: "fr" });
    },
    start: (consent) => requestTransfer(running, { consentId: consent.id, personId: consent.personId }),
    run,
    transfer: (id) => store.read((r) => r.transfers.get(id)),
    sweep: () =>
      sweepMailbox({ store, clock: realClock, files, shutdown: new AbortController().signal, report: (error) => console.error(error) }),
    rings,
    through,
    trusted,
    withdraw: async ({ id, personId }) => void (await withdrawConsent(running, { consentId: id, personId })),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Between the offer and the rest of the worker's attempt. */
function offering(mailbox: Mailbox, offered: () => Promise<void> | undefined): Mailbox {
  return {
    open: (attempt, head) => {
      const delivery = mailbox.open(attempt, head);
      return {
        ...delivery,
        complete: async () => {
          const answer = await delivery.complete();
          await offered();
          return answer;
        },
      };
    },
  };
}

async function newPerson(store: Store): Promise<PersonId> {
  const id = newId("person");
  await store.write((w) => w.accounts.signIn({ id, issuer: "https://id.test", subject: id, createdAt: new Date() }));
  return id;
}
