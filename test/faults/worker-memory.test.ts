import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { DAILY, startFaultWorld, type FaultWorld } from "../support/fault-relais.ts";
import type { Program } from "../support/processes.ts";
import { growthDuring } from "../support/resident.ts";

const MIB = 1024 * 1024;
const MOST_GROWTH = 64 * MIB;
const GIB = 1024 * MIB;
const SMALL = 10_000;
let world: FaultWorld;
let worker: Program;

before(async () => {
  world = await startFaultWorld({
    customers: {
      warm: { [DAILY]: { numbered: 500 }, "energy.bills": { large: [8 * MIB] } },
      many: { [DAILY]: { numbered: SMALL } },
      big: { "energy.bills": { large: [GIB] } },
    },
    accounts: ["warm-space", "many-space", "big-space"],
  });
  await world.start("web,sweeper");
  worker = await world.start("worker");
  await carry("warm", [DAILY, "energy.bills"]);
});
after(() => world?.[Symbol.asyncDispose]());

async function carry(name: string, datasets: string[]): Promise<void> {
  const person = await world.person({ sourceAccount: name, destinationAccount: `${name}-space` });
  const { id } = await person.transfer(await person.consent(datasets));
  const { state, reason } = await world.ended(id);
  assert.equal(state, "verified", `${state} ${reason}`);
}

test("the worker carries ten thousand items and grows by less than 64 MiB", async (t) => {
  const growth = await growthDuring(worker.pid, () => carry("many", [DAILY]));
  t.diagnostic(`grew by ${(growth / MIB).toFixed(1)} MiB`);
  assert.equal(world.witness.items("many-space").length, SMALL);
  assert.ok(growth < MOST_GROWTH, `grew by ${(growth / MIB).toFixed(1)} MiB`);
});

test("the worker carries one file of 1 GiB and grows by less than 64 MiB", async (t) => {
  const growth = await growthDuring(worker.pid, () => carry("big", ["energy.bills"]));
  t.diagnostic(`grew by ${(growth / MIB).toFixed(1)} MiB`);
  const [item] = world.witness.items("big-space");
  assert.equal((await world.witness.files()).get(item?.file ?? ""), item?.sha256);
  assert.ok(growth < MOST_GROWTH, `grew by ${(growth / MIB).toFixed(1)} MiB`);
});
