import { RelaisError } from "../errors.ts";
import { CERTIFICATES, isCertificate, type Certificate } from "../policy/certificates.ts";

/** @throws RelaisError `invalid` where it is none of the register's list, or where its days cannot be. */
export function checkedCertificate(
  { certificate, date, validUntil }: { certificate: string; date: string; validUntil: string | null },
  now: Date,
): { certificate: Certificate; validUntil: string } {
  if (!isCertificate(certificate))
    throw new RelaisError("invalid", `The certificate is one of ${Object.keys(CERTIFICATES).join(", ")}.`, {
      pointers: ["/certificate"],
      actor: "platform",
    });
  const today = now.toISOString().slice(0, 10);
  if (validUntil === null || !isFullDate(validUntil) || !isFullDate(date) || date > today || validUntil < today)
    throw new RelaisError("invalid", "Give the date of the certificate, not in the future, and its last day, not in the past.", {
      pointers: ["/valid_until"],
      actor: "platform",
    });
  return { certificate, validUntil };
}

function isFullDate(value: string): boolean {
  const day = new Date(`${value}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(value) && value.length === 10;
}
