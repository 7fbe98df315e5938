import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** What goes wrong on a line, after the toxics of toxiproxy. None: it passes everything on. */
export interface Toxics {
  /** Milliseconds that each chunk waits, both ways. */
  latency?: number;
  /** New connections are reset, and those that are there. */
  down?: boolean;
  /** Bytes a second, both ways. */
  bandwidth?: number;
  /** Takes connections and bytes, and never hands anything on. */
  silent?: boolean;
  /** Largest chunk that is handed on at once. */
  slice?: number;
  /** A connection is reset once so many bytes went to the server on it. */
  cutAfterSent?: number;
  /** A connection is reset once so many bytes came back on it. */
  cutAfterReceived?: number;
  /** What the client sends with this in it reaches the server; the answer never comes back, the connection is reset. */
  cutAnswerTo?: (chunk: Buffer) => boolean;
}

export interface FaultProxy extends AsyncDisposable {
  port: number;
  /** The same address, through this line. */
  through(url: string): string;
  /** Replaces what goes wrong from now on, also on connections that are there. */
  set(toxics: Toxics): void;
  /** Resets every connection. */
  reset(): void;
  connections(): number;
  /** How often it broke a connection. */
  cuts(): number;
}

/** Until the server has done what it was last asked for. */
const LAST_WORD_MILLISECONDS = 50;

/** A line over TCP to a port of this machine. */
export async function startFaultProxy(targetPort: number, port = 0): Promise<FaultProxy> {
  let toxics: Toxics = {};
  let cuts = 0;
  const pairs = new Set<[Socket, Socket]>();
  const cut = (pair: [Socket, Socket]): void => {
    if (pairs.delete(pair)) cuts++;
    for (const socket of pair) socket.resetAndDestroy();
  };
  const server = createServer({ noDelay: true }, (client) => {
    client.on("error", () => undefined);
    if (toxics.down) return void client.resetAndDestroy();
    const target = connect({ port: targetPort, host: "127.0.0.1", noDelay: true });
    const pair: [Socket, Socket] = [client, target];
    pairs.add(pair);
    target.on("error", () => cut(pair));
    const line = { toxics: () => toxics, cut: () => cut(pair), answersCut: false };
    for (const [from, to, way] of [
      [client, target, "sent"],
      [target, client, "received"],
    ] as const)
      void pump(line, { from, to, way })
        .catch(() => cut(pair))
        .finally(() => from.destroyed && to.destroyed && pairs.delete(pair));
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const chosen = (server.address() as AddressInfo).port;
  const reset = (): void => [...pairs].forEach(cut);
  return {
    port: chosen,
    through: (url) => Object.assign(new URL(url), { port: String(chosen) }).href.replace(/\/$/, url.endsWith("/") ? "/" : ""),
    set: (next) => {
      toxics = next;
      if (next.down) reset();
    },
    reset,
    connections: () => pairs.size,
    cuts: () => cuts,
    [Symbol.asyncDispose]: async () => {
      server.close();
      reset();
    },
  };
}

interface Line {
  toxics(): Toxics;
  cut(): void;
  answersCut: boolean;
}

async function pump(line: Line, { from, to, way }: { from: Socket; to: Socket; way: "sent" | "received" }): Promise<void> {
  let passed = 0;
  for await (const whole of from as AsyncIterable<Buffer>) {
    if (line.toxics().silent || (way === "received" && line.answersCut)) continue;
    const isLast = way === "sent" && line.toxics().cutAnswerTo?.(whole) === true;
    if (isLast) line.answersCut = true;
    for (const chunk of slices(whole, line.toxics().slice)) {
      const { latency = 0, bandwidth, cutAfterSent, cutAfterReceived } = line.toxics();
      const limit = (way === "sent" ? cutAfterSent : cutAfterReceived) ?? Number.POSITIVE_INFINITY;
      const rest = chunk.subarray(0, Math.max(limit - passed, 0));
      const pause = latency + (bandwidth === undefined ? 0 : (rest.length / bandwidth) * 1000);
      if (pause > 0) await sleep(pause);
      passed += rest.length;
      if (rest.length > 0 && !to.write(rest)) await once(to, "drain");
      if (passed >= limit) return void setTimeout(line.cut, LAST_WORD_MILLISECONDS);
    }
    if (isLast) return void setTimeout(line.cut, LAST_WORD_MILLISECONDS);
  }
  to.end();
}

function* slices(whole: Buffer, size = whole.length): Generator<Buffer> {
  for (let at = 0; at < whole.length; at += size) yield whole.subarray(at, at + size);
}
