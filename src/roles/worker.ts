import { ADAPTERS } from "../../adapters/index.ts";
import { pairwiseSubject } from "../authorization/live-consent.ts";
import { startTransferWorker } from "../bullmq/transfer-worker.ts";
import type { Prober } from "../core/conformance/probing.ts";
import { runProbes } from "../core/conformance/run-probes.ts";
import { sealChanges } from "../core/consent/seal-changes.ts";
import { createNoticeDelivery } from "../core/events/deliver-notices.ts";
import { asRelaisError } from "../core/errors.ts";
import type { ConsentId, PersonId } from "../core/ids.ts";
import { createMailbox } from "../core/mailbox/keep-packages.ts";
import { secondsSinceWithdrawal } from "../core/operation/since-withdrawal.ts";
import type { Ring } from "../core/transfer/transfer-records.ts";
import { runChecks } from "../core/register/run-checks.ts";
import { sweepClosures } from "../core/switch/sweep-closures.ts";
import type { Mailbox } from "../core/transfer/adapter.ts";
import { oneAtATime } from "../core/transfer/one-at-a-time.ts";
import { runTransfer, type RunResult } from "../core/transfer/run-transfer.ts";
import { createConsentTokens, openProbeToken, testTokenOf } from "../keys/consent-tokens.ts";
import type { Keyring } from "../keys/keyring.ts";
import { startMail } from "./mail.ts";
import { openPackageFiles } from "../disk/package-files.ts";
import { createPackageSealer } from "../keys/package-sealer.ts";
import { createOpener } from "../keys/sealer.ts";
import { anHourAgo, createSigner } from "../keys/signer.ts";
import { createVerifier } from "../keys/verifier.ts";
import { inspectTls, txtRecords } from "../net/inspections.ts";
import { carryingFetch, tracedAdapters, tracedRecords } from "../telemetry/traced-ports.ts";
import { createAttemptRecords } from "../postgres/attempt-records.ts";
import { openPreparedPool } from "../postgres/pool.ts";
import { clock, every, type Base } from "./base.ts";
import { joinWorkers, watchParticipants } from "./dispatching.ts";

/** How soon what waits to be looked at is looked at. */
const LOOK_SECONDS = 1;
/** A suspension is told within a second. */
const TELL_SECONDS = 0.25;

export function startWorker(base: Base, keyring: Keyring): void {
  const { config, store, network, issuer, tracing } = base;
  const anyTime = new AbortController().signal;
  const ports = {
    ...base,
    records: tracedRecords(createAttemptRecords(base.owned.adopt(openPreparedPool(base.databaseUrl), (pool) => pool.end())), tracing),
    network: watchParticipants(base),
    signer: createSigner(() => keyring.current("documents"), clock),
    verifier: createVerifier(),
    opener: createOpener(keyring),
    tokens: createConsentTokens({
      issuer,
      key: () => keyring.current("worker"),
      fetch: carryingFetch(network.fetchOrigin(issuer, anyTime), tracing),
    }),
    adapters: tracedAdapters(ADAPTERS, tracing),
    mailbox: mailboxOf(base, keyring),
  };
  const terms = { leaseSeconds: config.transfer.leaseSeconds, limits: config.limits, shutdown: base.shutdown };
  const attempt = (ring: Ring) =>
    tracing.ofTransfer(ring.transferId, "attempt", { epoch: ring.epoch }, async (span) => {
      const result = await runTransfer(ports, ring, terms);
      span.set({ kind: result.kind, ...("state" in result ? { state: result.state } : {}) });
      await count(base, ring, result);
      base.log.info("attempt ended", {
        transferId: ring.transferId,
        epoch: ring.epoch,
        kind: result.kind,
        ...("state" in result ? { state: result.state } : {}),
      });
    });
  // Whatever comes of it, there is room again.
  const run = oneAtATime((ring: Ring) => attempt(ring).finally(() => base.queue.nudge()));
  joinWorkers(base);
  const secret = keyring.secret("consent receipts");
  const sealing = {
    ...ports,
    operator: config.operator,
    pseudonymOf: (consentId: ConsentId, personId: PersonId) => pairwiseSubject(secret, consentId, personId),
  };
  every(base, "making receipts of consents", TELL_SECONDS, () => sealChanges(sealing, base.shutdown));
  const notices = createNoticeDelivery({ store, clock, signer: ports.signer, network, issuer }, base.shutdown);
  every(base, "telling participants", TELL_SECONDS, () => notices.tick());
  base.owned.defer(() => notices.settled());
  startMail(base, keyring);
  const prober = proberOf(base, keyring);
  every(base, "checking participants", LOOK_SECONDS, () => runChecks({ store, clock, prober }, base.shutdown));
  base.owned.use(
    startTransferWorker(base.backend, run, {
      concurrency: config.transfer.workerConcurrency,
      onError: (error) => base.log.warn("the queue complains", { error: asRelaisError(error) }),
    }),
  );
  every(base, "closing old places", config.transfer.sweepSeconds, () => sweepClosures({ ...ports, store }, base.shutdown));
}

/** Null folder: nothing is kept for platforms without an address. */
function mailboxOf({ config, store, issuer }: Base, keyring: Keyring): Mailbox | undefined {
  const { dir, ...limits } = config.mailbox;
  if (dir === null) return undefined;
  const sealer = createPackageSealer({ issuer, current: () => keyring.current("documents"), now: clock.now });
  return createMailbox({ store, clock, files: openPackageFiles(dir), sealer, limits });
}

/** What a withdrawal stopped is timed: it has a second. A measure that fails is none, and no failure of the transfer. */
async function count({ metrics, store }: Base, { transferId }: Ring, result: RunResult): Promise<void> {
  if (result.kind === "nothing") return;
  const state = result.kind === "ended" ? result.state : result.kind;
  metrics.attemptEnded(state);
  if (state !== "cancelled") return;
  const seconds = await store.read((r) => secondsSinceWithdrawal(r, transferId, clock.now())).catch(() => null);
  if (seconds !== null) metrics.withdrawalStopped(seconds);
}

/** The probes with the worker's keys, and tokens for test accounts from the authorization server. */
function proberOf({ config, issuer, network, entityConfigurations }: Base, keyring: Keyring): Prober {
  const documentKey = () => keyring.current("documents");
  const tokens = { issuer, key: () => keyring.current("worker"), fetch: network.fetchOrigin(issuer, new AbortController().signal) };
  const shared = {
    issuer,
    clock,
    fetchFor: network.fetchFor,
    fetchOrigin: network.fetchOrigin,
    entityConfigurations,
    signer: createSigner(documentKey, clock),
    pastSigner: createSigner(documentKey, anHourAgo(clock)),
    verifier: createVerifier(),
    txt: txtRecords,
    tls: (origin: string) => inspectTls({ allowLoopback: config.sandbox.allowLoopback }, origin),
  };
  return {
    probe: ({ runId, ...look }) =>
      runProbes({ ...shared, testToken: async (asked) => testTokenOf(await openProbeToken(tokens, { runId, ...asked })) }, look),
  };
}
