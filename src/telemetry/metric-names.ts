import { MOST_MEASURED, RECENT_MINUTES } from "../core/operation/measures.ts";

export interface Definition {
  kind: "gauge" | "counter" | "histogram";
  help: string;
  labels?: readonly string[];
}

/** Read from the database, by a process with the role `sweeper` alone. A person, an account or an address is never a label. */
export const DATABASE_METRICS = {
  relais_database_up: { kind: "gauge", help: "1 where the database answered this scrape; the values below are missing where it did not." },
  relais_transfer_oldest_due_seconds: {
    kind: "gauge",
    help: "How long the oldest transfer that is due, and that nobody holds, has been due.",
  },
  relais_transfers: { kind: "gauge", help: "Transfers that have not ended, by state.", labels: ["state"] },
  relais_transfers_ended_recently: {
    kind: "gauge",
    help: `Transfers that ended in the last ${RECENT_MINUTES} minutes, by outcome.`,
    labels: ["outcome"],
  },
  relais_participant_transfers_recently: {
    kind: "gauge",
    help: `The same for one participant and its end of them; absent from ${MOST_MEASURED} participants on.`,
    labels: ["participant", "end", "outcome"],
  },
  relais_participant_transfer_median_seconds: {
    kind: "gauge",
    help: "From the request to the end: half of those transfers took no longer.",
    labels: ["participant", "end", "outcome"],
  },
  relais_withdrawal_oldest_untold_seconds: {
    kind: "gauge",
    help: "How long the oldest withdrawal waits for its events to participants to be written down.",
  },
  relais_receipt_oldest_unanchored_seconds: {
    kind: "gauge",
    help: "How long the oldest change of a consent waits for its receipt in the public log.",
  },
  relais_log_entries: { kind: "gauge", help: "Entries of the public log." },
  relais_log_signed_entries: { kind: "gauge", help: "Entries that the newest signed checkpoint covers; one is signed when somebody asks." },
  relais_retention_done_seconds: {
    kind: "gauge",
    help: "How long ago nothing was left of this kind of record that is past its time.",
    labels: ["kind"],
  },
  relais_retention_left: {
    kind: "gauge",
    help: "Records past their time that the last round did not remove, counted to 10 000.",
    labels: ["kind"],
  },
  relais_dead_letters: { kind: "gauge", help: "What is given up until an operator looks at it.", labels: ["kind"] },
} as const satisfies Record<string, Definition>;

/** Counted by each process for itself, since its start. */
export const PROCESS_METRICS = {
  relais_up: { kind: "gauge", help: "1 where this process takes work, 0 where it drains.", labels: ["roles"] },
  relais_attempts_total: { kind: "counter", help: "Attempts at transfers, by what they came to.", labels: ["result"] },
  relais_withdrawal_stop_seconds: { kind: "histogram", help: "From a withdrawal to the end of the attempt that it stopped." },
  relais_http_answers_total: { kind: "counter", help: "Answers on the public address, by class of status.", labels: ["class"] },
} as const satisfies Record<string, Definition>;

export type DatabaseMetric = keyof typeof DATABASE_METRICS;

export function described({ help, labels }: Definition): { help: string; labelNames: string[] } {
  return { help, labelNames: [...(labels ?? [])] };
}
