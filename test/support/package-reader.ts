import { compactDecrypt, decodeProtectedHeader, importJWK, type JWK } from "jose";

/**
 * A reader of sealed packages written from docs/mailbox.md alone, on WebCrypto: no line of the product's. It opens, and checks neither who sealed nor
 * for whom. Throws for whatever is not whole.
 */
export async function readPackage(
  sealed: Uint8Array<ArrayBuffer>,
  keys: JWK[],
): Promise<{ claims: Record<string, unknown>; plain: Buffer }> {
  const view = new DataView(sealed.buffer, sealed.byteOffset);
  const text = (from: number, to: number) => new TextDecoder("latin1").decode(sealed.subarray(from, to));
  if (text(0, 4) !== "SDPK" || view.getUint8(4) !== 1) throw new Error("no package of version 1");
  const end = 8 + view.getUint8(5) * 65_536 + view.getUint16(6);
  const jwe = text(8, end);
  const key = keys.find(({ kid }) => kid === decodeProtectedHeader(jwe).kid);
  if (key === undefined) throw new Error("no key");
  const { plaintext } = await compactDecrypt(jwe, await importJWK(key, "ECDH-ES+A256KW"));
  const claims = JSON.parse(atob(String(new TextDecoder().decode(plaintext).split(".")[1]).replaceAll("-", "+").replaceAll("_", "/"))) as {
    cek: string;
  };
  const additionalData = await crypto.subtle.digest("SHA-256", sealed.subarray(0, end));
  const contentKey = await crypto.subtle.importKey("raw", Buffer.from(claims.cek, "base64url"), "AES-GCM", false, ["decrypt"]);
  const plain: Buffer[] = [];
  for (let at = end, number = 0; ; number++) {
    const stop = Math.min(at + 65_536 + 16, sealed.length);
    const iv = new Uint8Array(12);
    new DataView(iv.buffer).setUint32(7, number);
    if (stop === sealed.length) iv[11] = 1;
    plain.push(Buffer.from(await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData }, contentKey, sealed.subarray(at, stop))));
    if (stop === sealed.length) return { claims, plain: Buffer.concat(plain) };
    at = stop;
  }
}
