import type { Words } from "../catalogue/data-set.ts";

/** What one probe found. A refusal to answer is a result, not a crash. */
export interface ProbeResult {
  /** Dotted name, stable: `inbox.refuses-bad-digest`. Criteria name probes by it. */
  probe: string;
  outcome: "passed" | "failed" | "not_run";
  title: Words;
  /** What was seen, in one sentence each, redacted: no token, no key, no account name. */
  detail: Words;
  /** A curl command (or several lines) that shows the same by hand. */
  reproduce: string;
  startedAt: Date;
  milliseconds: number;
}
