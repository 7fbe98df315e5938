/** Writes failures that are not a caller's to standard error, where the operator of the sandbox looks. */
export function reporter(program: string): (error: unknown) => void {
  return (error) => void process.stderr.write(`${program}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
}
