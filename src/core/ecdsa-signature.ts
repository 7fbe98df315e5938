/**
 * The two forms of an ECDSA signature of P-256: both numbers one after the other, 32 bytes each, as JOSE has them (RFC 7518 §3.4), and DER (RFC 3279
 * §2.2.3), which `node:crypto` takes and gives at half the cost: asked for the other form, it looks at its options by failing at them first.
 */
const BYTES = 32;
const SEQUENCE = 0x30;
const INTEGER = 0x02;

export function derOf(raw: Uint8Array): Uint8Array {
  const numbers = [integerOf(raw.subarray(0, BYTES)), integerOf(raw.subarray(BYTES))];
  return Uint8Array.of(
    SEQUENCE,
    numbers.reduce((sum, { length }) => sum + length, 0),
    ...numbers.flat(),
  );
}

/** Without zeros in front, but for one where the number would look negative. */
function integerOf(number: Uint8Array): number[] {
  const first = number.findIndex((byte) => byte !== 0);
  const digits = first < 0 ? [0] : [...number.subarray(first)];
  const positive = (digits[0] as number) >= 0x80 ? [0, ...digits] : digits;
  return [INTEGER, positive.length, ...positive];
}

/** Of a signature that `node:crypto` made. */
export function rawOf(der: Uint8Array): Uint8Array {
  const raw = new Uint8Array(2 * BYTES);
  let at = 2;
  for (const end of [BYTES, 2 * BYTES]) {
    const length = der[at + 1] as number;
    const digits = der.subarray(at + 2, at + 2 + length);
    const significant = digits.subarray(Math.max(0, digits.length - BYTES));
    raw.set(significant, end - significant.length);
    at += 2 + length;
  }
  return raw;
}
