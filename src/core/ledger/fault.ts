/** What can be wrong with a log, told apart because each means something else to whoever finds it. */
export type FaultKind =
  | "malformed" // not the format that C2SP describes
  | "not_signed" // not signed by the key that we trust for this log
  | "other_log" // another log than the one we know
  | "forged" // the entries are not those that were signed
  | "truncated" // fewer entries are served than were signed
  | "shrunk" // the log is smaller than it was
  | "forked"; // the log is not a continuation of what it was

/** The log, or a proof from it, does not hold. `message` says what was found, in plain words. */
export class LogFault extends Error {
  override readonly name = "LogFault";
  readonly kind: FaultKind;

  constructor(kind: FaultKind, message: string) {
    super(message);
    this.kind = kind;
  }
}
