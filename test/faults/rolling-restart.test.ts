import assert from "node:assert/strict";
import { connect, createServer, type Server } from "node:net";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { acceptAll, allEnd, crowdCustomers, crowdOf, ITEMS_EACH } from "../support/crowd.ts";
import { startFaultWorld, type FaultWorld } from "../support/fault-relais.ts";
import { judge } from "../support/outside-judge.ts";
import { freePort } from "../support/ports.ts";
import type { Program } from "../support/processes.ts";

const EACH = 40;
const ROUNDS = 4;
const CLIENTS = 4;
let world: FaultWorld;
let front: Server;
const ports: number[] = [];
const programs: Program[] = [];

before(async () => {
  world = await startFaultWorld({ customers: crowdCustomers, accounts: crowdOf("rolled", EACH) });
  ports.push(await freePort(), await freePort());
  front = balancer(Number(new URL(world.url).port));
  for (const place of [0, 1]) programs[place] = await start(place);
});
after(async () => {
  front?.close();
  await world?.[Symbol.asyncDispose]();
});

const start = (place: number): Promise<Program> => world.start("web,worker,sweeper", { RELAIS_PORT: String(ports[place]) });

/** What stands before several of us: takes the next one where one takes no connection. */
function balancer(port: number): Server {
  let turn = 0;
  return createServer((client) => {
    client.on("error", () => undefined);
    const reach = (tries: number): void => {
      const target = connect({ port: ports[turn++ % 2] as number, host: "127.0.0.1" });
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
    reach(4);
  }).listen(port, "127.0.0.1");
}

interface Asked {
  answers: number;
  again: number;
  failures: string[];
}

/**
 * Asks without a pause. A connection that ended before its answer began is used anew once: every client does that. So does the one that was opened
 * in advance and heard 408 on it (RFC 9110 §15.5.9): on a busy machine it lay unused for longer than a server waits.
 */
async function ask(path: string, asked: Asked, isOver: () => boolean): Promise<void> {
  for (let isAgain = false; !isOver();) {
    const answer = await fetch(world.url + path).then(
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

test("two processes are restarted in turn under load: no client sees a failure, and every transfer ends", async (t) => {
  const accepted = await acceptAll(world, crowdOf("rolled", EACH));
  const asked: Asked = { answers: 0, again: 0, failures: [] };
  let isOver = false;
  const clients = Array.from({ length: CLIENTS }, (_, index) =>
    ask(["/en/", "/.well-known/openid-federation", "/v1/participants", "/health/ready"][index] as string, asked, () => isOver),
  );
  for (let round = 0; round < ROUNDS; round++) {
    const place = round % 2;
    await sleep(500);
    assert.deepEqual(await (programs[place] as Program).kill("SIGTERM"), { code: 0, signal: null }, programs[place]?.output());
    programs[place] = await start(place);
  }
  isOver = true;
  await Promise.all(clients);
  t.diagnostic(`${asked.answers} answers, ${asked.again} connections used anew`);
  assert.deepEqual(asked.failures, []);
  assert.ok(asked.answers > 100);
  await allEnd(world, accepted);
  await judge(world, accepted, ITEMS_EACH);
});
