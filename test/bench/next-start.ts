import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startNode } from "../support/processes.ts";
import { figure, median, timed, type Measure } from "./measure.ts";

const ROOT = new URL("../../", import.meta.url);
const FLAGS = JSON.parse(await readFile(new URL("src/heap-flags.json", ROOT), "utf8")) as string[];

/** How long a second `npm start` on a folder is silent: from the start of the program until it answers as it did before. */
export async function nextStart(rounds: number, tell: (line: string) => void): Promise<Measure[]> {
  const folder = await mkdtemp(join(tmpdir(), "relais-bench-start-"));
  const env = { PATH: process.env["PATH"], HOME: folder, RELAIS_DATA_DIR: join(folder, "data") };
  const start = () => startNode([...FLAGS, new URL("src/main.ts", ROOT).pathname], { cwd: folder, env });
  const seconds: number[] = [];
  try {
    await using first = start();
    const url = (await first.line(/relais ready at (\S+)/))[1] as string;
    await first.kill("SIGTERM");
    for (let round = 1; round <= rounds; round++) {
      await using next = start();
      seconds.push(await timed(() => untilAnswers(`${url}/health/ready`)));
      tell(`next start, round ${round}: ${seconds.at(-1)?.toFixed(2)} s`);
      await next.line(/relais ready at/);
      await next.kill("SIGTERM");
    }
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
  const limit = "PostgreSQL's own start; must stay under 5 s";
  return [figure("second start until it answers", median(seconds), "s", limit)];
}

async function untilAnswers(url: string): Promise<void> {
  const isAnswered = () =>
    fetch(url).then(
      (answer) => answer.ok,
      () => false,
    );
  while (!(await isAnswered())) await sleep(20);
}
