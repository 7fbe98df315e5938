import { RelaisError } from "../errors.ts";
import type { Ports, Writer } from "../ports.ts";
import { isNobody, readDeliveryReport, type DeliveryReport } from "./delivery-report.ts";
import type { SentMail } from "./mail.ts";
import type { MailAddressId } from "./mail-address.ts";

/** What a report came to: the address is marked; it says nothing that lasts; or the mail is none of a person's, or its address is not in use any more. */
export type Taken = "unreachable" | "passing" | "unknown";

/**
 * Takes a report of a mail that came back later. Where it says that nobody is at the address, nothing more goes there, and its owner is told on
 * their page, as where the server refuses at once. Said twice, it is the same.
 * @throws RelaisError `invalid` for what is no delivery report about one recipient.
 */
export async function takeBounce(ports: Pick<Ports, "store" | "clock">, raw: string): Promise<{ taken: Taken; report: DeliveryReport }> {
  const report = readDeliveryReport(raw);
  if (report === null)
    throw new RelaisError("invalid", "This is no delivery report about one recipient (RFC 3464).", { actor: "operator" });
  const { mail } = report;
  if (mail === null) return { taken: "unknown", report };
  if (!isNobody(report)) return { taken: "passing", report };
  const isMarked = await ports.store.write(async (w) => {
    const sent = await w.mail.findSent(mail);
    const address = sent && (await addressOf(w, sent));
    return address !== null && (await w.mailing.markUnreachable(address, ports.clock.now()));
  });
  return { taken: isMarked ? "unreachable" : "unknown", report };
}

/** Where it went then: an address that came into use since has nothing to do with it. */
async function addressOf(w: Writer, { personId, addressId, endedAt }: SentMail): Promise<MailAddressId | null> {
  if (addressId !== null) return addressId;
  const { inUse } = await w.mail.addresses(personId);
  return inUse?.provedAt && inUse.provedAt <= endedAt ? inUse.id : null;
}
