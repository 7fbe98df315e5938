import { createHash } from "node:crypto";
import { once } from "node:events";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { networkFor } from "../../src/net/network.ts";
import { completeMachine } from "../support/machine.ts";
import type { ServerProcess } from "../support/server-process.ts";
import { startNginx, startRclone } from "../support/webdav-server.ts";
import { figure, median, ratio, sized, timed, type Measure } from "./measure.ts";
import { curlPipeline, curlReadBack, rcloneCopy, type Copy } from "./rivals.ts";
import { giveToServer } from "./served-files.ts";
import { processorTimeOf } from "./processor-time.ts";
import { placeOf, removeFrom, secondsOfTransfer } from "./webdav-transfer.ts";

export const MEBIBYTES = sized(400, 48);
const DATASET = "bench.big";

type Tell = (line: string) => void;

/** Whose processor time is taken. */
const SIDES = ["the server that it is read from", "the server that takes it and gives it back", "Relais"] as const;

/** One file from one `rclone serve webdav` to another: a whole transfer, read back and receipted, beside `rclone copyto` without hashes. */
export async function bigFile(rounds: number, tell: Tell): Promise<Measure[]> {
  completeMachine(tell, ["rclone"]);
  const { ours, theirs, shares, computed } = await besides(
    { start: startRclone, rival: await rcloneCopy(), name: "rclone copyto" },
    rounds,
    tell,
  );
  return [
    figure(`one file of ${MEBIBYTES} MiB between two rclone serve webdav, hashed and receipted`, ours, "MiB/s"),
    figure("rclone copyto between the same servers, without hashes", theirs, "MiB/s"),
    ...SIDES.map((side, index) => figure(`computed while ours moved it: ${side}`, (computed[index] ?? 0) / 1000, "s")),
    ratio("ours / rclone copyto", shares, 0.8, 0.95, "rclone moves every byte there; we also read every byte back"),
  ];
}

/** The same between two nginx, beside the same work by small programs, and beside half of it. */
export async function bigFileNginx(rounds: number, tell: Tell): Promise<Measure[]> {
  completeMachine(tell, ["nginx", "curl", "sha256sum"]);
  const whole = async (ends: Parameters<Copy>[0]) => (await curlPipeline(ends)) === (await curlReadBack(ends)) || refuse();
  const full = await besides({ start: startNginx, rival: whole, name: "curl, tee, sha256sum, curl, and back" }, rounds, tell);
  const there = await besides({ start: startNginx, rival: curlPipeline, name: "curl, tee, sha256sum, curl" }, rounds, tell);
  return [
    figure(`one file of ${MEBIBYTES} MiB between two nginx, hashed and receipted`, full.ours, "MiB/s"),
    figure("the same work by curl | tee | sha256sum | curl -T -, then curl | sha256sum", full.theirs, "MiB/s"),
    ratio("ours / the same work by small programs", full.shares, 1.2, 1.8, "one process that moves and hashes, beside several"),
    figure("the small programs without reading back", there.theirs, "MiB/s"),
    figure("ours / the small programs without reading back", there.shares, "ratio"),
  ];
}

interface Match {
  start(): Promise<ServerProcess>;
  rival: (ends: Parameters<Copy>[0]) => Promise<unknown>;
  name: string;
}

interface Medians {
  ours: number;
  theirs: number;
  shares: number;
  /** Milliseconds of each of the sides, of servers that are one process. */
  computed: number[];
}

/** Ours and theirs in turns. Medians of MiB/s, and of the ratios of the rounds. */
async function besides(match: Match, rounds: number, tell: Tell): Promise<Medians> {
  await using owned = new AsyncDisposableStack();
  const [from, to] = [owned.use(await match.start()), owned.use(await match.start())];
  const network = owned.use(networkFor({ allowLoopback: true }));
  const digest = await writeBigFile(from, DATASET);
  const results: { ours: number; theirs: number; computed: number[] }[] = [];
  const sides = (): Promise<number[]> => Promise.all([from, to, process].map(({ pid }) => processorTimeOf(pid)));
  for (let round = 1; round <= rounds; round++) {
    const before = await sides();
    const ours = MEBIBYTES / (await secondsOfTransfer([from, to], DATASET, network));
    const computed = (await sides()).map((time, index) => time - (before[index] as number));
    const theirs =
      MEBIBYTES / (await timed(() => match.rival({ from: `${from.url}${placeOf(DATASET)}/big.bin`, to: `${to.url}theirs.bin` })));
    if ((await digestOf(join(to.folder, "data", "theirs.bin"))) !== digest) throw new Error(`${match.name}: other bytes arrived`);
    tell(`${MEBIBYTES} MiB, round ${round}: ours ${ours.toFixed(0)} MiB/s, ${match.name} ${theirs.toFixed(0)} MiB/s`);
    results.push({ ours, theirs, computed });
    for (const left of ["relais/", "theirs.bin"]) await removeFrom(to, left);
  }
  return {
    ours: median(results.map((one) => one.ours)),
    theirs: median(results.map((one) => one.theirs)),
    shares: median(results.map((one) => one.ours / one.theirs)),
    computed: SIDES.map((_, side) => median(results.map(({ computed }) => computed[side] as number))),
  };
}

/** Returns its SHA-256 in hex. */
export async function writeBigFile({ folder }: ServerProcess, dataset: string, mebibytes = MEBIBYTES): Promise<string> {
  const place = join(folder, "data", placeOf(dataset));
  await mkdir(place, { recursive: true });
  const file = createWriteStream(join(place, "big.bin"));
  const hash = createHash("sha256");
  for (let part = 0; part < mebibytes; part++) {
    const bytes = Buffer.alloc(1 << 20, createHash("sha512").update(String(part)).digest());
    hash.update(bytes);
    if (!file.write(bytes)) await once(file, "drain");
  }
  file.end();
  await once(file, "finish");
  await giveToServer(folder);
  return hash.digest("hex");
}

function refuse(): never {
  throw new Error("what was read back is not what was sent");
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
