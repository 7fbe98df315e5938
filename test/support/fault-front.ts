import { once } from "node:events";
import { createServer, request as requestTo, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Asked {
  method: string;
  path: string;
}

export interface Answered {
  status: number;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
}

/**
 * What a participant does instead of its own answer: says something else, changes what it would have said, or holds the connection in its own
 * way (`half`: hands on the first half of a body, says so, and waits). Nothing: it answers as it is.
 */
export type Misbehaviour =
  | { answer: Answered }
  | { change: (answer: { status: number; headers: Record<string, string>; body: Buffer }) => Answered | Promise<Answered> }
  | { half: () => void }
  | { hold: (response: ServerResponse, request: IncomingMessage) => void };

export interface FaultFront extends AsyncDisposable {
  port: number;
  /** From now on; null: honest again. */
  misbehave(script: ((asked: Asked) => Misbehaviour | undefined) | null): void;
}

/** Stands in front of a participant of the sandbox and speaks HTTP for it, so that it can do anything wrong while its own ledger stays true. */
export async function startFaultFront(targetPort: number): Promise<FaultFront> {
  let script: Parameters<FaultFront["misbehave"]>[0] = null;
  const server = createServer({ requestTimeout: 0, keepAliveTimeout: 65_000 }, (request, response) => {
    response.on("error", () => undefined);
    request.on("error", () => undefined);
    const wrong = script?.({ method: request.method ?? "", path: request.url ?? "" });
    if (wrong === undefined) return pass(targetPort, request, response);
    if ("half" in wrong) return passHalf(targetPort, request, response, wrong.half);
    if ("hold" in wrong) return wrong.hold(response, request);
    if ("answer" in wrong) return void request.resume().once("end", () => send(response, wrong.answer));
    pass(targetPort, request, response, wrong.change);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    misbehave: (next) => void (script = next),
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

type Change = Extract<Misbehaviour, { change: unknown }>["change"];

function pass(port: number, request: IncomingMessage, response: ServerResponse, change?: Change): void {
  const { method, url, rawHeaders } = request;
  const onward = requestTo({ host: "127.0.0.1", port, method: method ?? "GET", path: url ?? "/", headers: rawHeaders });
  onward.on("error", () => response.destroy());
  response.once("close", () => response.writableFinished || onward.destroy());
  onward.once("response", (answer) => {
    answer.on("error", () => response.destroy());
    if (change === undefined) {
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      answer.pipe(response);
    } else
      // A change that fails resets the connection: what was asked for is done, and nobody hears of it.
      void collect(answer)
        .then(change)
        .then(
          (changed) => send(response, changed),
          () => response.socket?.resetAndDestroy(),
        );
  });
  request.pipe(onward);
}

function passHalf(port: number, request: IncomingMessage, response: ServerResponse, reached: () => void): void {
  const onward = requestTo({
    host: "127.0.0.1",
    port,
    method: request.method ?? "PUT",
    path: request.url ?? "/",
    headers: request.rawHeaders,
  });
  onward.on("error", () => undefined);
  const half = Number(request.headers["content-length"]) / 2;
  let passed = 0;
  request.on("data", (chunk: Buffer) => {
    passed += chunk.length;
    onward.write(chunk);
    if (passed < half) return;
    request.pause();
    reached();
  });
  response.once("close", () => onward.destroy());
}

async function collect(answer: IncomingMessage): Promise<Parameters<Change>[0]> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  const headers = Object.fromEntries(Object.entries(answer.headers).map(([name, value]) => [name, String(value)]));
  for (const name of ["content-length", "transfer-encoding", "connection", "keep-alive"]) delete headers[name];
  return { status: answer.statusCode ?? 502, headers, body: Buffer.concat(chunks) };
}

function send(response: ServerResponse, { status, headers = {}, body = "" }: Answered): void {
  response.writeHead(status, headers).end(body);
}
