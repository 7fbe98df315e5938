import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { decodeJwt, type JWK } from "jose";
import { LogFault } from "../core/ledger/fault.ts";
import { convertAgain } from "../sdk/conversions.ts";
import { isConsentReceipt } from "../sdk/consent-receipts.ts";
import { compareDocuments, VerificationError, verifyDocument, type CheckedDocument, type KeysByIssuer } from "../sdk/documents.ts";
import type { ManifestItem } from "../core/transfer/manifest.ts";
import type { PublicJwk } from "../core/register/participant.ts";
import { isTrustList, verifyTrustList } from "../sdk/trust-lists.ts";
import { isTrustMark, verifyTrustMark } from "../sdk/trust-marks.ts";
import { checkProofFile, PROOF_SUFFIX } from "./proof-beside.ts";
import { logAt, LogUnreachable } from "./log-site.ts";
import { checkConsentReceipt } from "./verify-receipt.ts";
import { publishedKeys } from "./published-keys.ts";
import { saysOf } from "./trust-list.ts";
import { UsageError } from "./usage-error.ts";

export interface Verification {
  file: string;
  ok: boolean;
  /** What holds, or the reason why not. */
  says: string;
}

export const VERIFY_HELP = `relais verify <file or folder…> [--keys <keys.json>] [--anchor <entity>] [--subject <entity>] [--json]

Checks manifests and receipts: who signed them, and that they belong together; and receipts of permissions: who signed them, that the public log
holds their hash, and whether the permission is in force now. In a folder it looks for *.jws, for
keys.json, and for items/<data set>/<key>, whose bytes it compares with the documents; a copy in another form is made again from its original. It also checks proofs of the public log: *.tlog-proof, with the
entry inside or beside it (decision.json and decision.json.tlog-proof), and the log's key in log.key beside it, or as the log publishes it.
  --keys <file>  public keys by issuer, {"https://…": {"keys": […]}}, or one JWK set; then nothing is asked of the network
  --anchor       for a trust mark: the entity that you trust, https://…; it and the mark's issuer are asked, and the mark holds only where it is active;
                 for a trust list: whose list it must be (with --keys instead, nothing is asked)
  --subject      for a trust mark: who must be its bearer
  --json         the result for programs
Exit code: 0 everything verifies, 3 something does not, 2 wrong use.`;

/** Whom to ask about trust marks, and whose they must be. */
export interface MarkTerms {
  anchor?: string | undefined;
  subject?: string | undefined;
}

export async function verify(paths: string[], keysFile: string | null, marks: MarkTerms = {}): Promise<Verification[]> {
  if (paths.length === 0) throw new UsageError(`Name at least one file.\n\n${VERIFY_HELP}`);
  const { documents, proofs, items, keyFiles } = await collect(paths);
  const hasKeys = keysFile !== null || keyFiles.length > 0;
  const keysOf = await keySource(keysFile === null ? keyFiles : [keysFile]);
  const results: Verification[] = await Promise.all(proofs.map(checkProof));
  const checked: { file: string; document: CheckedDocument }[] = [];
  for (const file of documents) {
    const text = (await readFile(file, "utf8")).trim();
    if (isTrustMark(text)) {
      results.push(await checkMark(file, text, marks));
      continue;
    }
    if (isTrustList(text)) {
      results.push(await checkList(file, text, { anchor: marks.anchor, keysOf: hasKeys ? keysOf : null }));
      continue;
    }
    if (isConsentReceipt(text)) {
      results.push(await checkConsentReceipt(file, text, { keysOf, isOffline: hasKeys, logKey: await logKeyBeside(file) }));
      continue;
    }
    const outcome = await checkDocument(file, text, keysOf);
    results.push(outcome.result);
    if (outcome.document) checked.push({ file, document: outcome.document });
  }
  results.push(...pairs(checked), ...(await checkItems(items, checked)), ...(await checkCopies(items, checked)));
  return results;
}

interface Collected {
  documents: string[];
  proofs: string[];
  items: { folder: string; file: string }[];
  keyFiles: string[];
}

