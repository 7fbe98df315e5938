import { RETENTION, type KeepingTerms } from "../src/core/operation/retention.ts";
import { KEPT, REMOVALS } from "../src/postgres/retention-rules.ts";
import { SETTINGS } from "../src/settings.ts";

const SETTING: Record<keyof KeepingTerms, keyof typeof SETTINGS.shape> = {
  itemNames: "RELAIS_KEEP_ITEM_NAMES_DAYS",
  journals: "RELAIS_KEEP_JOURNALS_DAYS",
  proofs: "RELAIS_KEEP_PROOFS_DAYS",
};

const HEAD = `# What is kept, and how long

Generated from \`src/core/operation/retention.ts\` and \`src/postgres/retention-rules.ts\` by \`npm run docs\`; \`npm run check\` compares. A test compares them with the
tables of the database, so that none is forgotten.

A process with the role \`sweeper\` removes what is past its time every five minutes, by the database's clock, in steps of 2 000 records that are transactions of their own
([0037](decisions/0037-what-is-past-its-time-goes-in-steps.md)). \`relais doctor\`, two metrics and an alert say when that is behind ([runbook.md](runbook.md#relaisretentionbehind)).
A person who deletes their account is forgotten at once, whatever stands here. Contents of items are never kept at all; what waits in the mailbox is sealed ([mailbox.md](mailbox.md)).

Names of items stand in two places. The rows that pages and operators read go early. The manifest and the receipt, which name what was handed over with its digest, are the
person's proof and stay as long as the permission's record. The queue holds ids, and BullMQ removes a job when it is done. Invented people of the sandbox are no people:
their platform's and holders' own files are not meant here. A copy in a backup lives as long as the operator keeps backups.

## What goes

In this order.

| kind | what it holds | days | counted from | why |
| --- | --- | --- | --- | --- |
`;

const MIDDLE = `
## What is not removed by age

| tables | why |
| --- | --- |
`;

/** docs/retention.md as the tables say it. */
export function retentionPage(): string {
  const rows = Object.entries(RETENTION).map(
    ([kind, { holds, keep, from, why }]) => `| ${kind}<br>\`${tableOf(kind)}\` | ${holds} | ${daysOf(keep)} | ${from} | ${why} |`,
  );
  const reasons = Map.groupBy(Object.entries(KEPT), ([, why]) => why);
  const kept = [...reasons].map(([why, tables]) => `| ${tables.map(([table]) => `\`${table}\``).join(", ")} | ${why} |`);
  return `${HEAD}${rows.join("\n")}\n${MIDDLE}${kept.join("\n")}\n`;
}

function tableOf(kind: string): string {
  return kind === "item-names" ? "transfer_items" : REMOVALS[kind as keyof typeof REMOVALS].table;
}

function daysOf(keep: number | keyof KeepingTerms): string {
  if (typeof keep === "string") return `${String(SETTINGS.shape[SETTING[keep]].parse(undefined))}<br>\`${SETTING[keep]}\``;
  return keep === 0 ? "0" : keep < 1 ? "an hour" : String(keep);
}
