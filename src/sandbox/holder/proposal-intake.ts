import { buffer } from "node:stream/consumers";
import type { Readable } from "node:stream";
import { RelaisError } from "../../core/errors.ts";
import { type Manifest, MANIFEST_TYPE, type Omission, type Receipt, RECEIPT_TYPE, sha256 } from "../../core/transfer/manifest.ts";
import type { Library } from "../export/library.ts";
import type { OwnKey } from "../peer/own-keys.ts";
import type { Relais } from "../peer/relais.ts";
import type { Announced, Intake, Sent } from "../platform/intake.ts";
import { assertSameEnds } from "../platform/announced-ends.ts";
import { assertOpen } from "../platform/transfers.ts";
import { judge, takesProposals } from "./proposal-rules.ts";
import type { Proposal, Proposals } from "./proposals.ts";

/** More than anybody corrects by hand. */
const PROPOSAL_BYTES = 64 * 1024;

export interface ProposalPorts {
  entityId: string;
  hasAccount: (account: string) => boolean;
  proposals: Proposals;
  /** What is in force: the holder's own values, with those that were taken over. */
  library: Library;
  relais: Relais;
  key: OwnKey;
}

/** Takes proposals of Relais: each is kept beside the value that stands, decided by a rule or left to a person, and named in the receipt. */
export function proposalIntake(ports: ProposalPorts): Intake {
  const { proposals } = ports;
  return {
    announce: (announced) => announce(ports, announced),
    put: (sent, body) => put(ports, sent, body),
    look: (transfer, page) => ({ state: proposals.get(transfer).state, items: proposals.items(transfer, page) }),
    complete: (transfer, jws) => complete(ports, transfer, jws),
    stop: (transfer) => {
      proposals.get(transfer);
      proposals.stop(transfer);
    },
  };
}

function announce({ entityId, hasAccount, proposals }: ProposalPorts, { subject, action, ...announced }: Announced): boolean {
  if (announced.destination !== entityId) throw new RelaisError("invalid", "This transfer is for another destination.");
  if (action !== "propose")
    throw new RelaisError("invalid", "This organisation takes proposals alone: announce the action `propose`.", { pointers: ["/action"] });
  if (!hasAccount(subject))
    throw new RelaisError("not_found", "There is no such account here. The person can link the account again.", { actor: "person" });
  return proposals.announce({ ...announced, account: subject });
}

async function put({ proposals, library }: ProposalPorts, sent: Sent, body: Readable): Promise<boolean> {
  const incoming = proposals.get(sent.transfer);
  assertOpen(incoming);
  const isAnnounced = incoming.datasets.some(({ dataset }) => dataset === sent.dataset);
  if (!isAnnounced || !takesProposals(sent.dataset))
    throw new RelaisError("invalid", "This organisation takes no proposals for this data set. The register lists what it takes them for.");
  if (sent.bytes > PROPOSAL_BYTES) throw new RelaisError("too_large", "A proposal is at most 64 KiB.");
  const content = await buffer(body);
  if (content.length !== sent.bytes || sha256(content) !== sent.sha256)
    throw new RelaisError(
      "digest_mismatch",
      "The bytes are not those of the Content-Digest. Nothing was kept; read the item again from its source.",
    );
  const held = proposals.of(sent.transfer).find(({ dataset, key }) => dataset === sent.dataset && key === sent.key);
  if (held?.sha256 === sent.sha256) return false;
  const old = await library.read(incoming.account, sent.dataset, sent.key);
  const { transfer, dataset, key, bytes, sha256: digest } = sent;
  proposals.keep({
    transfer,
    account: incoming.account,
    dataset,
    key,
    content: content.toString(),
    bytes,
    sha256: digest,
    base: old?.sha256 ?? null,
  });
  return true;
}

async function complete(ports: ProposalPorts, transfer: string, jws: string): Promise<string> {
  const { proposals, relais, key } = ports;
  const incoming = proposals.get(transfer);
  const digest = sha256(jws);
  const manifest = (await relais.verifyDocument(jws, MANIFEST_TYPE)) as unknown as Manifest;
  if (incoming.state === "complete" && incoming.manifest !== digest)
    throw new RelaisError("conflict", "This transfer was completed with another manifest.");
  if (incoming.state === "stopped") assertOpen(incoming);
  assertSameEnds(ports.relais.issuer, incoming, manifest, "propose");
  if (incoming.state === "open") {
    for (const proposal of proposals.of(transfer)) await decideByRule(ports, proposal);
    proposals.complete(transfer, digest);
  }
  return key.sign(RECEIPT_TYPE, { ...receiptFor(ports, manifest, digest) });
}

async function decideByRule({ proposals, library }: ProposalPorts, proposal: Proposal): Promise<void> {
  const old = await textOf(library, proposal);
  const verdict = judge(proposal.dataset, parsed(proposal.content), old === null ? null : parsed(old));
  proposals.decide(proposal, { ...verdict, by: "rule", replaced: old });
}

/** The value that stands for the item of this proposal. */
export async function textOf(
  library: Library,
  { account, dataset, key }: Pick<Proposal, "account" | "dataset" | "key">,
): Promise<string | null> {
  const item = await library.read(account, dataset, key);
  if (item === null) return null;
  const chunks: Uint8Array[] = [];
  for await (const chunk of item.body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function receiptFor({ entityId, proposals }: ProposalPorts, manifest: Manifest, digest: string): Receipt {
  const { transfer, consent, source, destination, omissions } = manifest;
  const all = proposals.of(transfer);
  const refused = all.filter(({ outcome }) => outcome === "refused");
  return {
    iss: entityId,
    iat: Math.floor(Date.now() / 1000),
    transfer,
    consent,
    source,
    destination,
    manifest: digest,
    observed: false,
    items: all.flatMap(({ dataset, key, bytes, sha256: stored, outcome }) =>
      outcome === "accepted" || outcome === "waiting" ? [{ dataset, key, bytes, "sha-256": stored, outcome }] : [],
    ),
    omissions: [
      ...omissions,
      ...refused.map(({ dataset, key, reason }): Omission => ({ dataset, key, reason: reason ?? "refused_by_destination" })),
    ],
  };
}
