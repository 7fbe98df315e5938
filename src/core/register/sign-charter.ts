import { canonicalJson } from "../canonical-json.ts";
import { RelaisError } from "../errors.ts";
import type { Ports, Writer } from "../ports.ts";
import { sha256 } from "../transfer/manifest.ts";
import type { ApplicationId, CharterSignature } from "./application.ts";
import type { Charters } from "./charter.ts";
import { lockEditable } from "./own-application.ts";
import type { RegisterCaller } from "./register-caller.ts";

/**
 * Records that the charter was signed, with the digest of the text that was read (S-111). `signer` is the role of whoever signed
 * ("managing director"), not a name.
 * @throws RelaisError `conflict` where the text that was read is not the text of this version.
 */
export async function signCharter(
  ports: Pick<Ports, "store" | "clock"> & { charters: Charters },
  caller: RegisterCaller,
  id: ApplicationId,
  { digest, signer }: { digest: string; signer: string },
): Promise<CharterSignature> {
  return ports.store.write(async (w) => {
    const application = await lockEditable(w, caller, id);
    const charter = ports.charters.get(application.charterVersion);
    if (charter.digest !== digest)
      throw new RelaisError(
        "conflict",
        `This is not the text of version ${charter.version}. Read the charter again, and sign what you read.`,
        {
          actor: "platform",
          pointers: ["/digest"],
        },
      );
    const signature = {
      participantId: application.participantId,
      charterVersion: charter.version,
      charterDigest: charter.digest,
      signer,
      signedAt: ports.clock.now(),
    };
    if (await w.cases.addSignature(signature)) await logSignature(w, signature);
    return signature;
  });
}

/** Outsiders can check that this participant signed this text; neither who signed nor anything else about them is in the log. */
async function logSignature(w: Writer, { participantId, charterDigest, signedAt }: CharterSignature): Promise<void> {
  const { entityId } = await w.participants.get(participantId);
  const signature = sha256(canonicalJson({ charter_digest: charterDigest, participant: entityId }));
  await w.log.append({ kind: "signature", at: signedAt, body: { signature } });
}
