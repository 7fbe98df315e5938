import { RelaisError } from "../errors.ts";
import { newId } from "../ids.ts";
import type { Ports } from "../ports.ts";
import { sha256 } from "../transfer/manifest.ts";
import type { ApplicationId, Evidence, EvidenceId } from "./application.ts";
import type { Charters } from "./charter.ts";
import { lockEditable } from "./own-application.ts";
import { mayRead, type RegisterCaller } from "./register-caller.ts";

export const EVIDENCE_BYTES = 10 * 1024 * 1024;
const MOST_FILES = 50;

/** The first bytes of each kind of file that is taken. What a file is called, and what its sender says it is, decides nothing. */
const SIGNATURES: [mediaType: string, starts: number[]][] = [
  ["application/pdf", [0x25, 0x50, 0x44, 0x46, 0x2d]],
  ["image/png", [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
  ["image/jpeg", [0xff, 0xd8, 0xff]],
];

export interface NewEvidence {
  kind: string;
  fileName: string;
  /** Full-date of the document itself. */
  date: string;
  issuer: string;
  /** base64url SHA-256 as the sender computed it; null where it did not. */
  sha256: string | null;
  content: Uint8Array;
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
    const kinds = ports.charters.get(application.charterVersion).criteria.flatMap((criterion) => criterion.evidence?.kind ?? []);
    if (!kinds.includes(given.kind))
      throw new RelaisError(
        "invalid",
        `No criterion asks for "${given.kind.slice(0, 60)}". It asks for: ${[...new Set(kinds)].join(", ")}.`,
        {
          pointers: ["/kind"],
          actor: "platform",
        },
      );
    const known = await w.accreditations.evidenceOf(id);
    const same = known.find((one) => one.kind === evidence.kind && one.sha256 === evidence.sha256);
    if (same) return same;
    if (known.length >= MOST_FILES)
      throw new RelaisError("too_large", `An application holds at most ${MOST_FILES} files.`, { actor: "platform" });
    await w.cases.addEvidence(evidence, given.content);
    return evidence;
  });
}

function measured(given: NewEvidence, applicationId: ApplicationId, addedAt: Date): Evidence {
  const { kind, fileName, date, issuer, content } = given;
  if (content.length > EVIDENCE_BYTES)
    throw new RelaisError("too_large", `A piece of evidence is at most ${EVIDENCE_BYTES / 1024 / 1024} MiB.`, { actor: "platform" });
  const mediaType = SIGNATURES.find(([, starts]) => starts.every((byte, place) => content[place] === byte))?.[0];
  if (mediaType === undefined)
    throw new RelaisError("unsupported", "Evidence is a PDF, PNG or JPEG file. Save it as one of these.", { actor: "platform" });
  const digest = sha256(content);
  if (given.sha256 !== null && given.sha256 !== digest)
    throw new RelaisError("digest_mismatch", "The file is not the one of its SHA-256. Nothing was stored; send it again.", {
      actor: "platform",
    });
  return {
    id: newId("evidence"),
    applicationId,
    kind,
    fileName: shown(fileName),
    mediaType,
    bytes: content.length,
    sha256: digest,
    date,
    issuer,
    addedAt,
  };
}

/** A name is shown, never used: control characters and directions of writing could still deceive whoever reads it. */
function shown(name: string): string {
  const safe = name.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}/\\]/gu, "_").trim();
  // Whole characters: half of one is none.
  return safe === "" ? "file" : Array.from(safe.slice(-1000)).slice(-120).join("").toWellFormed();
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
