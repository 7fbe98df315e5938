import assert from "node:assert/strict";
import type { Server } from "node:net";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { asking, balancer } from "../support/balancer.ts";
import { acceptAll, allEnd, crowdCustomers, crowdOf, ITEMS_EACH } from "../support/crowd.ts";
import { startFaultWorld, type FaultWorld } from "../support/fault-relais.ts";
import { judge } from "../support/outside-judge.ts";
import { freePort } from "../support/ports.ts";
import type { Program } from "../support/processes.ts";

const EACH = 40;
const ROUNDS = 4;
let world: FaultWorld;
let front: Server;
const ports: number[] = [];
const programs: Program[] = [];

before(async () => {
  world = await startFaultWorld({ customers: crowdCustomers, accounts: crowdOf("rolled", EACH) });
  ports.push(await freePort(), await freePort());
  front = balancer(Number(new URL(world.url).port), ports);
  for (const place of [0, 1]) programs[place] = await start(place);
});
after(async () => {
  front?.close();
  await world?.[Symbol.asyncDispose]();
});

const start = (place: number): Promise<Program> => world.start("web,worker,sweeper", { RELAIS_PORT: String(ports[place]) });

test("two processes are restarted in turn under load: no client sees a failure, and every transfer ends", async (t) => {
  const accepted = await acceptAll(world, crowdOf("rolled", EACH));
  await using asked = asking(
    ["/en/", "/.well-known/openid-federation", "/v1/participants", "/health/ready"].map((path) => world.url + path),
  );
  for (let round = 0; round < ROUNDS; round++) {
    const place = round % 2;
    await sleep(500);
    assert.deepEqual(await (programs[place] as Program).kill("SIGTERM"), { code: 0, signal: null }, programs[place]?.output());
    programs[place] = await start(place);
  }
  await asked[Symbol.asyncDispose]();
  t.diagnostic(`${asked.answers} answers, ${asked.again} connections used anew`);
  assert.deepEqual(asked.failures, []);
  assert.ok(asked.answers > 100);
  await allEnd(world, accepted);
  await judge(world, accepted, ITEMS_EACH);
});
