/** The bytes, or null where the text is not the one spelling of them in standard base64 (RFC 4648 §4, §3.5). */
export function fromBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : null;
}
