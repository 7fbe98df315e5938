/** One word of a POSIX shell, whatever it holds: addresses come from participants, and people copy commands. */
export function shellWord(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
