import { RelaisError } from "../errors.ts";
import { newId } from "../ids.ts";
import type { Ports } from "../ports.ts";
import { measuredFile, type NewFile } from "../register/evidence-file.ts";
import { isAccredited } from "../register/participant.ts";
import { mayRead, mustActFor, mustActForSomebody, type RegisterCaller } from "../register/register-caller.ts";
import { checkedCertificate } from "./checked-certificate.ts";
import type { CertificateClaim, ClaimId } from "./claim.ts";

export interface NewCertificate extends NewFile {
  certificate: string;
  issuer: string;
  /** Full-date of the certificate itself. */
  date: string;
  /** Its last day (full-date). */
  validUntil: string;
}

type ClaimPorts = Pick<Ports, "store" | "clock">;

/**
 * An accredited platform hands in a certificate, at any time: what a holder asks for does not wait for the next application. Two accreditors
 * read it.
 * @throws RelaisError `invalid`, `unsupported`, `too_large`, `digest_mismatch`, `not_accredited`, `conflict` (one of its kind waits).
 */
export async function handInCertificate(ports: ClaimPorts, caller: RegisterCaller, given: NewCertificate): Promise<CertificateClaim> {
  const platformId = mustActForSomebody(caller);
  const at = ports.clock.now();
  const issuer = given.issuer.trim();
  if (issuer === "" || issuer.length > 200)
    throw new RelaisError("invalid", "Say who issued the certificate.", { pointers: ["/issuer"], actor: "platform" });
  const claim: CertificateClaim = {
    id: newId("certificate"),
    platformId,
    ...checkedCertificate(given, at),
    issuer,
    date: given.date,
    ...measuredFile(given),
    state: "handed_in",
    handedInAt: at,
    decidedAt: null,
  };
  await ports.store.write(async (w) => {
    const platform = await w.register.lock(platformId);
    if (!platform.roles.includes("platform")) throw new RelaisError("forbidden", "Only a platform hands in certificates.");
    if (!isAccredited(platform, await w.participants.findMark(platformId), at))
      throw new RelaisError("not_accredited", "Be accredited first; a certificate can come with the application.", { actor: "platform" });
    const known = await w.certificates.listOf(platformId, MOST_CLAIMS);
    if (known.some((one) => one.certificate === claim.certificate && one.state === "handed_in"))
      throw new RelaisError("conflict", "A certificate of this kind waits already. Take it back first, or wait for the accreditors.", {
        actor: "platform",
      });
    refuseCrowd(known, at);
    await w.claims.add(claim, given.content);
  });
  return claim;
}

/** Files of a platform in a year: two people read each of them. */
const MOST_CLAIMS = 50;
const YEAR_MILLISECONDS = 365 * 86_400_000;

function refuseCrowd(known: CertificateClaim[], at: Date): void {
  const oldest = known.at(-1);
  if (known.length >= MOST_CLAIMS && oldest && at.getTime() - oldest.handedInAt.getTime() < YEAR_MILLISECONDS)
    throw new RelaisError("rate_limited", `At most ${MOST_CLAIMS} certificates in a year. Write to the accreditors.`, {
      actor: "platform",
    });
}

/** @throws RelaisError `not_found`, `conflict` where it was read already. */
export async function takeBackCertificate(ports: ClaimPorts, caller: RegisterCaller, id: ClaimId): Promise<void> {
  await ports.store.write(async (w) => {
    const claim = await w.claims.lock(id);
    mustActFor(caller, claim.platformId);
    if (claim.state !== "handed_in") throw new RelaisError("conflict", `This certificate is ${claim.state}.`, { actor: "platform" });
    await w.claims.decide(id, "taken_back", ports.clock.now());
  });
}

/** @throws RelaisError `not_found` where it is not the caller's to read. */
export async function certificateFile(
  { store }: Pick<Ports, "store">,
  caller: RegisterCaller,
  id: ClaimId,
): Promise<CertificateClaim & { content: Uint8Array }> {
  return store.read(async (r) => {
    const claim = await r.certificates.get(id);
    mayRead(caller, claim.platformId);
    return { ...claim, content: await r.certificates.file(id) };
  });
}
