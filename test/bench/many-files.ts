import { createHash } from "node:crypto";
import { Pool } from "undici";
import { networkFor } from "../../src/net/network.ts";
import { completeMachine } from "../support/machine.ts";
import type { ServerProcess } from "../support/server-process.ts";
import { startNginx } from "../support/webdav-server.ts";
import { abreast, figure, median, ratio, sized, timed, type Measure } from "./measure.ts";
import { writeFiles } from "./served-files.ts";
import { AUTHORIZATION as authorization, placeOf, removeFrom, secondsOfTransfer } from "./webdav-transfer.ts";

const FILES = sized(1500, 200);
const BYTES = 4096;
const WIDTH = 8;
const DATASET = "bench.files";

type Tell = (line: string) => void;

/** Many small files in one transfer between two nginx, each hashed, read back and receipted, beside a loop that gets, hashes and puts eight at once. */
export async function manyFiles(rounds: number, tell: Tell): Promise<Measure[]> {
  completeMachine(tell, ["nginx"]);
  await using owned = new AsyncDisposableStack();
  const [from, to] = [owned.use(await startNginx()), owned.use(await startNginx())];
  const network = owned.use(networkFor({ allowLoopback: true }));
  const names = await writeFiles(from.folder, placeOf(DATASET), { count: FILES, bytes: BYTES });
  const results: { ours: number; loop: number }[] = [];
  for (let round = 1; round <= rounds; round++) {
    const ours = FILES / (await secondsOfTransfer([from, to], DATASET, network));
    const loop = await looped(from, to, names);
    tell(`${FILES} files of ${BYTES} bytes, round ${round}: ours ${ours.toFixed(0)} files/s, bare loop ${loop.toFixed(0)} files/s`);
    results.push({ ours, loop });
    for (const left of ["relais/", "bare/"]) await removeFrom(to, left);
  }
  return [
    figure(
      `${FILES} files of ${BYTES} bytes in one transfer between two nginx, receipted`,
      median(results.map((one) => one.ours)),
      "files/s",
    ),
    figure(`bare loop GET, SHA-256, PUT of the same, ${WIDTH} at once`, median(results.map((one) => one.loop)), "files/s"),
    ratio(
      "many small files / bare loop",
      median(results.map((one) => one.ours / one.loop)),
      0.4,
      0.7,
      "GET, PUT, MOVE and GET again where the loop makes two requests",
    ),
  ];
}

async function looped(from: ServerProcess, to: ServerProcess, names: string[]): Promise<number> {
  const [source, target] = [from, to].map(({ url }) => new Pool(new URL(url).origin, { connections: WIDTH })) as [Pool, Pool];
  await (await target.request({ method: "MKCOL", path: "/bare/", headers: { authorization } })).body.dump();
  const seconds = await timed(() =>
    abreast(names.length, WIDTH, async (index) => {
      const name = names[index] as string;
      const got = await source.request({ method: "GET", path: `/${placeOf(DATASET)}/${name}`, headers: { authorization } });
      const bytes = Buffer.from(await got.body.arrayBuffer());
      createHash("sha256").update(bytes).digest();
      const put = await target.request({ method: "PUT", path: `/bare/${name}`, headers: { authorization }, body: bytes });
      await put.body.dump();
      if (got.statusCode !== 200 || put.statusCode >= 300) throw new Error(`the loop was answered ${got.statusCode} and ${put.statusCode}`);
    }),
  );
  await Promise.all([source.close(), target.close()]);
  return names.length / seconds;
}
