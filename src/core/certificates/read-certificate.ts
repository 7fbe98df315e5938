import type { Words } from "../catalogue/data-set.ts";
import { RelaisError } from "../errors.ts";
import type { Ports, Writer } from "../ports.ts";
import type { Ring } from "../transfer/transfer-records.ts";
import type { Participant } from "../register/participant.ts";
import { QUORUM } from "../register/facts.ts";
import { accreditorName, mustBeImpartial, type RegisterCaller } from "../register/register-caller.ts";
import { countedWords, type OfficePorts } from "../register/two-accreditors.ts";
import type { CertificateClaim, ClaimId, Reading } from "./claim.ts";
import { resumeToward, showCertificate } from "./show-certificate.ts";

export type Finding = Pick<Reading, "verdict" | "reasons"> & { withoutConflict: boolean };

/**
 * One accreditor's reading of a certificate that was handed in. The second one who finds the same decides it, while the first is an accreditor still; where it is accepted, it counts
 * from that transaction on, and transfers that waited for it go on.
 * @throws RelaisError `forbidden`, `conflict` (decided already, or read by the same accreditor before), `invalid` (conflict of interest).
 */
export async function readCertificate(
  ports: Pick<Ports, "store" | "queue" | "clock" | "policy"> & OfficePorts,
  caller: RegisterCaller,
  { claimId, ...finding }: { claimId: ClaimId } & Finding,
): Promise<{ claim: CertificateClaim; resumed: number }> {
  const reader = accreditorName(caller);
  if (!finding.withoutConflict)
    throw new RelaisError(
      "invalid",
      "Declare that you have no conflict of interest with this platform, or leave it to another accreditor.",
      {
        pointers: ["/without_conflict"],
      },
    );
  const at = ports.clock.now();
  const { rings, claim } = await ports.store.write(async (w) => {
    const { platformId } = await w.certificates.get(claimId);
    const platform = await w.register.lock(platformId);
    await mustBeImpartial(w, caller, platformId);
    const found = await w.claims.lock(claimId);
    refuseRevoked(platform);
    if (found.state !== "handed_in") throw new RelaisError("conflict", `This certificate is ${found.state}.`, { actor: "operator" });
    await addReading(w, { claimId, reader, verdict: finding.verdict, reasons: finding.reasons, at });
    const alike = (await w.certificates.readings(claimId)).filter(({ verdict }) => verdict === finding.verdict);
    const same = await countedWords(w, ports, alike, { by: (reading) => reading.reader, about: [platformId] });
    return same.length < QUORUM ? { rings: [], claim: found } : decide(w, ports, found, finding.verdict);
  });
  if (rings.length > 0) await ports.queue.ring(rings).catch(() => undefined);
  return { claim, resumed: rings.length };
}

/** With the revocation its certificates stopped to count, and none begins to. */
function refuseRevoked({ name, status }: Participant): void {
  if (status === "revoked")
    throw new RelaisError("conflict", `${name} is revoked: its certificates count for nothing.`, { actor: "operator" });
}

async function addReading(w: Writer, reading: Reading): Promise<void> {
  if ((await w.certificates.readings(reading.claimId)).some(({ reader }) => reader === reading.reader))
    throw new RelaisError("conflict", "You read this certificate already: another accreditor has to.", { actor: "operator" });
  await w.claims.addReading(reading);
}

async function decide(
  w: Writer,
  { clock, policy }: Pick<Ports, "clock" | "policy">,
  claim: CertificateClaim,
  verdict: Reading["verdict"],
): Promise<{ rings: Ring[]; claim: CertificateClaim }> {
  const at = clock.now();
  const state = verdict === "accept" ? "accepted" : "refused";
  await w.claims.decide(claim.id, state, at);
  const decided = { ...claim, state, decidedAt: at } as const;
  if (verdict === "refuse") return { rings: [], claim: decided };
  await showCertificate(w, await w.participants.get(claim.platformId), claim, at);
  return { rings: await resumeToward(w, policy, claim.platformId, at), claim: decided };
}

/** What refused it, in the words of those who read it. */
export function reasonsOf(readings: Reading[], state: CertificateClaim["state"]): Words | null {
  const decisive = readings.filter(({ verdict }) => (state === "accepted" ? verdict === "accept" : verdict === "refuse"));
  if (state === "handed_in" || state === "taken_back" || decisive.length === 0) return null;
  const texts = (lang: keyof Words): string => [...new Set(decisive.map(({ reasons }) => reasons[lang]))].join(" ");
  return { fr: texts("fr"), en: texts("en") };
}
