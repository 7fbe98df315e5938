import { connect, createServer, type Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** What stands before several of us: takes the next one where one takes no connection. */
export function balancer(port: number, ports: readonly number[]): Server {
  let turn = 0;
  return createServer((client) => {
    client.on("error", () => undefined);
    const reach = (tries: number): void => {
      const target = connect({ port: ports[turn++ % ports.length] as number, host: "127.0.0.1" });
      let isThrough = false;
      target.once("error", () => (tries > 0 && !isThrough ? reach(tries - 1) : client.destroy()));
      target.once("connect", () => {
        isThrough = true;
        client.pipe(target).pipe(client);
      });
      // Nobody reads any more what the client sends: it would never be seen to close.
      target.once("close", () => isThrough && client.unpipe(target).resume().end());
      client.once("close", () => target.destroy());
    };
    reach(2 * ports.length);
  }).listen(port, "127.0.0.1");
}

export interface Asked {
  answers: number;
  again: number;
  failures: string[];
}

/** Clients that ask until disposed, each for its own page. */
export function asking(urls: string[]): Asked & AsyncDisposable {
  const asked: Asked = { answers: 0, again: 0, failures: [] };
  let isOver = false;
  const clients = urls.map((url) => ask(url, asked, () => isOver));
  return Object.assign(asked, {
    [Symbol.asyncDispose]: async () => {
      isOver = true;
      await Promise.all(clients);
    },
  });
}

/**
 * Asks without a pause. A connection that ended before its answer began is used anew once: every client does that. So does the one that was opened
 * in advance and heard 408 on it (RFC 9110 §15.5.9): on a busy machine it lay unused for longer than a server waits.
 */
async function ask(url: string, asked: Asked, isOver: () => boolean): Promise<void> {
  for (let isAgain = false; !isOver();) {
    const answer = await fetch(url).then(
      async (response) => ({ status: response.status, text: await response.text() }),
      (error: Error) => (error.cause instanceof Error ? error.cause.message : error.message),
    );
    if ((typeof answer === "string" || answer.status === 408) && !isAgain) {
      isAgain = true;
      asked.again++;
      continue;
    }
    isAgain = false;
    if (typeof answer === "string") asked.failures.push(answer);
    else if (answer.status !== 200) asked.failures.push(`${answer.status} ${answer.text.slice(0, 100)}`);
    else asked.answers++;
    await sleep(5);
  }
}
