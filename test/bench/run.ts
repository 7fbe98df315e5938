import { rmSync } from "node:fs";
import { chmod, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { PROFILE_VARIABLE } from "../support/fault-relais.ts";
import { SERVER_VARIABLE, startDurableServer } from "../support/postgres-server.ts";
import { acceptance } from "./accept.ts";
import { bigFile, bigFileNginx } from "./big-file.ts";
import { dispatchMeasures } from "./dispatch.ts";
import { IS_SMALL, type Measure } from "./measure.ts";
import { streamingMemory } from "./memory.ts";
import { mixedLoad } from "./mixed-load.ts";
import { manyFiles } from "./many-files.ts";
import { nextStart } from "./next-start.ts";
import { receipts } from "./receipts.ts";
import { recovery } from "./recovery.ts";
import { registerOfThousands } from "./register.ts";
import { smallSelfData } from "./small-self-data.ts";
import { smallTransfers } from "./small-transfers.ts";
import { standingMeasures } from "./standing.ts";
import { tokenRates } from "./token-rates.ts";
import { twoWorkers } from "./two-workers.ts";
import { withdrawals } from "./withdrawals.ts";

/** Everything in one run on one machine, so that the ratios mean something; absolute figures are only of that machine. */
const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    rounds: { type: "string", default: "3" },
    only: { type: "string", multiple: true },
    /** A folder for a CPU profile of each Relais process, to be opened in a browser's developer tools. */
    profile: { type: "string" },
  },
});
const rounds = Number(values.rounds);
if (values.profile !== undefined) process.env[PROFILE_VARIABLE] = resolve(values.profile);
const PARTS = {
  start: nextStart,
  small: smallTransfers,
  "small-self-data": smallSelfData,
  big: bigFile,
  nginx: bigFileNginx,
  files: manyFiles,
  memory: streamingMemory,
  receipts,
  accept: acceptance,
  register: registerOfThousands,
  dispatch: dispatchMeasures,
  recovery,
  "two-workers": twoWorkers,
  standing: standingMeasures,
  tokens: tokenRates,
  withdrawals,
  mixed: mixedLoad,
};
const names = Object.keys(PARTS) as (keyof typeof PARTS)[];
const unknown = values.only?.find((name) => !names.some((part) => part === name));
if (unknown !== undefined) throw new Error(`--only ${unknown}: there are ${names.join(", ")}.`);
const chosen = names.filter((name) => values.only === undefined || values.only.includes(name));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
const database = await startDurableServer();
process.env[SERVER_VARIABLE] = database.url;
await inFolderOfItsOwn();
const measures: Measure[] = [];
if (IS_SMALL) process.stderr.write("small sizes: these figures only show that the rows work\n");
for (const name of chosen) {
  for (const measure of await PARTS[name](rounds, (line) => process.stderr.write(`${line}\n`))) measures.push(measure);
}
await database.stop();
process.stdout.write(values.json ? `${JSON.stringify(measures, null, 2)}\n` : `${table(measures)}\n`);

/** Whatever parts leave lying goes when this process ends, however it ends. Servers that serve as somebody else must reach theirs. */
async function inFolderOfItsOwn(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "relais-bench-"));
  await chmod(folder, 0o711);
  process.env["TMPDIR"] = folder;
  process.once("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }));
}

function table(rows: Measure[]): string {
  const text = (value: number | null): string => (value === null ? "" : value >= 100 ? value.toFixed(0) : value.toPrecision(3));
  const lines = rows.map((row) => [row.measure, text(row.value), row.unit, text(row.floor), text(row.aim), row.limit ?? ""]);
  const all = [["measure", "value", "unit", "floor", "aim", "limit"], ...lines];
  const width = all[0]!.map((_, column) => Math.max(...all.map((line) => line[column]!.length)));
  return all
    .map((line) =>
      line.map((cell, column) => ([1, 3, 4].includes(column) ? cell.padStart(width[column]!) : cell.padEnd(width[column]!))).join("  "),
    )
    .join("\n");
}
