/**
 * Who decides together: the one who asked for it before, and the one who acts now. Null while somebody else has to confirm, which the same
 * accreditor cannot do.
 */
export function together(earlier: { proposer: string } | undefined, acting: string, needed: number): string[] | null {
  const names = [...new Set([...(earlier ? [earlier.proposer] : []), acting])];
  return names.length >= needed ? names : null;
}
