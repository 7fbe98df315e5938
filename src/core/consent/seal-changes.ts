import { randomToken, type ConsentId, type PersonId } from "../ids.ts";
import type { Ports, Signer, Writer } from "../ports.ts";
import { CONSENT_RECEIPT_TYPE, receiptHash, receiptOf } from "./consent-receipt.ts";
import type { ReceiptTerms } from "./dpv-record.ts";
import { needsReceipt, type RecordedChange } from "./record-change.ts";

export type SealingPorts = Pick<Ports, "store" | "clock" | "issuer"> & {
  /** With the key of documents. */
  signer: Pick<Signer, "signDocument">;
  operator: ReceiptTerms["operator"];
  /** The person's name in the receipts of one consent. */
  pseudonymOf: (consentId: ConsentId, personId: PersonId) => string;
};

/** What one transaction does: some 50 ms, so that a decision of the register waits no longer for its place in the log. */
const BATCH = 250;

/**
 * Makes the receipts of the changes that have none yet: signed, each with its salted hash in the public log, in the order of the changes. A receipt,
 * its leaf and that it was made are one transaction: none is made twice, and none is lost where a process ends. Returns how many changes it did.
 */
export async function sealChanges(ports: SealingPorts, shutdown: AbortSignal): Promise<number> {
  for (let done = 0; ;) {
    const step = shutdown.aborted ? 0 : await ports.store.write((w) => sealSome(w, ports));
    done += step;
    if (step === 0) return done;
  }
}

async function sealSome(w: Writer, ports: SealingPorts): Promise<number> {
  const due = await w.sealing.nextToSeal(BATCH);
  if (due.length === 0) return 0;
  const at = ports.clock.now();
  const drafts = due.filter(({ change }) => needsReceipt(change)).map((recorded) => draftOf(recorded, ports, at));
  const first = await w.log.appendAll(drafts.map(({ hash }) => ({ kind: "consent", at, body: { hash } })));
  const sealed = await Promise.all(
    drafts.map(async ({ receipt, salt, hash }, place) => {
      const claims = { ...receipt, log: { index: first + place, salt, hash } };
      return { id: receipt.jti, receipt: await ports.signer.signDocument(CONSENT_RECEIPT_TYPE, claims), logIndex: first + place, at };
    }),
  );
  const rest = due
    .filter(({ change }) => !needsReceipt(change))
    .map(({ change }) => ({ id: change.id, receipt: null, logIndex: null, at }));
  await w.sealing.seal([...sealed, ...rest]);
  return due.length;
}

function draftOf(recorded: RecordedChange, { issuer, operator, pseudonymOf }: SealingPorts, madeAt: Date) {
  const { id, personId } = recorded.consent;
  const receipt = receiptOf(recorded, { issuer, operator, madeAt, subject: pseudonymOf(id, personId) });
  const salt = randomToken();
  return { receipt, salt, hash: receiptHash(receipt, salt) };
}
