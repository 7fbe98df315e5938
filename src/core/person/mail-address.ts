import type { Language } from "../catalogue/data-set.ts";
import { RelaisError } from "../errors.ts";
import type { Id, PersonId } from "../ids.ts";

export type MailAddressId = Id<"mailAddress">;

/** Where a person is written to, if they want to be. Nobody but the worker that sends can read the address itself. */
export interface MailAddress {
  id: MailAddressId;
  personId: PersonId;
  sealed: string;
  /** Enough for its owner to know it again: `z…@k….example`. */
  hint: string;
  /** In which its owner is written to. */
  language: Language;
  givenAt: Date;
  /** When somebody who reads its mail said that it is theirs; nothing is sent to it before but the question. */
  provedAt: Date | null;
  /** Since when its mail server says that there is no such address. */
  unreachableAt: Date | null;
  remindersOffAt: Date | null;
  /** Another one took its place; it is kept only until it has been told so. */
  replacedAt: Date | null;
}

/** The two addresses that a person may have: the one in use, and one that waits to be proved. */
export interface OwnAddresses {
  inUse: MailAddress | null;
  toProve: MailAddress | null;
}

/** Seals an address: whoever seals cannot open. */
export interface AddressSealer {
  seal(address: string): Promise<string>;
  /** The same for the same text, and nobody who lacks our secret can tell the text from it, or try texts against it. */
  markOf(text: string): string;
}

/** The worker's side. @throws RelaisError `internal` where the key is gone. */
export interface AddressOpener {
  open(sealed: string): Promise<string>;
}

const LONGEST = 254;
const LOCAL_PART = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/;
const HOST = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])$/;

/**
 * The address as it is kept: one address (RFC 5321 §4.1.2 without quoted parts and without numbers for hosts), its domain in lower case and in
 * ASCII. @throws RelaisError `invalid`.
 */
export function mailAddressOf(text: string): string {
  const at = text.lastIndexOf("@");
  const local = text.slice(0, at);
  const host = asciiOf(text.slice(at + 1));
  const address = `${local}@${host}`;
  if (at < 1 || local.length > 64 || address.length > LONGEST || !LOCAL_PART.test(local) || !HOST.test(host))
    throw new RelaisError("invalid", "This is no mail address. Write one such as name@example.org.", {
      actor: "person",
      pointers: ["/address"],
    });
  return address;
}

function asciiOf(host: string): string {
  const url = `http://${host}/`;
  return /^[^\s/?#@:\\]+$/.test(host) && URL.canParse(url) ? new URL(url).hostname : "";
}

export function hintOf(address: string): string {
  const [local = "", host = ""] = address.split("@");
  return `${local.slice(0, 1)}…@${host.slice(0, 1)}….${host.split(".").at(-1)}`;
}
