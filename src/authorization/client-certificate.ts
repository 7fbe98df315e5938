import { createHash, X509Certificate } from "node:crypto";
import { BlockList, isIPv6 } from "node:net";
import { RelaisError } from "../core/errors.ts";
import type { Peer } from "../core/ports.ts";

/** The proxy that speaks TLS with the clients, and how it hands their certificates on (docs/decisions/0019). */
export interface CertificateFront {
  /** Name of the header field that it sets on each request, and takes away from whoever else sent it. */
  header: string;
  /** Addresses or networks from which the field is believed. */
  proxies: readonly string[];
  /** Where clients reach it with their certificates; null where it is the issuer's own address. */
  url: string | null;
}

/** The certificate of whoever is at the other end of TLS, or null. @throws RelaisError `forbidden`, `invalid`. */
export type CertificateReader = (peer: Peer) => X509Certificate | null;

/** Without a front the field means nothing: nobody has a certificate. */
export function certificateReader(front: CertificateFront | null): CertificateReader {
  if (front === null) return () => null;
  const trusted = networksOf(front.proxies);
  return ({ address, header }) => {
    const value = header(front.header);
    if (value === undefined || value === "" || value === "(null)") return null;
    if (!trusted(address))
      throw new RelaisError("forbidden", "Only the operator's own proxy may hand on a client certificate. Connect by TLS instead.");
    return certificateIn(value);
  };
}

function networksOf(proxies: readonly string[]): (address: string | undefined) => boolean {
  const list = new BlockList();
  for (const proxy of proxies) {
    const [address = "", bits] = proxy.split("/");
    const family = isIPv6(address) ? "ipv6" : "ipv4";
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return (address) => {
    const plain = address?.replace(/^::ffff:(?=\d+\.)/, "") ?? "";
    return plain !== "" && list.check(plain, isIPv6(plain) ? "ipv6" : "ipv4");
  };
}

const LONGEST = 16_384;

/** A byte sequence (RFC 9440 §2.1), or a PEM in percent-encoding, as nginx writes `$ssl_client_escaped_cert`. */
function certificateIn(value: string): X509Certificate {
  try {
    const bytes = /^:([A-Za-z0-9+/]+={0,2}):$/.exec(value)?.[1];
    const text = value.length > LONGEST ? "" : decodeURIComponent(value);
    return new X509Certificate(bytes === undefined ? text : Buffer.from(bytes, "base64"));
  } catch (cause) {
    throw new RelaisError(
      "invalid",
      "The proxy hands on a client certificate that cannot be read. The operator sets its header as docs/oauth.md says.",
      {
        cause,
        actor: "operator",
      },
    );
  }
}

/** `x5t#S256` (RFC 8705 §3.1). */
export function certificateHash({ raw }: X509Certificate): string {
  return createHash("sha256").update(raw).digest("base64url");
}