async function collect(paths: string[]): Promise<Collected> {
  const found: Collected = { documents: [], proofs: [], items: [], keyFiles: [] };
  for (const path of paths) {
    const info = await stat(path).catch(() => null);
    if (info === null) throw new UsageError(`There is no file or folder ${path}.`);
    if (!info.isDirectory()) await collectFile(path, found);
    else await collectFolder(path, found);
  }
  if (found.documents.length + found.proofs.length === 0)
    throw new UsageError("There is no signed document (*.jws) and no proof of the log (*.tlog-proof) here.");
  return found;
}

/** An entry of the log is checked by the proof beside it. */
async function collectFile(path: string, found: Collected): Promise<void> {
  const proof = path.endsWith(PROOF_SUFFIX) ? path : `${path}${PROOF_SUFFIX}`;
  const hasProof = (await stat(proof).catch(() => null)) !== null;
  if (hasProof) found.proofs.push(proof);
  else found.documents.push(path);
}

async function collectFolder(folder: string, found: Collected): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && entry.name === "items")
      found.items.push(...(await filesUnder(path)).map((file) => ({ folder: path, file })));
    else if (entry.isDirectory()) await collectFolder(path, found);
    else if (entry.name === "keys.json") found.keyFiles.push(path);
    else if (entry.name.endsWith(".jws")) found.documents.push(path);
    else if (entry.name.endsWith(PROOF_SUFFIX)) found.proofs.push(path);
  }
}

