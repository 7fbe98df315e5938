import type { SignedStatements } from "../federation/statement.ts";
import { isId } from "../ids.ts";
import type { Reader, Store } from "../ports.ts";
import type { PublicJwk } from "../register/participant.ts";
import { MANIFEST_TYPE, RECEIPT_TYPE } from "../transfer/manifest.ts";
import { partyOf, timeOf } from "./party.ts";
import type { Finding, TransferDetails, Verdict } from "./verdict.ts";

export interface TransferDocumentPorts {
  issuer: string;
  store: Store;
  signed: SignedStatements;
  /** With which we sign manifests and observed receipts, of now and of the past; none that was compromised. */
  documentKeys: () => Promise<PublicJwk[]>;
}

type Kind = "manifest" | "receipt";
const TYPES = { manifest: MANIFEST_TYPE, receipt: RECEIPT_TYPE } as const satisfies Record<Kind, string>;

interface Claims {
  iss: string;
  iat: unknown;
  transfer: unknown;
  source: string;
  destination: string;
  observed: boolean;
  items: { bytes: number }[];
  omissions: number;
}

/** A manifest or a receipt: who signed it, and whether it is the one that we keep of this transfer. */
export async function verifyTransferDocument(ports: TransferDocumentPorts, jws: string, kind: Kind): Promise<Verdict> {
  const claims = readClaims(ports, jws);
  if (claims === null) return verdictOf(kind, "unreadable");
  const own = await ports.documentKeys();
  return ports.store.read(async (r) => {
    const { keys, finding } = await signerOf(r, claims, kind, { ...ports, own });
    const isSigned = await ports.signed.verify(jws, { type: TYPES[kind], keys }).then(
      () => true,
      () => false,
    );
    const isKept = await isKeptHere(r, jws, claims);
    const found = isKept || (isSigned && finding === "holds") ? "holds" : isSigned ? "forged" : unsigned(finding, claims, ports.issuer);
    return {
      ...verdictOf(kind, found),
      about: found === "not_ours" ? null : await partyOf(r, claims.iss),
      details: found === "holds" ? await detailsOf(r, claims) : null,
      checks:
        found === "not_ours"
          ? []
          : [{ check: "signature", holds: isSigned }, ...(found === "holds" ? [{ check: "kept_copy", holds: isKept } as const] : [])],
      unchecked: found === "holds" ? ["files", "counterpart"] : [],
    };
  });
}

function verdictOf(kind: Kind, finding: Finding): Verdict {
  return { kind, finding, about: null, details: null, checks: [], unchecked: [], command: "relais verify FILE" };
}

function readClaims({ signed }: Pick<TransferDocumentPorts, "signed">, jws: string): Claims | null {
  try {
    const { iss, iat, transfer, source, destination, observed, items, omissions } = signed.read(jws).claims;
    const texts = [iss, source, destination].every((one) => typeof one === "string");
    const isItem = (one: unknown): one is { bytes: number } => typeof (one as { bytes?: unknown } | null)?.bytes === "number";
    if (!texts || !Array.isArray(items) || !items.every(isItem) || !Array.isArray(omissions)) return null;
    return {
      iat,
      transfer,
      items,
      observed: observed === true,
      omissions: omissions.length,
      ...({ iss, source, destination } as Pick<Claims, "iss" | "source" | "destination">),
    };
  } catch {
    return null;
  }
}

/** Who has to have signed it, as the protocol says: we the manifest, or its source; the destination the receipt, or we where it cannot sign. */
async function signerOf(
  r: Reader,
  { iss, source, destination, observed }: Claims,
  kind: Kind,
  { issuer, own }: { issuer: string; own: PublicJwk[] },
): Promise<{ keys: PublicJwk[]; finding: Finding }> {
  const rightful = kind === "manifest" ? [issuer, source] : [observed ? issuer : destination];
  const finding = rightful.includes(iss) ? "holds" : "forged";
  if (iss === issuer) return { keys: own, finding };
  const known = await r.participants.findByEntityId(iss);
  return known === null ? { keys: [], finding: "not_ours" } : { keys: known.keys, finding };
}

/** A participant changes its keys now and then, and the register knows those of today; our own we know all. */
function unsigned(finding: Finding, { iss }: Claims, issuer: string): Finding {
  if (finding !== "holds") return finding;
  return iss === issuer ? "forged" : "unknown_key";
}

async function isKeptHere(r: Reader, jws: string, { transfer }: Claims): Promise<boolean> {
  return isId("transfer", transfer) && (await r.transfers.documents(transfer)).some((kept) => kept.jws === jws);
}

async function detailsOf(
  r: Reader,
  { iss, iat, transfer, source, destination, observed, items, omissions }: Claims,
): Promise<TransferDetails> {
  return {
    transfer: isId("transfer", transfer) ? transfer : null,
    source: await partyOf(r, source),
    destination: await partyOf(r, destination),
    signedBy: await partyOf(r, iss),
    observed,
    signedAt: timeOf(iat),
    items: items.length,
    bytes: items.reduce((sum, { bytes }) => sum + bytes, 0),
    omissions,
  };
}
