import { RelaisError } from "../errors.ts";
import { sha256 } from "../transfer/manifest.ts";

export const EVIDENCE_BYTES = 10 * 1024 * 1024;

/** The first bytes of each kind of file that is taken. What a file is called, and what its sender says it is, decides nothing. */
const SIGNATURES: [mediaType: string, starts: number[]][] = [
  ["application/pdf", [0x25, 0x50, 0x44, 0x46, 0x2d]],
  ["image/png", [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
  ["image/jpeg", [0xff, 0xd8, 0xff]],
];

export interface NewFile {
  fileName: string;
  /** base64url SHA-256 as the sender computed it; null where it did not. */
  sha256: string | null;
  content: Uint8Array;
}

/** @throws RelaisError `unsupported` (no PDF, PNG or JPEG), `too_large`, `digest_mismatch`. */
export function measuredFile({ fileName, content, ...given }: NewFile): {
  fileName: string;
  mediaType: string;
  bytes: number;
  sha256: string;
} {
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
  return { fileName: shown(fileName), mediaType, bytes: content.length, sha256: digest };
}

/** A name is shown, never used: control characters and directions of writing could still deceive whoever reads it. */
function shown(name: string): string {
  const safe = name.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}/\\]/gu, "_").trim();
  // Whole characters: half of one is none.
  return safe === "" ? "file" : Array.from(safe.slice(-1000)).slice(-120).join("").toWellFormed();
}
