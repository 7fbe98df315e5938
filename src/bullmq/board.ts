import type { RequestListener } from "node:http";
import { createBullBoard } from "@bull-board/api";
import { BullMQAdapter } from "@bull-board/api/bullMQAdapter";
import { ExpressAdapter } from "@bull-board/express";
import { createPostgresBackend, Queue, type PgPool } from "bullmq";
import { Redis } from "ioredis";
import { QUEUE, type QueueBackend } from "./backend.ts";

/** Longest that a look at a Redis that is away takes. */
const COMMAND_MILLISECONDS = 2000;

/**
 * The queue as BullMQ sees it, to look at and never to change: jobs are ids, and what is done about a transfer is done on our own pages, where it is
 * written down. Opens its connection at the first look. Who may look is for whoever mounts it to say.
 */
export function createQueueBoard(backend: QueueBackend, path: string): AsyncDisposable & { look: RequestListener } {
  let opened: ReturnType<typeof openBoard> | null = null;
  return {
    look: (request, response) => {
      opened ??= openBoard(backend, path);
      opened.router(request, response);
    },
    [Symbol.asyncDispose]: async () => opened?.close(),
  };
}

function openBoard(backend: QueueBackend, path: string): { router: RequestListener; close(): Promise<void> } {
  const { queue, close } = openQueueToRead(backend);
  const serverAdapter = new ExpressAdapter();
  serverAdapter.setBasePath(path);
  createBullBoard({
    queues: [new BullMQAdapter(queue, { readOnlyMode: true, allowRetries: false })],
    serverAdapter,
    options: { uiConfig: { boardTitle: "Relais", hideRedisDetails: true } },
  });
  return { router: serverAdapter.getRouter() as RequestListener, close };
}

/** BullMQ types its two backends apart; the view takes both. */
type Looked = Queue;

function openQueueToRead(backend: QueueBackend): { queue: Looked; close(): Promise<void> } {
  if (backend.kind === "postgres") {
    const queue = new Queue(QUEUE, { skipWaitingForReady: true, connection: backend.pool as PgPool }, createPostgresBackend);
    queue.on("error", () => undefined);
    return { queue: queue as unknown as Looked, close: () => queue.close() };
  }
  const connection = new Redis(backend.url, { maxRetriesPerRequest: 1, commandTimeout: COMMAND_MILLISECONDS });
  connection.on("error", () => undefined);
  const queue = new Queue(QUEUE, { connection, skipWaitingForReady: true });
  queue.on("error", () => undefined);
  return { queue, close: async () => connection.disconnect() };
}
