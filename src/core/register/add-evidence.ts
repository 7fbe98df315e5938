import { RelaisError } from "../errors.ts";
import { newId } from "../ids.ts";
import type { Ports } from "../ports.ts";
import { checkedCertificate } from "../certificates/checked-certificate.ts";
import type { ApplicationId, Evidence, EvidenceId } from "./application.ts";
import type { Charter, Charters } from "./charter.ts";
import { measuredFile, type NewFile } from "./evidence-file.ts";
import { lockEditable } from "./own-application.ts";
import { mayRead, type RegisterCaller } from "./register-caller.ts";

const MOST_FILES = 50;

export interface NewEvidence extends NewFile {
  kind: string;
  /** Full-date of the document itself. */
  date: string;
  issuer: string;
  /** Which of the register's certificates it is, and its last day; null, or left out, for every other document. */
  certificate?: string | null;
  validUntil?: string | null;
}

type CasePorts = Pick<Ports, "store" | "clock"> & { charters: Charters };

/**
 * Keeps a piece of evidence with an application. The same file again is the same piece.
 * @throws RelaisError `unsupported` (no PDF, PNG or JPEG), `too_large`, `digest_mismatch`, `invalid`, `conflict`.
 */
export async function addEvidence(ports: CasePorts, caller: RegisterCaller, id: ApplicationId, given: NewEvidence): Promise<Evidence> {
  const evidence = measured(given, id, ports.clock.now());
  return ports.store.write(async (w) => {
    const application = await lockEditable(w, caller, id);
    refuseStrangers(ports.charters.get(application.charterVersion), evidence);
    const known = await w.accreditations.evidenceOf(id);
    const same = known.find((one) => one.kind === evidence.kind && one.sha256 === evidence.sha256);
    if (same) return same;
    if (known.length >= MOST_FILES)
      throw new RelaisError("too_large", `An application holds at most ${MOST_FILES} files.`, { actor: "platform" });
    await w.cases.addEvidence(evidence, given.content);
    return evidence;
  });
}

function measured({ certificate = null, validUntil = null, ...given }: NewEvidence, applicationId: ApplicationId, addedAt: Date): Evidence {
  const { kind, date, issuer } = given;
  const named =
    certificate === null ? { certificate: null, validUntil: null } : checkedCertificate({ certificate, date, validUntil }, addedAt);
  return { id: newId("evidence"), applicationId, kind, ...measuredFile(given), date, issuer, addedAt, ...named };
}

/** Which of the register's certificates it is has to fit what the criterion asks for. @throws RelaisError `invalid`. */
function refuseStrangers(charter: Charter, { kind, certificate }: Evidence): void {
  const wanted = charter.criteria.flatMap(({ evidence }) => (evidence === null ? [] : [evidence]));
  if (!wanted.some((evidence) => evidence.kind === kind)) {
    const kinds = [...new Set(wanted.map((evidence) => evidence.kind))].join(", ");
    throw new RelaisError("invalid", `No criterion asks for "${kind.slice(0, 60)}". It asks for: ${kinds}.`, {
      pointers: ["/kind"],
      actor: "platform",
    });
  }
  if (certificate !== null && !wanted.some((evidence) => evidence.kind === kind && evidence.certificates?.includes(certificate)))
    throw new RelaisError(
      "invalid",
      "The criterion does not ask for this certificate. Hand it in by itself: relais platform certificate.",
      {
        pointers: ["/certificate"],
        actor: "platform",
      },
    );
}

/** @throws RelaisError `not_found` where it is not the caller's to read. */
export async function readEvidence(
  ports: Pick<Ports, "store">,
  caller: RegisterCaller,
  id: EvidenceId,
): Promise<Evidence & { content: Uint8Array }> {
  return ports.store.read(async (r) => {
    const evidence = await r.accreditations.getEvidence(id);
    mayRead(caller, (await r.accreditations.getApplication(evidence.applicationId)).participantId);
    return evidence;
  });
}

export async function removeEvidence(ports: Pick<Ports, "store" | "clock">, caller: RegisterCaller, id: EvidenceId): Promise<void> {
  await ports.store.write(async (w) => {
    const { applicationId } = await w.accreditations.getEvidence(id);
    await lockEditable(w, caller, applicationId);
    await w.cases.removeEvidence(id, ports.clock.now());
  });
}
