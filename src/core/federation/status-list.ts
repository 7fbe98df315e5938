/** Two bits for each index (Token Status List, draft 20 §4): a suspension can end, what is invalid stays so. */
export const STATUS = { valid: 0, invalid: 1, suspended: 2 } as const;

/** Indexes of one list. Marks get theirs at random, so that a list tells nothing of their order. */
export const LIST_SIZE = 131_072;

/** The list as bytes, packed from the least significant bit; what is not named is valid. */
export function packStatuses(statuses: Iterable<{ index: number; status: number }>, size: number = LIST_SIZE): Uint8Array {
  const bytes = new Uint8Array(size / 4);
  for (const { index, status } of statuses) {
    if (index < 0 || index >= size) throw new RangeError("an index outside of its list");
    bytes[index >> 2] = (bytes[index >> 2] as number) | (status << ((index & 3) * 2));
  }
  return bytes;
}

/** Null for an index outside of the list: it must be refused (§8.3). */
export function readStatus(bytes: Uint8Array, index: number): number | null {
  const byte = bytes[index >> 2];
  return byte === undefined || index < 0 ? null : (byte >> ((index & 3) * 2)) & 3;
}
