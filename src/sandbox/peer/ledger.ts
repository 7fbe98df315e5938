import { closeSync, openSync, writeSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { RequestHandler } from "express";
import { isDiskFull } from "./disk-full.ts";

/** One line: what arrived, what was stored, or what was removed because its source deleted it. Never contents. */
export interface LedgerLine {
  event: "request" | "stored" | "removed";
  method?: string;
  path?: string;
  idempotencyKey?: string | null;
  digest?: string | null;
  status?: number;
  transfer?: string;
  dataset?: string;
  key?: string;
  bytes?: number;
  /** When the request began to arrive; `time` is when it was answered or broken off. */
  begunAt?: string;
}

/** An outside witness of what reached this program: JSON lines in `ledger.jsonl`, only ever appended to. */
export interface Ledger extends AsyncDisposable {
  file: string;
  note(line: LedgerLine): void;
  /** Notes every request once it is answered or broken off. */
  watch: RequestHandler;
}

export async function openLedger(folder: string): Promise<Ledger> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, "ledger.jsonl");
  const descriptor = openSync(file, "a");
  let isOpen = true;
  // Written at once: a witness must not lose lines when the program is killed. What a full disk does not take is written first when there is room.
  let unwritten = Buffer.alloc(0);
  const note = (line: LedgerLine): void => {
    if (!isOpen) return;
    unwritten = Buffer.concat([unwritten, Buffer.from(`${JSON.stringify({ time: new Date().toISOString(), ...line })}\n`)]);
    unwritten = unwritten.subarray(takenBy(descriptor, unwritten));
  };
  return {
    file,
    note,
    watch: (request, response, next) => {
      const { method, path } = request;
      const begunAt = new Date().toISOString();
      const [idempotencyKey, digest] = [request.get("idempotency-key") ?? null, request.get("content-digest") ?? null];
      response.once("close", () =>
        note({
          event: "request",
          method,
          path,
          idempotencyKey,
          digest,
          status: response.writableFinished ? response.statusCode : 0,
          begunAt,
        }),
      );
      next();
    },
    [Symbol.asyncDispose]: async () => {
      isOpen = false;
      closeSync(descriptor);
    },
  };
}

function takenBy(descriptor: number, bytes: Buffer): number {
  let taken = 0;
  try {
    while (taken < bytes.length) taken += writeSync(descriptor, bytes, taken);
  } catch (error) {
    if (!isDiskFull(error)) throw error;
  }
  return taken;
}
