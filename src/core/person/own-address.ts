import { createHash } from "node:crypto";
import type { Language } from "../catalogue/data-set.ts";
import { RelaisError } from "../errors.ts";
import { newId, type PersonId } from "../ids.ts";
import type { Ports } from "../ports.ts";
import type { LinkPurpose, MailLink } from "./mail.ts";
import { hintOf, mailAddressOf, type AddressSealer, type MailAddress } from "./mail-address.ts";

type AddressPorts = Pick<Ports, "store" | "clock">;

/** Mails in 24 hours to one address that nobody proved, whoever asks, and by one person: nobody is flooded through us. */
const MOST_ATTEMPTS = 5;

/**
 * Keeps an address that waits to be proved, in place of another one that waits, and asks by mail. The one in use stays in use until then.
 * @throws RelaisError `invalid` (no address), `rate_limited` (asked too often).
 */
export async function giveAddress(
  ports: AddressPorts & { addresses: AddressSealer },
  given: { personId: PersonId; text: string; language: Language },
): Promise<void> {
  const { personId, text, language } = given;
  const plain = mailAddressOf(text);
  const marks = [`to ${plain.toLowerCase()}`, `by ${personId}`].map((text) => ports.addresses.markOf(text));
  const now = ports.clock.now();
  const address: MailAddress = {
    id: newId("mailAddress"),
    personId,
    sealed: await ports.addresses.seal(plain),
    hint: hintOf(plain),
    language,
    givenAt: now,
    provedAt: null,
    unreachableAt: null,
    remindersOffAt: null,
    replacedAt: null,
  };
  await ports.store.write(async (w) => {
    if (!(await w.mailing.countAttempt({ marks, at: now, most: MOST_ATTEMPTS }))) throw tooOften();
    await w.mailing.give(address);
    await w.mailing.tell({ personId, kind: "address-proof", about: address.id, occasion: address.id, addressId: address.id });
  });
}

/**
 * Whoever reads the mail says that the address is theirs; once, in whatever browser. The address that it replaces is told so.
 * @throws RelaisError `not_found` for a link that was used, is over, or never was.
 */
export async function proveAddress({ store, clock }: AddressPorts, token: string): Promise<PersonId> {
  const now = clock.now();
  return store.write(async (w) => {
    const link = await w.mailing.takeLink(hashOfToken(token), "prove", now);
    const proved = link !== null && (await w.mailing.prove(link.addressId, now));
    if (link === null || proved === false) throw noSuchLink();
    const { personId } = link;
    const { replaced } = proved;
    if (replaced !== null)
      await w.mailing.tell({ personId, kind: "address-changed", about: replaced, occasion: replaced, addressId: replaced });
    return personId;
  });
}

/** At once, with every link that was sent there and every mail that waits. */
export async function removeAddress({ store }: Pick<Ports, "store">, personId: PersonId): Promise<void> {
  await store.write((w) => w.mailing.removeAddresses(personId));
}

/** Says that the address takes mail, and asks for a mail that shows it; one a day. @throws RelaisError `not_found`, `rate_limited`. */
export async function tryAddress({ store, clock }: AddressPorts, personId: PersonId): Promise<void> {
  const now = clock.now();
  await store.write(async (w) => {
    const { inUse } = await w.mail.addresses(personId);
    if (inUse === null || !(await w.mailing.markUnreachable(inUse.id, null)))
      throw new RelaisError("not_found", "No mail address is in use for you.", { actor: "person" });
    const occasion = `${inUse.id} ${now.toISOString().slice(0, 10)}`;
    if (!(await w.mailing.tell({ personId, kind: "address-test", about: inUse.id, occasion, addressId: inUse.id }))) throw tooOften();
  });
}

export async function wantReminders({ store, clock }: AddressPorts, personId: PersonId, isWanted: boolean): Promise<void> {
  await store.write((w) => w.mailing.setReminders(personId, isWanted ? null : clock.now()));
}

/** One click in a mail; said twice, it is the same (RFC 8058). @throws RelaisError `not_found`. */
export async function unsubscribe({ store, clock }: AddressPorts, token: string): Promise<void> {
  const link = await findMailLink({ store, clock }, token, "unsubscribe");
  await wantReminders({ store, clock }, link.personId, false);
}

/** @throws RelaisError `not_found` for a link that was used, is over, or never was. */
export async function findMailLink({ store, clock }: AddressPorts, token: string, purpose: LinkPurpose): Promise<MailLink> {
  const link = await store.read((r) => r.mail.findLink(hashOfToken(token), purpose, clock.now()));
  if (link === null) throw noSuchLink();
  return link;
}

export function hashOfToken(token: string): string {
  return createHash("sha256").update(token).digest("base64url");
}

export function noSuchLink(): RelaisError {
  return new RelaisError("not_found", "This link is too old, or was used before. Sign in to go on, or ask for a new mail there.", {
    actor: "person",
  });
}

function tooOften(): RelaisError {
  return new RelaisError("rate_limited", "This was asked for too often. Wait until tomorrow.", { actor: "person", retryAfter: 86_400 });
}