async function filesUnder(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

async function keySource(files: string[]): Promise<(issuer: string) => Promise<JWK[]>> {
  if (files.length === 0) return publishedKeys;
  const known: KeysByIssuer = {};
  for (const file of files) Object.assign(known, await readKeys(file));
  return async (issuer) => [...(known[issuer]?.keys ?? []), ...(known["*"]?.keys ?? [])];
}

async function readKeys(file: string): Promise<KeysByIssuer> {
  const text = await readFile(file, "utf8").catch(() => {
    throw new UsageError(`There is no key file ${file}.`);
  });
  try {
    const value = JSON.parse(text) as { keys?: JWK[] } & KeysByIssuer;
    return Array.isArray(value.keys) ? { "*": { keys: value.keys } } : value;
  } catch {
    throw new UsageError(`The key file ${file} is not JSON.`);
  }
}

async function checkMark(file: string, text: string, { anchor, subject }: MarkTerms): Promise<Verification> {
  if (anchor === undefined) throw new UsageError(`${file} is a trust mark: name whom you trust by --anchor.\n\n${VERIFY_HELP}`);
  const { standing, says } = await verifyTrustMark(text, { anchor: { entityId: anchor }, ...(subject === undefined ? {} : { subject }) });
  return { file, ok: standing === "active", says: `trust mark, ${standing.replace("_", " ")}: ${says}` };
}

/** By the keys that one has, or by what the anchor publishes. */
async function checkList(
  file: string,
  text: string,
  { anchor, keysOf }: { anchor: string | undefined; keysOf: ((issuer: string) => Promise<JWK[]>) | null },
): Promise<Verification> {
  if (anchor === undefined && keysOf === null)
    throw new UsageError(`${file} is a trust list: name whom you trust by --anchor, or its keys by --keys.\n\n${VERIFY_HELP}`);
  const known = anchor === undefined && keysOf !== null ? keysOf(issuerIn(text)) : null;
  try {
    const trusted = known === null ? { anchor: { entityId: anchor ?? "" } } : { keys: (await known) as PublicJwk[] };
    return { file, ok: true, says: saysOf(await verifyTrustList(text, trusted)) };
  } catch (error) {
    if (!(error instanceof VerificationError)) throw error;
    return { file, ok: false, says: `trust list: ${error.message}` };
  }
}

/** Whose keys are looked up; nothing of it is believed. */
function issuerIn(jwt: string): string {
  try {
    return decodeJwt(jwt).iss ?? "";
  } catch {
    return "";
  }
}

async function checkDocument(
  file: string,
  text: string,
  keysOf: (issuer: string) => Promise<JWK[]>,
): Promise<{ result: Verification; document: CheckedDocument | null }> {
  try {
    const document = await verifyDocument(text, keysOf);
    const { payload } = document;
    const observed =
      document.kind === "receipt" && document.payload.observed ? ", observed by Relais because the destination cannot sign" : "";
    return {
      result: {
        file,
        ok: true,
        says: `${document.kind} of ${payload.transfer}: ${payload.items.length} items, signed by ${payload.iss}${observed}`,
      },
      document,
    };
  } catch (error) {
    if (!(error instanceof VerificationError)) throw error;
    return { result: { file, ok: false, says: error.message }, document: null };
  }
}

async function logKeyBeside(file: string): Promise<string | null> {
  const kept = await readFile(join(dirname(file), "log.key"), "utf8").catch(() => null);
  return kept === null ? null : kept.trim();
}

async function checkProof(file: string): Promise<Verification> {
  const kept = await logKeyBeside(file);
  const keyOf = async (origin: string) => kept ?? (await logAt(`https://${origin}`).key());
  try {
    return { file, ok: true, says: await checkProofFile(file, keyOf) };
  } catch (error) {
    if (!(error instanceof LogFault) && !(error instanceof LogUnreachable)) throw error;
    return { file, ok: false, says: error.message };
  }
}

/** Each receipt beside the manifest of its transfer, where both are here. */
function pairs(checked: { file: string; document: CheckedDocument }[]): Verification[] {
  const manifests = new Map(
    checked.flatMap(({ document }) => (document.kind === "manifest" ? [[document.payload.transfer, document] as const] : [])),
  );
  return checked.flatMap(({ file, document }) => {
    if (document.kind !== "receipt") return [];
    const manifest = manifests.get(document.payload.transfer);
    return manifest ? [compared(file, manifest, document)] : [];
  });
}

function compared(
  file: string,
  manifest: CheckedDocument & { kind: "manifest" },
  receipt: CheckedDocument & { kind: "receipt" },
): Verification {
  try {
    const verdicts = compareDocuments(manifest, receipt);
    const missing = verdicts.filter((verdict) => !verdict.stored);
    const first = missing[0];
    if (first === undefined) return { file, ok: true, says: `all ${verdicts.length} items that were sent are stored, with the same bytes` };
    return {
      file,
      ok: false,
      says: `${missing.length} of ${verdicts.length} items are not stored as they were sent; the first is ${first.dataset}/${first.key} (${first.reason})`,
    };
  } catch (error) {
    if (!(error instanceof VerificationError)) throw error;
    return { file, ok: false, says: error.message };
  }
}

async function checkItems(items: { folder: string; file: string }[], checked: { document: CheckedDocument }[]): Promise<Verification[]> {
  const expected = new Map<string, string>(
    checked.flatMap(({ document }) => document.payload.items.map((item) => [`${item.dataset}/${item.key}`, item["sha-256"]] as const)),
  );
  const wrong: Verification[] = [];
  let right = 0;
  for (const { folder, file } of items) {
    const name = file.slice(folder.length + 1);
    const digest = await digestOf(file);
    if (expected.get(name) === digest) right += 1;
    else wrong.push({ file, ok: false, says: expected.has(name) ? "its bytes are not those of the documents" : "no document names it" });
  }
  const summary: Verification[] = right > 0 ? [{ file: `${right} files`, ok: true, says: "have the bytes that the documents name" }] : [];
  return [...summary, ...wrong];
}

/** Of each copy that lies here beside its original: the conversion that its manifest names, repeated. */
async function checkCopies(items: { file: string; folder: string }[], checked: { document: CheckedDocument }[]): Promise<Verification[]> {
  const files = new Map(items.map(({ folder, file }) => [file.slice(folder.length + 1), file]));
  const copies = checked
    .flatMap(({ document }) => (document.kind === "manifest" ? document.payload.items : []))
    .filter((item) => item.made_from);
  const wrong: Verification[] = [];
  let right = 0;
  for (const copy of copies) {
    const original = files.get(`${copy.dataset}/${copy.made_from?.key}`);
    const file = files.get(`${copy.dataset}/${copy.key}`);
    if (original === undefined || file === undefined) continue;
    const says = await flawOfCopy(copy, original);
    if (says === null) right += 1;
    else wrong.push({ file, ok: false, says });
  }
  return [
    ...(right > 0 ? [{ file: `${right} copies`, ok: true, says: "were made again from their originals, and are the same" }] : []),
    ...wrong,
  ];
}

async function flawOfCopy(copy: ManifestItem, original: string): Promise<string | null> {
  try {
    convertAgain(copy, await readFile(original));
    return null;
  } catch (error) {
    if (!(error instanceof VerificationError)) throw error;
    return error.message;
  }
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest("base64url");
}
