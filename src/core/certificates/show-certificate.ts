import type { ParticipantId } from "../ids.ts";
import type { Writer } from "../ports.ts";
import type { Ring } from "../transfer/transfer-records.ts";
import { isWaiting, judgeOf, resume } from "../policy/apply-conditions.ts";
import type { Certificate } from "../policy/certificates.ts";
import type { Policy } from "../policy/policy.ts";
import type { Participant } from "../register/participant.ts";

export interface Shown {
  certificate: Certificate;
  validUntil: string;
  issuer: string;
}

/**
 * From this transaction on the certificate counts for every holder's conditions, until the end of its last day. One that stands longer is kept.
 * The public log has which one it is and until when; who issued it is free text, and stays in the register.
 */
export async function showCertificate(w: Writer, platform: Participant, shown: Shown, at: Date): Promise<void> {
  const { certificate, validUntil, issuer } = shown;
  const standing = (await w.conditions.certificatesOf([platform.id], at)).find((one) => one.certificate === certificate);
  if (validUntil < at.toISOString().slice(0, 10) || (standing && standing.validUntil >= validUntil)) return;
  const body = { act: "certificate_shown", platform: platform.entityId, certificate, valid_until: validUntil };
  const logIndex = await w.log.append({ kind: "certificate", at, body });
  await w.rules.putCertificate({ platformId: platform.id, certificate, validUntil, issuer, acceptedAt: at, logIndex });
}

/** Lets transfers to this platform go on that waited for a condition which is met by now. To be rung once it is committed. */
export async function resumeToward(w: Writer, policy: Policy, platformId: ParticipantId, now: Date): Promise<Ring[]> {
  const waiting = (await w.deliveries.live({ participantId: platformId })).filter(
    (transfer) => transfer.destinationId === platformId && isWaiting(transfer),
  );
  const rings: Ring[] = [];
  for (const [holderId, transfers] of Map.groupBy(waiting, ({ sourceId }) => sourceId)) {
    const judge = await judgeOf(w, policy, holderId, now);
    for (const transfer of transfers) if ((await judge(transfer)).length === 0) rings.push(await resume(w, transfer, now));
  }
  return rings;
}
