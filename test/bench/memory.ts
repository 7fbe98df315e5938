import { join } from "node:path";
import { openKeyring } from "../../src/keys/keyring.ts";
import { createSealer } from "../../src/keys/sealer.ts";
import { startFaultWorld } from "../support/fault-relais.ts";
import { completeMachine } from "../support/machine.ts";
import { accreditedParticipant, dataset } from "../support/register-fixtures.ts";
import { growthDuring } from "../support/resident.ts";
import { startRclone } from "../support/webdav-server.ts";
import { MEBIBYTES, writeBigFile } from "./big-file.ts";
import { bound, type Measure } from "./measure.ts";
import { CREDENTIALS, endAt } from "./webdav-transfer.ts";

const [WARM, BIG] = ["bench.warm", "bench.big"];
const WARM_MEBIBYTES = 8;
const MEBIBYTE = 1024 * 1024;

type Tell = (line: string) => void;

/** By how much a worker in a process of its own grows while it carries one large file between two `rclone serve webdav`; it has carried a small one before. */
export async function streamingMemory(rounds: number, tell: Tell): Promise<Measure[]> {
  completeMachine(tell, ["rclone"]);
  const growths: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    growths.push((await growthOfWorker()) / MEBIBYTE);
    tell(`${MEBIBYTES} MiB through a worker, round ${round}: it grew by ${growths.at(-1)?.toFixed(1)} MiB`);
  }
  // Not their median: each must hold.
  const worst = Math.max(...growths);
  const why = "the largest of the rounds; resident size, looked at every 50 ms";
  return [bound(`worker memory growth while streaming ${MEBIBYTES} MiB`, worst, "MiB", { most: 64, aim: 32, why })];
}

async function growthOfWorker(): Promise<number> {
  await using world = await startFaultWorld({});
  await using from = await startRclone();
  await using to = await startRclone();
  await writeBigFile(from, WARM, WARM_MEBIBYTES);
  await writeBigFile(from, BIG, MEBIBYTES);
  await world.start("web,sweeper");
  const worker = await world.start("worker");
  const source = await accreditedParticipant(world.store, { ...endAt(from), roles: ["holder"], datasets: [dataset(WARM), dataset(BIG)] });
  const destination = await accreditedParticipant(world.store, { ...endAt(to), roles: ["platform"] });
  const sealer = createSealer(await openKeyring(join(world.dir, "relais", "keys"), "web"));
  const sealedCredentials = await sealer.seal(CREDENTIALS);
  const person = await world.person({ source, destination, sourceAccount: "", destinationAccount: "", sealedCredentials });
  const carry = async (name: string): Promise<void> => {
    const { id } = await person.transfer(await person.consent([name]));
    const { state, reason } = await world.ended(id);
    if (state !== "verified") throw new Error(`the transfer ended as ${state}: ${reason}`);
  };
  await carry(WARM);
  return await growthDuring(worker.pid, () => carry(BIG));
}
