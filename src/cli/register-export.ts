import { Bars } from "./bars.ts";
import { EXIT } from "./command.ts";
import { publicCall, publicDownload } from "./register-client.ts";
import type { Call, ListPage } from "./register-call.ts";
import { writeWhole } from "./whole-file.ts";

/** The whole register, or whom the filters let through. Told while it goes on, where a terminal looks and the export does not go to it. */
export async function exportRegister({ relais, values, query }: Call): Promise<number> {
  const { total } = await publicCall<ListPage>(relais, `/v1/participants?${new URLSearchParams([...query, ["limit", "1"]])}`);
  const progress = progressOf(total ?? 0, values.out === undefined && process.stdout.isTTY);
  await writeWhole(values.out, values.json ? objects(relais, query, progress) : table(relais, query, progress));
  return EXIT.fine;
}

type Progress = (count: number) => void;

function progressOf(total: number, isOnTerminal: boolean): Progress {
  if (isOnTerminal || !process.stderr.isTTY) return () => undefined;
  const bars = new Bars(process.stderr);
  return (count) =>
    bars.draw([{ dataset: "participants", value: Math.min(count, total), max: total }], count < total ? "exporting …" : "done");
}

/** As the register gives it, byte for byte. A line is a participant; the first one names the columns. */
async function* table(relais: string, query: URLSearchParams, progress: Progress): AsyncGenerator<Uint8Array> {
  let count = -1;
  for await (const part of await publicDownload(relais, `/v1/participants.csv?${query}`)) {
    for (const byte of part) if (byte === 0x0a) count += 1;
    progress(Math.max(0, count));
    yield part;
  }
}

async function* objects(relais: string, query: URLSearchParams, progress: Progress): AsyncGenerator<string> {
  let count = 0;
  for (let next: string | null = ""; next !== null;) {
    const here = new URLSearchParams([...query, ...(next === "" ? [] : [["cursor", next] as [string, string]])]);
    const page: ListPage = await publicCall<ListPage>(relais, `/v1/participants?${here}`);
    progress((count += page.participants.length));
    yield page.participants.map((one) => `${JSON.stringify(one)}\n`).join("");
    next = page.next;
  }
}
