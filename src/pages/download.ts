import { once } from "node:events";
import type { Response } from "express";
import type { Answer } from "./visit.ts";

/** A file that is made while it is sent must be taken within this time: what it is read from is kept open meanwhile. */
const DEADLINE_MILLISECONDS = 120_000;

/** Sends a file part by part, no faster than it is read. One that breaks off is cut, so that nobody takes it for whole. */
export async function sendDownload(response: Response, { name, type, parts }: Extract<Answer, { kind: "download" }>): Promise<void> {
  const left = new AbortController();
  response.on("close", () => left.abort());
  const signal = AbortSignal.any([left.signal, AbortSignal.timeout(DEADLINE_MILLISECONDS)]);
  response
    .set({ "Content-Type": type, "Content-Disposition": `attachment; filename="${name}"`, "Cache-Control": "no-store" })
    .set("Content-Security-Policy", "default-src 'none'; sandbox");
  try {
    for await (const part of parts(signal)) {
      signal.throwIfAborted();
      if (!response.write(part)) await once(response, "drain", { signal });
    }
    response.end();
  } catch (error) {
    if (!response.headersSent) throw error;
    response.destroy();
  }
}
