import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createReadStream, createWriteStream } from "node:fs";
import { chown, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { webdav } from "../../adapters/webdav/index.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { runTransfer } from "../../src/core/transfer/run-transfer.ts";
import { networkFor } from "../../src/net/network.ts";
import { startEngine, type RealEnds } from "../support/engine.ts";
import type { ServerProcess } from "../support/server-process.ts";
import { startApache, WEBDAV_PASSWORD, WEBDAV_USER } from "../support/webdav-server.ts";
import { figure, median, ratio, timed, type Measure } from "./measure.ts";

const MEBIBYTES = 400;
const DATASET = "bench.big";
const run = promisify(execFile);

/** One file of 400 MiB from one apache2 to another: a whole transfer, read-back included, beside `rclone copyto` between the same two servers. */
export async function bigFile(rounds: number, say: (line: string) => void): Promise<Measure[]> {
  const [from, to] = [await startApache(), await startApache()];
  await using network = networkFor({ allowLoopback: true });
  const results: { ours: number; rclone: number }[] = [];
  try {
    const digest = await writeBigFile(from);
    for (let round = 0; round < rounds; round++) {
      const ours = MEBIBYTES / (await timed(() => transfer(from, to, network)));
      const rclone = MEBIBYTES / (await timed(() => rcloneCopy(from, to)));
      if ((await digestOf(join(to.folder, "data", "rclone.bin"))) !== digest) throw new Error("rclone's copy has other bytes");
      say(`${MEBIBYTES} MiB, round ${round + 1}: ours ${ours.toFixed(0)} MiB/s, rclone ${rclone.toFixed(0)} MiB/s`);
      results.push({ ours, rclone });
    }
  } finally {
    await from[Symbol.asyncDispose]();
    await to[Symbol.asyncDispose]();
  }
  return [
    figure(`one file of ${MEBIBYTES} MiB, WebDAV to WebDAV, verified by reading back`, median(results.map((r) => r.ours)), "MiB/s"),
    figure(`rclone copyto between the same servers, not verified`, median(results.map((r) => r.rclone)), "MiB/s"),
    ratio(
      "ours / rclone copyto",
      median(results.map((r) => r.ours / r.rclone)),
      0.25,
      0.5,
      "every byte is hashed and moved twice: there and back",
    ),
  ];
}

async function writeBigFile({ folder }: ServerProcess): Promise<string> {
  const place = join(folder, "data", "relais", "holder", DATASET);
  await mkdir(place, { recursive: true });
  const file = createWriteStream(join(place, "big.bin"));
  const hash = createHash("sha256");
  for (let part = 0; part < MEBIBYTES; part++) {
    const bytes = Buffer.alloc(1 << 20, createHash("sha512").update(String(part)).digest());
    hash.update(bytes);
    if (!file.write(bytes)) await once(file, "drain");
  }
  file.end();
  await once(file, "finish");
  if (process.getuid?.() === 0)
    for (const path of ["relais", "relais/holder", `relais/holder/${DATASET}`]) await chown(join(folder, "data", path), 33, 33);
  return hash.digest("hex");
}

async function transfer(from: ServerProcess, to: ServerProcess, network: RealEnds["network"]): Promise<void> {
  await rm(join(to.folder, "data", "relais"), { recursive: true, force: true });
  await using engine = await startEngine(webdav, [DATASET], {
    source: { adapter: "webdav", entityId: from.url.slice(0, -1), endpoints: { root: from.url } },
    destination: { adapter: "webdav", entityId: to.url.slice(0, -1), endpoints: { root: to.url } },
    network,
    credentials: { kind: "basic", user: WEBDAV_USER, password: WEBDAV_PASSWORD },
  });
  const consent = await engine.consent([DATASET]);
  const { id } = await requestTransfer(engine.ports, { consentId: consent.id, personId: engine.personId });
  const result = await runTransfer(engine.ports, { transferId: id, epoch: 0 }, engine.terms);
  if (result.kind !== "ended" || result.state !== "verified") throw new Error(`the transfer ended as ${JSON.stringify(result)}`);
}

async function rcloneCopy(from: ServerProcess, to: ServerProcess): Promise<void> {
  const { stdout } = await run("rclone", ["obscure", WEBDAV_PASSWORD]);
  const remote = (url: string) => `:webdav,vendor=other,user=${WEBDAV_USER},pass=${stdout.trim()},url="${url}":`;
  await run("rclone", [
    "copyto",
    `${remote(from.url)}relais/holder/${DATASET}/big.bin`,
    `${remote(to.url)}rclone.bin`,
    "--ignore-times",
    "--config",
    join(from.folder, "none"),
  ]);
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
