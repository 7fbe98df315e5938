import { Gauge, Registry } from "prom-client";
import type { Measures } from "../core/operation/measures.ts";
import { DATABASE_METRICS, described, type DatabaseMetric } from "./metric-names.ts";

type Sample = [labels: Record<string, string>, value: number];
const plain = (value: number): Sample[] => [[{}, value]];

/** As Prometheus text. What is not known now is not there at all: an old value would look like a fact. */
export function databaseText(measures: Measures | null): Promise<string> {
  const registry = new Registry();
  const shown: Partial<Record<DatabaseMetric, Sample[]>> = {
    relais_database_up: plain(measures === null ? 0 : 1),
    ...(measures === null ? {} : samplesOf(measures)),
  };
  for (const [name, samples] of Object.entries(shown) as [DatabaseMetric, Sample[]][]) {
    const gauge = new Gauge<string>({ name, ...described(DATABASE_METRICS[name]), registers: [registry] });
    for (const [labels, value] of samples) gauge.set(labels, value);
  }
  return registry.metrics();
}

function samplesOf(measures: Measures): Record<Exclude<DatabaseMetric, "relais_database_up">, Sample[]> {
  const { participants } = measures;
  const labelsOf = ({ participant, end, outcome }: Measures["participants"][number]) => ({ participant, end, outcome });
  return {
    relais_transfer_oldest_due_seconds: plain(measures.oldestDueSeconds),
    relais_transfers: measures.live.map(({ state, count }) => [{ state }, count]),
    relais_transfers_ended_recently: measures.ended.map(({ outcome, count }) => [{ outcome }, count]),
    relais_participant_transfers_recently: participants.map((one) => [labelsOf(one), one.count]),
    relais_participant_transfer_median_seconds: participants.map((one) => [labelsOf(one), one.medianSeconds]),
    relais_withdrawal_oldest_untold_seconds: plain(measures.oldestUntoldWithdrawalSeconds),
    relais_receipt_oldest_unanchored_seconds: plain(measures.oldestUnanchoredSeconds),
    relais_log_entries: plain(measures.logEntries),
    relais_log_signed_entries: plain(measures.signedLogEntries),
    relais_retention_done_seconds: measures.retained.map(({ kind, doneSeconds }) => [{ kind }, doneSeconds]),
    relais_retention_left: measures.retained.map(({ kind, left }) => [{ kind }, left]),
    relais_dead_letters: measures.deadLetters.map(({ kind, count }) => [{ kind }, count]),
  };
}
